import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import PPQ, Meter
from rnnrbm_gui.ui.roll import commands
from rnnrbm_gui.ui.roll.tools import (
    AddNote,
    Erase,
    Marquee,
    MoveNotes,
    Part,
    ResizeNotes,
    hit,
    resized,
    spoken,
)

SCORE = Score.of([Note(0, 60, 480), Note(480, 64, 960), Note(960, 67, 1920, 50)])
note_values = st.builds(
    lambda on, pitch, length, velocity: Note(on, pitch, on + length, velocity),
    st.integers(0, 6000),
    st.integers(0, 127),
    st.integers(1, 2000),
    st.integers(1, 127),
)
scores = st.lists(note_values, min_size=1, max_size=20).map(Score.of)
places = st.tuples(st.floats(0, 8000), st.integers(0, 127))
snaps = st.sampled_from([15, 60, 120, 160, 240, 480, 1920])


def valid(score: Score) -> bool:
    by_pitch: dict[int, Note] = {}
    for note in score:
        before = by_pitch.get(note.pitch)
        if before is not None and before.off > note.on:
            return False
        by_pitch[note.pitch] = note
    return list(score.notes) == sorted(score.notes)


@given(scores, st.data(), snaps)
def test_any_gesture_leaves_a_valid_score(score, data, snap):
    note = data.draw(st.sampled_from(score.notes))
    some = data.draw(st.frozensets(st.sampled_from(score.notes))) | {note}
    tick, pitch = data.draw(places)
    gesture = data.draw(
        st.sampled_from(
            [
                AddNote(score, tick, pitch, snap, 480, 80),
                MoveNotes(score, some, note, note.on),
                MoveNotes(score, some, note, note.on, copy=True),
                ResizeNotes(score, some, note, Part.START),
                ResizeNotes(score, some, note, Part.END),
                Erase(score, tick, pitch),
                Marquee(score, tick, pitch, frozenset(), toggle=False),
            ]
        )
    )
    for place in data.draw(st.lists(places, max_size=5)):
        gesture.move(*place, snap)
    assert valid(gesture.result())
    assert gesture.score is score


def test_a_note_starts_in_its_cell_and_ends_with_the_cell_under_the_mouse():
    gesture = AddNote(Score(), 500.0, 60, 240, 480, 90)
    assert gesture.shown == (Note(480, 60, 960, 90),)
    gesture.move(1300.0, 66, 240)
    assert gesture.result().notes == (Note(480, 60, 1440, 90),)
    gesture.move(0.0, 60, 240)
    assert gesture.result().notes == (Note(480, 60, 720, 90),)


@given(scores, st.data(), places, snaps)
def test_moving_moves_all_by_the_same_way(score, data, place, snap):
    chosen = data.draw(st.frozensets(st.sampled_from(score.notes), min_size=1))
    held = min(chosen)
    gesture = MoveNotes(score, chosen, held, held.on)
    gesture.move(*place, snap)
    ways = {
        (after.on - before.on, after.off - before.off, after.pitch - before.pitch)
        for before, after in zip(sorted(chosen), gesture.shown, strict=True)
    }
    assert len(ways) == 1
    on, off, _ = ways.pop()
    assert on == off


def test_a_move_stops_for_all_at_the_edge_of_the_roll():
    gesture = MoveNotes(SCORE, SCORE.notes, SCORE.notes[1], 480.0)
    gesture.move(0.0, 127, 480)
    assert [note.on for note in gesture.shown] == [0, 480, 960]
    assert [note.pitch for note in gesture.shown] == [120, 124, 127]


def test_an_unmoved_note_and_an_unmoved_copy_change_nothing():
    for copy in (False, True):
        gesture = MoveNotes(SCORE, SCORE.notes, SCORE.notes[0], 10.0, copy=copy)
        assert gesture.result() == SCORE


def test_a_moved_copy_leaves_the_original():
    gesture = MoveNotes(SCORE, SCORE.notes[:1], SCORE.notes[0], 0.0, copy=True)
    gesture.move(480.0, 72, 480)
    assert set(gesture.result()) == {*SCORE, Note(480, 72, 960)}


@given(scores, st.data(), places, snaps, st.sampled_from([Part.START, Part.END]))
def test_an_edge_moves_alone(score, data, place, snap, part):
    held = data.draw(st.sampled_from(score.notes))
    gesture = ResizeNotes(score, [held], held, part)
    gesture.move(*place, snap)
    (note,) = gesture.shown
    assert (note.off if part is Part.START else note.on) == (
        held.off if part is Part.START else held.on
    )
    assert note.duration >= min(snap, held.duration)


def test_a_note_shorter_than_the_grid_is_not_stretched_to_it():
    short = Note(0, 60, 100)
    for part in (Part.START, Part.END):
        assert resized(short, part, 0, 480) == short
    assert resized(short, Part.END, -480, 480) == short
    assert resized(Note(0, 60, 960), Part.END, -960, 480) == Note(0, 60, 480)


def test_a_hasty_eraser_misses_nothing():
    score = Score.of(Note(i * 480, 60 + i, i * 480 + 480) for i in range(8))
    gesture = Erase(score, 10.0, 60)
    gesture.move(8 * 480 - 10.0, 67, 480)
    assert gesture.result() == Score()


def test_erasing_nothing_is_the_same_score():
    assert Erase(SCORE, 5000.0, 20).result() is SCORE


def test_the_marquee_chooses_adds_and_turns_over():
    low, middle, high = SCORE.notes
    for before, toggle, expected in (
        (frozenset(), False, {low, middle}),
        (frozenset({high}), False, {low, middle, high}),
        (frozenset({low, high}), True, {middle, high}),
    ):
        gesture = Marquee(SCORE, 900.0, 65, before, toggle=toggle)
        gesture.move(100.0, 58, 480)
        assert gesture.selection == expected


@pytest.mark.parametrize(("tick", "part"), [(2, Part.START), (240, Part.BODY), (478, Part.END)])
def test_a_note_is_taken_by_its_edges_and_its_body(tick, part):
    assert hit(SCORE, tick, 60, 0.1) == (SCORE.notes[0], part)


def test_a_tiny_note_still_has_a_body():
    score = Score.of([Note(0, 60, 40)])
    parts = {hit(score, tick, 60, 0.1).part for tick in range(40)}
    assert parts == {Part.START, Part.BODY, Part.END}
    assert hit(score, 40, 60, 0.1) is None
    assert hit(score, 20, 61, 0.1) is None


def test_notes_are_spoken_by_name_place_and_length():
    meter = Meter()
    assert spoken(Note(6 * PPQ, 66, 7 * PPQ), meter) == "F♯4 · bar 2.3 · 1 beat"
    assert spoken(Note(0, 60, 3 * PPQ // 2), meter) == "C4 · bar 1.1 · 1.5 beats"


@given(scores, st.data(), st.integers(-9000, 9000), st.integers(-140, 140), snaps)
def test_every_command_leaves_a_valid_score(score, data, ticks, semitones, snap):
    chosen = data.draw(st.frozensets(st.sampled_from(score.notes), min_size=1))
    for edit in (
        commands.nudge(score, chosen, ticks, semitones),
        commands.lengthen(score, chosen, snap if ticks > 0 else -snap),
        commands.duplicate(score, chosen, snap),
        commands.paste(score, chosen, abs(ticks)),
        commands.quantise(score, chosen, snap),
        commands.legato(score, chosen),
    ):
        assert valid(edit.score)
        assert edit.chosen <= set(edit.score)


def test_quantise_legato_and_duplicate():
    ragged = Score.of([Note(10, 60, 300), Note(470, 64, 700), Note(1000, 67, 1300)])
    everything = frozenset(ragged)
    assert [n.on for n in commands.quantise(ragged, everything, 240).score] == [0, 480, 960]
    assert [n.off for n in commands.legato(ragged, everything).score] == [470, 1000, 1300]
    twice = commands.duplicate(ragged, everything, 480)
    assert [n.on for n in twice.score] == [10, 470, 1000, 1450, 1910, 2440]
    assert sorted(twice.chosen) == list(twice.score)[3:]
