import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnrbm_gui import paths
from rnnrbm_gui.data.model_file import load_model
from rnnrbm_gui.engine.choices import Mode, Sampling
from rnnrbm_gui.engine.constraints import Constraints
from rnnrbm_gui.engine.sampler import Take
from rnnrbm_gui.models.kernels import OFF, ON
from rnnrbm_gui.music.bars import Bars
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import Meter
from tests.small_models import PLAYED, small_file, small_model

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


def test_frames_that_were_not_shown_do_not_stand_in_for_those_that_come():
    """A passage drawn far ahead and taken back: what comes follows from its own place in time."""
    take = Take(STORED)
    free = Constraints.of(Score(), Mode.CONTINUE, take.grid)
    ahead = Constraints.of(Score.of([Note(40 * 480, 67, 41 * 480)]), Mode.CONTINUE, take.grid)
    for constraints, n_frames in ((free, 10), (ahead, 15), (free, 30)):
        while len(take) < n_frames:
            take.extend(constraints, QUICK)
    again = Take(STORED)
    again.remember(frames(take)[:15], np.arange(15) < 10)
    while len(again) < 30:
        again.extend(free, QUICK)
    assert (frames(take) == frames(again)).all()


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


# -- models of every kind ----------------------------------------------------------------------

BAR = 8  # frames of 4/4 in eighths
QUAVERS = Score.of([Note(i * 240, pitch, i * 240 + 240) for i, pitch in enumerate((67, 69, 69))])
HELD = Score.of([*QUAVERS, Note(720, 71, 1440)])


def grown(stored, n_frames, mode=Mode.HARMONISE, score=HELD, meter=None):
    take = Take(stored, meter)
    constraints = Constraints.of(score, mode, take.grid)
    while len(take) < n_frames:
        take.extend(constraints, QUICK)
    return take, constraints


@pytest.mark.parametrize("which", PLAYED, ids=str)
def test_every_kind_of_model_is_read_from_a_file_and_plays(which, tmp_path):
    stored = load_model(small_file(tmp_path, *which))
    take, constraints = grown(stored, 12)
    assert (take.grid.n_keys, take.grid.planes) == (24, which[2])
    assert frames(take).shape == (12, 24 * which[2])
    cells = np.array([constraints.row(i) for i in range(12)])
    assert frames(take)[cells == ON].all()
    assert not frames(take)[cells == OFF].any()
    assert frames(take)[6:, :24].any()
    for cut in (7, 0, 5):
        take.truncate(cut)
        while len(take) < 12:
            take.extend(constraints, QUICK)
    assert (frames(take) == frames(grown(stored, 12)[0])).all()
    assert take.glow(3).shape == (9, 24)
    assert not take.glow(0)[cells[:, :24] == ON].any()


def test_a_take_remembers_when_notes_were_struck():
    stored = small_model()
    take, _ = grown(stored, 6, Mode.CONTINUE)
    assert (frames(take) == take.grid.frames_of(HELD.notes, 0, 6)).all()
    tied = Score.of([Note(0, 67, 240), Note(240, 69, 720), Note(720, 71, 1440)])
    other, _ = grown(stored, 6, Mode.CONTINUE, tied)
    assert (frames(other)[:, :24] == frames(take)[:, :24]).all()
    assert (other.state.u != take.state.u).any()  # the model has heard the difference


@pytest.mark.parametrize("meter", [Meter(4, 4), Meter(3, 4), Meter(6, 8)], ids=str)
def test_the_model_is_told_each_frames_place_in_its_bar(meter):
    stored = small_model()
    take, _ = grown(stored, 20, Mode.FREE, meter=meter)
    bars = Bars.of("4/4 3/4", 2)
    places = [bars.place_at(meter, frame * 240) for frame in range(21)]
    assert [state.x for state in take._states] == places
    assert len(set(places)) == meter.bar_ticks // 240


def test_a_place_in_the_bar_makes_other_music_and_an_untold_model_the_same():
    for bars, same in (("4/4 3/4", False), ("", True)):
        stored = small_model(bars=bars)
        one, other = (grown(stored, 16, meter=Meter(n, 4))[0] for n in (4, 3))
        assert (frames(one) == frames(other)).all() == same
        assert one.is_told_bars is not same


def test_another_metre_holds_from_the_next_frame_on():
    stored = small_model()
    take, constraints = grown(stored, 9)
    take.truncate(5)
    take.set_meter(Meter(3, 4))
    waltz = Bars.of("4/4 3/4", 2)
    assert take.state.x == waltz.place_at(Meter(3, 4), 5 * 240)
    assert take.state.u.tobytes() == grown(stored, 5)[0].state.u.tobytes()
    take.truncate(3)  # its place was told in the old metre
    assert take.state.x == waltz.place_at(Meter(3, 4), 3 * 240)
    # From the very beginning nothing of the old metre is left.
    take.truncate(0)
    while len(take) < 9:
        take.extend(constraints, QUICK)
    assert (frames(take) == frames(grown(stored, 9, meter=Meter(3, 4))[0])).all()


def test_unshown_silence_passes_time_in_the_bar_and_nothing_else():
    stored = small_model()
    shift = BAR + 3
    later = Score.of([Note(n.on + shift * 240, n.pitch, n.off + shift * 240) for n in HELD])
    take, _ = grown(stored, shift, Mode.CONTINUE, later)
    assert take.state.u.tobytes() == Take(stored).state.u.tobytes()
    assert take.state.x == 3
    whole_bars = Score.of([Note(n.on + BAR * 240, n.pitch, n.off + BAR * 240) for n in HELD])
    after, _ = grown(stored, BAR + 6, Mode.CONTINUE, whole_bars)
    assert after.state.u.tobytes() == grown(stored, 6, Mode.CONTINUE)[0].state.u.tobytes()
