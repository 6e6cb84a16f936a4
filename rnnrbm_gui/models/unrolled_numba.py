"""A memory run over a batch and back again, time by time: ``memory.run`` and ``back``, compiled.

The work of one time is small, and a call into NumPy or BLAS for each of its steps would cost as
much as the step, and the interpreter's lock besides. Float32, to its precision. Importing this
module imports numba.
"""

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import products_numba as products
from rnnrbm_gui.models import simd
from rnnrbm_gui.models.recurrence_numba import GRU, TANH

Array = NDArray[np.floating[Any]]
Float = NDArray[np.float32]
Places = NDArray[np.int64]

_ONE, _TWO = np.float32(1), np.float32(2)
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


@simd.function
def run(
    memory: int,
    a: Float,
    Wuu: Float,
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
    """Fill in the states before and after, and what is read; as ``memory.run``.

    Args:
        memory: as in ``recurrence_numba``.
        a: as in ``memory.run``.
        Wuu: likewise.
        u0: likewise.
        kept: likewise.
        at: likewise.
        middle: what is taken off a state where it is read.
        before: see ``memory.Steps``, as all that follow.
        after: likewise.
        read: likewise.
        z: of a GRU.
        r: likewise.
        c: likewise.
        m_c: likewise.
    """
    blocks = products.blocks(*Wuu.shape)
    products.put(Wuu, 0, blocks)
    n_u = u0.shape[1]
    m = products.zeros(len(u0), blocks.shape[0] * blocks.shape[2])
    for t in range(len(at) - 1):
        first, n = at[t], at[t + 1] - at[t]
        for i in range(n):
            u = u0[i] if t == 0 else after[at[t - 1] + i]
            was, seen, keep = before[first + i], read[first + i], kept[first + i]
            for j in range(n_u):
                was[j] = u[j]
                seen[j] = (u[j] - middle) * keep[j]
        products.product(read, first, n, blocks, m)
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


@simd.function
def back(
    memory: int,
    Wuu: Float,
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
    """Fill in the gradients; as ``memory.back``.

    Args:
        memory: as in ``recurrence_numba``.
        Wuu: as in ``memory.back``.
        kept: likewise.
        at: likewise.
        before: see ``memory.Steps``.
        after: likewise.
        z: likewise, of a GRU.
        r: likewise.
        c: likewise.
        m_c: likewise.
        d_read: as in ``memory.back``; rows may be longer.
        d_a: of a.
        d_m: of m; of another memory than a GRU it may be ``d_a``.
        d_u: of u0; 0 at first.
    """
    blocks = products.blocks(Wuu.shape[1], len(Wuu))
    products.put(Wuu.T, 0, blocks)
    n_u = d_u.shape[1]
    through = products.zeros(len(d_u), blocks.shape[0] * blocks.shape[2])
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
        products.product(d_m, first, n, blocks, through)
        for i in range(n):
            d, more, of_read, keep = d_u[i], through[i], d_read[first + i], kept[first + i]
            if memory == GRU:
                for j in range(n_u):
                    d[j] += (more[j] + of_read[j]) * keep[j]
            else:
                for j in range(n_u):
                    d[j] = (more[j] + of_read[j]) * keep[j]
