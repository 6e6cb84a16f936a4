"""W laid out for kernels whose sums stay in vector registers.

A Gibbs step goes up along the few keys that are on, and down by tables, for of the hidden units
nearly half are on: they go in groups of five, and each group has a table of the 32 sums that its
rows of weights can have. Reading one row instead of two or three is what a step gains; what it
costs is room in the cache, so that larger layers go in groups of four.
"""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import randomness

Rows = NDArray[Any]

_WIDTH = 16
"""Numbers to a register, as in ``simd``."""

WORD = 64
"""Hidden units to a word of bits. No group lies across two: the last one of a word is smaller."""

_MOST_BY_FIVES = 208
"""Hidden units whose tables of fives, for 88 keys, still leave half of a cache of 1 MB."""

_LINE = 64
"""Bytes of a line of the cache. A register that lies across two costs two reads."""


@dataclass(frozen=True, eq=False)
class Tables:
    """W as the kernels read it, each layer cut into blocks that fit into the registers.

    Attributes:
        n_visible: keys.
        n_hidden: hidden units.
        up: (n_blocks_h, n_visible, block_h), W; what pads the hidden units is 0.
        down: (n_blocks_v, n_groups, n_patterns, block_v). Row p of a group is the sum of those of
            its hidden units whose bit in p is on; see ``first_units``.
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
        together = 5 if n_hidden <= _MOST_BY_FIVES else 4
        first, n_blocks = first_units(n_hidden, together), -(-n_visible // block_v)
        down = aligned(W.dtype, n_blocks, len(first), 1 << together, block_v)
        rows = np.zeros((n_hidden + 1, n_blocks * block_v), W.dtype)  # the last is of no unit
        rows[:n_hidden, :n_visible] = W.T
        ends = np.append(first[1:], n_hidden)
        for i, sums in enumerate(down):
            block = rows[:, i * block_v : (i + 1) * block_v]
            for unit in range(together):  # sums[:, 0] is 0; each unit doubles what is there
                half, units = 1 << unit, np.where(first + unit < ends, first + unit, n_hidden)
                sums[:, half : 2 * half] = sums[:, :half] + block[units, None]
        return Tables(n_visible, n_hidden, up, down, unit_words(n_visible, n_hidden))


def first_units(n_hidden: int, together: int) -> NDArray[np.intp]:
    """Return the first hidden unit of each group of so many, (n_groups,): each word begins anew."""
    units = np.arange(n_hidden)
    return units[units % WORD % together == 0]


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
    return randomness.words(sum(-(-n // _WIDTH) * _WIDTH for n in (n_visible, n_hidden)))


def aligned(dtype: "np.dtype[Any]", *shape: int) -> Rows:
    """Return zeros that begin at the begin of a line of the cache."""
    n_bytes = int(np.prod(shape)) * dtype.itemsize
    raw = np.zeros(n_bytes + _LINE, np.uint8)
    first = -raw.ctypes.data % _LINE
    return raw[first : first + n_bytes].view(dtype).reshape(shape)
