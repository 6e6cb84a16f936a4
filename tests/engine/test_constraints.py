import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rnnrbm_gui.engine.choices import Mode
from rnnrbm_gui.engine.constraints import UNSHOWN, Constraints
from rnnrbm_gui.models.kernels import FREE, OFF, ON
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.roll import Grid
from rnnrbm_gui.music.score import Score

GRID = Grid(1, 21, 88)
STRUCK = Grid(1, 21, 88, planes=2)
MELODY = Score.of([Note(960, 72, 1440), Note(1440, 74, 1920), Note(2400, 76, 2880)])

SCORES = st.lists(
    st.builds(
        lambda on, length, pitch: Note(on, pitch, on + length),
        st.integers(0, 6000),
        st.integers(1, 2000),
        st.integers(0, 127),
    ),
    max_size=12,
).map(Score.of)


def rows(constraints, n_frames):
    return np.array([constraints.row(i) for i in range(n_frames)])


def test_free_shows_the_model_nothing():
    free = Constraints.of(MELODY, Mode.FREE, GRID)
    assert (rows(free, 20) == FREE).all()
    assert free.passage == (2, 6)


def test_continue_takes_the_passage_as_it_is_and_frees_what_follows():
    cells = rows(Constraints.of(MELODY, Mode.CONTINUE, GRID), 10)
    assert (cells[:2] == UNSHOWN).all()
    assert [np.flatnonzero(row == ON).tolist() for row in cells[2:6]] == [[51], [53], [], [55]]
    assert ((cells[2:6] == ON) | (cells[2:6] == OFF)).all()
    assert (cells[6:] == FREE).all()


def test_harmonise_keeps_the_melody_on_top_and_frees_what_is_under_it():
    cells = rows(Constraints.of(MELODY, Mode.HARMONISE, GRID), 10)
    assert (cells[2, :51] == FREE).all()
    assert cells[2, 51] == ON
    assert (cells[2, 52:] == OFF).all()
    assert (cells[[0, 1, 4, 6]] == FREE).all()


def test_a_drawn_bass_leaves_the_keys_over_it_free():
    bass = Constraints.of(Score.of([Note(0, 43, 480)]), Mode.HARMONISE, GRID)
    assert (np.delete(bass.row(0), 22) == FREE).all()


@given(SCORES, st.sampled_from(Mode), st.sampled_from([1, 2, 4]))
def test_every_note_the_model_can_see_is_on_where_drawn_notes_count(score, mode, frames_per_beat):
    grid = Grid(frames_per_beat, 21, 88)
    constraints = Constraints.of(score, mode, grid)
    for note in score:
        first, last = grid.covered(note)
        if 21 <= note.pitch < 109:
            for frame in range(first, last):
                wanted = FREE if mode is Mode.FREE else ON
                assert constraints.row(frame)[note.pitch - 21] == wanted


@given(SCORES, st.sampled_from(Mode), st.sampled_from([1, 2, 4]))
def test_a_drawn_note_is_struck_where_it_begins_and_nowhere_else(score, mode, frames_per_beat):
    plain, struck = (Grid(frames_per_beat, 21, 88, planes) for planes in (1, 2))
    sounding = Constraints.of(score, mode, plain)
    constraints = Constraints.of(score, mode, struck)
    assert constraints.passage == sounding.passage
    begins = {(note.pitch - 21, struck.covered(note)[0]) for note in score}
    for frame in range(constraints.passage[1] + 2):
        keys, onsets = np.split(constraints.row(frame), 2)
        assert (keys == sounding.row(frame)).all()
        for key in range(88):
            if keys[key] == ON:
                assert onsets[key] == (ON if (key, frame) in begins else OFF)
            else:
                assert onsets[key] == keys[key]  # free where free, off where off, or not shown


def test_a_pitch_struck_again_in_a_continued_passage_is_determined_in_both_planes():
    twice = Score.of([Note(0, 60, 480), Note(480, 60, 1440)])
    cells = rows(Constraints.of(twice, Mode.CONTINUE, STRUCK), 3)
    assert cells.all()
    assert (cells[:, 39] == ON).all()
    assert (cells[:, 88 + 39] == [ON, ON, OFF]).all()


@given(
    SCORES, SCORES, st.sampled_from(Mode), st.sampled_from(Mode), st.sampled_from([GRID, STRUCK])
)
def test_differences_are_the_frames_whose_rows_differ(a, b, mode_a, mode_b, grid):
    one, other = Constraints.of(a, mode_a, grid), Constraints.of(b, mode_b, grid)
    expected = [i for i in range(60) if (one.row(i) != other.row(i)).any()]
    assert one.differences(other).tolist() == expected


@given(st.sampled_from(Mode))
def test_nothing_drawn_leaves_everything_free(mode):
    nothing = Constraints.of(Score(), mode, GRID)
    assert (nothing.row(0) == FREE).all()
    assert nothing.passage == (0, 0)
