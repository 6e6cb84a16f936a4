"""Scores on the grid, and pieces laid along them: hand-made ones with hand-made answers."""

from fractions import Fraction

import numpy as np
import pytest

from rnnrbm_gui.data.rolls import LOW, N_KEYS, ArticulatedRoll, Roll
from rnnrbm_gui.data.score_frames import ScoreFrames, ScoreNote, on_grid
from rnnrbm_gui.data.score_matching import ScoreSearch, lay
from rnnrbm_gui.music.timing import Meter

C, D, E, F, G = 60, 62, 64, 65, 67


def note(start: float, length: float, pitch: int, struck: bool = True) -> ScoreNote:
    return ScoreNote(Fraction(start), Fraction(start + length), pitch, struck)


def score(
    notes: list[ScoreNote], bars: list[float], meters: tuple[Meter, ...] = (Meter(),)
) -> ScoreFrames:
    made = on_grid("hand-made", notes, [Fraction(bar) for bar in bars], meters, 4)
    assert made is not None
    return made


def cells(plane: Roll, pitch: int) -> list[int]:
    return list(np.flatnonzero(plane[:, pitch - LOW]))


def roll_of(frames: list[tuple[int, ...]]) -> Roll:
    roll = np.zeros((len(frames), N_KEYS), np.bool_)
    for frame, pitches in enumerate(frames):
        roll[frame, [pitch - LOW for pitch in pitches]] = True
    return roll


def test_a_repeated_note_is_struck_again_and_a_tied_one_is_not() -> None:
    made = score([note(0, 1, C), note(1, 1, C), note(2, 1, C, struck=False)], [0])
    assert cells(made.roll, C) == list(range(12))
    assert cells(made.onsets, C) == [0, 4]


def test_two_voices_on_a_key_are_one_note_struck_by_either() -> None:
    made = score([note(0, 2, C), note(1, 2, C), note(0, 1, E)], [0])
    assert cells(made.roll, C) == list(range(12))
    assert cells(made.onsets, C) == [0, 4]
    assert cells(made.onsets, E) == [0]


def test_a_tie_from_nothing_is_a_note_struck() -> None:
    assert cells(score([note(0, 1, C), note(1, 1, E, struck=False)], [0]).onsets, E) == [4]


def test_what_lies_between_frames_sounds_from_the_next_or_not_at_all() -> None:
    made = score(
        [note(0, 0.375, C), note(0.375, 0.625, D), note(1, 0.125, E), note(1.125, 1, F)], [0]
    )
    assert [cells(made.onsets, pitch) for pitch in (C, D, E, F)] == [[0], [2], [4], [5]]
    lost = score([note(0, 0.125, C), note(0.125, 0.125, D), note(0.25, 1, E)], [0])
    assert not cells(lost.roll, D)


def test_upbeats_and_divided_bars_keep_their_place_in_the_bar() -> None:
    """One beat, a bar, three beats to a repeat, one beat, a bar."""
    made = score([note(0, 13, C)], [0, 1, 5, 8, 9])
    beats = [3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]
    assert list(made.position) == [4 * beat + n for beat in beats for n in range(4)]
    assert list(np.flatnonzero(made.bar_starts)) == [0, 4, 20, 32, 36]


@pytest.mark.parametrize(
    ("meter", "bar_frames"), [(Meter(3, 4), 12), (Meter(3, 2), 24), (Meter(6, 8), 12)]
)
def test_the_bar_is_as_long_as_the_time_signature_says(meter: Meter, bar_frames: int) -> None:
    made = score([note(0, 12, C)], [0, 6], (meter,))
    assert made.bar_frames == bar_frames
    assert list(made.position) == [n % bar_frames for n in range(48)]


def test_what_does_not_fit_the_grid_is_no_score() -> None:
    assert on_grid("empty", [], [Fraction(0)], [Meter()], 4) is None
    assert on_grid("no bars", [note(0, 1, C)], [], [Meter()], 4) is None
    assert on_grid("a bar of 3.5 frames", [note(0, 1, C)], [Fraction(0)], [Meter(7, 8)], 1) is None
    assert on_grid("too short bars", [note(0, 1, C)], [Fraction(1, 3)], [Meter()], 4) is None


CHORALE = score(
    [
        *(note(0, 1, C) for _ in range(2)),  # an upbeat, its key struck again at the bar line
        note(0, 1, E),
        note(1, 1, C),
        note(1, 1, G),
        note(2, 1, C),
        note(2, 1, F),
        note(3, 1, D),
        note(3, 1, F),  # struck again
        note(4, 1, D, struck=False),  # held over
        note(4, 0.5, E),
        note(4.5, 0.5, G),
        note(5, 3, C),
        note(5, 3, E),
    ],
    [0, 1, 4, 5],  # a beat, three beats to the repeat, and the same again
)


def articulated(roll: Roll, *scores: ScoreFrames) -> ArticulatedRoll:
    (match, *_) = ScoreSearch(list(scores)).matches(roll)
    assert match.why_not() == ""
    return match.articulated(roll)


def test_the_same_piece_takes_its_score_as_it_stands() -> None:
    piece = articulated(CHORALE.roll, CHORALE)
    assert np.array_equal(piece.onsets, CHORALE.onsets)
    assert np.array_equal(piece.position, (12 + np.arange(32)) % 16)
    assert cells(piece.onsets, C) == [0, 4, 8, 20]
    assert cells(piece.onsets, F) == [8, 12]
    assert cells(piece.onsets, D) == [12]
    assert (piece.bar_frames, piece.meter) == (16, Meter())


def test_a_played_repeat_a_longer_last_chord_and_another_key() -> None:
    """The first four beats twice, then on to the end, where a beat fills the bar."""
    order = [*range(16), *range(32), *[31] * 4]
    for shift in (0, 2, -2, 1):
        moved = np.roll(CHORALE.roll[order], shift, axis=1)
        piece = articulated(moved, CHORALE)
        expected = np.roll(CHORALE.onsets[order], shift, axis=1)
        expected[-4:] = False  # the chord is held there
        assert np.array_equal(piece.onsets, expected)
        assert np.array_equal(piece.position, (12 + np.arange(52)) % 16)


def test_a_longer_fermata_does_not_strike_again() -> None:
    order = [*range(8), 7, 7, *range(8, 32)]
    piece = articulated(CHORALE.roll[order], CHORALE)
    assert cells(piece.onsets, C) == [0, 4, 10, 22]


def test_an_onset_in_a_frame_that_the_piece_leaves_out_is_not_lost() -> None:
    running = [note(n / 4, 0.25, 70 + n) for n in range(16)]
    made = score([note(0, 0.25, C), note(0.25, 3.75, C), *running], [0])
    match = lay(np.delete(made.roll, 1, axis=0), made)
    assert list(match.path) == [0, *range(2, 16)]
    assert cells(match.articulated(np.delete(made.roll, 1, axis=0)).onsets, C) == [0, 1]


def test_a_note_that_comes_a_frame_early_is_struck_once() -> None:
    early = CHORALE.roll.copy()
    early[17, [E - LOW, G - LOW]] = False, True  # the score comes to G in 18
    piece = lay(early, CHORALE).articulated(early)
    assert cells(piece.onsets, G) == [4, 17]


def test_what_the_score_does_not_have_is_struck_where_it_begins_and_held() -> None:
    other = CHORALE.roll.copy()
    other[12:14, 72 - LOW] = True
    piece = lay(other, CHORALE).articulated(other)
    assert cells(piece.onsets, 72) == [12]


def test_a_foreign_piece_matches_nothing() -> None:
    foreign = roll_of([(C, E), (C, F), (D, G), (C,), (E, G)] * 6)
    assert ScoreSearch([CHORALE]).matches(foreign) == []
    assert ScoreSearch([]).matches(CHORALE.roll) == []


def test_the_more_alike_of_two_scores_is_taken() -> None:
    other = CHORALE.roll.copy()
    other[9, F - LOW] = False
    onsets = CHORALE.onsets & other
    onsets[10, F - LOW] = True
    version = ScoreFrames(
        "another", other, onsets, CHORALE.position, CHORALE.bar_starts, Meter(), 16
    )
    found = ScoreSearch([version, CHORALE]).matches(CHORALE.roll)
    assert [match.score.name for match in found] == ["hand-made", "another"]
    assert [match.score.name for match in ScoreSearch([version, CHORALE]).matches(other)] == [
        "another",
        "hand-made",
    ]


def test_a_piece_whose_bars_do_not_fit_says_so() -> None:
    twice = CHORALE.roll.repeat(2, axis=0)
    assert "bars of other lengths" in lay(twice, CHORALE).why_not()
    changing = score([note(0, 4, C), note(4, 3, E)], [0, 4], (Meter(), Meter(3, 4)))
    assert lay(changing.roll, changing).why_not() == "change their metre"


def test_an_articulated_roll_refuses_what_cannot_be() -> None:
    roll = roll_of([(C,), (C,), (), (D,)])
    onsets = roll_of([(C,), (), (), (D,)])
    position = np.arange(4)
    ArticulatedRoll(roll, onsets, position, 16, Meter())
    with pytest.raises(ValueError, match="must sound"):
        ArticulatedRoll(roll, roll_of([(C,), (), (E,), (D,)]), position, 16, Meter())
    with pytest.raises(ValueError, match="must be struck"):
        ArticulatedRoll(roll, roll_of([(C,), (), (), ()]), position, 16, Meter())
    with pytest.raises(ValueError, match=r"0\.\.2"):
        ArticulatedRoll(roll, onsets, position, 3, Meter())
    with pytest.raises(ValueError, match="shapes"):
        ArticulatedRoll(roll, onsets[:3], position, 16, Meter())
