"""The notes of one kind as the painter wants them: sorted, and as arrays to cull by bisect."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rnnrbm_gui.music.note import Note

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]


class Piece(NamedTuple):
    """Some notes in a row, as arrays of one length."""

    ons: Ints
    offs: Ints
    pitches: Ints


class Track:
    """Sorted notes with their columns; a change copies only arrays, never note by note.

    Attributes:
        notes: sorted by onset and pitch.
        longest: at least the duration of the longest note, ticks.
        end: at least the tick at which the last note ends.
    """

    def __init__(self) -> None:
        self.notes: list[Note] = []
        self.longest = self.end = 0

    @cached_property
    def columns(self) -> Piece:
        """The notes as arrays; an empty track does without any, and so without NumPy."""
        return columns(self.notes)

    def set_notes(self, notes: Sequence[Note]) -> tuple[int, int] | None:
        """Take other sorted notes in; return the ticks in which something changed, or None."""
        old, n_same = self.notes, 0
        shorter = min(len(old), len(notes))
        while n_same < shorter and _same(old[n_same], notes[n_same]):
            n_same += 1
        n_tail = 0
        while n_tail < shorter - n_same and _same(old[-1 - n_tail], notes[-1 - n_tail]):
            n_tail += 1
        return self._splice(n_same, len(old) - n_tail, notes[n_same : len(notes) - n_tail])

    def replace_from(self, tick: int, notes: Sequence[Note]) -> tuple[int, int] | None:
        """Put these in place of all notes with ``on >= tick``; return the changed ticks."""
        first = bisect_left(self.notes, tick, key=_on)
        new, same = sorted(notes), 0
        for old, note in zip(self.notes[first : first + len(new)], new, strict=False):
            if old != note:
                break
            same += 1
        return self._splice(first + same, len(self.notes), new[same:])

    def within(self, first: int, last: int) -> slice:
        """Return where the notes are that may sound in ``first <= t < last``."""
        lo = bisect_left(self.notes, first - self.longest, key=_on)
        return slice(lo, bisect_left(self.notes, last, lo=lo, key=_on))

    def at(self, tick: float) -> list[Note]:
        """Return the notes that sound at a tick."""
        part = self.within(int(tick), int(tick) + 1)
        return [note for note in self.notes[part] if note.on <= tick < note.off]

    def split(self, tick: float) -> int:
        """Return how many notes start before a tick."""
        return bisect_left(self.notes, tick, key=_on)

    def piece(self, part: slice) -> Piece:
        """Return a part of the notes as arrays (views, not copies)."""
        return Piece(*(column[part] for column in self.columns))

    def _splice(self, lo: int, hi: int, new: Sequence[Note]) -> tuple[int, int] | None:
        changed = [*self.notes[lo:hi], *new]
        if not changed:
            return None
        before, added = self.columns, columns(new)
        self.notes[lo:hi] = new
        self.columns = Piece(
            *(
                np.concatenate((old[:lo], middle, old[hi:]))
                for old, middle in zip(before, added, strict=True)
            )
        )
        if new:
            self.longest = max(self.longest, int((added.offs - added.ons).max()))
        self.end = int(self.columns.offs.max()) if self.notes else 0
        self.longest = self.longest if self.notes else 0
        return min(note.on for note in changed), max(note.off for note in changed)


def _on(note: Note) -> int:
    return note.on


def _same(a: Note, b: Note) -> bool:
    return a is b or a == b


def columns(notes: Sequence[Note]) -> Piece:
    """Return notes as arrays."""
    n = len(notes)
    return Piece(
        np.fromiter((note.on for note in notes), np.int64, n),
        np.fromiter((note.off for note in notes), np.int64, n),
        np.fromiter((note.pitch for note in notes), np.int64, n),
    )
