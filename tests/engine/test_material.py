import numpy as np
import pytest

from rnnrbm_gui.data.corpus import LOW, Corpus, CorpusError
from rnnrbm_gui.data.rolls import ArticulatedRoll
from rnnrbm_gui.engine.material import Form, material_of, meter_of
from rnnrbm_gui.music.timing import Meter


def piece(pitches: list[int], meter: Meter, bar_frames: int) -> ArticulatedRoll:
    """One note after the other, each two frames long."""
    roll = np.zeros((2 * len(pitches), 88), np.bool_)
    onsets = np.zeros_like(roll)
    for i, pitch in enumerate(pitches):
        roll[2 * i : 2 * i + 2, pitch - LOW] = True
        onsets[2 * i, pitch - LOW] = True
    position = np.arange(len(roll)) % bar_frames
    return ArticulatedRoll(roll, onsets, position, bar_frames, meter)


@pytest.fixture
def corpus() -> Corpus:
    common, waltz = Meter(4, 4), Meter(3, 4)
    pieces = (piece([40, 60, 80], waltz, 3), *[piece([50, 52], common, 4)] * 2)
    articulated = {"train": pieces, "valid": (piece([30, 61], waltz, 3),)}
    splits = {name: tuple(p.roll for p in part) for name, part in articulated.items()}
    return Corpus("Some", splits, 1, articulated=articulated)


def test_two_planes_hold_what_sounds_and_what_is_struck(corpus: Corpus) -> None:
    form = Form.articulated(corpus, 1, transposed=5)
    assert (form.low, form.n_keys, form.planes) == (35, 85 - 35 + 1, 2)
    assert str(form.bars) == "4/4 3/4"  # the most frequent first
    train = material_of(corpus, "train", form)
    [waltz, *_] = train.rolls
    assert waltz.shape == (6, 2 * form.n_keys)
    np.testing.assert_array_equal(np.flatnonzero(waltz[2]), [60 - 35, form.n_keys + 60 - 35])
    np.testing.assert_array_equal(np.flatnonzero(waltz[3]), [60 - 35])
    assert train.positions is not None
    np.testing.assert_array_equal(train.positions[0], [4, 5, 6, 4, 5, 6])
    np.testing.assert_array_equal(train.positions[1], [0, 1, 2, 3])
    assert meter_of(corpus) == Meter(4, 4)


def test_notes_outside_of_the_form_are_counted(corpus: Corpus) -> None:
    form = Form.articulated(corpus, 1, transposed=5)
    assert material_of(corpus, "train", form).n_outside == 0
    valid = material_of(corpus, "valid", form)
    assert valid.n_outside == 2
    assert valid.rolls[0].sum() == 3
    low = material_of(corpus, "valid", Form(low=10, n_keys=30))
    assert low.positions is None
    np.testing.assert_array_equal(np.flatnonzero(low.rolls[0][0]), [20])
    assert low.n_outside == 2


def test_a_corpus_without_onsets_has_no_second_plane() -> None:
    plain = Corpus("Plain", {"train": (np.ones((2, 88), np.bool_),)})
    with pytest.raises(CorpusError, match="does not say when its notes are struck"):
        material_of(plain, "train", Form(planes=2))
