"""Counted random numbers: each follows from its place, none from those drawn before it.

A frame's place is (seed, take, frame), three whole numbers of 64 bits that are mixed into two keys
of 32 bits. Within the frame a number's place is its index: step * n_units + unit. So the music of
a seed does not depend on how far, in what order or on which thread frames have been drawn.
"""

import numpy as np
from numpy.typing import NDArray

_ALL = 2**64 - 1

# The multipliers and shifts of Wellons' triple32, found by search for least bias.
MULTIPLY_1, MULTIPLY_2, MULTIPLY_3 = 0xED5AD4BB, 0xAC4C1B51, 0x31848BAB
SHIFT_1, SHIFT_2, SHIFT_3, SHIFT_4 = 17, 11, 15, 14


def mix(z: int) -> int:
    """Return one step of splitmix64 (Steele, Lea, Flood 2014), a bijection of 64 bits."""
    z = (z + 0x9E3779B97F4A7C15) & _ALL
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & _ALL
    z = (z ^ z >> 27) * 0x94D049BB133111EB & _ALL
    return z ^ z >> 31


def frame_keys(seed: int, take: int, frame: int) -> tuple[int, int]:
    """Return the two 32-bit keys of a frame.

    Args:
        seed: the user's, 0..2^64 - 1.
        take: which of several futures, 0..2^64 - 1.
        frame: index on the time line, 0..2^64 - 1.

    Raises:
        ValueError: one is out of range.
    """
    z = 0
    for name, value in (("seed", seed), ("take", take), ("frame", frame)):
        if not 0 <= value <= _ALL:
            raise ValueError(f"{name} must be in 0..2^64 - 1, got {value}")
        z = mix(z ^ value)
    return z & 0xFFFFFFFF, z >> 32


def uniforms(keys: tuple[int, int], first: int, n: int) -> NDArray[np.float32]:
    """Return the numbers of places ``first`` to ``first + n`` of a frame, float32 in (0, 1).

    A counter plus the first key goes through three rounds of xor-shift and multiply; the second
    key enters between them, so that frames whose counters overlap do not share a stream. The top
    23 bits and a half give (x + 1/2) 2^-23: never 0, never 1, all spaced alike.
    """
    key0, key1 = keys
    x = np.arange(n, dtype=np.uint32) + np.array([(first + key0) & 0xFFFFFFFF], np.uint32)
    x ^= x >> np.uint32(SHIFT_1)
    x *= np.uint32(MULTIPLY_1)
    x ^= x >> np.uint32(SHIFT_2)
    x ^= np.uint32(key1)
    x *= np.uint32(MULTIPLY_2)
    x ^= x >> np.uint32(SHIFT_3)
    x *= np.uint32(MULTIPLY_3)
    x ^= x >> np.uint32(SHIFT_4)
    return ((x >> np.uint32(9)).astype(np.float32) + np.float32(0.5)) * np.float32(2.0**-23)
