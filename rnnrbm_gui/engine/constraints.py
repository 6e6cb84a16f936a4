"""What the drawn notes demand of each frame: every cell of the roll is free, on or off.

The one idea behind seed, harmony and infill. ``Free`` shows the model nothing of what is drawn.
``Continue`` takes the drawn passage as it is: everything else in it is off, what precedes it is
silence that the model is not shown, what follows is free. ``Harmonise`` keeps the drawn notes on
and leaves the rest of the passage free, but for the keys above a melody (a drawn note at or above
middle C): the melody stays on top, the model fills in under and after it.

Where the model has a plane of struck keys, a drawn note is struck in the first frame it covers and
in no other, a key that is off is not struck, and what sounds freely is struck freely.
"""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rnnrbm_gui.engine.choices import Mode
from rnnrbm_gui.models.kernels import FREE, OFF, ON
from rnnrbm_gui.music.roll import Grid
from rnnrbm_gui.music.score import Score

UNSHOWN = -2
"""A whole row of silence before a continued passage: it is not sampled and not remembered."""

MELODY_FROM_PITCH = 60


class Constraints(Struct, frozen=True, eq=False):
    """The cells of the drawn passage; every frame after them is free.

    Attributes:
        cells: int8 (n_frames, n_visible) of FREE, ON, OFF; rows of UNSHOWN come first if any.
        passage: frames ``first <= t < last`` of the drawn passage, (0, 0) where nothing is drawn.
    """

    cells: NDArray[np.int8]
    passage: tuple[int, int]

    @staticmethod
    def of(score: Score, mode: Mode, grid: Grid) -> "Constraints":
        """Derive the constraints of a drawn score on the grid of one model."""
        spans = [grid.covered(note) for note in score]
        first = min((begin for begin, _ in spans), default=0)
        last = max((end for _, end in spans), default=0)
        drawn = grid.frames_of(score.notes, 0, last)
        cells = np.zeros(drawn.shape, np.int8)
        if mode is Mode.CONTINUE:
            cells[:] = np.where(drawn, ON, OFF)
            cells[:first] = UNSHOWN
        elif mode is Mode.HARMONISE:
            sounding = drawn[:, : grid.n_keys]
            cells[:] = np.where(drawn, ON, np.where(np.tile(sounding, grid.planes), OFF, FREE))
            by_plane = cells.reshape(len(cells), grid.planes, grid.n_keys)
            lowest_melody_key = MELODY_FROM_PITCH - grid.low
            for frame in np.flatnonzero(sounding.any(axis=1)):
                top = int(np.flatnonzero(sounding[frame])[-1])
                if top >= lowest_melody_key:
                    by_plane[frame, :, top + 1 :] = OFF
        return Constraints(cells, (first, last))

    def row(self, frame: int) -> NDArray[np.int8]:
        """Return the cells of one frame, int8 (n_visible,)."""
        if frame < len(self.cells):
            return self.cells[frame]
        return np.zeros(self.cells.shape[1], np.int8)

    def differences(self, other: "Constraints") -> NDArray[np.intp]:
        """Return the frames whose cells differ between the two, ascending."""
        n_frames = max(len(self.cells), len(other.cells))
        a, b = (
            np.vstack([c.cells, np.zeros((n_frames - len(c.cells), c.cells.shape[1]), np.int8)])
            for c in (self, other)
        )
        return np.flatnonzero((a != b).any(axis=1))
