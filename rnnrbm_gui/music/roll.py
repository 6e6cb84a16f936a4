"""Between notes and a roll: which keys are on in each frame, and back.

``roll[frame, key]`` with ``key = pitch - low``. The model sees a note in every frame of which it
covers at least half, and in at least one. Back again, the articulation says what a key that is on
in two adjacent frames means: one held note (tie) or the same note struck again.

A model that learns articulation has a second plane of keys beside the first, ``roll[frame, n_keys +
key]``: those struck in this very frame. Such a roll says itself what a key that goes on means.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.timing import Meter, frame_ticks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Roll = NDArray[np.bool_]


class Articulation(StrEnum):
    """What happens to a pitch that goes on in the next frame."""

    TIE = "tie"
    RESTRIKE = "re-strike"
    HALF_BAR = "re-strike on the half bar"
    BAR = "re-strike on the bar"


class Grid(Struct, frozen=True):
    """How the frames and keys of one model lie over ticks and pitches.

    Attributes:
        frames_per_beat: frames to the quarter note.
        low: the pitch, as played, of key 0.
        n_keys: number of keys.
        planes: 1: which keys sound. 2: those, and beside them which are struck.
    """

    frames_per_beat: int
    low: int
    n_keys: int
    planes: int = 1

    @property
    def n_visible(self) -> int:
        """Cells of one frame: keys, times planes."""
        return self.n_keys * self.planes

    @property
    def frame(self) -> int:
        """Ticks of one frame."""
        return frame_ticks(self.frames_per_beat)

    def covered(self, note: Note) -> tuple[int, int]:
        """Return the frames ``first <= t < last`` in which the model sees the note."""
        step = self.frame
        # The onset rounds halves down, the end up: exactly half of a frame is enough at both.
        first, last = (note.on + (step - 1) // 2) // step, (note.off + step // 2) // step
        if last > first:
            return first, last
        middle = (note.on + note.off) // 2 // step
        return middle, middle + 1

    def frames_of(self, notes: Sequence[Note], first: int, last: int) -> Roll:
        """Return ``roll[first:last]``, (last - first, n_visible), with every plane of the grid.

        Pitches off the grid are unseen. A note is struck in the first frame that it covers.
        """
        roll = np.zeros((max(0, last - first), self.n_visible), np.bool_)
        for note in notes:
            key = note.pitch - self.low
            if 0 <= key < self.n_keys:
                begin, end = self.covered(note)
                roll[max(0, begin - first) : max(0, end - first), key] = True
                if self.planes > 1 and first <= begin < last:
                    roll[begin - first, self.n_keys + key] = True
        return roll

    def strikes_at(self, frame: int, articulation: Articulation, meter: Meter) -> bool:
        """Tell whether a pitch that goes on is struck again at this frame."""
        if articulation is Articulation.TIE:
            return False
        if articulation is Articulation.RESTRIKE:
            return True
        bar = meter.bar_ticks
        every = bar if articulation is Articulation.BAR or bar % 2 else bar // 2
        tick = frame * self.frame
        return tick % every < self.frame

    def notes_of(
        self,
        roll: Roll,
        articulation: Articulation,
        meter: Meter,
        *,
        first: int = 0,
        begin: int = 0,
        velocity: int = 80,
    ) -> list[Note]:
        """Return the notes that start in frames ``begin`` and later of a roll.

        Args:
            roll: (n_frames, n_visible), the frames from ``first`` on.
            articulation: what a key on in two adjacent frames means, where the roll does not say.
            meter: where the bars are.
            first: index of ``roll[0]`` on the time line.
            begin: notes with an onset before this frame are left out.
            velocity: of every note.
        """
        n_frames = len(roll)
        if self.planes > 1:
            roll, again = roll[:, : self.n_keys], roll[:, self.n_keys :]
        else:
            struck = [self.strikes_at(first + i, articulation, meter) for i in range(n_frames)]
            again = np.array(struck, np.bool_)[:, None]
        before = np.zeros_like(roll)
        before[1:] = roll[:-1]
        onset = roll & (~before | again)
        step, notes = self.frame, []
        for i, key in zip(*np.nonzero(onset), strict=True):
            if first + i < begin:
                continue
            end = int(i) + 1
            while end < n_frames and roll[end, key] and not onset[end, key]:
                end += 1
            pitch = self.low + int(key)
            if 0 <= pitch <= 127:
                on = (first + int(i)) * step
                notes.append(Note(on, pitch, (first + end) * step, velocity))
        return notes
