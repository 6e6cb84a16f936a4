from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rnnrbm_gui.engine.voices import Voices, accent, clear_of
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.roll import Articulation, Grid
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import Meter

METERS = st.sampled_from([Meter(4, 4), Meter(3, 4), Meter(6, 8), Meter(5, 4)])
ARTICULATIONS = st.sampled_from(Articulation)
GRIDS = st.sampled_from([Grid(1, 60, 6), Grid(2, 60, 6), Grid(4, 125, 6)])
ROLLS = st.integers(0, 24).flatmap(lambda n: arrays.arrays(np.bool_, (n, 6)))
STRUCK_GRIDS = st.sampled_from([Grid(1, 60, 6, 2), Grid(4, 125, 6, 2)])
STRUCK_ROLLS = st.integers(0, 24).flatmap(lambda n: arrays.arrays(np.bool_, (n, 12)))


def places(notes):
    return {(note.on, note.pitch, note.off) for note in notes}


def every(voices):
    return voices.starting(0, len(voices) * voices.grid.frame, Score())


def grown(roll, grid, articulation, meter):
    voices = Voices(grid, articulation, meter)
    for row in roll:
        voices.append(row)
    return voices


@given(ROLLS, GRIDS, ARTICULATIONS, METERS)
def test_frame_by_frame_gives_the_notes_of_the_whole_roll(roll, grid, articulation, meter):
    voices = grown(roll, grid, articulation, meter)
    found = places(every(voices))
    assert found == places(grid.notes_of(roll, articulation, meter))


@given(ROLLS, ROLLS, st.integers(0, 24), GRIDS, ARTICULATIONS, METERS)
def test_taken_back_and_grown_again_leaves_no_trace(old, new, cut, grid, articulation, meter):
    cut = min(cut, len(old))
    voices = grown(old, grid, articulation, meter)
    voices.truncate(cut)
    for row in new:
        voices.append(row)
    whole = np.vstack([old[:cut], new])
    assert places(every(voices)) == places(grid.notes_of(whole, articulation, meter))


def counted(roll, grid):
    """Walk along each key of a roll that says what is struck; independent of the classes."""
    found = set()
    for key in range(6):
        began = None
        for frame, (sounds, struck) in enumerate(zip(roll[:, key], roll[:, 6 + key], strict=True)):
            if began is not None and (struck or not sounds):
                found.add((began, key, frame))
                began = None
            if sounds and began is None:
                began = frame
        if began is not None:
            found.add((began, key, len(roll)))
    step = grid.frame
    return {
        (on * step, grid.low + key, off * step) for on, key, off in found if grid.low + key <= 127
    }


@given(STRUCK_ROLLS, STRUCK_GRIDS, ARTICULATIONS, METERS)
def test_where_the_model_strikes_its_notes_begin_whatever_the_articulation(
    roll, grid, articulation, meter
):
    assert places(every(grown(roll, grid, articulation, meter))) == counted(roll, grid)
    assert places(grid.notes_of(roll, articulation, meter)) == counted(roll, grid)


@given(STRUCK_ROLLS, STRUCK_ROLLS, st.integers(0, 24), STRUCK_GRIDS)
def test_struck_notes_taken_back_and_grown_again_leave_no_trace(old, new, cut, grid):
    cut = min(cut, len(old))
    voices = grown(old, grid, Articulation.RESTRIKE, Meter())
    voices.truncate(cut)
    for row in new:
        voices.append(row)
    assert places(every(voices)) == counted(np.vstack([old[:cut], new]), grid)


@pytest.mark.parametrize(
    ("struck", "begins"),
    [([1, 0, 0, 0], [0]), ([1, 0, 1, 0], [0, 2]), ([0, 0, 0, 0], [0]), ([0, 1, 0, 1], [0, 1, 3])],
)
def test_a_key_that_sounds_is_held_until_it_is_struck(struck, begins):
    roll = np.array([[1, onset] for onset in struck], np.bool_)
    notes = every(grown(roll, Grid(1, 60, 1, 2), Articulation.BAR, Meter()))
    assert [note.on // 480 for note in notes] == begins
    assert notes[-1].off == 4 * 480


def test_a_struck_key_that_does_not_sound_is_silent_and_ends_nothing_else():
    roll = np.array([[1, 0, 1, 1], [1, 0, 0, 1], [0, 0, 1, 1]], np.bool_)
    notes = every(grown(roll, Grid(1, 60, 2, 2), Articulation.TIE, Meter()))
    assert places(notes) == {(0, 60, 960)}


@given(
    st.one_of(
        st.tuples(ROLLS, GRIDS),
        st.tuples(STRUCK_ROLLS, STRUCK_GRIDS),
    ),
    ARTICULATIONS,
    METERS,
)
def test_append_names_the_earliest_frame_whose_notes_changed(roll_on_grid, articulation, meter):
    roll, grid = roll_on_grid
    voices, before = Voices(grid, articulation, meter), set()
    for row in roll:
        changed = voices.append(row)
        now = places(every(voices))
        assert all(on >= changed for on, *_ in before ^ now)
        before = now


def test_a_struck_again_chord_is_one_note_a_frame():
    voices = grown(np.ones((8, 2), bool), Grid(1, 60, 2), Articulation.RESTRIKE, Meter())
    assert len(every(voices)) == 16
    tied = grown(np.ones((8, 2), bool), Grid(1, 60, 2), Articulation.TIE, Meter())
    assert [note.duration for note in every(tied)] == [3840, 3840]


DRAWN = st.lists(
    st.builds(
        lambda on, length, pitch: Note(on, pitch, on + length),
        st.integers(0, 24 * 480),
        st.integers(1, 1500),
        st.sampled_from([60, 61, 62]),
    ),
    max_size=5,
).map(Score.of)


@given(
    st.one_of(ROLLS, STRUCK_ROLLS),
    ARTICULATIONS,
    DRAWN,
    st.lists(st.integers(0, 24 * 480), max_size=6),
)
def test_given_piece_by_piece_is_given_whole(roll, articulation, drawn, cuts):
    voices = grown(roll, Grid(1, 60, 6, roll.shape[1] // 6), articulation, Meter())
    end = len(roll) * 480
    whole = voices.starting(0, end, drawn)
    edges = [0, *sorted(cut for cut in cuts if cut < end), end]
    pieces = [voices.starting(a, b, drawn) for a, b in pairwise(edges)]
    assert sorted(n for piece in pieces for n in piece) == sorted(whole)
    for tick in cuts:
        held = [n for n in whole if n.on < tick < n.off]
        assert sorted(n for n in voices.sounding(tick, drawn) if n.off > tick) == sorted(held)


@given(ROLLS, ROLLS, ARTICULATIONS, st.integers(0, 20))
def test_notes_of_an_earlier_take_stay_as_they_sounded(old, new, articulation, cut):
    eighths, quarters = Grid(2, 60, 6), Grid(1, 60, 6)
    heard = grown(old, eighths, articulation, Meter()).starting(0, len(old) * 240, Score())
    n_past = -(-len(old) // 2)
    voices = Voices(quarters, Articulation.RESTRIKE, Meter(), heard, n_past)
    for row in new:
        voices.append(row)
    found = every(voices)
    assert sorted(n for n in found if n.on < len(old) * 240) == sorted(heard)
    assert all(n.on >= n_past * 480 for n in found if n not in heard)
    voices.truncate(min(cut, n_past))
    assert {(n.on, n.pitch) for n in every(voices)} == {
        (n.on, n.pitch) for n in heard if n.on < min(cut, n_past) * 480
    }


@given(
    st.builds(
        lambda on, length: Note(on, 60, on + length), st.integers(0, 900), st.integers(1, 900)
    ),
    st.lists(
        st.builds(
            lambda on, length, pitch: Note(on, pitch, on + length),
            st.integers(0, 1500),
            st.integers(1, 500),
            st.sampled_from([60, 61]),
        ),
        max_size=5,
    ),
)
def test_a_generated_note_gives_way_to_drawn_ones_of_its_pitch(note, drawn):
    score = Score.of(drawn)
    rest = clear_of(note, score, 60)
    same = [other for other in score if other.pitch == 60]
    if not any(other.overlaps(note.on, note.off) for other in same):
        assert rest == note
    elif rest is not None:
        assert rest.duration >= 60
        assert note.on <= rest.on < rest.off <= note.off
        assert not any(other.overlaps(rest.on, rest.off) for other in same if other.on < rest.on)


@pytest.mark.parametrize("meter", [Meter(4, 4), Meter(3, 4), Meter(6, 8)])
def test_the_first_beat_of_the_bar_is_the_loudest(meter):
    ticks = range(0, meter.bar_ticks * 3, 60)
    loudest = max(accent(tick, meter) for tick in ticks)
    assert {t % meter.bar_ticks for t in ticks if accent(t, meter) == loudest} == {0}
    assert all(1 <= accent(tick, meter) <= 127 for tick in ticks)
