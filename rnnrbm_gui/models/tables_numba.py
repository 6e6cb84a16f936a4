"""``tables`` in compiled code: training lays out W anew at each update. Importing imports numba."""

import numpy as np
from numba import types
from numpy.typing import NDArray

from rnnrbm_gui.models import compiling
from rnnrbm_gui.models.tables import (
    TOGETHER,
    Rough,
    Tables,
    aligned,
    bounds_of,
    groups,
    in_blocks,
    unit_words,
)

Float = NDArray[np.float32]


def tables(W: Float, block_v: int, block_h: int) -> tuple[Tables, Rough]:
    """Return what ``Tables.of`` and ``Rough.of`` do, of float32, bit for bit."""
    n_visible, n_hidden = W.shape
    units = groups(n_hidden)
    shape = -(-n_visible // block_v), len(units), 1 << TOGETHER, block_v
    down, rough = (aligned(np.dtype(kind), *shape) for kind in (np.float32, np.uint16))
    bounds = bounds_of(W, len(units))
    _fill(W, units, np.float32(1 / bounds[0]), down, rough.view(np.int16))
    up, words = in_blocks(W, block_h), unit_words(n_visible, n_hidden)
    return Tables(n_visible, n_hidden, up, down, words), Rough(rough, bounds)


def _fill_in(
    W: Float,
    units: NDArray[np.int64],
    of_unit: np.float32,
    down: Float,
    rough: NDArray[np.int16],
) -> None:
    n_visible, n_hidden = W.shape
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
            for p in range(n_rows if of_unit else 0):  # 0: the unit is infinite
                for i in range(n):
                    rough[block, group, p, i] = np.int16(
                        np.rint(down[block, group, p, i] * of_unit)
                    )


_fill = compiling.cached(
    types.void(
        *(compiling.given(types.float32, 2), compiling.given(types.int64, 2), types.float32),
        *(types.float32[:, :, :, ::1], types.int16[:, :, :, ::1]),
    ),
    _fill_in,
)
