"""A score: an immutable, sorted set of notes."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from rnnrbm_gui.music.note import Note


class Score(Struct, frozen=True):
    """Notes sorted by onset and pitch; every edit gives a new score.

    Two notes of one pitch never overlap: the one added later cuts or swallows the earlier, so
    that a note-off always belongs to one note-on.
    """

    notes: tuple[Note, ...] = ()
    longest: int = 0

    @staticmethod
    def of(notes: Iterable[Note]) -> "Score":
        """Build a score from notes in any order; later ones in the order win where they collide."""
        by_pitch: dict[int, list[Note]] = {}
        for note in notes:
            by_pitch.setdefault(note.pitch, []).append(note)
        kept: list[Note] = []
        for same in by_pitch.values():
            kept.extend(_separated(same))
        return _sorted(kept)

    def __len__(self) -> int:
        return len(self.notes)

    def __iter__(self) -> Iterator[Note]:
        return iter(self.notes)

    @property
    def end(self) -> int:
        """Tick at which the last note ends, 0 for an empty score."""
        return max((note.off for note in self.notes), default=0)

    @property
    def start(self) -> int:
        """Tick of the first onset, 0 for an empty score."""
        return self.notes[0].on if self.notes else 0

    def starting(self, first: int, last: int) -> tuple[Note, ...]:
        """Return the notes whose onset lies in ``first <= on < last``."""
        lo = bisect_left(self.notes, first, key=lambda note: note.on)
        hi = bisect_left(self.notes, last, lo=lo, key=lambda note: note.on)
        return self.notes[lo:hi]

    def overlapping(self, first: int, last: int) -> tuple[Note, ...]:
        """Return the notes that sound anywhere in ``first <= t < last``."""
        near = self.starting(first - self.longest, last)
        return tuple(note for note in near if note.off > first)

    def at(self, tick: int, pitch: int) -> Note | None:
        """Return the note of that pitch sounding at that tick, or None."""
        found = [note for note in self.overlapping(tick, tick + 1) if note.pitch == pitch]
        return found[-1] if found else None

    def added(self, *notes: Note) -> "Score":
        """Return the score with these notes, which cut what they collide with."""
        pitches = {note.pitch for note in notes}
        same = [note for note in self.notes if note.pitch in pitches]
        rest = [note for note in self.notes if note.pitch not in pitches]
        return _sorted([*rest, *Score.of([*same, *notes]).notes])

    def without(self, notes: Iterable[Note]) -> "Score":
        """Return the score without these notes."""
        gone = set(notes)
        return _sorted([note for note in self.notes if note not in gone])

    def replaced(self, old: Iterable[Note], new: Iterable[Note]) -> "Score":
        """Return the score with ``old`` taken out and ``new`` put in (a move, a resize)."""
        return self.without(old).added(*new)

    def first_difference(self, other: "Score") -> int | None:
        """Return the earliest tick at which the two scores differ, None where they are equal."""
        odd = set(self.notes).symmetric_difference(other.notes)
        return min((note.on for note in odd), default=None)


def _sorted(notes: list[Note]) -> Score:
    notes.sort()
    return Score(tuple(notes), max((note.duration for note in notes), default=0))


def _separated(same_pitch: list[Note]) -> list[Note]:
    """Let each note, in the order given, cut the earlier ones of its pitch."""
    if len(same_pitch) == 1:
        return same_pitch
    in_time = sorted(same_pitch)
    if all(a.off <= b.on for a, b in pairwise(in_time)):
        return in_time
    kept: list[Note] = []  # apart and in time
    for new in same_pitch:
        first = bisect_left(kept, new.on, key=lambda note: note.on)
        last = bisect_left(kept, new.off, lo=first, key=lambda note: note.on)
        before = kept[first - 1] if first else None
        kept[first:last] = [new]
        if before and before.off > new.on:
            kept[first - 1] = replace(before, off=new.on)
    return kept
