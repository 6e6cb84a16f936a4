import numpy as np
import pytest

from rnnrbm_gui.models.rhythm_statistics import (
    Articulation,
    RhythmStatistics,
    normalised,
    total_variation,
)

N_KEYS = 24


def planes(frames: list[str], n_bar: int = 4, first: int = 0) -> Articulation:
    """Return a sequence from words: ``0+ 7-`` is key 0 struck and key 7 held."""
    roll = np.zeros((len(frames), N_KEYS), np.bool_)
    onsets = np.zeros_like(roll)
    for frame, words in enumerate(frames):
        for word in words.split():
            roll[frame, int(word[:-1])] = True
            onsets[frame, int(word[:-1])] = word[-1] == "+"
    return Articulation(roll, onsets, (first + np.arange(len(frames))) % n_bar, n_bar)


HAND = planes(["0+ 7+", "0- 9+", "0+ 9-", "", "2+ 4+ 9+ 14+"], first=2)


def test_statistics_counted_by_hand() -> None:
    found = RhythmStatistics.of([HAND])
    assert found.held == pytest.approx(2 / 10)
    assert found.run_length == pytest.approx(10 / 8)
    assert found.notes == pytest.approx(10 / 5)
    assert found.unstruck == 0
    assert list(found.polyphony) == pytest.approx([0.2, 0, 0.6, 0, 0.2, 0, 0, 0, 0])
    fifth, sixth, cluster = 1 | 1 << 7, 1 | 1 << 9, 1 | 1 << 2 | 1 << 7  # 14 is 2 again
    assert found.chords == pytest.approx({fifth: 0.2, sixth: 0.4, 0: 0.2, cluster: 0.2})
    # The top voice is struck at 7, 9 and 14; where it is held the bass's onset is not a step.
    assert {n - 12: share for n, share in enumerate(found.melodic) if share} == {2: 0.5, 5: 0.5}
    vertical = {n: share for n, share in enumerate(found.vertical) if share}
    assert vertical == pytest.approx({7: 2 / 6, 9: 2 / 6, 2: 1 / 6, 0: 1 / 6})
    assert found.bars == {4: 1}
    assert list(found.onset_positions[4]) == pytest.approx([1 / 8, 0, 6 / 8, 1 / 8])


def test_sequences_are_no_neighbours_of_each_other() -> None:
    first, second = planes(["0+", "0-"]), planes(["5+", "5-"])
    found = RhythmStatistics.of([first, second, planes([])])
    assert not found.melodic.any()
    assert found.run_length == 2
    assert found.unstruck == 0


def test_a_key_that_begins_without_an_onset_begins_all_the_same() -> None:
    found = RhythmStatistics.of([planes(["0-", "0-", "", "0+"])])
    assert found.unstruck == pytest.approx(1 / 3)
    assert found.held == pytest.approx(2 / 3)
    assert found.run_length == pytest.approx(3 / 2)


def test_an_onset_of_a_silent_key_is_not_heard() -> None:
    piece = planes(["0+", "0-"])
    piece.onsets[1, 5] = True
    found = RhythmStatistics.of([piece])
    assert list(found.onset_positions[4]) == [1, 0, 0, 0]
    assert found.run_length == 2


def test_wide_steps_and_many_notes_go_into_the_outermost_bins() -> None:
    found = RhythmStatistics.of([planes(["0+", "20+", " ".join(f"{n}+" for n in range(1, 11))])])
    assert (found.melodic[24], found.melodic[2]) == (0.5, 0.5)  # 20 up, 10 down
    assert found.polyphony[8] == pytest.approx(1 / 3)


def test_a_transposed_piece_has_the_same_statistics() -> None:
    moved = HAND._replace(
        roll=np.roll(HAND.roll, 5, axis=1), onsets=np.roll(HAND.onsets, 5, axis=1)
    )
    comparison = RhythmStatistics.of([HAND]).compare(RhythmStatistics.of([moved]))
    assert [figure.distance for figure in comparison.figures] == [0] * 8
    assert comparison.within


def test_total_variation() -> None:
    a, b = np.array([0.5, 0.5, 0]), np.array([0.25, 0.5, 0.25])
    assert total_variation(a, b) == total_variation(b, a) == pytest.approx(0.25)
    assert total_variation(a, a) == 0
    assert total_variation(np.array([1.0, 0]), np.array([0, 1.0])) == 1
    assert total_variation(np.zeros(2), np.array([0, 1.0])) == 1
    assert total_variation(normalised(np.zeros(2, np.int64)), np.zeros(2)) == 0
    with pytest.raises(ValueError, match="same bins"):
        total_variation(a, b[:2])


def test_rare_chords_share_a_bin() -> None:
    data = RhythmStatistics.of([planes(["0+ 7+"] * 8 + ["0+ 1+", "0+ 2+"])])
    model = RhythmStatistics.of([planes(["0+ 7+"] * 7 + ["0+ 3+"] * 3)])
    assert data.chord_variation(model) == pytest.approx(0.3)
    assert data.chord_variation(model, n_chords=1) == pytest.approx(0.1)


def test_positions_are_compared_in_bars_of_the_same_length() -> None:
    four, three = planes(["0+", "", "", ""] * 3), planes(["", "0+", ""], n_bar=3)
    data = RhythmStatistics.of([four, three])
    assert data.bars == pytest.approx({4: 0.75, 3: 0.25})
    late = planes(["0+", "", "", ""], n_bar=4, first=1)
    assert data.position_variation(RhythmStatistics.of([late, three])) == pytest.approx(0.75)
    assert data.position_variation(RhythmStatistics.of([three])) == 0
    assert data.position_variation(RhythmStatistics.of([planes(["0+"], n_bar=2)])) == 1


def test_a_comparison_says_which_figures_are_beyond() -> None:
    data = RhythmStatistics.of([planes(["0+ 7+", "0- 7-", "0- 7-", "0+ 7+"] * 10)])
    model = RhythmStatistics.of([planes(["0+ 7+", "0- 7-", "0+ 7+", "0+ 7+"] * 10)])
    comparison = data.compare(model)
    beyond = {figure.name for figure in comparison.figures if not figure.within}
    assert beyond == {"held notes", "run length", "onset positions"}
    assert not comparison.within
    assert "held notes: 0.500 (0.250, data 0.500), beyond 0.10" in str(comparison)
    assert "chords: 0.000, within 0.10" in str(comparison)


def test_nothing_has_no_statistics_and_silence_has() -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        RhythmStatistics.of([planes([])])
    silence = RhythmStatistics.of([planes(["", ""])])
    assert (silence.held, silence.notes, silence.run_length) == (0, 0, 0)
    data = RhythmStatistics.of([HAND])
    assert not data.compare(silence).within
    assert not silence.compare(data).within
