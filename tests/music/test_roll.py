"""Between notes and roll: nothing lost on the way, nothing melted."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from msgspec.structs import replace
from numpy.typing import NDArray

from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.roll import Articulation, Grid
from rnnrbm_gui.music.timing import Meter

Roll = NDArray[np.bool_]

grids = st.builds(
    Grid, st.sampled_from([1, 2, 3, 4, 8]), st.integers(21, 40), st.sampled_from([1, 8, 88])
)
meters = st.builds(Meter, st.integers(1, 12), st.sampled_from([1, 2, 4, 8, 16, 32]))
notes = st.builds(
    lambda on, duration, pitch: Note(on, pitch, on + duration),
    st.integers(0, 5_000),
    st.integers(1, 2_000),
    st.integers(20, 127),
)
rolls = hnp.arrays(np.bool_, st.tuples(st.integers(0, 24), st.just(6)))


@given(rolls, st.integers(0, 40), st.sampled_from(Articulation), meters)
def test_roll_to_score_and_back(
    roll: Roll, first: int, articulation: Articulation, meter: Meter
) -> None:
    grid = Grid(4, 50, 6)
    found = grid.notes_of(roll, articulation, meter, first=first)
    again = grid.frames_of(found, first, first + len(roll))
    np.testing.assert_array_equal(again, roll)
    assert sum(note.duration for note in found) == roll.sum() * grid.frame


@given(rolls, rolls, st.integers(0, 40))
def test_a_roll_that_says_what_is_struck_becomes_notes_and_is_itself_again(
    roll: Roll, marks: Roll, first: int
) -> None:
    n_frames = min(len(roll), len(marks))
    sounding, before = roll[:n_frames], np.zeros((n_frames, 6), np.bool_)
    before[1:] = sounding[:-1]
    struck = sounding & (marks[:n_frames] | ~before)  # whatever begins is struck
    grid, whole = Grid(4, 50, 6, planes=2), np.hstack([sounding, struck])
    found = grid.notes_of(whole, Articulation.TIE, Meter(), first=first)
    np.testing.assert_array_equal(grid.frames_of(found, first, first + n_frames), whole)
    assert len(found) == struck.sum()


@given(st.lists(notes, max_size=5), grids, st.integers(0, 30), st.integers(0, 30))
def test_a_note_is_struck_in_the_first_frame_it_covers(
    found: list[Note], grid: Grid, first: int, length: int
) -> None:
    two = replace(grid, planes=2)
    roll = two.frames_of(found, first, first + length)
    np.testing.assert_array_equal(
        roll[:, : grid.n_keys], grid.frames_of(found, first, first + length)
    )
    expected = {
        (two.covered(note)[0] - first, note.pitch - grid.low)
        for note in found
        if first <= two.covered(note)[0] < first + length
        and 0 <= note.pitch - grid.low < grid.n_keys
    }
    assert {tuple(cell) for cell in np.argwhere(roll[:, grid.n_keys :]).tolist()} == expected


@given(st.data(), grids, meters)
def test_score_to_roll_and_back_when_tied(data: st.DataObject, grid: Grid, meter: Meter) -> None:
    """Notes on the frames, no two of one pitch touching."""
    step, score = grid.frame, []
    for key in data.draw(st.sets(st.integers(0, grid.n_keys - 1), max_size=4)):
        frame = 0
        for rest, held in data.draw(
            st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), max_size=4)
        ):
            on = (frame + rest) * step
            score.append(Note(on, grid.low + key, on + held * step))
            frame += rest + held
    roll = grid.frames_of(score, 0, 40)
    assert sorted(grid.notes_of(roll, Articulation.TIE, meter)) == sorted(score)


@given(rolls, st.integers(0, 40), meters)
def test_struck_again_every_frame_gives_a_note(roll: Roll, first: int, meter: Meter) -> None:
    grid = Grid(4, 50, 6)
    found = grid.notes_of(roll, Articulation.RESTRIKE, meter, first=first)
    expected = [
        Note((first + frame) * grid.frame, 50 + key, (first + frame + 1) * grid.frame)
        for frame, key in np.argwhere(roll).tolist()
    ]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize(
    ("articulation", "meter", "beats"),
    [
        (Articulation.TIE, Meter(4, 4), [0]),
        (Articulation.BAR, Meter(4, 4), [0, 4, 8]),
        (Articulation.HALF_BAR, Meter(4, 4), [0, 2, 4, 6, 8]),
        (Articulation.BAR, Meter(3, 4), [0, 3, 6, 9]),
        (Articulation.HALF_BAR, Meter(6, 8), [0, 1.5, 3, 4.5, 6, 7.5, 9]),
        (Articulation.RESTRIKE, Meter(4, 4), [i / 2 for i in range(20)]),
    ],
)
def test_where_a_held_pitch_is_struck_again(
    articulation: Articulation, meter: Meter, beats: list[float]
) -> None:
    grid = Grid(2, 60, 1)
    found = grid.notes_of(np.ones((20, 1), np.bool_), articulation, meter)
    assert [note.on / 480 for note in found] == beats
    assert all(a.off == b.on for a, b in pairwise(found))
    assert found[-1].off == 20 * grid.frame


@given(rolls, st.sampled_from(Articulation), st.integers(0, 30), meters)
def test_begin_leaves_out_earlier_onsets_alone(
    roll: Roll, articulation: Articulation, begin: int, meter: Meter
) -> None:
    grid = Grid(4, 50, 6)
    everything = grid.notes_of(roll, articulation, meter, first=3)
    late = grid.notes_of(roll, articulation, meter, first=3, begin=begin)
    assert late == [note for note in everything if note.on >= begin * grid.frame]


@given(notes, grids)
def test_the_model_sees_a_note_where_it_covers_half(note: Note, grid: Grid) -> None:
    step = grid.frame
    first, last = grid.covered(note)
    seen = set(range(first, last))
    assert seen, "in at least one frame"
    shares = {
        frame: Fraction(min(note.off, (frame + 1) * step) - max(note.on, frame * step), step)
        for frame in range(note.on // step, (note.off - 1) // step + 1)
    }
    half = {frame for frame, share in shares.items() if share >= Fraction(1, 2)}
    if half:
        assert seen == half
    else:
        assert len(seen) == 1
        assert shares[first] == max(shares.values()), "where it lies most"


@given(st.lists(notes, max_size=5), grids, st.integers(0, 30), st.integers(0, 30))
def test_frames_of_is_the_union_of_what_is_covered(
    found: list[Note], grid: Grid, first: int, length: int
) -> None:
    roll = grid.frames_of(found, first, first + length)
    assert roll.shape == (length, grid.n_keys)
    expected = {
        (frame - first, note.pitch - grid.low)
        for note in found
        for frame in range(*grid.covered(note))
        if first <= frame < first + length and 0 <= note.pitch - grid.low < grid.n_keys
    }
    assert {tuple(cell) for cell in np.argwhere(roll).tolist()} == expected
