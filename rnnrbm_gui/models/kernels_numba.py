"""The compiled twin of ``kernels.gibbs_plain``: same definition, same bits, no GIL.

Importing this module imports numba, which takes a third of a second: only
``kernels.compile_kernel`` does. A frame has few keys on, so sums go over the rows of units that
are on; the loops over units are written flat for LLVM to vectorise. numba makes uint32 + uint32 a
uint64, hence the casts. Nothing is compiled with ``fastmath``, so nothing is fused or reordered.
"""

import numba as nb
import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models.kernels import FARTHEST, LN2_HIGH, LN2_LOW, LOG2E, PAD, SERIES
from rnnrbm_gui.models.randomness import (
    MULTIPLY_1,
    MULTIPLY_2,
    MULTIPLY_3,
    SHIFT_1,
    SHIFT_2,
    SHIFT_3,
    SHIFT_4,
)

_M1, _M2, _M3 = np.uint32(MULTIPLY_1), np.uint32(MULTIPLY_2), np.uint32(MULTIPLY_3)
_S1, _S2 = np.uint32(SHIFT_1), np.uint32(SHIFT_2)
_S3, _S4 = np.uint32(SHIFT_3), np.uint32(SHIFT_4)
_C6, _C5, _C4, _C3, _C2, _C1, _C0 = SERIES


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _uniforms(key0: np.uint32, key1: np.uint32, first: int, out: NDArray[np.float32]) -> None:
    start = np.uint32(np.uint32(first) + key0)
    for i in range(out.size):
        x = np.uint32(start + np.uint32(i))
        x = np.uint32(x ^ (x >> _S1))
        x = np.uint32(x * _M1)
        x = np.uint32(x ^ (x >> _S2))
        x = np.uint32(x ^ key1)
        x = np.uint32(x * _M2)
        x = np.uint32(x ^ (x >> _S3))
        x = np.uint32(x * _M3)
        x = np.uint32(x ^ (x >> _S4))
        # 23 bits: the same number signed, which converts to float in one instruction.
        out[i] = (np.float32(np.int32(x >> np.uint32(9))) + np.float32(0.5)) * np.float32(2.0**-23)


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _odds(x: NDArray[np.float32], bits: NDArray[np.int32]) -> None:
    """Leave 1 + exp(-x) in ``bits`` seen as float32."""
    out = bits.view(np.float32)
    for i in range(x.size):
        y = min(max(-x[i], -FARTHEST), FARTHEST)
        n = np.rint(y * LOG2E)
        r = y - n * LN2_HIGH - n * LN2_LOW
        p = _C6 * r + _C5
        p = p * r + _C4
        p = p * r + _C3
        p = p * r + _C2
        p = p * r + _C1
        x[i] = p * r + _C0
        bits[i] = np.int32(np.int32(np.int32(n) + np.int32(127)) << np.int32(23))
    for i in range(x.size):
        out[i] = np.float32(1.0) + x[i] * out[i]


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _sums(
    bias: NDArray[np.int32],
    rows: NDArray[np.int32],
    on: NDArray[np.bool_],
    which: NDArray[np.int64],
    out: NDArray[np.int32],
) -> None:
    """Leave in ``out`` the bias plus the rows of the units that are on, four rows at a time."""
    n_on = 0
    for j in range(on.size):
        which[n_on] = j
        n_on += int(on[j])  # no branch to mispredict
    out[: bias.size] = bias
    whole = n_on - n_on % 4
    for j in range(0, whole, 4):
        r0, r1, r2, r3 = rows[which[j]], rows[which[j + 1]], rows[which[j + 2]], rows[which[j + 3]]
        for i in range(out.size):
            out[i] = np.int32(out[i] + r0[i] + r1[i] + r2[i] + r3[i])
    for j in range(whole, n_on):
        row = rows[which[j]]
        for i in range(out.size):
            out[i] = np.int32(out[i] + row[i])


@nb.njit(nogil=True, cache=True, error_model="numpy")
def gibbs_compiled(
    W: NDArray[np.int32],
    WT: NDArray[np.int32],
    bv_t: NDArray[np.int32],
    bh_t: NDArray[np.int32],
    base: NDArray[np.float32],
    offset: NDArray[np.float32],
    scale: NDArray[np.float32],
    mix: NDArray[np.float32],
    from_base: bool,
    first_mean: int,
    key0: int,
    key1: int,
    v: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """Move ``v`` by Gibbs steps; see ``kernels.gibbs_plain``."""
    n_visible, n_hidden = bv_t.size, bh_t.size
    n_units, n_steps = n_hidden + n_visible, scale.size - 1
    one = np.float32(1.0)
    k0, k1 = np.uint32(key0), np.uint32(key1)
    uniform = np.empty((n_units + PAD - 1) // PAD * PAD, np.float32)
    uniform_h, uniform_v = uniform[:n_hidden], uniform[n_hidden:n_units]
    which = np.empty(max(n_hidden, n_visible) + 1, np.int64)
    a, b = np.zeros(W.shape[1], np.int32), np.zeros(WT.shape[1], np.int32)
    x_h, x_v = np.zeros(a.size, np.float32), np.zeros(b.size, np.float32)
    odds_h, odds_v = a.view(np.float32), b.view(np.float32)
    h = np.empty(n_hidden, np.bool_)
    total = np.zeros(n_visible, np.float32)
    if from_base:
        _uniforms(k0, k1, 0, uniform)
        for i in range(n_visible):
            x_v[i] = base[i] * mix[0] + offset[i]
        _odds(x_v, b)
        for i in range(n_visible):
            v[i] = uniform_v[i] * odds_v[i] < one
    for step in range(1, n_steps + 1):
        _uniforms(k0, k1, step * n_units, uniform)
        _sums(bh_t, W, v, which, a)
        for j in range(a.size):
            x_h[j] = np.float32(a[j]) * scale[step]
        _odds(x_h, a)
        for j in range(n_hidden):
            h[j] = uniform_h[j] * odds_h[j] < one
        _sums(bv_t, WT, h, which, b)
        for i in range(n_visible):
            x_v[i] = np.float32(b[i]) * scale[step] + (base[i] * mix[step] + offset[i])
        _odds(x_v, b)
        for i in range(n_visible):
            v[i] = uniform_v[i] * odds_v[i] < one
        if step >= first_mean:
            for i in range(n_visible):
                total[i] += one / odds_v[i]
    for i in range(n_visible):
        total[i] = total[i] / np.float32(n_steps + 1 - first_mean)
    return total
