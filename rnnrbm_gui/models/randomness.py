"""Counted random numbers: each follows from its place, none from those drawn before it.

A frame's place is (seed, take, frame), three whole numbers of 64 bits that are mixed into a key of
64 bits; with the number of a step it gives that step's key. Each unit has a word of its own, and
key and word together its number. So the music of a seed does not depend on how far, in what order
or on which thread frames have been drawn.
"""

import numpy as np
from numpy.typing import NDArray

_ALL = 2**64 - 1

# From Wellons' search for hashes of two rounds with least bias (hash-prospector).
MULTIPLY_1, MULTIPLY_2 = 0x21F0AAAD, 0xD35A2D97
SHIFT_1, SHIFT_2 = 16, 15
_WORDS_FROM = 1 << 40


def mix(z: int) -> int:
    """Return one step of splitmix64 (Steele, Lea, Flood 2014), a bijection of 64 bits."""
    z = (z + 0x9E3779B97F4A7C15) & _ALL
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & _ALL
    z = (z ^ z >> 27) * 0x94D049BB133111EB & _ALL
    return z ^ z >> 31


def frame_key(seed: int, take: int, frame: int) -> int:
    """Return the key of a frame, 64 bits.

    Args:
        seed: the user's, 0..2^64 - 1.
        take: which of several futures, 0..2^64 - 1.
        frame: index on the time line, 0..2^64 - 1.

    Raises:
        ValueError: one is out of range.
    """
    check(seed, take, frame)
    return mix(mix(mix(seed) ^ take) ^ frame)


def check(seed: int, take: int, frame: int) -> None:
    """Refuse a place out of range; see ``frame_key``."""
    if not (0 <= seed <= _ALL and 0 <= take <= _ALL and 0 <= frame <= _ALL):
        raise ValueError(
            f"seed, take and frame must be in 0..2^64 - 1, got {seed}, {take} and {frame}"
        )


def words(n: int) -> NDArray[np.uint32]:
    """Return the words of units 0 to n, uint32 (n,)."""
    return np.array([mix(_WORDS_FROM + unit) >> 32 for unit in range(n)], np.uint32)


def uniforms(key: int, steps: range, words: NDArray[np.uint32]) -> NDArray[np.float32]:
    """Return the numbers of some units in some steps, float32 in (0, 1), (n_steps, n_units).

    A unit's word plus half of the step's key goes through two rounds of xor-shift and multiply; the
    other half enters between them. The top 23 bits and a half give (x + 1/2) 2^-23: never 0, never
    1, all spaced alike.
    """
    z = np.uint64(key) ^ np.arange(steps.start, steps.stop, dtype=np.uint64)
    z += np.uint64(0x9E3779B97F4A7C15)  # as in ``mix``
    z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    z = (z ^ z >> np.uint64(31))[:, None]
    x = words + (z & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    x ^= x >> np.uint32(SHIFT_1)
    x *= np.uint32(MULTIPLY_1)
    x += (z >> np.uint64(32)).astype(np.uint32)
    x ^= x >> np.uint32(SHIFT_2)
    x *= np.uint32(MULTIPLY_2)
    return ((x >> np.uint32(9)).astype(np.float32) + np.float32(0.5)) * np.float32(2.0**-23)
