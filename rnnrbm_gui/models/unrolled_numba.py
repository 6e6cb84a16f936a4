"""A memory run over a batch and back again, time by time: ``memory.run`` and ``back``, compiled.

The work of one time is small, and a call into NumPy or BLAS for each of its steps would cost as
much as the step, and the interpreter's lock besides. Float32, to its precision. Importing this
module imports numba.
"""

from typing import Any

import numba as nb
import numpy as np
from numba import types
from numpy.typing import NDArray

from rnnrbm_gui.models import compiling, simd
from rnnrbm_gui.models.recurrence_numba import GRU, TANH
from rnnrbm_gui.models.tables import in_blocks

Array = NDArray[np.floating[Any]]
Float = NDArray[np.float32]
Places = NDArray[np.int64]

_ONE, _TWO = np.float32(1), np.float32(2)
_BLOCK = 64 if simd.wide() else 48
"""Columns to a block. Four sums of 64 stay in registers of 16 lanes; of narrower ones there are too
few for four sums of 48, and some go through memory."""
_REGISTERS = _BLOCK // simd.WIDTH
_STEEPEST = np.float32(40)
_LOG2E, _LN2 = np.float32(1.442695), np.float32(0.6931472)
# e^r for |r| <= ln 2 / 2 to within 2e-7.
_C2, _C3, _C4, _C5 = (np.float32(c) for c in (0.5, 1.6666575e-1, 4.1664738e-2, 8.3738336e-3))


@simd.part
def _exp(x: Any) -> Any:
    x = min(max(x, -_STEEPEST), _STEEPEST)
    n = np.float32(np.rint(x * _LOG2E))
    r = x - n * _LN2
    p = ((((_C5 * r + _C4) * r + _C3) * r + _C2) * r + _ONE) * r + _ONE
    power = np.int32((np.int32(n) + np.int32(127)) << np.int32(23))
    return p * power.view(np.float32)


@simd.part
def _sigmoid(x: Any) -> Any:
    return _ONE / (_exp(-x) + _ONE)


@simd.part
def _tanh(x: Any) -> Any:
    return _ONE - _TWO / (_exp(_TWO * x) + _ONE)


@simd.part
def _product(x: Float, first: int, n: int, blocks: Float, out: Float) -> None:
    """Leave x[first : first + n] @ the matrix cut into ``blocks`` in out[:n]."""
    n_blocks, n_rows, width = blocks.shape
    stride = out.shape[1]
    for block in range(n_blocks):
        for i in range(0, n - n % 4, 4):
            a, b = simd.zeros(_REGISTERS), simd.zeros(_REGISTERS)
            c, d = simd.zeros(_REGISTERS), simd.zeros(_REGISTERS)
            for k in range(n_rows):
                row = simd.load(blocks, (block * n_rows + k) * simd.size(a), a)
                a = simd.multiply_add(row, x[first + i, k], a)
                b = simd.multiply_add(row, x[first + i + 1, k], b)
                c = simd.multiply_add(row, x[first + i + 2, k], c)
                d = simd.multiply_add(row, x[first + i + 3, k], d)
            place = i * stride + block * width
            simd.store(out, place, a)
            simd.store(out, place + stride, b)
            simd.store(out, place + 2 * stride, c)
            simd.store(out, place + 3 * stride, d)
        for i in range(n - n % 4, n):
            a = simd.zeros(_REGISTERS)
            for k in range(n_rows):
                row = simd.load(blocks, (block * n_rows + k) * simd.size(a), a)
                a = simd.multiply_add(row, x[first + i, k], a)
            simd.store(out, i * stride + block * width, a)


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


def _run(
    memory: int,
    a: Float,
    blocks: Float,
    u0: Float,
    kept: Float,
    at: Places,
    middle: np.float32,
    before: Float,
    after: Float,
    read: Float,
    z: Float,
    r: Float,
    c: Float,
    m_c: Float,
) -> None:
    n_u = u0.shape[1]
    m = np.empty((len(u0), blocks.shape[0] * blocks.shape[2]), np.float32)
    for t in range(len(at) - 1):
        first, n = at[t], at[t + 1] - at[t]
        for i in range(n):
            u = u0[i] if t == 0 else after[at[t - 1] + i]
            was, seen, keep = before[first + i], read[first + i], kept[first + i]
            for j in range(n_u):
                was[j] = u[j]
                seen[j] = (u[j] - middle) * keep[j]
        _product(read, first, n, blocks, m)
        for i in range(n):
            f = first + i
            from_v, from_u, now, u = a[f], m[i], after[f], before[f]
            if memory == TANH:
                for j in range(n_u):
                    now[j] = _tanh(from_v[j] + from_u[j])
            elif memory == GRU:
                z_f, r_f, c_f, m_f = z[f], r[f], c[f], m_c[f]
                for j in range(n_u):
                    z_f[j] = _sigmoid(from_v[j] + from_u[j])
                for j in range(n_u):
                    r_f[j] = _sigmoid(from_v[n_u + j] + from_u[n_u + j])
                for j in range(n_u):
                    m_f[j] = from_u[2 * n_u + j]
                for j in range(n_u):
                    c_f[j] = _tanh(from_v[2 * n_u + j] + r_f[j] * m_f[j])
                for j in range(n_u):
                    now[j] = u[j] + z_f[j] * (c_f[j] - u[j])
            else:
                for j in range(n_u):
                    now[j] = _sigmoid(from_v[j] + from_u[j])


def _back(
    memory: int,
    blocks: Float,
    kept: Float,
    at: Places,
    before: Float,
    after: Float,
    z: Float,
    r: Float,
    c: Float,
    m_c: Float,
    d_read: Float,
    d_a: Float,
    d_m: Float,
    d_u: Float,
) -> None:
    n_u = d_u.shape[1]
    through = np.empty((len(d_u), blocks.shape[0] * blocks.shape[2]), np.float32)
    for t in range(len(at) - 2, -1, -1):
        first, n = at[t], at[t + 1] - at[t]
        if memory == GRU:
            gated_back(d_u[:n], first, before, (z, r, c, m_c), d_a, d_m)
        else:
            for i in range(n):
                d, u, of_a, of_m = d_u[i], after[first + i], d_a[first + i], d_m[first + i]
                if memory == TANH:
                    for j in range(n_u):
                        of_a[j] = d[j] * (_ONE - u[j] * u[j])
                else:
                    for j in range(n_u):
                        of_a[j] = d[j] * (u[j] * (_ONE - u[j]))
                for j in range(n_u):
                    of_m[j] = of_a[j]
        _product(d_m, first, n, blocks, through)
        for i in range(n):
            d, more, of_read, keep = d_u[i], through[i], d_read[first + i], kept[first + i]
            if memory == GRU:
                for j in range(n_u):
                    d[j] += (more[j] + of_read[j]) * keep[j]
            else:
                for j in range(n_u):
                    d[j] = (more[j] + of_read[j]) * keep[j]


_F2, _F3 = (compiling.given(types.float32, n_axes) for n_axes in (2, 3))
_OUT, _AT = types.float32[:, ::1], compiling.given(types.int64, 1)
_run_kernel = compiling.cached(
    types.void(
        *(types.int64, _F2, _F3, _F2, _F2, _AT, types.float32),
        *(_OUT, _OUT, _OUT, _OUT, _OUT, _OUT, _OUT),
    ),
    _run,
)
_back_kernel = compiling.cached(
    types.void(
        *(types.int64, _F3, _F2, _AT, _F2, _F2, _F2, _F2, _F2, _F2),
        *(_F2, _OUT, _OUT, _OUT),
    ),
    _back,
)
_NO_GATES = tuple(np.zeros((0, 0), np.float32) for _ in range(4))


def run(
    memory: int,
    a: Float,
    Wuu: Float,
    u0: Float,
    kept: Float,
    at: Places,
    middle: float,
    filled: tuple[Float, Float, Float],
    gates: tuple[Float, ...],
) -> None:
    """Fill in the states before and after, and what is read; as ``memory.run``.

    Args:
        memory: as in ``recurrence_numba``.
        a: as in ``memory.run``.
        Wuu: likewise.
        u0: likewise.
        kept: likewise.
        at: likewise.
        middle: what is taken off a state where it is read.
        filled: before, after and read.
        gates: of a GRU: z, r, c, m_c.
    """
    blocks = in_blocks(Wuu, _BLOCK)
    _run_kernel(memory, a, blocks, u0, kept, at, np.float32(middle), *filled, *(gates or _NO_GATES))


def back(
    memory: int,
    Wuu: Float,
    kept: Float,
    at: Places,
    before: Float,
    after: Float,
    gates: tuple[Float, ...],
    d_read: Float,
    filled: tuple[Float, Float, Float],
) -> None:
    """Fill in the gradients; as ``memory.back``.

    Args:
        memory: as in ``recurrence_numba``.
        Wuu: as in ``memory.back``.
        kept: likewise.
        at: likewise.
        before: the states before each frame.
        after: and after it.
        gates: of a GRU: z, r, c, m_c.
        d_read: as in ``memory.back``.
        filled: of a, of m, and of u0, the last of them 0.
    """
    blocks = in_blocks(np.ascontiguousarray(Wuu.T), _BLOCK)
    _back_kernel(memory, blocks, kept, at, before, after, *(gates or _NO_GATES), d_read, *filled)
