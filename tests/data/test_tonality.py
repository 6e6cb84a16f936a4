import numpy as np
import pytest

from rnnrbm_gui.data.tonality import shift_to_c, tonic_of

SCALES = {"major": (0, 2, 4, 5, 7, 9, 11, 12), "harmonic minor": (0, 2, 3, 5, 7, 8, 11, 12)}


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES.keys())
def test_a_scale_from_tonic_to_tonic_is_known_in_every_key(
    scale: tuple[int, ...], tonic: int
) -> None:
    pitches = 48 + tonic + np.array(scale)
    assert tonic_of(pitches, np.full(8, 480)) == tonic


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize("third", [3, 4])
def test_a_chord_is_its_own_key_major_or_minor(tonic: int, third: int) -> None:
    pitches = 60 + tonic + np.array([0, third, 7])
    assert tonic_of(pitches, np.full(3, 480)) == tonic


def test_durations_count() -> None:
    pitches = np.array([60, 64, 67, 62, 66, 69])  # the chords of C and D
    assert tonic_of(pitches, np.array([9, 9, 9, 1, 1, 1])) == 0
    assert tonic_of(pitches, np.array([1, 1, 1, 9, 9, 9])) == 2


@pytest.mark.parametrize("n", [0, 12])
def test_where_no_key_stands_out_there_is_none(n: int) -> None:
    assert tonic_of(60 + np.arange(n), np.full(n, 480)) is None


def test_the_way_to_c_is_the_shorter_one() -> None:
    shifts = [shift_to_c(tonic) for tonic in range(12)]
    assert shifts == [0, -1, -2, -3, -4, -5, -6, 5, 4, 3, 2, 1]
