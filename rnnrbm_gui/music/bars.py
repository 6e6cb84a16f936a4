"""A frame's place in its bar, as a number that a model is told."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rnnrbm_gui.music.timing import Meter, frame_ticks


class Bars(Struct, frozen=True):
    """The bars of which a model tells the places apart: those of a few metres, in a row.

    Attributes:
        meters: the metres; none for a model that is not told where it is.
        frames_per_beat: frames to the quarter note.
    """

    meters: tuple[Meter, ...]
    frames_per_beat: int

    @staticmethod
    def of(words: str, frames_per_beat: int) -> "Bars":
        """Return the bars of words such as "4/4 3/4"; of none for an empty string."""
        return Bars(tuple(map(Meter.of, words.split())), frames_per_beat)

    def __str__(self) -> str:
        return " ".join(map(str, self.meters))

    @property
    def n_positions(self) -> int:
        """How many places there are."""
        return sum(map(self._frames, self.meters))

    def place(self, meter: Meter, position: int) -> int:
        """Return the number of a place, 0 where there are none.

        A metre that is not among them is taken for one with as long a bar, or for the first.

        Args:
            meter: the time signature.
            position: frames since the bar line.
        """
        if not self.meters:
            return 0
        as_long = [m for m in self.meters if m.bar_ticks == meter.bar_ticks]
        taken = meter if meter in self.meters else (as_long or list(self.meters))[0]
        first = sum(map(self._frames, self.meters[: self.meters.index(taken)]))
        return first + position % self._frames(taken)

    def places(self, meter: Meter, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the numbers of many places; see ``place``."""
        return np.array([self.place(meter, int(position)) for position in positions], np.int64)

    def place_at(self, meter: Meter, tick: int) -> int:
        """Return the number of the place of the frame that begins at a tick of the time line."""
        return self.place(meter, tick % meter.bar_ticks // frame_ticks(self.frames_per_beat))

    def _frames(self, meter: Meter) -> int:
        return -(-meter.bar_ticks // frame_ticks(self.frames_per_beat))
