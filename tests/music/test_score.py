"""A score against brute force: which note sounds at which tick."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from rnnrbm_gui.music.note import Note, is_black, name_of
from rnnrbm_gui.music.score import Score

note_lists = st.lists(
    st.builds(
        lambda on, duration, pitch, velocity: Note(on, pitch, on + duration, velocity),
        st.integers(0, 30),
        st.integers(1, 12),
        st.integers(60, 62),
        st.integers(1, 127),
    ),
    max_size=12,
)
ticks = st.integers(-5, 50)


def test_a_note_stays_one_when_it_is_changed() -> None:
    with pytest.raises(ValueError, match="off must be after on"):
        replace(Note(0, 60, 480), off=0)


Cells = dict[tuple[int, int], Note]


def painted(notes: list[Note]) -> Cells:
    """Paint the notes in turn, each over the others: (tick, pitch) -> the note seen there."""
    seen: dict[tuple[int, int], int] = {}
    for number, new in enumerate(notes):
        cells = [(tick, new.pitch) for tick in range(new.on, new.off)]
        cut = {seen[cell] for cell in cells if cell in seen}
        for cell, old in list(seen.items()):
            if old in cut and cell[0] >= new.on:  # what is cut loses all its end
                del seen[cell]
        seen |= dict.fromkeys(cells, number)
    return {cell: notes[number] for cell, number in seen.items()}


def cells_of(score: Score) -> Cells:
    return {(tick, note.pitch): note for note in score for tick in range(note.on, note.off)}


def test_painted_shows_the_rule() -> None:
    cells = painted([Note(0, 60, 9), Note(3, 60, 5)])
    assert sorted(tick for tick, _ in cells) == [0, 1, 2, 3, 4]


def assert_whole(score: Score) -> None:
    assert list(score.notes) == sorted(score.notes)
    for pitch in {note.pitch for note in score}:
        same = [note for note in score if note.pitch == pitch]
        assert all(a.off <= b.on for a, b in pairwise(same))
    assert score.longest == max((note.duration for note in score), default=0)


@given(note_lists)
def test_the_later_note_cuts_or_swallows_the_earlier(notes: list[Note]) -> None:
    score = Score.of(notes)
    assert_whole(score)
    expected, found = painted(notes), cells_of(score)
    assert found.keys() == expected.keys()
    assert all(found[cell].velocity == expected[cell].velocity for cell in expected)
    assert {note.on for note in score} == {note.on for note in expected.values()}


@given(note_lists)
def test_a_score_of_a_score_is_the_same(notes: list[Note]) -> None:
    score = Score.of(notes)
    assert Score.of(score) == score
    assert Score.of(reversed(score.notes)) == score
    assert (len(score), list(score)) == (len(score.notes), list(score.notes))


@given(note_lists, note_lists)
def test_added(notes: list[Note], more: list[Note]) -> None:
    score = Score.of(notes).added(*more)
    assert_whole(score)
    assert score == Score.of([*Score.of(notes), *more])


@given(note_lists, st.data())
def test_without(notes: list[Note], data: st.DataObject) -> None:
    score = Score.of(notes)
    gone = data.draw(st.sets(st.sampled_from(score.notes))) if score.notes else set()
    left = score.without(gone)
    assert_whole(left)
    assert set(left) == set(score) - gone
    assert score.without(gone).added(*gone) == score


@given(note_lists, note_lists, note_lists)
def test_replaced(notes: list[Note], old: list[Note], new: list[Note]) -> None:
    score = Score.of([*notes, *old])
    assert score.replaced(old, new) == score.without(old).added(*new)
    assert_whole(score.replaced(old, new))


@given(note_lists, ticks, ticks)
def test_starting_and_overlapping(notes: list[Note], first: int, last: int) -> None:
    score = Score.of(notes)
    starting = tuple(note for note in score if first <= note.on < last)
    assert score.starting(first, last) == starting
    if first < last:
        sounding = [n for n in score if any(n.on <= t < n.off for t in range(first, last))]
        assert score.overlapping(first, last) == tuple(sounding)


@given(note_lists)
def test_at(notes: list[Note]) -> None:
    score = Score.of(notes)
    cells = cells_of(score)
    for tick in range(50):
        for pitch in (59, 60, 61, 62):
            assert score.at(tick, pitch) == cells.get((tick, pitch))


@given(note_lists)
def test_start_and_end(notes: list[Note]) -> None:
    score = Score.of(notes)
    assert score.start == min((note.on for note in score), default=0)
    assert score.end == max((note.off for note in score), default=0)


@given(note_lists, note_lists)
def test_first_difference(notes: list[Note], others: list[Note]) -> None:
    a, b = Score.of(notes), Score.of([*notes[:6], *others])
    first = a.first_difference(b)
    assert first == b.first_difference(a)
    if first is None:
        assert a == b
    else:
        assert a.starting(0, first) == b.starting(0, first)
        assert a.starting(first, first + 1) != b.starting(first, first + 1)


@given(note_lists)
def test_an_edit_that_changes_nothing_gives_an_equal_score(notes: list[Note]) -> None:
    score = Score.of(notes)
    assert score.added() == score.without([]) == score.replaced(score, score) == score
    assert hash(score.added()) == hash(score)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ((-1, 60, 5), "on must be 0 or later, got -1"),
        ((5, 60, 5), r"off must be after on \(5\), got 5"),
        ((0, 131, 5), r"pitch must be in 0\.\.127, got 131"),
        ((0, -1, 5), r"pitch must be in 0\.\.127, got -1"),
        ((0, 60, 5, 0), r"velocity must be in 1\.\.127, got 0"),
        ((0, 60, 5, 128), r"velocity must be in 1\.\.127, got 128"),
    ],
)
def test_what_is_no_note_is_refused(fields: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        Note(*fields)


def test_names_and_colours_of_keys() -> None:
    assert [name_of(pitch) for pitch in (0, 21, 60, 61, 69, 127)] == [
        "C-1",
        "A0",
        "C4",
        "C♯4",
        "A4",
        "G9",
    ]
    octave = [pitch for pitch in range(60, 72) if is_black(pitch)]
    assert octave == [61, 63, 66, 68, 70]
