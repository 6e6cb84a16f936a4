"""The compiled twin of ``Playable.advance`` in NumPy: a frame's recurrence, with the same bits.

Sums are of whole multiples of small powers of two, exact in float64 in any order; what is not a sum
is the same sequence of rounded operations as in ``exact``, none fused. Importing this module
imports numba.
"""

import numpy as np
from numba import types
from numpy.typing import NDArray

from rnnrbm_gui.models import compiling, simd
from rnnrbm_gui.models.exact import LN2_HIGH, LN2_LOW, LOG2E, SERIES, STATE_UNIT, STEEPEST, UNIT
from rnnrbm_gui.models.memory import Memory

Double = NDArray[np.float64]
Whole = NDArray[np.int32]

TANH, SIGMOID, GRU, NONE = range(4)
CODES: dict[Memory, int] = {"tanh": TANH, "sigmoid": SIGMOID, "gru": GRU}

_MOST = 64
_POWERS = 2.0 ** np.arange(-_MOST, _MOST + 1)
_S8, _S7, _S6, _S5, _S4, _S3, _S2 = SERIES


@simd.part
def _exp(x: float) -> float:
    x = min(max(x, -STEEPEST), STEEPEST)
    n = np.rint(x * LOG2E)
    r = x - n * LN2_HIGH - n * LN2_LOW
    p = _S8 * r + _S7
    p = p * r + _S6
    p = p * r + _S5
    p = p * r + _S4
    p = p * r + _S3
    p = p * r + _S2
    p = (p * r + 1.0) * r + 1.0
    return p * _POWERS[np.int64(n) + _MOST]


@simd.part
def _rounded(y: float) -> float:
    return np.rint(y * STATE_UNIT) / STATE_UNIT


@simd.part
def _sigmoid(a: float) -> float:
    return _rounded(1.0 - 1.0 / (_exp(a) + 1.0))


@simd.part
def _tanh(a: float) -> float:
    return _rounded(1.0 - 2.0 / (_exp(2.0 * a) + 1.0))


@simd.part
def _add_product(u: Double, weights: Double, out: Double) -> None:
    for i in range(u.size):
        factor, row = u[i], weights[i]
        if factor:
            for j in range(out.size):
                out[j] += factor * row[j]


def _advance(
    memory: int,
    u: Double,
    v: NDArray[np.bool_],
    into_u: Double,
    Wvu: Double,
    Wuu: Double,
    into_v: Double,
    Wuv: Double,
    into_h: Double,
    Wuh: Double,
    after: Double,
    bv_t: Whole,
    bh_t: Whole,
) -> None:
    """Fill in the state after a frame and the biases that it gives.

    Args:
        memory: TANH, SIGMOID, GRU, or NONE: the state stays.
        u: (n_recurrent,), the state before.
        v: (n_visible,), the frame.
        into_u: (n_gates n_recurrent,), the bias of the recurrent units, with the frame's place.
        Wvu: (n_visible, n_gates n_recurrent).
        Wuu: (n_recurrent, n_gates n_recurrent).
        into_v: (n_visible,), the visible bias, with the next frame's place.
        Wuv: (n_recurrent, n_visible).
        into_h: (n_hidden,), likewise.
        Wuh: (n_recurrent, n_hidden).
        after: (n_recurrent,), to be filled.
        bv_t: (n_visible,), likewise.
        bh_t: (n_hidden,), likewise.
    """
    n = u.size
    if memory == NONE:
        after[:] = u
    else:
        a, m = into_u.copy(), np.zeros(into_u.size)
        for i in range(v.size):
            if v[i]:
                row = Wvu[i]
                for j in range(a.size):
                    a[j] += row[j]
        _add_product(u, Wuu, m)
        for j in range(n):
            if memory == TANH:
                after[j] = _tanh(a[j] + m[j])
            elif memory == SIGMOID:
                after[j] = _sigmoid(a[j] + m[j])
            else:
                z = _sigmoid(a[j] + m[j])
                r = _sigmoid(a[n + j] + m[n + j])
                c = _tanh(a[2 * n + j] + r * m[2 * n + j])
                after[j] = _rounded(u[j] + z * (c - u[j]))
    x_v, x_h = into_v.copy(), into_h.copy()
    _add_product(after, Wuv, x_v)
    _add_product(after, Wuh, x_h)
    for i in range(x_v.size):
        bv_t[i] = np.int32(np.floor(x_v[i] * UNIT + 0.5))
    for j in range(x_h.size):
        bh_t[j] = np.int32(np.floor(x_h[j] * UNIT + 0.5))


_D1, _D2 = compiling.given(types.float64, 1), compiling.given(types.float64, 2)
advance = compiling.cached(
    types.void(
        *(types.int64, _D1, compiling.given(types.boolean, 1), _D1, _D2, _D2, _D1, _D2, _D1, _D2),
        *(types.float64[::1], types.int32[::1], types.int32[::1]),
    ),
    _advance,
)
