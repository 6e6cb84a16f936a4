"""A frame's recurrence in compiled code: the twin of ``Playable.advance`` in NumPy, same bits.

The sums are of float32, term by term from the first row to the last, as there; many of them side
by side in a register, which changes none. What squashes a state is the same sequence of rounded
operations as in ``exact``, none fused. Importing this module imports numba.
"""

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import compiling, simd
from rnnrbm_gui.models import layers_numba as layers
from rnnrbm_gui.models.exact import LN2_HIGH, LN2_LOW, LOG2E, SERIES, STATE_UNIT, STEEPEST, UNIT
from rnnrbm_gui.models.terms import Memory

Float = NDArray[np.float32]
Whole = NDArray[np.int32]
Words = NDArray[np.uint64]

TANH, SIGMOID, GRU, NONE = range(4)
BLOCK = 48
"""Columns to a block: three sums side by side keep the adders busy."""

_REGISTERS = BLOCK // simd.WIDTH
CODES: dict[Memory, int] = {"tanh": TANH, "sigmoid": SIGMOID, "gru": GRU}

_S8, _S7, _S6, _S5, _S4, _S3, _S2 = SERIES
_BIAS, _FRACTION = np.int64(1023), np.int64(52)  # of a float64's exponent; its bits


@simd.part
def _exp(x: Any) -> Any:
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
    power = np.int64((np.int64(n) + _BIAS) << _FRACTION)
    return p * power.view(np.float64)


@simd.part
def _rounded(y: Any) -> Any:
    return np.float32(np.rint(np.float64(y) * STATE_UNIT) / STATE_UNIT)


@simd.part
def _sigmoid(a: Any) -> Any:
    return _rounded(1.0 - 1.0 / (_exp(np.float64(a)) + 1.0))


@simd.part
def _tanh(a: Any) -> Any:
    return _rounded(1.0 - 2.0 / (_exp(2.0 * np.float64(a)) + 1.0))


@simd.part
def _product(u: Float, weights: Float, out: Float) -> None:
    """Leave u @ weights in ``out``."""
    n_blocks, n_rows, width = weights.shape
    for block in range(n_blocks):
        total = simd.zeros(_REGISTERS)
        for i in range(n_rows):
            at = (block * n_rows + i) * simd.size(total)
            total = total + simd.load(weights, at, total) * u[i]
        simd.store(out, block * width, total)


@simd.part
def _sum_of_rows(on: Words, weights: Float, out: Float) -> None:
    """Leave the sum of the rows that are on in ``out``."""
    n_blocks, n_rows, width = weights.shape
    for block in range(n_blocks):
        total = simd.zeros(_REGISTERS)
        for w in range(on.size):
            word = on[w]
            while word:
                row = block * n_rows + 64 * w + simd.lowest_bit(word)
                total = total + simd.load(weights, row * simd.size(total), total)
                word &= word - np.uint64(1)
        simd.store(out, block * width, total)


@simd.part
def room(weights: Float) -> Float:
    """Return room for a product's columns."""
    return np.empty(weights.shape[0] * weights.shape[2], np.float32)


@simd.function
def advance(
    memory: int,
    u: Float,
    v: NDArray[np.bool_],
    bu: Float,
    place_u: Float,
    Wvu: Float,
    Wuu: Float,
    bx: Float,
    place_x: Float,
    Wux: Float,
    a: Float,
    m: Float,
    x: Float,
    after: Float,
    biases: Whole,
) -> None:
    """Fill in the state after a frame and the biases that it gives.

    Args:
        memory: TANH, SIGMOID, GRU, or NONE: the state stays.
        u: (n_recurrent,), the state before.
        v: (n_visible * (1 + n_echoes),), the frame and its echoes.
        bu: (n_gates n_recurrent,).
        place_u: likewise, what the frame's place in the bar adds.
        Wvu: (n_visible * (1 + n_echoes), n_gates n_recurrent), in blocks of columns.
        Wuu: (n_recurrent, n_gates n_recurrent), likewise.
        bx: (n_visible + n_hidden,), bv and bh.
        place_x: likewise, what the next frame's place adds.
        Wux: (n_recurrent, n_visible + n_hidden), Wuv and Wuh, in blocks of columns.
        a: as many as Wvu's blocks have columns, to work in.
        m: likewise.
        x: as many as Wux's blocks have columns, likewise.
        after: (n_recurrent,), to be filled.
        biases: (n_visible + n_hidden,), likewise.
    """
    n = u.size
    if memory == NONE:
        after[:] = u
    else:
        n_words = (v.size + 63) // 64
        on = nb.carray(compiling.on_stack(8 * n_words), n_words, np.uint64)
        layers.pack(v, on)
        _sum_of_rows(on, Wvu, a)
        _product(u, Wuu, m)
        for j in range(bu.size):
            a[j] = (bu[j] + a[j]) + place_u[j]
        if memory == TANH:
            for j in range(n):
                after[j] = _tanh(a[j] + m[j])
        elif memory == SIGMOID:
            for j in range(n):
                after[j] = _sigmoid(a[j] + m[j])
        else:
            for j in range(2 * n):
                a[j] = _sigmoid(a[j] + m[j])
            for j in range(n):
                c = _tanh(a[2 * n + j] + a[n + j] * m[2 * n + j])
                after[j] = _rounded(u[j] + a[j] * (c - u[j]))
    _product(after, Wux, x)
    for i in range(bx.size):
        biases[i] = np.int32(np.floor(np.float64((bx[i] + x[i]) + place_x[i]) * UNIT + 0.5))
