"""What the mouse can do to notes: one class for each gesture. Pure: ticks and pitches, no Qt.

A gesture begins on a score, is moved to where the mouse is, and gives a score when the mouse is
released. Dropped before that, it has changed nothing.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from msgspec.structs import replace

from rnnrbm_gui.music.note import HIGHEST_PITCH, LOWEST_PITCH, Note, name_of
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import Meter
from rnnrbm_gui.ui.roll.viewport import cell_of, snapped

FREE = 15
"""The finest grid, ticks (a 128th): what remains while the snap is bypassed."""
EDGE = 7.0
"""How near to its end, in pixels, a note is taken by its edge."""


class Tool(StrEnum):
    """What the left mouse button does."""

    DRAW = "draw"
    ERASE = "erase"
    SELECT = "select"


class Part(StrEnum):
    """Where a note is taken."""

    START = "start"
    BODY = "body"
    END = "end"


class Hit(NamedTuple):
    """A note under the mouse, and the part of it."""

    note: Note
    part: Part


def hit(score: Score, tick: float, pitch: int, per_tick: float) -> Hit | None:
    """Return the note under the mouse and where it is taken; ``per_tick`` is pixels of a tick.

    The edges take a quarter of a short note each, so that its body can always be taken too.
    """
    note = score.at(int(tick), pitch)
    if note is None:
        return None
    edge = min(EDGE, note.duration * per_tick / 4)
    if (note.off - tick) * per_tick <= edge:
        return Hit(note, Part.END)
    if (tick - note.on) * per_tick <= edge:
        return Hit(note, Part.START)
    return Hit(note, Part.BODY)


def spoken(note: Note, meter: Meter) -> str:
    """Return a note in words: ``F♯4 · bar 2.3 · 1 beat``."""
    bar, beat = meter.bar_beat(note.on)
    beats = f"{note.duration / meter.beat_ticks:.2f}".rstrip("0").rstrip(".")
    return f"{name_of(note.pitch)} · bar {bar}.{beat} · {beats} beat{'s' * (beats != '1')}"


class Gesture:
    """One movement of the mouse from press to release.

    Attributes:
        name: what the undo menu calls it.
        score: what it began on.
        lifted: notes of that score not to be seen in their place meanwhile.
        shown: notes to be seen in the mouse's hand.
        heard: the pitch to be heard meanwhile, or None.
    """

    name = ""

    def __init__(self, score: Score) -> None:
        self.score = score
        self.lifted: frozenset[Note] = frozenset()
        self.shown: tuple[Note, ...] = ()
        self.heard: int | None = None

    def move(self, tick: float, pitch: int, snap: int) -> None:
        """Follow the mouse; ``snap`` is the grid in ticks."""
        raise NotImplementedError

    def result(self) -> Score:
        """Return the score as the gesture leaves it."""
        return self.score.replaced(self.lifted, self.shown)


class AddNote(Gesture):
    """A click adds a note of the length last used; a drag sets its length."""

    name = "Draw note"

    def __init__(
        self, score: Score, tick: float, pitch: int, snap: int, length: int, velocity: int
    ) -> None:
        super().__init__(score)
        on = cell_of(tick, snap)
        self.shown = (Note(on, pitch, on + length, velocity),)
        self.heard = pitch

    def move(self, tick: float, pitch: int, snap: int) -> None:
        """Let the note end with the grid cell under the mouse."""
        note = self.shown[0]
        off = max(note.on + snap, cell_of(tick, snap) + snap)
        self.shown = (replace(note, off=off),)


class MoveNotes(Gesture):
    """Notes follow the mouse in time and pitch, all by the same way; or their copies do."""

    def __init__(
        self, score: Score, notes: Iterable[Note], held: Note, tick: float, *, copy: bool = False
    ) -> None:
        super().__init__(score)
        self.name = "Duplicate notes" if copy else "Move notes"
        self._notes = tuple(sorted(notes))
        self._held, self._tick = held, tick
        self.lifted = frozenset() if copy else frozenset(self._notes)
        self.shown = () if copy else self._notes
        self.heard = held.pitch

    def move(self, tick: float, pitch: int, snap: int) -> None:
        """Move by whole grid steps, as far as the roll reaches for all of them."""
        ticks, semitones = within_reach(
            self._notes,
            round((tick - self._tick) / snap) * snap,
            pitch - self._held.pitch,
        )
        self.shown = moved(self._notes, ticks, semitones)
        self.heard = self._held.pitch + semitones

    def result(self) -> Score:
        """Return the score with the notes where they were left; unmoved, it is the same."""
        if self.shown == self._notes or not self.shown:
            return self.score
        return super().result()


class ResizeNotes(Gesture):
    """One edge of the held note follows the mouse; other chosen notes change as much."""

    name = "Change length"

    def __init__(self, score: Score, notes: Iterable[Note], held: Note, part: Part) -> None:
        super().__init__(score)
        self._notes = tuple(sorted(notes))
        self._held, self._part = held, part
        self.lifted, self.shown = frozenset(self._notes), self._notes

    def move(self, tick: float, pitch: int, snap: int) -> None:
        """Bring the edge to the grid line nearest to the mouse."""
        edge = self._held.on if self._part is Part.START else self._held.off
        change = snapped(tick, snap) - edge
        self.shown = tuple(resized(note, self._part, change, snap) for note in self._notes)


class Erase(Gesture):
    """Every note the mouse passes over goes."""

    name = "Erase notes"

    def __init__(self, score: Score, tick: float, pitch: int) -> None:
        super().__init__(score)
        self._last = (tick, pitch)
        self.move(tick, pitch, 1)

    def move(self, tick: float, pitch: int, snap: int) -> None:
        """Erase along the straight line from where the mouse was, so that haste misses none."""
        (tick0, pitch0), self._last = self._last, (tick, pitch)
        step = 1 if pitch >= pitch0 else -1
        rows = abs(pitch - pitch0) + 1
        for i in range(rows):
            begin = tick0 + (tick - tick0) * i / rows
            end = tick0 + (tick - tick0) * (i + 1) / rows
            first, last = int(min(begin, end)), int(max(begin, end)) + 1
            row = pitch0 + i * step
            under = self.score.overlapping(first, last)
            self.lifted |= {note for note in under if note.pitch == row}

    def result(self) -> Score:
        """Return the score without what was passed over."""
        return self.score.without(self.lifted) if self.lifted else self.score


class Marquee(Gesture):
    """A rectangle chooses notes; it may add to what was chosen, or turn it over.

    Attributes:
        corners: (first tick, last tick, low pitch, high pitch) of the rectangle.
        before: what was chosen before it and is kept.
        selection: what is chosen now.
    """

    name = "Select"

    def __init__(
        self, score: Score, tick: float, pitch: int, before: frozenset[Note], *, toggle: bool
    ) -> None:
        super().__init__(score)
        self._from, self.before, self._toggle = (tick, pitch), before, toggle
        self.corners = (tick, tick, pitch, pitch)
        self.selection = before

    def move(self, tick: float, pitch: int, snap: int) -> None:
        """Choose what the rectangle from the press to the mouse touches."""
        first, last = sorted((self._from[0], tick))
        low, high = sorted((self._from[1], pitch))
        self.corners = (first, last, low, high)
        touched = frozenset(
            note
            for note in self.score.overlapping(int(first), int(last) + 1)
            if low <= note.pitch <= high
        )
        self.selection = self.before ^ touched if self._toggle else self.before | touched

    def result(self) -> Score:
        """Return the score as it was: choosing changes no note."""
        return self.score


def within_reach(notes: Iterable[Note], ticks: int, semitones: int) -> tuple[int, int]:
    """Return how far all these notes can go towards a move without leaving the roll."""
    group = tuple(notes)
    ticks = max(ticks, -min(note.on for note in group))
    low, high = min(note.pitch for note in group), max(note.pitch for note in group)
    return ticks, min(max(semitones, LOWEST_PITCH - low), HIGHEST_PITCH - high)


def moved(notes: Iterable[Note], ticks: int, semitones: int) -> tuple[Note, ...]:
    """Return the notes moved in time and pitch."""
    return tuple(
        Note(note.on + ticks, note.pitch + semitones, note.off + ticks, note.velocity)
        for note in notes
    )


def resized(note: Note, part: Part, change: int, least: int) -> Note:
    """Return a note with one edge moved, no shorter than ``least`` or than it was."""
    least = min(least, note.duration)
    if part is Part.START:
        return replace(note, on=max(0, min(note.on + change, note.off - least)))
    return replace(note, off=max(note.off + change, note.on + least))
