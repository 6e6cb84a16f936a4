"""The loss of the RNN-RBM and its gradient: back-propagation through time, by hand.

The loss of a batch of sequences is the mean over frames of F_t(v_t) - F_t(v_neg_t), where v_neg_t
has been drawn from frame t's RBM by a few Gibbs steps and is held fixed; its gradient is the
contrastive-divergence estimate of the negative log-likelihood's.

Training works in centred coordinates (Montavon, Mueller 2012): the frame biases are
    bv_t = bv + u_{t-1} Wuv - W.sum(1) / 2        bh_t = bh + u_{t-1} Wuh - centre W
so that W's gradient is not entangled with those of the biases. They fold exactly into plain biases.

Training may also see the music transposed. What depends on the key alone is then learned apart for
each: bv, bh, bu and u0 have one row per transposition and the weights are shared. The model that is
kept has the rows of transposition 0.

Arrays of a batch are time first: (n_frames, n_sequences, ...).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import rbm
from rnnrbm_gui.models.rnn_rbm import Memory, RnnRbm

Array = NDArray[np.floating]
Parameters = dict[str, Array]

WEIGHTS = ("W", "Wuv", "Wuh", "Wvu", "Wuu")
BIASES = ("bv", "bh", "bu", "u0")
TRAINED = (*WEIGHTS, *BIASES)


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
    """

    v: Array
    real: Array
    kept: Array
    row: NDArray[np.int64]
    centre: Array


@dataclass(frozen=True, eq=False)
class Unrolled:
    """The recurrence run over a batch.

    Attributes:
        u: (n_frames + 1, n_sequences, n_recurrent), ``u[t]`` is the state before frame t.
        bv_t: (n_frames, n_sequences, n_visible), of the plain (uncentred) RBM.
        bh_t: (n_frames, n_sequences, n_hidden).
    """

    u: Array
    bv_t: Array
    bh_t: Array


def unroll(p: Parameters, batch: Batch, memory: Memory) -> Unrolled:
    """Run the recurrence over the given frames and return every frame's biases."""
    n_frames, n_sequences, _ = batch.v.shape
    u = np.empty((n_frames + 1, n_sequences, p["u0"].shape[1]), p["W"].dtype)
    u[0] = p["u0"][batch.row]
    from_v = p["bu"][batch.row] + batch.v @ p["Wvu"]
    for t in range(n_frames):
        a = from_v[t] + (u[t] * batch.kept[t]) @ p["Wuu"]
        u[t + 1] = np.tanh(a) if memory == "tanh" else rbm.sigmoid(a)
    read = u[:-1] * batch.kept
    bv_t = p["bv"][batch.row] - p["W"].sum(1) / 2 + read @ p["Wuv"]
    bh_t = p["bh"][batch.row] - batch.centre @ p["W"] + read @ p["Wuh"]
    return Unrolled(u, bv_t, bh_t)


def loss(p: Parameters, batch: Batch, run: Unrolled, v_neg: Array) -> float:
    """Return the mean over real frames of F_t(v_t) - F_t(v_neg_t)."""
    gap = rbm.free_energy(p["W"], run.bv_t, run.bh_t, batch.v)
    gap = gap - rbm.free_energy(p["W"], run.bv_t, run.bh_t, v_neg)
    return float((gap * batch.real).sum() / batch.real.sum())


def gradient(
    p: Parameters, batch: Batch, run: Unrolled, v_neg: Array, memory: Memory
) -> Parameters:
    """Return the gradient of ``loss`` with respect to every parameter, ``v_neg`` held fixed.

    Args:
        p: the parameters in centred coordinates.
        batch: the sequences.
        run: ``unroll(p, batch, memory)``.
        v_neg: (n_frames, n_sequences, n_visible), draws from the frames' RBMs.
        memory: f of the recurrence.
    """
    W = p["W"]
    n_frames, n_sequences, n_visible = batch.v.shape
    weight = (batch.real / batch.real.sum())[..., None]  # (n_frames, n_sequences, 1)
    pos = rbm.mean_h(W, run.bh_t, batch.v) * weight  # (n_frames, n_sequences, n_hidden)
    neg = rbm.mean_h(W, run.bh_t, v_neg) * weight
    d_bv = (v_neg - batch.v) * weight  # dF/dbv = -v, dF/dbh = -mean_h, dF/dW = -v' mean_h
    d_bh = neg - pos
    v_flat, neg_flat = batch.v.reshape(-1, n_visible), v_neg.reshape(-1, n_visible)
    grad: Parameters = {}
    grad["W"] = neg_flat.T @ neg.reshape(len(neg_flat), -1) - v_flat.T @ pos.reshape(
        len(v_flat), -1
    )
    # W also stands in the centred biases.
    grad["W"] -= d_bv.sum((0, 1))[:, None] / 2 + batch.centre[:, None] * d_bh.sum((0, 1))
    read = (run.u[:-1] * batch.kept).reshape(n_frames * n_sequences, -1)
    grad["Wuv"] = read.T @ d_bv.reshape(len(read), -1)
    grad["Wuh"] = read.T @ d_bh.reshape(len(read), -1)

    # From the biases of frame t into u[t], and from u[t + 1] back into u[t].
    d_u = d_bv @ p["Wuv"].T + d_bh @ p["Wuh"].T
    slope = 1 - run.u**2 if memory == "tanh" else run.u * (1 - run.u)
    d_a = np.zeros_like(d_u)  # of the recurrence's pre-activation that makes u[t + 1]
    back = np.zeros_like(run.u[0])
    for t in range(n_frames - 1, -1, -1):
        d_a[t] = back * slope[t + 1]
        back = (d_u[t] + d_a[t] @ p["Wuu"].T) * batch.kept[t]
    d_flat = d_a.reshape(n_frames * n_sequences, -1)
    grad["Wuu"] = read.T @ d_flat
    grad["Wvu"] = v_flat.T @ d_flat
    for name, d in (("bv", d_bv.sum(0)), ("bh", d_bh.sum(0)), ("bu", d_a.sum(0)), ("u0", back)):
        grad[name] = np.zeros_like(p[name])
        np.add.at(grad[name], batch.row, d)
    return grad


def plain_model(p: Parameters, centre: Array, base: Array, memory: Memory) -> RnnRbm:
    """Fold the centring into plain biases and return the model of transposition 0 (row 0)."""
    plain = dict(p, **{name: p[name][0] for name in BIASES})
    plain["bv"] = plain["bv"] - p["W"].sum(1) / 2
    plain["bh"] = plain["bh"] - centre @ p["W"]
    arrays = {name: plain[name].astype(np.float32) for name in TRAINED}
    return RnnRbm(**arrays, base=base.astype(np.float32), memory=memory)
