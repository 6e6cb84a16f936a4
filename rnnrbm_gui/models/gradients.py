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

Arrays of a batch are time first: (n_frames, n_sequences, ...).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import memory as memories
from rnnrbm_gui.models import rbm
from rnnrbm_gui.models.kinds import KINDS, Kind
from rnnrbm_gui.models.memory import Memory, Steps
from rnnrbm_gui.models.sequence_model import SequenceModel

Array = NDArray[np.floating[Any]]
Parameters = dict[str, Array]


@dataclass(frozen=True, eq=False)
class Batch:
    """Sequences side by side, the shorter ones padded at their end.

    Attributes:
        v: (n_frames, n_sequences, n_visible), zeros and ones.
        real: (n_frames, n_sequences), one where a frame is there, zero where it is padding.
        kept: (n_frames, n_sequences, n_recurrent), what dropout multiplies u_{t-1} by wherever it
            is read: 0, or 1 / (1 - rate).
        row: (n_sequences,), which row of the biases each sequence has.
        centre: (n_visible,), mean frame of the corpus.
        x: (n_frames, n_sequences), positions in the bar; None where the model is not told them.
        shown: as ``v``, the frames as the recurrence sees them, some notes left out; None for all.
    """

    v: Array
    real: Array
    kept: Array
    row: NDArray[np.int64]
    centre: Array
    x: NDArray[np.int64] | None = None
    shown: Array | None = None

    @property
    def seen(self) -> Array:
        """The frames as the recurrence sees them."""
        return self.v if self.shown is None else self.shown


@dataclass(frozen=True, eq=False)
class Unrolled:
    """The recurrence run over a batch.

    Attributes:
        steps: the recurrent states and what their gradient needs.
        bv_t: (n_frames, n_sequences, n_visible), of the plain (uncentred) RBM.
        bh_t: (n_frames, n_sequences, n_hidden).
    """

    steps: Steps
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

    Args:
        kind: of model.
        p: its parameters in centred coordinates.
        batch: the sequences.
        memory: of an RNN-RBM.
    """
    W = p["W"]
    bv = p["bv"][batch.row] - W.sum(1) / 2
    bh = p["bh"][batch.row] - batch.centre @ W
    if batch.x is not None:
        bv, bh = bv + p["Wxv"][batch.x], bh + p["Wxh"][batch.x]
    if kind == "rbm":
        shape = batch.v.shape[:2]
        everywhere = (np.broadcast_to(b, (*shape, b.shape[-1])) for b in (bv, bh))
        bv_t, bh_t = map(np.ascontiguousarray, everywhere)
        return Unrolled(Steps(np.zeros((shape[0] + 1, shape[1], 0), W.dtype), ()), bv_t, bh_t)
    u0 = p["u0"][batch.row]
    if kind == "rtrbm":
        steps = memories.run("sigmoid", bh + batch.seen @ W, p["Wuh"], u0, batch.kept)
    else:
        a = p["bu"][batch.row] + batch.seen @ p["Wvu"]
        if batch.x is not None:
            a += p["Wxu"][batch.x]
        steps = memories.run(memory, a, p["Wuu"], u0, batch.kept)
    read = memories.read(_squash(kind, memory), steps.u[:-1], batch.kept)
    return Unrolled(steps, bv + read @ p["Wuv"], bh + read @ p["Wuh"])


def _squash(kind: Kind, memory: Memory) -> Memory:
    """Return the memory that a kind of model has."""
    return "sigmoid" if kind == "rtrbm" else memory


def loss(p: Parameters, batch: Batch, run: Unrolled, v_neg: Array) -> float:
    """Return the mean over real frames of F_t(v_t) - F_t(v_neg_t)."""
    gap = rbm.free_energy(p["W"], run.bv_t, run.bh_t, batch.v)
    gap = gap - rbm.free_energy(p["W"], run.bv_t, run.bh_t, v_neg)
    return float((gap * batch.real).sum() / batch.real.sum())


def gradient(
    kind: Kind, p: Parameters, batch: Batch, run: Unrolled, v_neg: Array, memory: Memory
) -> Parameters:
    """Return the gradient of ``loss`` with respect to every parameter, ``v_neg`` held fixed.

    Args:
        kind: of model.
        p: the parameters in centred coordinates.
        batch: the sequences.
        run: ``unroll(kind, p, batch, memory)``.
        v_neg: (n_frames, n_sequences, n_visible), draws from the frames' RBMs.
        memory: of an RNN-RBM.
    """
    W = p["W"]
    weight = (batch.real / batch.real.sum())[..., None]  # (n_frames, n_sequences, 1)
    pos = rbm.mean_h(W, run.bh_t, batch.v) * weight  # (n_frames, n_sequences, n_hidden)
    neg = rbm.mean_h(W, run.bh_t, v_neg) * weight
    d_bv = (v_neg - batch.v) * weight  # dF/dbv = -v, dF/dbh = -mean_h, dF/dW = -v' mean_h
    d_bh = neg - pos
    grad: Parameters = {"W": _outer(v_neg, neg) - _outer(batch.v, pos)}
    if kind != "rbm":
        read = memories.read(_squash(kind, memory), run.steps.u[:-1], batch.kept)
        d_read = d_bv @ p["Wuv"].T + d_bh @ p["Wuh"].T
        grad["Wuv"] = _outer(read, d_bv)
        if kind == "rtrbm":
            # The state's pre-activation is bh_t + v_t W: its gradient joins that of bh_t.
            d_a, _, d_u0 = memories.back("sigmoid", run.steps, d_read, p["Wuh"], batch.kept)
            grad["W"] += _outer(batch.seen, d_a)
            d_bh = d_bh + d_a
        else:
            d_a, d_m, d_u0 = memories.back(memory, run.steps, d_read, p["Wuu"], batch.kept)
            grad["Wuu"] = _outer(read, d_m)
            grad["Wvu"] = _outer(batch.seen, d_a)
            grad["bu"] = _by_row(d_a.sum(0), batch.row, p["bu"])
            if batch.x is not None:
                grad["Wxu"] = _by_row(d_a, batch.x, p["Wxu"])
        grad["Wuh"] = _outer(read, d_bh)
        grad["u0"] = _by_row(d_u0, batch.row, p["u0"])
    # W also stands in the centred biases.
    grad["W"] -= d_bv.sum((0, 1))[:, None] / 2 + batch.centre[:, None] * d_bh.sum((0, 1))
    grad["bv"] = _by_row(d_bv.sum(0), batch.row, p["bv"])
    grad["bh"] = _by_row(d_bh.sum(0), batch.row, p["bh"])
    if batch.x is not None:
        grad["Wxv"] = _by_row(d_bv, batch.x, p["Wxv"])
        grad["Wxh"] = _by_row(d_bh, batch.x, p["Wxh"])
    return grad


def _outer(a: Array, b: Array) -> Array:
    """Return the sum over all frames of a' b, (n_a, n_b)."""
    return a.reshape(-1, a.shape[-1]).T @ b.reshape(-1, b.shape[-1])


def _by_row(d: Array, row: NDArray[np.int64], like: Array) -> Array:
    """Return the gradient of a table of which ``row`` has been looked up."""
    chosen = (row[..., None] == np.arange(len(like))).astype(d.dtype)
    return _outer(chosen, d)


def plain_model(
    kind: Kind, p: Parameters, centre: Array, base: Array, memory: Memory
) -> SequenceModel:
    """Fold the centring into plain biases and return the model of transposition 0 (row 0)."""
    shapes = KINDS[kind].SHAPES
    plain = {name: p[name][0] if is_bias(shapes[name]) else p[name] for name in p}
    plain["bv"] = plain["bv"] - p["W"].sum(1) / 2
    plain["bh"] = plain["bh"] - centre @ p["W"]
    if kind != "rbm":
        middle = memories.MIDDLE[_squash(kind, memory)]
        plain["bv"] = plain["bv"] - middle * p["Wuv"].sum(0)
        plain["bh"] = plain["bh"] - middle * p["Wuh"].sum(0)
        if kind == "rnn-rbm":
            plain["bu"] = plain["bu"] - middle * p["Wuu"].sum(0)
    arrays: dict[str, Any] = {name: value.astype(np.float32) for name, value in plain.items()}
    if kind == "rnn-rbm":
        arrays["memory"] = memory
    return KINDS[kind](**arrays, base=base.astype(np.float32))
