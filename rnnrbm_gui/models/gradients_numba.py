"""``gradients`` in float32, compiled, to its precision.

Each of both is one call: after a call a thread has to wait for the interpreter, which another one
may hold, and to wake up then takes as long as a tenth of the call. Importing this module imports
numba.
"""

from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from rnnrbm_gui.models import compiling, simd
from rnnrbm_gui.models import memory as memories
from rnnrbm_gui.models import products_numba as products
from rnnrbm_gui.models.gradients import Batch, Parameters, Unrolled
from rnnrbm_gui.models.memory import Steps
from rnnrbm_gui.models.recurrence_numba import CODES, GRU
from rnnrbm_gui.models.sums_numba import add_read, contrast, drive, outer
from rnnrbm_gui.models.terms import Kind, Memory
from rnnrbm_gui.models.unrolled_numba import back, run

Float = NDArray[np.float32]
Bools = NDArray[np.bool_]
Places = NDArray[np.int64]
Keys = NDArray[np.int8]

_LANES, _HALF = 16, np.float32(0.5)
_NOTHING, _NOWHERE = np.zeros((0, 0), np.float32), np.zeros(0, np.int64)
"""A table and places in it, of a model that is not told of any."""


def unroll(kind: Kind, p: Parameters, batch: Batch, memory: Memory) -> Unrolled:
    """As ``gradients.unroll``, which calls this."""
    memory, W, n_frames = _memory(kind, memory), p["W"], len(batch.v)
    steps = None if kind == "rbm" else memories.room(memory, batch.kept.shape, np.float32)
    bv_t, bh_t = (np.empty((n_frames, n), np.float32) for n in W.shape)
    _unroll_kernel(
        _CODES[kind],
        CODES[memory],
        np.float32(memories.MIDDLE[memory]),
        *(p.get(name, _NOTHING) for name in _PARAMETERS),
        *_of_batch(batch),
        *_of_steps(steps),
        bv_t,
        bh_t,
    )
    return Unrolled(steps, bv_t, bh_t)


def gradient(
    kind: Kind,
    p: Parameters,
    batch: Batch,
    run: Unrolled,
    v_neg: Bools,
    memory: Memory,
    out: Parameters | None = None,
) -> Parameters:
    """As ``gradients.gradient``, which calls this."""
    out = {name: np.empty_like(value) for name, value in p.items()} if out is None else out
    _gradient_kernel(
        _CODES[kind],
        CODES[_memory(kind, memory)],
        *(p.get(name, _NOTHING) for name in _PARAMETERS),
        *_of_batch(batch),
        *_of_steps(run.steps),
        run.bh_t,
        batch.v,
        v_neg,
        *(out.get(name, _NOTHING) for name in _PARAMETERS),
    )
    return out


_PARAMETERS = ("W", "bv", "bh", "bu", "u0", "Wvu", "Wuu", "Wuv", "Wuh", "Wxv", "Wxh", "Wxu")
_RBM, _RTRBM, _RNN_RBM = range(3)
_CODES: dict[Kind, int] = {"rbm": _RBM, "rtrbm": _RTRBM, "rnn-rbm": _RNN_RBM}


def _memory(kind: Kind, memory: Memory) -> Memory:
    return "sigmoid" if kind == "rtrbm" else memory


def _of_batch(batch: Batch) -> tuple[Any, ...]:
    x = _NOWHERE if batch.x is None else batch.x
    return batch.seen, batch.kept, batch.at, batch.row, batch.rows, batch.centre, x


def _of_steps(steps: Steps | None) -> tuple[Any, ...]:
    if steps is None:
        return (_NOTHING,) * 7
    return steps.before, steps.after, steps.read, *(steps.gates or (_NOTHING,) * 4)


def _unroll(
    kind: int,
    memory: int,
    middle: np.float32,
    W: Float,
    bv: Float,
    bh: Float,
    bu: Float,
    u0: Float,
    Wvu: Float,
    Wuu: Float,
    Wuv: Float,
    Wuh: Float,
    Wxv: Float,
    Wxh: Float,
    Wxu: Float,
    seen: Bools,
    kept: Float,
    at: Places,
    row: Places,
    rows: Places,
    centre: Float,
    x: Places,
    before: Float,
    after: Float,
    read: Float,
    z: Float,
    r: Float,
    c: Float,
    m_c: Float,
    bv_t: Float,
    bh_t: Float,
) -> None:
    """Fill in the steps and the frames' biases; see ``gradients.unroll_plain``."""
    of_v, of_h = _centred(W, bv, bh, centre)
    both = products.zeros(len(rows), 0)
    if kind != _RBM:
        n_u, n_visible, n_hidden = kept.shape[1], bv.shape[1], bh.shape[1]
        first = np.empty((len(row), n_u), np.float32)
        for i in range(len(row)):
            now, some = first[i], u0[row[i]]
            for j in range(n_u):
                now[j] = some[j]
        biases, into, of_x, recurrent = of_h, W, Wxh, Wuh  # of an RTRBM: as its hidden units are
        if kind == _RNN_RBM:
            biases, into, of_x, recurrent = bu.copy(), Wvu, Wxu, Wuu
        a = np.empty((len(rows), biases.shape[1]), np.float32)
        drive(biases, rows, of_x, x, seen, into, a)
        run(memory, a, recurrent, first, kept, at, middle, before, after, read, z, r, c, m_c)
        blocks = products.blocks(n_u, n_visible + n_hidden)
        products.put(Wuv, 0, blocks)
        products.put(Wuh, n_visible, blocks)
        both = products.of_frames(read, blocks)
    _add_up(of_v, of_h, rows, Wxv, Wxh, x, both, bv_t, bh_t)


def _gradient(
    kind: int,
    memory: int,
    W: Float,
    bv: Float,
    bh: Float,
    bu: Float,
    u0: Float,
    Wvu: Float,
    Wuu: Float,
    Wuv: Float,
    Wuh: Float,
    Wxv: Float,
    Wxh: Float,
    Wxu: Float,
    seen: Bools,
    kept: Float,
    at: Places,
    row: Places,
    rows: Places,
    centre: Float,
    x: Places,
    before: Float,
    after: Float,
    read: Float,
    z: Float,
    r: Float,
    c: Float,
    m_c: Float,
    bh_t: Float,
    v: Bools,
    v_neg: Bools,
    of_W: Float,
    of_bv: Float,
    of_bh: Float,
    of_bu: Float,
    of_u0: Float,
    of_Wvu: Float,
    of_Wuu: Float,
    of_Wuv: Float,
    of_Wuh: Float,
    of_Wxv: Float,
    of_Wxh: Float,
    of_Wxu: Float,
) -> None:
    """Fill in the gradients of the parameters; see ``gradients.gradient_plain``."""
    for of_p in (of_bv, of_bh, of_bu, of_u0, of_Wvu, of_Wxv, of_Wxh, of_Wxu):  # are added to
        for k in range(len(of_p)):
            now = of_p[k]
            for j in range(now.size):
                now[j] = 0
    weight = np.float32(1 / len(v))
    d_bh, d_v = np.empty(bh_t.shape, np.float32), np.empty(v.shape, np.int8)
    contrast(W, bh_t, v, v_neg, weight, d_bh, d_v, of_W)
    if kind != _RBM:
        blocks = products.blocks(bh_t.shape[1], kept.shape[1])
        products.put(Wuh.T, 0, blocks)
        d_read = products.of_frames(d_bh, blocks)
        add_read(d_v, Wuv, weight, d_read)
        d_u0 = np.zeros((len(row), kept.shape[1]), np.float32)
        recurrent, of_into = (Wuh, of_W) if kind == _RTRBM else (Wuu, of_Wvu)
        d_a = np.empty((len(v), recurrent.shape[1]), np.float32)
        d_m = np.empty_like(d_a) if memory == GRU else d_a
        back(memory, recurrent, kept, at, before, after, z, r, c, m_c, d_read, d_a, d_m, d_u0)
        outer(d_v, read, weight, of_Wuv, seen, d_a, of_into)
        if kind == _RTRBM:
            # The state's pre-activation is bh_t + v_t W: its gradient joins that of bh_t.
            for frame in range(len(d_a)):
                now, some = d_bh[frame], d_a[frame]
                for j in range(now.size):
                    now[j] += some[j]
            d_m = np.zeros((len(v), 0), np.float32)
        else:
            _add_by_row(rows, d_a, of_bu)
            if x.size:
                _add_by_row(x, d_a, of_Wxu)
        products.of_columns(read, d_m, d_bh, of_Wuu, of_Wuh)
        _add_by_row(row, d_u0, of_u0)
    _of_biases(d_v, d_bh, rows, weight, centre, of_bv, of_bh, of_W)
    if x.size:
        _add_by_row(x, d_v, of_Wxv)
        _add_by_row(x, d_bh, of_Wxh)
        for k in range(len(of_Wxv)):
            now = of_Wxv[k]
            for j in range(now.size):
                now[j] *= weight


@simd.function
def _centred(W: Float, bv: Float, bh: Float, centre: Float) -> tuple[Float, Float]:
    """Return bv - W.sum(1) / 2 and bh - centre @ W."""
    n_visible, n_hidden = W.shape
    of_v, of_h, lanes = np.empty_like(bv), np.empty_like(bh), np.empty(_LANES, np.float32)
    from_v = np.zeros(n_hidden, np.float32)
    full = n_hidden - n_hidden % _LANES
    for i in range(n_visible):
        row = W[i]
        lanes[:] = 0
        for first in range(0, full, _LANES):
            some = row[first : first + _LANES]
            for j in range(_LANES):
                lanes[j] += some[j]
        total = lanes.sum()
        for j in range(full, n_hidden):
            total += row[j]
        for r in range(len(bv)):
            of_v[r, i] = bv[r, i] - total * _HALF
        for j in range(n_hidden):
            from_v[j] += centre[i] * row[j]
    for r in range(len(bh)):
        for j in range(n_hidden):
            of_h[r, j] = bh[r, j] - from_v[j]
    return of_v, of_h


@simd.function
def _add_up(
    bv: Float,
    bh: Float,
    rows: Places,
    into_v: Float,
    into_h: Float,
    x: Places,
    both: Float,
    bv_t: Float,
    bh_t: Float,
) -> None:
    """Fill in the frames' biases: rows, those of positions, and what the states give of both."""
    n_visible = bv_t.shape[1]
    for frame in range(len(rows)):
        r, of_v, of_h = rows[frame], both[frame], both[frame, n_visible:]
        for now, row, more in ((bv_t[frame], bv[r], of_v), (bh_t[frame], bh[r], of_h)):
            if both.size:
                for i in range(now.size):
                    now[i] = row[i] + more[i]
            else:
                for i in range(now.size):
                    now[i] = row[i]
        if x.size:
            at = x[frame]
            for now, row in ((bv_t[frame], into_v[at]), (bh_t[frame], into_h[at])):
                for i in range(now.size):
                    now[i] += row[i]


@simd.function
def _add_by_row(row: Places, d: Any, out: Float) -> None:
    """Add each frame's row of ``d`` to the row of ``out`` that it is told; none is checked."""
    for frame in range(len(row)):
        now, some = out[row[frame]], d[frame]
        for i in range(now.size):
            now[i] += some[i]


@simd.function
def _of_biases(
    d_v: Keys,
    d_bh: Float,
    rows: Places,
    weight: np.float32,
    centre: Float,
    bv: Float,
    bh: Float,
    W: Float,
) -> None:
    """Add to the gradients of the biases, and to that of W, which stands in the centred ones."""
    _add_by_row(rows, d_v, bv)
    _add_by_row(rows, d_bh, bh)
    of_h = np.zeros(bh.shape[1], np.float32)
    for r in range(len(bh)):
        for j in range(of_h.size):
            of_h[j] += bh[r, j]
    for i in range(len(W)):
        of_v, row = np.float32(0), W[i]
        for r in range(len(bv)):
            bv[r, i] *= weight
            of_v += bv[r, i]
        for j in range(of_h.size):
            row[j] -= of_v * _HALF + centre[i] * of_h[j]


_F1, _F2 = (compiling.given(types.float32, n_axes) for n_axes in (1, 2))
_B2, _P1 = compiling.given(types.boolean, 2), compiling.given(types.int64, 1)
_OUT, _P = types.float32[:, ::1], (_F2,) * len(_PARAMETERS)
_BATCH = _B2, _F2, _P1, _P1, _P1, _F1, _P1
_unroll_kernel = compiling.cached(
    types.void(types.int64, types.int64, types.float32, *_P, *_BATCH, *(_OUT,) * 9), _unroll
)
_gradient_kernel = compiling.cached(
    types.void(
        *(types.int64, types.int64, *_P, *_BATCH, *(_F2,) * 8, _B2, _B2),
        *(_OUT,) * len(_PARAMETERS),
    ),
    _gradient,
)
