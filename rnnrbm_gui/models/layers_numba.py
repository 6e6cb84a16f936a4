"""What a Gibbs step does with one layer, in vector registers: for playing, training and measuring.

What lanes are: ``simd``. Layers are bits here, 64 to a word. The sums go over the rows of the keys
that are on, and down over rows of ``tables``: in whole numbers, whose order does not matter, or in
float32. Whole numbers can also be followed: only the rows of the keys that have changed since.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import simd
from rnnrbm_gui.models.randomness import MULTIPLY_1, MULTIPLY_2, SHIFT_1, SHIFT_2
from rnnrbm_gui.models.tables import TO_A_WORD, TOGETHER

Words = NDArray[np.uint64]

_PATTERN = np.uint64((1 << TOGETHER) - 1)
UNIFORM_ONE = np.float32(2.0**32)
"""What ``uniforms`` counts as 1."""
_UNIFORM_ONE_BITS, _WIDE = 0x4F800000, simd.wide()
_HALF_BELOW_ONE = np.float32(2.0**32 - 2.0**8)


@simd.part
def mix(z: Any) -> Any:
    """One step of splitmix64, as ``randomness.mix``."""
    z = np.uint64(z + np.uint64(0x9E3779B97F4A7C15))
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@simd.part
def uniforms(words: Any, first: int, key: Any) -> Any:
    """Return the numbers of 16 units in the step of this key, 2^32 ``randomness.uniforms``."""
    x = simd.load(words, first, 1) + np.uint32(key)
    x = (x ^ (x >> SHIFT_1)) * MULTIPLY_1 + np.uint32(key >> np.uint64(32))
    x = (x ^ (x >> SHIFT_2)) * MULTIPLY_2
    # (x >> 9 + 1/2) 2^9: converted, where the machine can; else the fraction of 2^32 times 1..2.
    if _WIDE:
        return simd.unsigned_to_float((x & np.uint32(0xFFFFFE00)) | np.uint32(0x100))
    return simd.as_float((x >> 9) | _UNIFORM_ONE_BITS) - _HALF_BELOW_ONE


@simd.part
def pack(v: Any, on: Any) -> None:
    """Put a layer's truths into bits."""
    for w in range(on.size):
        part = v[64 * w : 64 * w + 64]
        word = np.uint64(0)
        for i in range(part.size):
            word |= np.uint64(part[i]) << np.uint64(i)
        on[w] = word


@simd.part
def unpack(on: Any, v: Any) -> None:
    """Put a layer's bits into truths."""
    for w in range(on.size):
        part = v[64 * w : 64 * w + 64]
        for i in range(part.size):
            part[i] = (on[w] >> np.uint64(i)) & np.uint64(1)


@simd.part
def set_fired(on: Any, register: int, fired: Any) -> None:
    """Put 16 units' bits into their word; the first 16 of a word wipe what it held."""
    shift = np.uint64(16 * (register & 3))
    kept = on[register >> 2] if shift else np.uint64(0)
    on[register >> 2] = kept | (simd.mask(fired) << shift)


@simd.part
def up(bias: Any, rows: Any, on: Words, block: Any, out: Any) -> None:
    """Leave in ``out`` the bias plus the rows of the keys that are on.

    Args:
        bias: (n_blocks * block,).
        rows: ``Tables.up``.
        on: the keys.
        block: lanes as many as a block has; says so by its type.
        out: as bias.
    """
    n_blocks, n_rows, width = rows.shape
    for i in range(n_blocks):
        a = simd.load(bias, i * width, block)
        for w in range(on.size):
            word = on[w]
            first = i * n_rows + 64 * w
            while word:
                a = a + simd.load(rows, (first + simd.lowest_bit(word)) * simd.size(a), block)
                word &= word - np.uint64(1)
        simd.store(out, i * width, a)


@simd.written_out
def up_from(rows: Any, on: Words, was: Words, shape: Any, block: Any, sums: Any) -> None:
    """Turn the sums of the keys that were on, whole numbers, into those of the keys that are.

    ``shape``: n_blocks and words of keys, known when compiling.
    """
    (n_blocks, n_words), n_rows, width = shape, rows.shape[1], simd.size(block)
    for i in range(n_blocks):
        a = simd.load(sums, i * width, block)
        for w in range(n_words):
            now = on[w]
            changed = now ^ was[w]
            while changed:
                key = simd.lowest_bit(changed)
                # 0 if it came, all bits if it went: x ^ 0 - 0 is x, and ~x + 1 is -x. A branch
                # between adding and subtracting would be guessed wrong half of the time.
                went = np.uint32((now >> np.uint64(key) & np.uint64(1)) - np.uint64(1))
                row = simd.load(rows, (i * n_rows + 64 * w + key) * width, block)
                a = a + ((row ^ went) - went)
                changed &= changed - np.uint64(1)
        simd.store(sums, i * width, a)


@simd.written_out
def down(bias: Any, sums: Any, on: Words, shape: Any, block: Any, out: Any) -> None:
    """Leave in ``out`` the bias plus one row of ``Tables.down`` for each group of hidden units.

    Args:
        bias: (n_blocks * block,).
        sums: ``Tables.down``, or ``Rough.down``.
        on: the hidden units.
        shape: n_blocks, words of hidden units and groups; known when compiling, no loop is left.
        block: as many registers as a block has; says so by its type.
        out: as bias.
    """
    n_blocks, n_words, n_groups = shape
    for i in range(n_blocks):
        b, row = simd.load(bias, i * sums.shape[3], block), i * n_groups << TOGETHER
        for w in range(n_words):
            word = on[w]
            for _ in range(min(TO_A_WORD, n_groups - w * TO_A_WORD)):
                pattern = np.int64(word & _PATTERN)
                b = b + simd.load(sums, (row + pattern) * simd.size(b), block)
                word >>= np.uint64(TOGETHER)
                row += 1 << TOGETHER
        simd.store(out, i * simd.size(b), b)
