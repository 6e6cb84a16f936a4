"""Powers of two and of e in every lane: exact to the bit, nearly exact, and rough.

All cut y into a whole number n and r in -1/2..1/2, and take a polynomial for 2^r; n is added to
its exponent. Importing this module imports numba.
"""

from typing import Any

import numpy as np

from rnnrbm_gui.models import simd
from rnnrbm_gui.models.kernels import LOG2E, POWER_OF_TWO

_C4, _C3, _C2, _C1, _C0 = POWER_OF_TWO
# 2^r to one more degree and 8e-8: for sums over thousands of steps.
_D = (1.3276472e-3, 9.6755413e-3, 5.5507127e-2, 2.4022120e-1, 6.9314697e-1, 1.0)
_D5, _D4, _D3, _D2, _D1, _D0 = map(np.float32, _D)
# And to one less, and 7.5e-5 (all three: Remez).
_R3, _R2, _R1, _R0 = map(np.float32, (5.517167e-2, 2.4261112e-1, 6.9326099e-1, 9.9992807e-1))
_ONE, _FARTHEST = np.float32(1), np.float32(80)
_WHOLE = np.float32(1.5 * 2**23)
"""Added to a float32, leaves of it the nearest whole number, in the lowest bits."""


@simd.part
def exp(x: Any) -> Any:
    """Return the exponential to within 2e-6 of its value, ``x`` cut to -80..80."""
    x = simd.choose(x < _FARTHEST, x, _FARTHEST)
    x = simd.choose(x < -_FARTHEST, -_FARTHEST, x)
    shifted = simd.multiply_add(x, LOG2E, _WHOLE)
    r = simd.multiply_add(x, LOG2E, (shifted - _WHOLE) * -_ONE)
    p = simd.multiply_add(r, _D5, _D4)
    p = simd.multiply_add(r, p, _D3)
    p = simd.multiply_add(r, p, _D2)
    p = simd.multiply_add(r, p, _D1)
    p = simd.multiply_add(r, p, _D0)
    return _times_power(p, shifted)


@simd.part
def power_of_two(y: Any) -> Any:
    """Return what ``kernels.power_of_two`` does, bit for bit: each operation rounded, none fused.

    ``y`` must lie in -``kernels.FARTHEST``..``kernels.FARTHEST``.
    """
    shifted = y + _WHOLE
    r = y - (shifted - _WHOLE)
    p = r * _C4 + _C3
    p = p * r + _C2
    p = p * r + _C1
    p = p * r + _C0
    return _times_power(p, shifted)


@simd.part
def roughly_power_of_two(x: Any, scale: Any) -> Any:
    """Return 2^(x scale) to within 1e-4 of its value, ``x scale`` in -120..120."""
    shifted = simd.multiply_add(x, scale, _WHOLE)
    r = simd.multiply_add(x, scale, (shifted - _WHOLE) * -_ONE)
    p = simd.multiply_add(r, _R3, _R2)
    p = simd.multiply_add(p, r, _R1)
    p = simd.multiply_add(p, r, _R0)
    return _times_power(p, shifted)


@simd.part
def _times_power(p: Any, shifted: Any) -> Any:
    """Return p 2^n, of n the lowest bits of ``shifted``."""
    return simd.as_float(simd.as_bits(p) + (simd.as_bits(shifted) << 23))
