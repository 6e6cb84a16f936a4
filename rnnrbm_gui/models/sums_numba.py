"""The sums of ``gradients`` over frames, compiled: over those of their keys that are on.

Frames are sparse: of 88 keys about four sound. A product of frames with a dense matrix touches
those keys' rows only, here and not in a matrix product. What the lanes are and why: ``simd``.
Importing this module imports numba.
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


@simd.function
def add_keys(keys: Any, frame: int, which: Places, table: Float, out: Float) -> None:
    """Add the rows of a frame's keys to ``out``, (n,); keys may be -1."""
    for j in range(not_0(keys, frame, which)):
        key = which[j]
        factor, row = np.float32(keys[frame, key]), table[key]
        for i in range(out.size):
            out[i] += factor * row[i]


@simd.function
def drive(
    table: Float, rows: Places, x_table: Float, x: Places, seen: Bools, into: Float, a: Float
) -> None:
    """Fill in ``table[rows] + x_table[x] + seen @ into``, (n_frames, n)."""
    which = np.empty(seen.shape[1], np.int64)
    for frame in range(len(a)):
        now, row = a[frame], table[rows[frame]]
        for i in range(now.size):
            now[i] = row[i]
        if x.size:
            row = x_table[x[frame]]
            for i in range(now.size):
                now[i] += row[i]
        add_keys(seen, frame, which, into, now)


@simd.function
def add_read(d_v: Keys, Wuv: Float, weight: np.float32, d_read: Float) -> None:
    """Add ``d_v @ Wuv.T * weight`` to ``d_read``."""
    table = np.empty((Wuv.shape[1], len(Wuv)), np.float32)
    which = np.empty(len(table), np.int64)
    for i in range(len(table)):
        for j in range(len(Wuv)):
            table[i, j] = Wuv[j, i] * weight
    for frame in range(len(d_v)):
        add_keys(d_v, frame, which, table, d_read[frame, : len(Wuv)])  # the rest is padding


@simd.function
def outer(
    d_v: Keys,
    read: Float,
    weight: np.float32,
    d_Wuv: Float,
    seen: Bools,
    d_a: Float,
    d_into: Float,
) -> None:
    """Fill in ``read.T @ d_v * weight``, and add ``seen.T @ d_a`` to ``d_into``."""
    n_u, n_visible = d_Wuv.shape
    turned = np.zeros((n_visible, n_u), np.float32)
    which = np.empty(max(n_visible, seen.shape[1]), np.int64)
    for frame in range(len(d_v)):
        now = read[frame]
        for j in range(not_0(d_v, frame, which)):
            key = which[j]
            factor, row = np.float32(d_v[frame, key]), turned[key]
            for i in range(n_u):
                row[i] += factor * now[i]
        now = d_a[frame]
        for j in range(not_0(seen, frame, which)):
            row = d_into[which[j]]
            for i in range(row.size):
                row[i] += now[i]
    for i in range(n_u):
        for key in range(n_visible):
            d_Wuv[i, key] = turned[key, i] * weight
