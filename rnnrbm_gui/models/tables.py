"""W laid out for kernels whose sums stay in vector registers.

A Gibbs step goes up along the few keys that are on, in playing even the fewer that have changed,
and down by tables, for of the hidden units nearly half are on: they go in groups of five, and each
group has a table of the 32 sums that its rows of weights can have. In 16 bits these take half the
room, and that is enough to tell nearly every key (``draws_numba``).
"""

import functools
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import randomness

Rows = NDArray[Any]

_WIDTH = 16
"""Numbers to a register, as in ``simd``."""

WORD = 64
"""Hidden units to a word of bits."""
TOGETHER = 5
"""Hidden units to a group. Fours read more rows, sixes take more room than a cache has."""
TO_A_WORD = 13
"""Groups to a word. None lies across two: the last one has four units."""

HALF = 0.51
"""How far off a rough row is, at the most, in units: a half, and what float32 rounds of it."""
ROUNDED = 2.0**-18
"""How far off float32 puts a sum, at the most, of its terms' sizes: by 64 roundings.

Bounds allow for that much of a bias (the kernels do) and of W (``bounds_of``). A sum of whole
numbers is rounded some five times on its way to the odds; one of float32 also at each group, for
fifty of which it is enough (``rounded``). Of W, what ``HALF`` has to spare is more than that from
four groups on: no test can show it, but for fewer the proof needs it.
"""

_LEAST = 2.0**-100
"""A sum so small is taken for this one, of which float32 still has the unit's reciprocal."""

_LINE = 64
"""Bytes of a line of the cache. A register that lies across two costs two reads."""


@dataclass(frozen=True, eq=False)
class Tables:
    """W as the kernels read it, each layer cut into blocks that fit into the registers.

    Attributes:
        n_visible: keys.
        n_hidden: hidden units.
        up: (n_blocks_h, n_visible, block_h), W; what pads the hidden units is 0.
        down: (n_blocks_v, n_groups, 32, block_v). Row p of a group is the sum of those of its
            hidden units whose bit in p is on.
        words: of the hidden units, then of the keys, each layer filled up to whole registers; for
            ``randomness``.
    """

    n_visible: int
    n_hidden: int
    up: Rows
    down: Rows
    words: NDArray[np.uint32]

    @staticmethod
    def of(W: Rows, block_v: int, block_h: int) -> "Tables":
        """Lay out W, (n_visible, n_hidden), of float32 or of 32-bit whole numbers.

        Args:
            W: the weights.
            block_v: keys to a block.
            block_h: hidden units to a block.
        """
        n_visible, n_hidden = W.shape
        up = in_blocks(W, block_h)
        n_blocks, units = -(-n_visible // block_v), groups(n_hidden)
        down = aligned(W.dtype, n_blocks, len(units), 1 << TOGETHER, block_v)
        rows = np.zeros((n_hidden + 1, n_blocks * block_v), W.dtype)  # the last is of no unit
        rows[:n_hidden, :n_visible] = W.T
        of_groups = rows[units].reshape(*units.shape, n_blocks, block_v)
        for i, sums in enumerate(down):
            for unit in range(TOGETHER):  # sums[:, 0] is 0; each unit doubles what is there
                half = 1 << unit
                sums[:, half : 2 * half] = sums[:, :half] + of_groups[:, unit, i, None]
        return Tables(n_visible, n_hidden, up, down, unit_words(n_visible, n_hidden))


class Rough(NamedTuple):
    """``Tables.down`` rounded to 16 bits: sums as many units, and nearly exact.

    Attributes:
        down: as ``Tables.down``, of uint16, to be taken for signed numbers.
        bounds: (3,), float32: the unit; how far a sum of one row from each group may be off; and
            how far sums of ``Tables.up``, exact ones, can lie from 0. All are infinite if one is:
            then nothing is told from ``down``, which is 0.
    """

    down: Rows
    bounds: NDArray[np.float32]

    @staticmethod
    def of(down: Rows, W: Rows) -> "Rough":
        """Round the rows, to units so large that no sum of them leaves 16 bits.

        Args:
            down: ``Tables.down``, of float32 or int32.
            W: of which it is, (n_visible, n_hidden).
        """
        bounds, rows = bounds_of(W, down.shape[1]), aligned(np.dtype(np.uint16), *down.shape)
        if np.isfinite(bounds[0]):
            np.rint(down * (1 / bounds[0]), out=rows.view(np.int16), casting="unsafe")
        return Rough(rows, bounds)


def rounded(n_groups: int) -> float:
    """Return what float32 rounds away of a sum of so many terms, of their sizes; at the most."""
    return ROUNDED * max(1.0, n_groups / 50)


def bounds_of(W: Rows, n_groups: int) -> NDArray[np.float32]:
    """Return ``Rough.bounds`` of W, (n_visible, n_hidden), in so many groups of hidden units."""
    with np.errstate(invalid="ignore"):  # W may be anything
        above = np.maximum(W, 0)
        parts = above.astype(np.float64), above - W.astype(np.float64)
        most, reach = (max(float(x.sum(i).max()) for x in parts) for i in (1, 0))
    return bounds_from(most, reach, n_groups)


def bounds_from(most: float, reach: float, n_groups: int) -> NDArray[np.float32]:
    """Return ``Rough.bounds``; ``most``: as ``reach``, of sums of ``Tables.down``."""
    most = max(most, _LEAST)
    unit = most / (2**15 - 1 - n_groups)  # each row may be rounded up
    off = n_groups * HALF * unit + rounded(n_groups) * 2 * most
    with np.errstate(over="ignore"):
        bounds = np.array([unit, off, reach], np.float32)
    return bounds if np.isfinite(bounds).all() else np.full_like(bounds, np.inf)


@functools.cache
def groups(n_hidden: int) -> NDArray[np.intp]:
    """Return the hidden units of each group, (n_groups, TOGETHER); n_hidden stands for none."""
    first = np.flatnonzero(np.arange(n_hidden) % WORD % TOGETHER == 0)
    units, ends = first[:, None] + np.arange(TOGETHER), np.append(first[1:], n_hidden)
    return np.where(units < ends[:, None], units, n_hidden)


def in_blocks(W: Rows, width: int) -> Rows:
    """Return W's columns in blocks, (n_blocks, n_rows, width), padded with 0."""
    n_rows, n_columns = W.shape
    blocks = aligned(W.dtype, -(-n_columns // width), n_rows, width)
    for i, block in enumerate(blocks):
        some = W[:, i * width : (i + 1) * width]
        block[:, : some.shape[1]] = some
    return blocks


@functools.cache
def unit_words(n_visible: int, n_hidden: int) -> NDArray[np.uint32]:
    """Return ``Tables.words``."""
    n = sum(-(-n // _WIDTH) * _WIDTH for n in (n_visible, n_hidden))
    words = aligned(np.dtype(np.uint32), n)
    words[:] = randomness.words(n)
    return words


def aligned(dtype: "np.dtype[Any]", *shape: int) -> Rows:
    """Return zeros that begin at the begin of a line of the cache."""
    n_bytes = int(np.prod(shape)) * dtype.itemsize
    raw = np.zeros(n_bytes + _LINE, np.uint8)
    first = -raw.ctypes.data % _LINE
    return raw[first : first + n_bytes].view(dtype).reshape(shape)
