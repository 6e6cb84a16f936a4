"""The two sums of ``gradients`` over all frames, in vector registers; importing imports numba.

What the lanes are and why: ``simd``.
"""

from typing import Any

import numba as nb
import numpy as np
from numba import types
from numpy.typing import NDArray

from rnnrbm_gui.models import compiling, simd
from rnnrbm_gui.models import powers_numba as powers
from rnnrbm_gui.models.tables import aligned

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


def _contrast(
    W: Float,
    bh_t: Float,
    v: Bools,
    v_neg: Bools,
    weight: np.float32,
    d_bh: Float,
    d_v: Keys,
    full: Float,
    grad: Float,
) -> None:
    """See ``contrast``.

    Args:
        W: as there.
        bh_t: likewise.
        v: likewise.
        v_neg: likewise.
        weight: likewise.
        d_bh: (n_frames, n_hidden), to be filled.
        d_v: (n_frames, n_visible), likewise.
        full: (n_visible, width), room for W with its rows filled up to whole registers: zeros.
        grad: likewise, of W, to be added to.
    """
    n_visible, width = full.shape
    n_hidden = bh_t.shape[1]
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


_F2, _B2 = compiling.given(types.float32, 2), compiling.given(types.boolean, 2)
_OUT = types.float32[:, ::1]
_kernel = compiling.cached(
    types.void(_F2, _F2, _B2, _B2, types.float32, _OUT, types.int8[:, ::1], _OUT, _OUT), _contrast
)


def contrast(
    W: Any, bh_t: Any, v: Bools, v_neg: Bools, weight: np.float32
) -> tuple[Float, Keys, Float]:
    """Return the loss's gradient with respect to bh_t, to bv_t, and to W where it meets a frame.

    Args:
        W: (n_visible, n_hidden).
        bh_t: (n_frames, n_hidden).
        v: (n_frames, n_visible).
        v_neg: likewise.
        weight: of a frame.

    Returns:
        (n_frames, n_hidden); (n_frames, n_visible), without the weight; (n_visible, n_hidden).
    """
    n_visible, n_hidden = W.shape
    full, grad = np.zeros((2, n_visible, -(-n_hidden // _LANES) * _LANES), np.float32)
    d_bh, d_v = np.empty_like(bh_t), np.empty(v.shape, np.int8)
    _kernel(W, bh_t, v, v_neg, weight, d_bh, d_v, full, grad)
    return d_bh, d_v, grad[:, :n_hidden]


_REGISTERS = 4 if simd.wide() else 1
"""Of columns whose sums over frames, four rows of them, stay in registers."""
_COLUMNS = _REGISTERS * simd.WIDTH
_FRAMES = 64
"""Whose columns stay in the first cache."""


def _add_columns(x: Float, d: Float, e: Float, some: Float, out: Float) -> None:
    """Add ``x.T @ [d e]`` to ``out``.

    Args:
        x: (n_frames, n_rows).
        d: (n_frames, n_d).
        e: (n_frames, n_e).
        some: (_FRAMES, _COLUMNS), room for some of d and e, of which registers are full.
        out: (n_rows, n_d + n_e filled up to a multiple of _COLUMNS).
    """
    (n_frames, n_rows), n_d, n_e, stride = x.shape, d.shape[1], e.shape[1], out.shape[1]
    for start in range(0, n_frames, _FRAMES):
        end = min(start + _FRAMES, n_frames)
        for column in range(0, n_d + n_e, _COLUMNS):
            from_d = min(_COLUMNS, max(0, n_d - column))
            n_some = min(_COLUMNS, n_d + n_e - column)
            for f in range(start, end):
                room, of_d, of_e = some[f - start], d[f, column:], e[f, max(0, column - n_d) :]
                for j in range(from_d):
                    room[j] = of_d[j]
                room = room[from_d:]
                for j in range(n_some - from_d):
                    room[j] = of_e[j]
            for k in range(0, n_rows - n_rows % 4, 4):
                place = k * stride + column
                a1 = simd.load(out, place, _REGISTERS)
                a2 = simd.load(out, place + stride, _REGISTERS)
                a3 = simd.load(out, place + 2 * stride, _REGISTERS)
                a4 = simd.load(out, place + 3 * stride, _REGISTERS)
                for f in range(start, end):
                    row = simd.load(some, (f - start) * _COLUMNS, _REGISTERS)
                    a1 = simd.multiply_add(row, x[f, k], a1)
                    a2 = simd.multiply_add(row, x[f, k + 1], a2)
                    a3 = simd.multiply_add(row, x[f, k + 2], a3)
                    a4 = simd.multiply_add(row, x[f, k + 3], a4)
                simd.store(out, place, a1)
                simd.store(out, place + stride, a2)
                simd.store(out, place + 2 * stride, a3)
                simd.store(out, place + 3 * stride, a4)
            for k in range(n_rows - n_rows % 4, n_rows):
                a1 = simd.load(out, k * stride + column, _REGISTERS)
                for f in range(start, end):
                    row = simd.load(some, (f - start) * _COLUMNS, _REGISTERS)
                    a1 = simd.multiply_add(row, x[f, k], a1)
                simd.store(out, k * stride + column, a1)


_columns_kernel = compiling.cached(types.void(_F2, _F2, _F2, _OUT, _OUT), _add_columns)


def of_columns(x: Float, d: Float, e: Float) -> tuple[Float, Float]:
    """Return ``x.T @ d`` and ``x.T @ e``, of many frames: BLAS would first lay out all of them.

    Args:
        x: (n_frames, n_rows).
        d: (n_frames, n_d).
        e: (n_frames, n_e).
    """
    n_d, n = d.shape[1], d.shape[1] + e.shape[1]
    out = aligned(np.dtype(np.float32), x.shape[1], -(-n // _COLUMNS) * _COLUMNS)
    _columns_kernel(x, d, e, aligned(np.dtype(np.float32), _FRAMES, _COLUMNS), out)
    return out[:, :n_d], out[:, n_d:n]
