"""Frame differences become notes, one frame at a time, and can be taken back to any frame."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.roll import Articulation, Grid
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import PPQ, Meter

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Voices:
    """The notes of a growing roll.

    A key that is on in two adjacent frames is one note or two, as the frame says itself where it
    has a plane of struck keys, else as the articulation says. The result is that of
    ``Grid.notes_of`` over all frames; this class only spares the recount.

    Args:
        grid: how frames and keys lie over ticks and pitches.
        articulation: what a key on in two adjacent frames means, from the next frame on; of no
            effect where the frames say it.
        meter: where the bars are, from the next frame on.
        past: notes of an earlier take that have sounded and stay as they are.
        n_past: the frames that they fill.
    """

    def __init__(
        self,
        grid: Grid,
        articulation: Articulation,
        meter: Meter,
        past: Iterable[Note] = (),
        n_past: int = 0,
    ) -> None:
        self.grid, self.articulation, self.meter = grid, articulation, meter
        self._past = sorted(_cut(past, n_past * grid.frame))  # may be long: looked up by onset
        self._longest = max((note.duration for note in self._past), default=0)
        # Of each frame: key struck there -> frames held; key sounding there -> its onset; accent.
        self._lengths: list[dict[int, int]] = [{} for _ in range(n_past)]
        self._struck: list[dict[int, int]] = [{} for _ in range(n_past)]
        self._accents = [0] * n_past

    def __len__(self) -> int:
        return len(self._struck)

    def append(self, v: NDArray[np.bool_]) -> int:
        """Add the next frame, (n_visible,).

        A struck key that does not sound is silent. One that sounds without being struck, and did
        not sound before, begins a note all the same: before it may have been a drawn one.

        Returns:
            The earliest tick from which notes have changed.
        """
        frame, n_keys = len(self._struck), self.grid.n_keys
        before = self._struck[-1] if self._struck else {}
        keys = np.flatnonzero(v[:n_keys]).tolist()
        if self.grid.planes > 1:
            again = set(np.flatnonzero(v[n_keys:]).tolist())
        else:
            strikes = self.grid.strikes_at(frame, self.articulation, self.meter)
            again = set(keys) if strikes else set()
        struck: dict[int, int] = {}
        self._lengths.append({})
        for key in keys:
            onset = frame if key in again else before.get(key, frame)
            struck[key] = onset
            self._lengths[onset][key] = frame + 1 - onset
        self._struck.append(struck)
        self._accents.append(accent(frame * self.grid.frame, self.meter))
        return min(struck.values(), default=frame) * self.grid.frame

    def truncate(self, n_frames: int) -> int:
        """Forget the frames from ``n_frames`` on, cutting notes that reach into them.

        Returns:
            The earliest tick from which notes have changed.
        """
        step = self.grid.frame
        cut = n_frames * step
        begin = self._onsets_from(cut - self._longest)
        changed = [cut, *(note.on for note in self._past[begin:] if note.off > cut)]
        self._past[begin:] = _cut(self._past[begin:], cut)
        del self._lengths[n_frames:], self._struck[n_frames:], self._accents[n_frames:]
        for key, onset in (self._struck[-1] if self._struck else {}).items():
            if self._lengths[onset][key] > n_frames - onset:
                self._lengths[onset][key] = n_frames - onset
                changed.append(onset * step)
        return min(changed)

    def starting(self, first: int, last: int, drawn: Score) -> list[Note]:
        """Return the notes, clear of the drawn ones, with ``first <= on < last`` in ticks."""
        step = self.grid.frame
        begin = max(0, first) // step
        if begin < len(self._struck):
            # A note that gives way to a drawn one may begin later than it was struck.
            begin = min([begin, *self._struck[begin].values()])
        near = self._past_between(first, last)
        near += self._notes(begin, -(-last // step))
        shortest = min(step, SHORTEST_REST)
        clear = (clear_of(note, drawn, shortest) for note in near)
        return [note for note in clear if note and first <= note.on < last]

    def sounding(self, tick: int, drawn: Score) -> list[Note]:
        """Return the notes that began before a tick and still sound there."""
        frame = tick // self.grid.frame
        begin = tick
        if frame < len(self._struck):
            begin = min(
                [tick, *(onset * self.grid.frame for onset in self._struck[frame].values())]
            )
        begin = min([begin, *(note.on for note in self._past_between(tick, tick + 1))])
        return [note for note in self.starting(begin, tick, drawn) if note.off > tick]

    def _past_between(self, first: int, last: int) -> list[Note]:
        begin, end = self._onsets_from(first - self._longest), self._onsets_from(last)
        return [note for note in self._past[begin:end] if note.overlaps(first, last)]

    def _onsets_from(self, tick: int) -> int:
        return bisect_left(self._past, tick, key=lambda note: note.on)

    def _notes(self, first: int, last: int) -> list[Note]:
        """Return the notes struck in the frames ``first <= t < last``."""
        step, found = self.grid.frame, []
        for frame in range(first, min(last, len(self._lengths))):
            for key, length in sorted(self._lengths[frame].items()):
                pitch = self.grid.low + key
                if 0 <= pitch <= 127:
                    on, off = frame * step, (frame + length) * step
                    found.append(Note(on, pitch, off, self._accents[frame]))
        return found


def _cut(notes: Iterable[Note], tick: int) -> list[Note]:
    """Return the notes that begin before a tick, none of them longer than to there."""
    return [
        note if note.off <= tick else replace(note, off=tick) for note in notes if note.on < tick
    ]


def accent(tick: int, meter: Meter) -> int:
    """Return the velocity of a generated note: the bar's first beat speaks a little louder."""
    if tick % meter.bar_ticks == 0:
        return 84
    return 76 if tick % meter.beat_ticks == 0 else 70


SHORTEST_REST = PPQ // 8


def clear_of(note: Note, drawn: Score, shortest: int = SHORTEST_REST) -> Note | None:
    """Return what is left of a generated note beside the drawn ones of its pitch.

    A drawn note always sounds as drawn, so the generated one gives way: it starts after a drawn
    note that is still sounding, ends before one that begins, and is dropped (None) where less
    than ``shortest`` ticks are left.
    """
    on, off = note.on, note.off
    for other in drawn.overlapping(note.on, note.off):
        if other.pitch != note.pitch:
            continue
        if other.on <= on:
            on = max(on, other.off)
        else:
            off = min(off, other.on)
    if (on, off) == (note.on, note.off):
        return note
    return Note(on, note.pitch, off, note.velocity) if off - on >= shortest else None
