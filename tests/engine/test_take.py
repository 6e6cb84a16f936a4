import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnrbm_gui import paths
from rnnrbm_gui.data.model_file import load_model
from rnnrbm_gui.engine.constraints import ON, Constraints, Mode
from rnnrbm_gui.engine.sampler import Sampling, Take
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.score import Score

STORED = load_model(paths.models() / "jsb-chorales.safetensors")
MELODY = Score.of(
    [Note(i * 480, pitch, i * 480 + 480) for i, pitch in enumerate((67, 69, 71, 72, 74, 72))]
)
QUICK = Sampling(seed=7, gibbs_steps=20)


def drawn(n_frames, mode, sampling=QUICK, score=MELODY):
    take = Take(STORED)
    constraints = Constraints.of(score, mode, take.grid)
    while len(take) < n_frames:
        take.extend(constraints, sampling)
    return take, constraints


def frames(take):
    return np.array([take.frame(i) for i in range(len(take))])


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(Mode), st.lists(st.integers(0, 14), max_size=4))
def test_the_music_does_not_depend_on_how_often_frames_were_thrown_away(mode, cuts):
    straight, _ = drawn(14, mode)
    take, constraints = drawn(14, mode)
    for cut in cuts:
        take.truncate(cut)
        while len(take) < 14:
            take.extend(constraints, QUICK)
    assert (frames(take) == frames(straight)).all()


def test_another_seed_gives_other_music():
    one, _ = drawn(12, Mode.FREE)
    other, _ = drawn(12, Mode.FREE, Sampling(seed=8, gibbs_steps=20))
    assert (frames(one) != frames(other)).any()


def test_an_edit_changes_nothing_before_it():
    before, _ = drawn(12, Mode.HARMONISE)
    edited = MELODY.added(Note(8 * 480, 76, 9 * 480))
    after, _ = drawn(12, Mode.HARMONISE, score=edited)
    assert (frames(before)[:8] == frames(after)[:8]).all()


def test_harmonise_keeps_every_drawn_note_and_nothing_over_the_melody():
    take, _ = drawn(12, Mode.HARMONISE)
    seen = take.grid.frames_of(MELODY.notes, 0, 6)
    for i in range(6):
        top = np.flatnonzero(seen[i])[-1]
        assert take.frame(i)[top]
        assert not take.frame(i)[top + 1 :].any()
    assert frames(take)[:6].sum() > 12  # the model filled in


def test_continue_plays_the_passage_as_drawn_then_goes_on():
    take, _ = drawn(16, Mode.CONTINUE)
    assert (frames(take)[:6] == take.grid.frames_of(MELODY.notes, 0, 6)).all()
    assert frames(take)[6:].any()


def test_silence_before_a_passage_is_not_remembered():
    later = Score.of([Note(n.on + 1920, n.pitch, n.off + 1920) for n in MELODY])
    constraints = Constraints.of(later, Mode.CONTINUE, Take(STORED).grid)
    take, straight = Take(STORED), drawn(6, Mode.CONTINUE)[0]
    while len(take) < 10:
        take.extend(constraints, QUICK)
    assert not frames(take)[:4].any()
    assert (frames(take)[4:] == frames(straight)).all()
    # The recurrent state is that of the passage alone, so the same frame follows from it.
    assert take.state.u.tobytes() == straight.state.u.tobytes()


def test_what_the_model_adds_is_never_a_drawn_key():
    take = Take(STORED)
    constraints = Constraints.of(MELODY, Mode.HARMONISE, take.grid)
    for i in range(8):
        own = take.extend(constraints, QUICK)
        assert not own[constraints.row(i) == ON].any()


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"seed": -1}, "seed must be in"),
        ({"seed": 2**32}, "seed must be in"),
        ({"temperature": 0.0}, "temperature must be in"),
        ({"gibbs_steps": 0}, "gibbs_steps must be in"),
    ],
)
def test_settings_out_of_range_are_named(bad, words):
    with pytest.raises(ValueError, match=words):
        Sampling(**bad)
