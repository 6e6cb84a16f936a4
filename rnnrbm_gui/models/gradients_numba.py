"""What of ``gradients`` is not a product of dense matrices, compiled.

Frames are sparse: of 88 keys about four sound. A product of frames with a dense matrix touches
those keys' rows only, here and not in a matrix product. Importing this module imports numba.
"""

from typing import Any

import numba as nb
import numpy as np
from numba import types
from numpy.typing import NDArray

from rnnrbm_gui.models import compiling, simd
from rnnrbm_gui.models import powers_numba as powers
from rnnrbm_gui.models.tables import aligned

Array = NDArray[np.floating[Any]]
Float = NDArray[np.float32]

_ONE = np.float32(1)
_LANES = 16


@nb.njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def _not_0(keys: NDArray[Any], frame: int, which: NDArray[np.int64]) -> int:
    """Put a frame's keys that are not 0 into ``which``, and return how many; one more is written.

    Without a branch, which a processor would guess wrong at each of them.
    """
    n = 0
    for key in range(keys.shape[1]):
        which[n] = key
        n += keys[frame, key] != 0
    return n


@nb.njit(nogil=True, cache=True, error_model="numpy")
def add_rows(keys: NDArray[np.int8], table: Array, out: Array) -> None:
    """Add ``keys @ table`` to ``out``.

    Args:
        keys: (n_frames, n_keys), few of them not 0.
        table: (n_keys, n).
        out: (n_frames, n).
    """
    n = table.shape[1]
    which = np.empty(keys.shape[1] + 1, np.int64)
    for frame in range(len(keys)):
        for j in range(_not_0(keys, frame, which)):
            key = which[j]
            factor = table.dtype.type(keys[frame, key])
            for i in range(n):  # a view of the row would cost more than the row
                out[frame, i] += factor * table[key, i]


@nb.njit(nogil=True, cache=True, error_model="numpy")
def add_outer(keys: NDArray[np.int8], d: Array, out: Array) -> None:
    """Add ``keys.T @ d`` to ``out``.

    Args:
        keys: (n_frames, n_keys), few of them not 0.
        d: (n_frames, n).
        out: (n_keys, n).
    """
    n = out.shape[1]
    which = np.empty(keys.shape[1] + 1, np.int64)
    for frame in range(len(keys)):
        for j in range(_not_0(keys, frame, which)):
            key = which[j]
            factor = d.dtype.type(keys[frame, key])
            for i in range(n):
                out[key, i] += factor * d[frame, i]


@nb.njit(nogil=True, cache=True, error_model="numpy")
def add_by_row(row: NDArray[np.int64], d: Array, out: Array) -> None:
    """Add each frame's row of ``d`` to the row of ``out`` that it is told.

    Args:
        row: (n_frames,), rows of ``out``; it is not checked that they are there.
        d: (n_frames, n).
        out: (n_rows, n).
    """
    n = out.shape[1]
    for frame in range(len(row)):
        at = row[frame]
        for i in range(n):
            out[at, i] += d[frame, i]


@nb.njit(nogil=True, cache=True, error_model="numpy")
def from_rows(table: Array, rows: NDArray[np.int64], more: Array, first: int, out: Array) -> None:
    """Fill in ``table[rows] + more[:, first:]``, as many columns as ``table`` has.

    Args:
        table: (n_rows, n).
        rows: (n_frames,), of ``table``; it is not checked that they are there.
        more: (n_frames, first + n or more).
        first: column of ``more``.
        out: (n_frames, n).
    """
    for frame in range(len(rows)):
        at, some = rows[frame], more[frame, first:]
        for i in range(table.shape[1]):
            out[frame, i] = table[at, i] + some[i]


@nb.njit(nogil=True, cache=True, error_model="numpy")
def gated_back(
    d_u: Array,
    first: int,
    before: Array,
    gates: tuple[Array, ...],
    d_a: Array,
    d_m: Array,
) -> None:
    """Carry a gradient back through the gates of one time, but not through the recurrent weights.

    Each loop reads few arrays, or it would not be done in vectors.

    Args:
        d_u: (n, n_recurrent), of the states after the frames ``first`` : ``first + n``; in place,
            what of it reaches the states before directly.
        first: frame.
        before: (n_frames, n_recurrent), the states before.
        gates: z, r, c, m_c, each likewise.
        d_a: (n_frames, 3 n_recurrent), of what the frames give, to be filled.
        d_m: likewise, of what the states before give.
    """
    one = d_u.dtype.type(1)
    n = d_u.shape[1]
    for i in range(len(d_u)):
        d, u, a, m = d_u[i], before[first + i], d_a[first + i], d_m[first + i]
        z, r, c, m_c = (
            gates[0][first + i],
            gates[1][first + i],
            gates[2][first + i],
            gates[3][first + i],
        )
        for j in range(n):
            a[j] = d[j] * (c[j] - u[j]) * z[j] * (one - z[j])
        for j in range(n):
            a[2 * n + j] = d[j] * z[j] * (one - c[j] * c[j])
        for j in range(n):
            a[n + j] = a[2 * n + j] * m_c[j] * r[j] * (one - r[j])
        for j in range(n):
            m[2 * n + j] = a[2 * n + j] * r[j]
        for j in range(2 * n):
            m[j] = a[j]
        for j in range(n):
            d[j] *= one - z[j]


def _contrast(
    W: Float,
    bh_t: Float,
    v: NDArray[np.bool_],
    v_neg: NDArray[np.bool_],
    weight: np.float32,
    d_bh: Float,
    grad: Float,
) -> None:
    """See ``contrast``; W and its gradient filled up to whole registers.

    Args:
        W: (n_visible, width).
        bh_t: (n_frames, n_hidden).
        v: (n_frames, n_visible).
        v_neg: likewise.
        weight: of a frame.
        d_bh: (n_frames, n_hidden), to be filled.
        grad: (n_visible, width), to be added to.
    """
    n_visible, width = W.shape
    n_hidden = bh_t.shape[1]
    bias, out = np.zeros(width, np.float32), np.empty(width, np.float32)
    on, on_neg = np.empty(n_visible + 1, np.int64), np.empty(n_visible + 1, np.int64)
    for frame in range(len(bh_t)):
        n_on, n_neg = _not_0(v, frame, on), _not_0(v_neg, frame, on_neg)
        for i in range(n_hidden):
            bias[i] = bh_t[frame, i]
        for first in range(0, width, _LANES):
            a = simd.load(bias, first, 1)
            b = a
            for j in range(n_on):
                a = a + simd.load(W, on[j] * width + first, 1)
            for j in range(n_neg):
                b = b + simd.load(W, on_neg[j] * width + first, 1)
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
_kernel = compiling.cached(
    types.void(_F2, _F2, _B2, _B2, types.float32, types.float32[:, ::1], types.float32[:, ::1]),
    _contrast,
)


def contrast(
    W: Float, bh_t: Float, v: NDArray[np.bool_], v_neg: NDArray[np.bool_], weight: float
) -> tuple[Float, Float]:
    """Return ``weight (mean_h(v_neg) - mean_h(v))`` and what that gives of W's gradient.

    Args:
        W: (n_visible, n_hidden).
        bh_t: (n_frames, n_hidden).
        v: (n_frames, n_visible).
        v_neg: likewise.
        weight: of a frame.

    Returns:
        (n_frames, n_hidden), and (n_visible, n_hidden).
    """
    n_visible, n_hidden = W.shape
    full = np.zeros((n_visible, -(-n_hidden // _LANES) * _LANES), np.float32)
    full[:, :n_hidden] = W
    d_bh, grad = np.empty_like(bh_t), np.zeros_like(full)
    _kernel(full, bh_t, v, v_neg, np.float32(weight), d_bh, grad)
    return d_bh, grad[:, :n_hidden]


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


_columns_kernel = compiling.cached(
    types.void(_F2, _F2, _F2, types.float32[:, ::1], types.float32[:, ::1]), _add_columns
)


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
