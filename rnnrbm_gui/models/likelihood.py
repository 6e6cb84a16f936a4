"""How likely a model finds held-out music: log-likelihood per frame by AIS, or exactly.

LL_t = -F_t(v_t) - log Z_t in nats, the model having seen the true frames before t. log Z_t comes
from annealed importance sampling (Salakhutdinov, Murray: On the Quantitative Analysis of Deep
Belief Networks, ICML 2008, section 4.1), started from the machine of independent keys at their
corpus frequencies. Too few temperatures make a model look too good; the reverse run, started from
the forward run's end points, errs to the other side, so the gap between them says how far to trust.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import rbm
from rnnrbm_gui.models.kernels import padded
from rnnrbm_gui.models.rnn_rbm import RnnRbm

Roll = NDArray[np.bool_]


@dataclass(frozen=True)
class Likelihood:
    """Log-likelihood of a split, in nats.

    Attributes:
        ll: mean over the frames measured; the lower of the forward and the reverse estimate.
        ll_forward: mean over frames, forward AIS.
        ll_reverse: mean over frames, reverse AIS.
        gap: ll_forward - ll_reverse.
        ll_pieces: mean over pieces of each piece's mean over its frames, forward.
        error: standard error of the mean over frames from AIS alone, forward.
        n_frames: frames measured.
        n_all: frames in the split.
        n_chains: AIS runs a frame.
        n_temperatures: temperatures a run.
    """

    ll: float
    ll_forward: float
    ll_reverse: float
    gap: float
    ll_pieces: float
    error: float
    n_frames: int
    n_all: int
    n_chains: int
    n_temperatures: int

    def figures(self) -> dict[str, float]:
        """Return the figures by name, rounded, for a file's header or a report."""
        return {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }


@dataclass(frozen=True, eq=False)
class Frames:
    """Frames to measure, each with its RBM's biases.

    Attributes:
        v: (n_frames, n_visible).
        bv_t: (n_frames, n_visible).
        bh_t: (n_frames, n_hidden).
        piece: (n_frames,), index of the sequence each frame is from.
        n_all: frames in the sequences, measured or not.
    """

    v: Roll
    bv_t: NDArray[np.float32]
    bh_t: NDArray[np.float32]
    piece: NDArray[np.int64]
    n_all: int


def frames_of(model: RnnRbm, rolls: Sequence[Roll], most_frames: int | None = None) -> Frames:
    """Run the model over sequences and return their frames, evenly thinned to ``most_frames``."""
    biases = [model.frame_biases(roll) for roll in rolls]
    piece = np.repeat(np.arange(len(rolls)), [len(roll) for roll in rolls])
    kept = np.arange(len(piece))
    if most_frames is not None and most_frames < len(piece):
        kept = np.linspace(0, len(piece) - 1, most_frames).round().astype(np.int64)
    return Frames(
        np.concatenate(rolls)[kept],
        np.concatenate([bv_t for bv_t, _ in biases])[kept],
        np.concatenate([bh_t for _, bh_t in biases])[kept],
        piece[kept],
        len(piece),
    )


def exact_ll(model: RnnRbm, frames: Frames) -> NDArray[np.float64]:
    """Return LL_t of each frame with log Z_t by enumeration of the hidden units."""
    log_z = [
        rbm.exact_log_z(model.W, bv, bh) for bv, bh in zip(frames.bv_t, frames.bh_t, strict=True)
    ]
    return -_free_energy(model, frames) - np.array(log_z)


def ais_log_z(
    model: RnnRbm,
    frames: Frames,
    *,
    n_chains: int = 100,
    n_temperatures: int = 1000,
    seed: int = 1,
    reverse: bool = True,
    reverse_steps: int = 200,
    tell: Callable[[float], None] = lambda share: None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Estimate log Z_t of each frame's RBM by AIS from the base-rate machine.

    Args:
        model: gives W and base.
        frames: with their biases.
        n_chains: runs a frame.
        n_temperatures: temperatures a run, evenly spaced.
        seed: of all draws.
        reverse: also run back from the end points.
        reverse_steps: Gibbs steps between the forward run's end and the reverse run's start.
        tell: called with the share done.

    Returns:
        forward and reverse log Z_t (NaN where not run) and the forward one's standard error, each
        (n_frames,).
    """
    from rnnrbm_gui.models import chains  # imports numba

    W, WT = padded(model.W), padded(model.W.T)
    betas = np.linspace(0.0, 1.0, n_temperatures)
    base_rate = rbm.sigmoid(model.base.astype(np.float64))
    log_z_base = model.n_hidden * np.log(2.0) + rbm.softplus(model.base.astype(np.float64)).sum()
    n_frames = len(frames.v)
    forward, back = np.empty(n_frames), np.full(n_frames, np.nan)
    error = np.empty(n_frames)
    rng = np.random.default_rng(seed)
    at_once = max(1, 3200 // n_chains)
    for first in range(0, n_frames, at_once):
        some = slice(first, min(first + at_once, n_frames))
        n = some.stop - some.start
        bv_t = np.repeat(frames.bv_t[some], n_chains, 0)
        bh_t = np.repeat(frames.bh_t[some], n_chains, 0)
        v = rng.random((n * n_chains, model.n_visible)) < base_rate
        log_weight = np.empty(n * n_chains)
        keys = rng.integers(0, 2**64, 3, np.uint64)
        chains.annealed_chains(W, WT, model.base, bv_t, bh_t, v, betas, keys[0], log_weight)
        mean, error[some] = _log_mean_exp(log_weight.reshape(n, n_chains))
        forward[some] = log_z_base + mean
        if reverse:
            chains.gibbs_chains(W, WT, bv_t, bh_t, v, reverse_steps, keys[1])
            down = np.ascontiguousarray(betas[::-1])
            chains.annealed_chains(W, WT, model.base, bv_t, bh_t, v, down, keys[2], log_weight)
            back[some] = log_z_base - _log_mean_exp(log_weight.reshape(n, n_chains))[0]
        tell(some.stop / n_frames)
    return forward, back, error


def measure(
    model: RnnRbm,
    rolls: Sequence[Roll],
    *,
    n_chains: int = 100,
    n_temperatures: int = 1000,
    most_frames: int | None = None,
    seed: int = 1,
    reverse: bool = True,
    tell: Callable[[float], None] = lambda share: None,
) -> Likelihood:
    """Estimate the log-likelihood of sequences; arguments as in ``ais_log_z``."""
    frames = frames_of(model, rolls, most_frames)
    log_z, log_z_back, error = ais_log_z(
        model,
        frames,
        n_chains=n_chains,
        n_temperatures=n_temperatures,
        seed=seed,
        reverse=reverse,
        tell=tell,
    )
    unnormalised = -_free_energy(model, frames)
    ll_t = unnormalised - log_z
    forward = float(ll_t.mean())
    back = float((unnormalised - log_z_back).mean()) if reverse else forward
    pieces = [ll_t[frames.piece == piece].mean() for piece in np.unique(frames.piece)]
    return Likelihood(
        ll=min(forward, back),
        ll_forward=forward,
        ll_reverse=back,
        gap=forward - back,
        ll_pieces=float(np.mean(pieces)),
        error=float(np.sqrt((error**2).sum()) / len(error)),
        n_frames=len(frames.v),
        n_all=frames.n_all,
        n_chains=n_chains,
        n_temperatures=n_temperatures,
    )


def _free_energy(model: RnnRbm, frames: Frames) -> NDArray[np.float64]:
    W, bv_t, bh_t = (x.astype(np.float64) for x in (model.W, frames.bv_t, frames.bh_t))
    return np.asarray(rbm.free_energy(W, bv_t, bh_t, frames.v.astype(np.float64)), np.float64)


def _log_mean_exp(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return log mean exp of each row, and its standard error by the delta method."""
    top = x.max(1, keepdims=True)
    w = np.exp(x - top)
    mean = w.mean(1)
    spread = w.std(1, ddof=1) if x.shape[1] > 1 else np.full(len(x), np.nan)
    return np.log(mean) + top[:, 0], spread / mean / np.sqrt(x.shape[1])
