"""Take, voices and constraints kept in step: what is heard of a model that strikes its notes."""

import numpy as np
import pytest

from rnnrbm_gui.data.model_file import StoredModel
from rnnrbm_gui.data.model_header import ModelHeader
from rnnrbm_gui.engine.answer import Answer
from rnnrbm_gui.engine.choices import Mode, Sampling
from rnnrbm_gui.models.static_rbm import StaticRbm
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.roll import Articulation
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import Meter
from tests.small_models import small_model

BEAT = 480
QUICK = Sampling(seed=7, gibbs_steps=12)


def answer_of(stored, score=None, mode=Mode.HARMONISE, heard=(), end_tick=0, n_frames=8):
    answer = Answer(stored, score or Score(), mode, Articulation.RESTRIKE, Meter(), heard, end_tick)
    while len(answer) < n_frames:
        answer.extend(QUICK)
    return answer


def frames(answer):
    return np.array([answer._take.frame(i) for i in range(len(answer))])


def places(notes):
    return sorted((note.on, note.pitch, note.off) for note in notes)


def holding(*pitches):
    """Return a model that lets these pitches sound in every frame and strikes none."""
    bv = np.full(24, -20, np.float32)
    bv[[pitch - 60 for pitch in pitches]] = 20
    model = StaticRbm(W=np.zeros((24, 1), np.float32), bv=bv, bh=np.zeros(1, np.float32), base=bv)
    header = ModelHeader("Holding", 24, 1, 0, kind="rbm", planes=2, low=60)
    return StoredModel(model, header)


def test_a_note_that_goes_on_out_of_a_drawn_one_is_a_note_of_its_own():
    drawn = Score.of([Note(2 * BEAT, 62, 4 * BEAT)])
    answer = answer_of(holding(60, 62), drawn)
    sounding, struck = np.split(frames(answer), 2, axis=1)
    assert sounding[:, [0, 2]].all()
    glow = answer.glow(1)  # of keys that sound, whether or not they are struck
    assert glow.shape == (7, 12)
    assert (glow[:, 0] > 0.99).all()
    assert (glow[1:3, 2] == 0).all()  # drawn: no choice of the model's
    assert (np.delete(glow, [0, 2], axis=1) < 0.01).all()
    assert np.argwhere(struck).tolist() == [[2, 2]]  # as drawn; the model strikes nothing
    assert places(answer.starting(0, 8 * BEAT)) == [
        (0, 60, 8 * BEAT),
        (0, 62, 2 * BEAT),
        (4 * BEAT, 62, 8 * BEAT),
    ]


@pytest.mark.parametrize("articulation", Articulation)
def test_articulation_is_the_models_own_where_it_has_learned_it(articulation):
    learned, open_to_choice = answer_of(small_model()), answer_of(small_model(planes=1))
    for answer, same in ((learned, True), (open_to_choice, articulation is Articulation.RESTRIKE)):
        before = answer.starting(0, 8 * 240)
        answer.set_articulation(articulation)
        answer.voice_anew(0)
        assert (answer.starting(0, 8 * 240) == before) == same


def test_voiced_anew_beside_a_drawing_the_notes_are_the_same():
    drawn = Score.of([Note(240, 67, 960), Note(960, 67, 1200)])
    answer = answer_of(small_model(), drawn, n_frames=16)
    before = answer.starting(0, 16 * 240)
    assert before
    for first in (16, 9, 3, 0):
        answer.voice_anew(first)
        assert answer.starting(0, 16 * 240) == before


def test_what_was_heard_is_remembered_with_its_onsets():
    heard = [Note(0, 60, 480), Note(480, 60, 960), Note(0, 64, 960), Note(720, 67, 960)]
    answer = answer_of(small_model(), heard=heard, end_tick=960, n_frames=4)
    sounding, struck = np.split(frames(answer), 2, axis=1)
    assert np.argwhere(struck).tolist() == [[0, 5], [0, 9], [2, 5], [3, 12]]
    assert [np.flatnonzero(row).tolist() for row in sounding] == [[5, 9]] * 3 + [[5, 9, 12]]
    assert places(answer.starting(0, 960)) == places(heard)
    # The same music as if the model had been shown it as a drawn passage.
    shown = answer_of(small_model(), Score.of(heard), Mode.CONTINUE, n_frames=4)
    assert answer._take.state.u.tobytes() == shown._take.state.u.tobytes()
    assert answer._take.state.x == shown._take.state.x == 4


def test_what_is_drawn_stands_over_what_was_heard():
    heard = [Note(0, 60, 720), Note(720, 60, 960)]
    drawn = Score.of([Note(240, 60, 960)])
    answer = answer_of(small_model(), drawn, heard=heard, end_tick=960, n_frames=4)
    sounding, struck = np.split(frames(answer), 2, axis=1)
    assert sounding[:, 5].all()
    assert np.flatnonzero(struck[:, 5]).tolist() == [0, 1]  # not where the heard one began again


def test_an_answer_over_a_plain_grid_remembers_what_it_did():
    heard = [Note(0, 60, 960)]
    answer = answer_of(
        small_model(planes=1, bars=""),
        Score.of([Note(0, 64, 480)]),
        heard=heard,
        end_tick=960,
        n_frames=4,
    )
    assert [np.flatnonzero(row).tolist() for row in frames(answer)] == [[5, 9]] * 2 + [[5]] * 2
