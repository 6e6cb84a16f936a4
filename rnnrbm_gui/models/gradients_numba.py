"""``gradients`` in float32, compiled, to its precision.

Frames are sparse: of 88 keys about four sound. A product of frames with a dense matrix touches
those keys' rows only, here and not in a matrix product. And what lies between two dense products is
one call: after each a thread has to wait for the interpreter, which another one may hold. Importing
this module imports numba.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import memory as memories
from rnnrbm_gui.models.compiling import for_what_it_gets
from rnnrbm_gui.models.gradients import Batch, Parameters, Unrolled
from rnnrbm_gui.models.kinds import Kind
from rnnrbm_gui.models.memory import Memory, Steps
from rnnrbm_gui.models.sums_numba import contrast, not_0, of_columns

Float = NDArray[np.float32]
Bools = NDArray[np.bool_]
Places = NDArray[np.int64]
Keys = NDArray[np.int8]

_LANES = 16
_NOTHING, _NOWHERE = np.zeros((0, 0), np.float32), np.zeros(0, np.int64)
"""A table and places in it, of a model that is not told of any."""


def unroll(kind: Kind, p: Parameters, batch: Batch, memory: Memory) -> Unrolled:
    """As ``gradients.unroll``, which calls this."""
    rows, x = batch.rows, _NOWHERE if batch.x is None else batch.x
    bv, bh = _centred(p["W"], p["bv"], p["bh"], batch.centre)
    steps, both = None, np.zeros((len(rows), 0), np.float32)
    if kind != "rbm":
        steps = _steps(kind, p, batch, memory, bh)
        both = steps.read @ np.concatenate([p["Wuv"], p["Wuh"]], 1)  # as one, it is faster
    bv_t, bh_t = (np.empty((len(rows), b.shape[1]), np.float32) for b in (bv, bh))
    into_v, into_h = p.get("Wxv", _NOTHING), p.get("Wxh", _NOTHING)
    _add_up(bv, bh, rows, into_v, into_h, x, both, bv_t, bh_t)
    return Unrolled(steps, bv_t, bh_t)


def _steps(kind: Kind, p: Parameters, batch: Batch, memory: Memory, bh: Any) -> Steps:
    """Run the memory; that of an RTRBM is driven as its hidden units are."""
    drive, into, name, Wuu = bh, p["W"], "Wxh", p.get("Wuh", _NOTHING)
    if kind == "rnn-rbm":
        drive, into, name, Wuu = p["bu"], p["Wvu"], "Wxu", p["Wuu"]
    x = _NOWHERE if batch.x is None else batch.x
    a = np.empty((len(batch.v), drive.shape[1]), np.float32)
    _drive(drive, batch.rows, p.get(name, _NOTHING), x, batch.seen, into, a)
    memory = "sigmoid" if kind == "rtrbm" else memory
    return memories.run(memory, a, Wuu, p["u0"][batch.row], batch.kept, batch.at)


def gradient(
    kind: Kind, p: Parameters, batch: Batch, run: Unrolled, v_neg: Bools, memory: Memory
) -> Parameters:
    """As ``gradients.gradient``, which calls this."""
    W, rows, weight = p["W"], batch.rows, np.float32(1 / len(batch.v))
    d_bh, d_v, d_W = contrast(W, run.bh_t, batch.v, v_neg, weight)
    grad: dict[str, Any] = {"W": d_W}
    if run.steps is not None:
        read = run.steps.read
        d_read = d_bh @ p["Wuh"].T
        _add_read(d_v, p["Wuv"], weight, d_read)
        name: Memory = "sigmoid" if kind == "rtrbm" else memory
        Wuu = p["Wuh"] if kind == "rtrbm" else p["Wuu"]
        d_a, d_m, d_u0 = memories.back(name, run.steps, d_read, Wuu, batch.kept, batch.at)
        grad["Wuv"], d_into = np.empty_like(p["Wuv"]), np.zeros_like(p.get("Wvu", W))
        _outer(d_v, read, weight, grad["Wuv"], batch.seen, d_a, d_into)
        if kind == "rtrbm":
            # The state's pre-activation is bh_t + v_t W: its gradient joins that of bh_t.
            grad["W"] += d_into
            d_bh += d_a
            grad["Wuh"] = read.T @ d_bh
        else:
            grad["Wvu"] = d_into
            grad["Wuu"], grad["Wuh"] = of_columns(read, d_m, d_bh)
            grad["bu"] = _by_row(d_a, rows, p["bu"])
            if batch.x is not None:
                grad["Wxu"] = _by_row(d_a, batch.x, p["Wxu"])
        grad["u0"] = _by_row(d_u0, batch.row, p["u0"])
    grad["bv"], grad["bh"] = np.zeros_like(p["bv"]), np.zeros_like(p["bh"])
    _of_biases(d_v, d_bh, rows, weight, batch.centre, grad["bv"], grad["bh"], grad["W"])
    if batch.x is not None:
        grad["Wxv"] = _by_row(d_v, batch.x, p["Wxv"]) * weight
        grad["Wxh"] = _by_row(d_bh, batch.x, p["Wxh"])
    return grad


def _by_row(d: NDArray[Any], row: Places, like: Any) -> Any:
    """Return the gradient of a table of which ``row`` has been looked up."""
    out = np.zeros_like(like)
    _add_by_row(row, d, out)
    return out


@for_what_it_gets
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
            of_v[r, i] = bv[r, i] - total / 2
        for j in range(n_hidden):
            from_v[j] += centre[i] * row[j]
    for r in range(len(bh)):
        for j in range(n_hidden):
            of_h[r, j] = bh[r, j] - from_v[j]
    return of_v, of_h


@for_what_it_gets
def _add_keys(keys: Any, frame: int, which: Places, table: Float, out: Float) -> None:
    """Add the rows of a frame's keys to ``out``, (n,); keys may be -1."""
    for j in range(not_0(keys, frame, which)):
        key = which[j]
        factor, row = np.float32(keys[frame, key]), table[key]
        for i in range(out.size):
            out[i] += factor * row[i]


@for_what_it_gets
def _drive(
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
        _add_keys(seen, frame, which, into, now)


@for_what_it_gets
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


@for_what_it_gets
def _add_read(d_v: Keys, Wuv: Float, weight: np.float32, d_read: Float) -> None:
    """Add ``d_v @ Wuv.T * weight`` to ``d_read``."""
    table = np.empty((Wuv.shape[1], len(Wuv)), np.float32)
    which = np.empty(len(table), np.int64)
    for i in range(len(table)):
        for j in range(len(Wuv)):
            table[i, j] = Wuv[j, i] * weight
    for frame in range(len(d_v)):
        _add_keys(d_v, frame, which, table, d_read[frame])


@for_what_it_gets
def _outer(
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


@for_what_it_gets
def _add_by_row(row: Places, d: Any, out: Float) -> None:
    """Add each frame's row of ``d`` to the row of ``out`` that it is told; none is checked."""
    for frame in range(len(row)):
        now, some = out[row[frame]], d[frame]
        for i in range(now.size):
            now[i] += some[i]


@for_what_it_gets
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
            row[j] -= of_v / 2 + centre[i] * of_h[j]
