"""The sum of ``gradients`` over all frames' hidden units, in vector registers; imports numba.

What the lanes are and why: ``simd``.
"""

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import powers_numba as powers
from rnnrbm_gui.models import products_numba as products
from rnnrbm_gui.models import simd

Float = NDArray[np.float32]
Bools = NDArray[np.bool_]
Places = NDArray[np.int64]
Keys = NDArray[np.int8]

_ONE = np.float32(1)
_LANES = simd.WIDTH


@nb.njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def not_0(keys: NDArray[Any], frame: int, which: NDArray[np.int64]) -> int:
    """Put a frame's keys that are not 0 into ``which``, and return how many.

    Without a branch, which a processor would guess wrong at each of them: so the place after the
    last of them is written, too, if a key that is 0 follows. ``which`` has a place for each key.
    """
    n = 0
    for key in range(keys.shape[1]):
        which[n] = key
        n += keys[frame, key] != 0
    return n


@simd.function
def contrast(
    W: Float,
    bh_t: Float,
    v: Bools,
    v_neg: Bools,
    weight: np.float32,
    d_bh: Float,
    d_v: Keys,
    d_W: Float,
) -> None:
    """Fill in the loss's gradient with respect to bh_t, to bv_t, and to W where it meets a frame.

    Args:
        W: (n_visible, n_hidden).
        bh_t: (n_frames, n_hidden).
        v: (n_frames, n_visible).
        v_neg: likewise.
        weight: of a frame.
        d_bh: (n_frames, n_hidden).
        d_v: (n_frames, n_visible), without the weight.
        d_W: (n_visible, n_hidden).
    """
    n_visible, n_hidden = W.shape
    width = -(-n_hidden // _LANES) * _LANES
    full, grad = products.zeros(n_visible, width), products.zeros(n_visible, width)
    for i in range(n_visible):
        for j in range(n_hidden):
            full[i, j] = W[i, j]
    bias, out = np.zeros(width, np.float32), np.empty(width, np.float32)
    on, on_neg = np.empty(n_visible, np.int64), np.empty(n_visible, np.int64)
    for frame in range(len(bh_t)):
        n_on, n_neg = not_0(v, frame, on), not_0(v_neg, frame, on_neg)
        for i in range(n_visible):
            d_v[frame, i] = np.int8(v_neg[frame, i]) - np.int8(v[frame, i])
        for i in range(n_hidden):
            bias[i] = bh_t[frame, i]
        for first in range(0, width, _LANES):
            a = simd.load(bias, first, 1)
            b = a
            for j in range(n_on):
                a = a + simd.load(full, on[j] * width + first, 1)
            for j in range(n_neg):
                b = b + simd.load(full, on_neg[j] * width + first, 1)
            pos = weight / (powers.exp(a * -_ONE) + _ONE)
            neg = weight / (powers.exp(b * -_ONE) + _ONE)
            simd.store(out, first, neg - pos)
            for j in range(n_on):
                place = on[j] * width + first
                simd.store(grad, place, simd.load(grad, place, 1) - pos)
            for j in range(n_neg):
                place = on_neg[j] * width + first
                simd.store(grad, place, simd.load(grad, place, 1) + neg)
        for i in range(n_hidden):
            d_bh[frame, i] = out[i]
    for i in range(n_visible):
        row, now = grad[i], d_W[i]
        for j in range(n_hidden):
            now[j] = row[j]
