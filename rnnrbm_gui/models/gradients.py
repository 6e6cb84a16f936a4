"""The training loss and its gradient: back-propagation through time, by hand.

The loss of a batch of sequences is the mean over frames of F_t(v_t) - F_t(v_neg_t), where v_neg_t
has been drawn from frame t's RBM by a few Gibbs steps and is held fixed; its gradient is the
contrastive-divergence estimate of the negative log-likelihood's.

Training works in centred coordinates (Montavon, Mueller 2012): the frame biases are
    bv_t = bv + u_{t-1} Wuv - W.sum(1) / 2        bh_t = bh + u_{t-1} Wuh - centre W
so that W's gradient is not entangled with those of the biases; a state of sigmoids is read less
1/2, for the same reason. All of it folds exactly into plain biases.

Training may also see the music transposed. What depends on the key alone is then learned apart for
each: bv, bh, bu and u0 have one row per transposition and the weights are shared. The model that is
kept has the rows of transposition 0.

The frames of a batch stand in one row, time first: the first frames of all sequences, then the
second ones of those that have two, and so on, the longest sequence first. No frame is padding.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import memory as memories
from rnnrbm_gui.models import rbm
from rnnrbm_gui.models.kinds import KINDS
from rnnrbm_gui.models.memory import Steps
from rnnrbm_gui.models.sequence_model import SequenceModel
from rnnrbm_gui.models.terms import Kind, Memory

Array = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]
Parameters = dict[str, Array]


@dataclass(frozen=True, eq=False)
class Batch:
    """Sequences side by side, the longest first.

    Attributes:
        v: (n_frames, n_visible), time first.
        at: (n_times + 1,), where the frames of each time begin, and the end.
        kept: (n_frames, n_recurrent), what dropout multiplies u_{t-1} by wherever it is read: 0, or
            1 / (1 - rate).
        row: (n_sequences,), which row of the biases each sequence has.
        centre: (n_visible,), mean frame of the corpus.
        x: (n_frames,), positions in the bar; None where the model is not told them.
        shown: (n_frames, n_visible * (1 + n_echoes)), the frames as the recurrence sees them, with
            their echoes, some notes left out; None for ``v``.
    """

    v: Bools
    at: NDArray[np.int64]
    kept: Array
    row: NDArray[np.int64]
    centre: Array
    x: NDArray[np.int64] | None = None
    shown: Bools | None = None

    @property
    def seen(self) -> Bools:
        """The frames as the recurrence sees them."""
        return self.v if self.shown is None else self.shown

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Each frame's row of the biases, (n_frames,)."""
        return self.row[np.arange(self.at[-1]) - np.repeat(self.at[:-1], np.diff(self.at))]


@dataclass(frozen=True, eq=False)
class Unrolled:
    """The recurrence run over a batch.

    Attributes:
        steps: the recurrent states and what their gradient needs; None of a model without any.
        bv_t: (n_frames, n_visible), of the plain (uncentred) RBM.
        bh_t: (n_frames, n_hidden).
    """

    steps: Steps | None
    bv_t: Array
    bh_t: Array


def trained(kind: Kind, n_positions: int = 0) -> dict[str, str]:
    """Return the layers that span each trained parameter of a kind of model."""
    shapes = KINDS[kind].SHAPES
    return {
        name: layers
        for name, layers in shapes.items()
        if name != "base" and (n_positions or "x" not in layers)
    }


def is_bias(layers: str) -> bool:
    """Tell whether a parameter has a row per transposition; the others are weights."""
    return len(layers) == 1


def unroll(kind: Kind, p: Parameters, batch: Batch, memory: Memory) -> Unrolled:
    """Run the recurrence over the given frames and return every frame's biases.

    In float32 compiled, to float32's precision; in any other in NumPy. ``gradient`` likewise.

    Args:
        kind: of model.
        p: its parameters in centred coordinates.
        batch: the sequences.
        memory: of an RNN-RBM.
    """
    if p["W"].dtype == np.float32:
        from rnnrbm_gui.models import gradients_numba  # imports numba

        return gradients_numba.unroll(kind, p, batch, memory)
    return unroll_plain(kind, p, batch, memory)


def unroll_plain(kind: Kind, p: Parameters, batch: Batch, memory: Memory) -> Unrolled:
    """Do what ``unroll`` does, in NumPy: its definition."""
    W, rows = p["W"], batch.rows
    bv_t: Array = (p["bv"] - W.sum(1) / 2)[rows]
    bh_t: Array = (p["bh"] - batch.centre @ W)[rows]
    if batch.x is not None:
        bv_t += p["Wxv"][batch.x]
        bh_t += p["Wxh"][batch.x]
    if kind == "rbm":
        return Unrolled(None, bv_t, bh_t)
    u0, seen = p["u0"][batch.row], batch.seen.astype(W.dtype)
    if kind == "rtrbm":
        a = bh_t + seen @ W
        steps = memories.run("sigmoid", a, p["Wuh"], u0, batch.kept, batch.at)
    else:
        a = p["bu"][rows] + seen @ p["Wvu"]
        if batch.x is not None:
            a += p["Wxu"][batch.x]
        steps = memories.run(memory, a, p["Wuu"], u0, batch.kept, batch.at)
    both = steps.read @ np.concatenate([p["Wuv"], p["Wuh"]], 1)  # one product is faster than two
    bv_t += both[:, : len(W)]
    bh_t += both[:, len(W) :]
    return Unrolled(steps, bv_t, bh_t)


def loss(p: Parameters, batch: Batch, run: Unrolled, v_neg: Bools) -> float:
    """Return the mean over frames of F_t(v_t) - F_t(v_neg_t)."""
    W = p["W"]
    pos, neg = (rbm.free_energy(W, run.bv_t, run.bh_t, v.astype(W.dtype)) for v in (batch.v, v_neg))
    return float((pos - neg).mean())


def gradient(
    kind: Kind,
    p: Parameters,
    batch: Batch,
    run: Unrolled,
    v_neg: Bools,
    memory: Memory,
    out: Parameters | None = None,
) -> Parameters:
    """Return the gradient of ``loss`` with respect to every parameter, ``v_neg`` held fixed.

    Args:
        kind: of model.
        p: the parameters in centred coordinates.
        batch: the sequences.
        run: ``unroll(kind, p, batch, memory)``.
        v_neg: (n_frames, n_visible), draws from the frames' RBMs.
        memory: of an RNN-RBM.
        out: room for it, of float32; new unless given.
    """
    if p["W"].dtype == np.float32:
        from rnnrbm_gui.models import gradients_numba  # imports numba

        return gradients_numba.gradient(kind, p, batch, run, v_neg, memory, out)
    return gradient_plain(kind, p, batch, run, v_neg, memory, out)


def gradient_plain(
    kind: Kind,
    p: Parameters,
    batch: Batch,
    run: Unrolled,
    v_neg: Bools,
    memory: Memory,
    out: Parameters | None = None,
) -> Parameters:
    """Do what ``gradient`` does, in NumPy: its definition."""
    W, rows = p["W"], batch.rows
    share = W.dtype.type(1 / len(batch.v))
    # dF/dbv = -v, dF/dbh = -mean_h, dF/dW = -v' mean_h
    v, other = batch.v.astype(W.dtype), v_neg.astype(W.dtype)
    pos, neg = (rbm.mean_h(W, run.bh_t, some) * share for some in (v, other))
    d_bv, d_bh = (other - v) * share, neg - pos
    grad: Parameters = {"W": other.T @ neg - v.T @ pos}
    if run.steps is not None:
        read, seen = run.steps.read, batch.seen.astype(W.dtype)
        d_read = d_bh @ p["Wuh"].T + d_bv @ p["Wuv"].T
        grad["Wuv"] = read.T @ d_bv
        name: Memory = "sigmoid" if kind == "rtrbm" else memory
        Wuu = p["Wuh"] if kind == "rtrbm" else p["Wuu"]
        d_a, d_m, d_u0 = memories.back(name, run.steps, d_read, Wuu, batch.kept, batch.at)
        if kind == "rtrbm":
            # The state's pre-activation is bh_t + v_t W: its gradient joins that of bh_t.
            grad["W"] += seen.T @ d_a
            d_bh = d_bh + d_a
            grad["Wuh"] = read.T @ d_bh
        else:
            both = read.T @ np.concatenate([d_m, d_bh], 1)  # one product is faster than two
            grad["Wuu"], grad["Wuh"] = np.split(both, [d_m.shape[1]], 1)
            grad["Wvu"] = seen.T @ d_a
            grad["bu"] = _by_row(d_a, rows, p["bu"])
            if batch.x is not None:
                grad["Wxu"] = _by_row(d_a, batch.x, p["Wxu"])
        grad["u0"] = _by_row(d_u0, batch.row, p["u0"])
    grad["bv"], grad["bh"] = _by_row(d_bv, rows, p["bv"]), _by_row(d_bh, rows, p["bh"])
    # W also stands in the centred biases.
    grad["W"] -= grad["bv"].sum(0)[:, None] / 2 + batch.centre[:, None] * grad["bh"].sum(0)
    if batch.x is not None:
        grad["Wxv"] = _by_row(d_bv, batch.x, p["Wxv"])
        grad["Wxh"] = _by_row(d_bh, batch.x, p["Wxh"])
    if out is not None:
        for key, value in grad.items():
            out[key][...] = value
    return grad


def _by_row(d: Array, row: NDArray[np.int64], like: Array) -> Array:
    """Return the gradient of a table of which ``row`` has been looked up."""
    chosen = np.zeros((len(like), len(row)), like.dtype)
    chosen[row, np.arange(len(row))] = 1
    return chosen @ d


def plain_model(
    kind: Kind,
    p: Parameters,
    centre: Array,
    base: Array,
    memory: Memory,
    echoes: tuple[int, ...] = (),
) -> SequenceModel:
    """Fold the centring into plain biases and return the model of transposition 0 (row 0)."""
    shapes = KINDS[kind].SHAPES
    plain = {name: p[name][0] if is_bias(shapes[name]) else p[name] for name in p}
    plain["bv"] = plain["bv"] - p["W"].sum(1) / 2
    plain["bh"] = plain["bh"] - centre @ p["W"]
    if kind != "rbm":
        middle = memories.MIDDLE["sigmoid" if kind == "rtrbm" else memory]
        plain["bv"] = plain["bv"] - middle * p["Wuv"].sum(0)
        plain["bh"] = plain["bh"] - middle * p["Wuh"].sum(0)
        if kind == "rnn-rbm":
            plain["bu"] = plain["bu"] - middle * p["Wuu"].sum(0)
    arrays: dict[str, Any] = {name: value.astype(np.float32) for name, value in plain.items()}
    if kind == "rnn-rbm":
        arrays |= {"memory": memory, "echoes": echoes}
    return KINDS[kind](**arrays, base=base.astype(np.float32))
