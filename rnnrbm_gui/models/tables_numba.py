"""``tables`` in compiled code: training lays out W anew at each update. Importing imports numba."""

import numba as nb
import numpy as np
from numba import types
from numpy.typing import NDArray

from rnnrbm_gui.models import compiling
from rnnrbm_gui.models.tables import (
    TOGETHER,
    Rough,
    Tables,
    aligned,
    bounds_from,
    groups,
    unit_words,
)

Float = NDArray[np.float32]


def tables(
    W: Float, block_v: int, block_h: int, room: tuple[Tables, Rough] | None = None
) -> tuple[Tables, Rough]:
    """Return what ``Tables.of`` and ``Rough.of`` do, of float32, bit for bit.

    Args:
        W: (n_visible, n_hidden).
        block_v: keys to a block.
        block_h: hidden units to a block.
        room: what was returned for as large a W, and is not needed any more.
    """
    n_visible, n_hidden = W.shape
    units = groups(n_hidden)
    if room is None:
        shape = -(-n_visible // block_v), len(units), 1 << TOGETHER, block_v
        down, rough = (aligned(np.dtype(kind), *shape) for kind in (np.float32, np.uint16))
        up = aligned(W.dtype, -(-n_hidden // block_h), n_visible, block_h)
    else:
        up, down, rough = room[0].up, room[0].down, room[1].down
    bounds = bounds_from(*_largest_sums(W), len(units))
    _fill(W, units, np.float32(1 / bounds[0]), up, down, rough.view(np.int16))
    return Tables(n_visible, n_hidden, up, down, unit_words(n_visible, n_hidden)), Rough(
        rough, bounds
    )


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc"})
def _largest_sums(W: Float) -> tuple[float, float]:
    """Return the largest sum of a row's numbers of one sign, and of a column's; both from 0.

    Of float32 sums in float64 are exact, in any order, but for numbers so unlike in size that it
    does not matter.
    """
    n_visible, n_hidden = W.shape
    above, below = np.zeros(n_hidden), np.zeros(n_hidden)
    most = reach = 0.0
    for i in range(n_visible):
        plus, minus, row = 0.0, 0.0, W[i]
        for j in range(n_hidden):
            x = np.float64(row[j])
            plus += x if x > 0 else 0.0
            minus += 0.0 if x > 0 else -x  # whatever is no number is here
            above[j] += x if x > 0 else 0.0
            below[j] += 0.0 if x > 0 else -x
        for total in (plus, minus):
            most = most if most >= total or most != most else total
    for j in range(n_hidden):
        for total in (above[j], below[j]):
            reach = reach if reach >= total or reach != reach else total
    return most, reach


def _fill_in(
    W: Float,
    units: NDArray[np.int64],
    of_unit: np.float32,
    up: Float,
    down: Float,
    rough: NDArray[np.int16],
) -> None:
    n_visible, n_hidden = W.shape
    width = up.shape[2]
    for block in range(len(up)):
        for i in range(n_visible):
            row, some = up[block, i], W[i, block * width :]
            for j in range(min(width, some.size)):
                row[j] = some[j]
    n_blocks, n_groups, n_rows, width = down.shape
    row = np.zeros(width, np.float32)
    for block in range(n_blocks):
        n = min(width, n_visible - block * width)
        for group in range(n_groups):
            for unit in range(TOGETHER):
                half, j = 1 << unit, units[group, unit]
                for i in range(n):
                    row[i] = W[block * width + i, j] if j < n_hidden else np.float32(0)
                for p in range(half):
                    for i in range(n):
                        down[block, group, half + p, i] = down[block, group, p, i] + row[i]
            for p in range(n_rows):
                for i in range(n):
                    # Of an infinite unit nothing is told.
                    x = down[block, group, p, i] if of_unit else np.float32(0)
                    rough[block, group, p, i] = np.int16(np.rint(x * of_unit))


_fill = compiling.cached(
    types.void(
        *(compiling.given(types.float32, 2), compiling.given(types.int64, 2), types.float32),
        *(types.float32[:, :, ::1], types.float32[:, :, :, ::1], types.int16[:, :, :, ::1]),
    ),
    _fill_in,
)
