"""log Z of every frame's RBM by annealed importance sampling, from two kinds of start.

Salakhutdinov, Murray: On the Quantitative Analysis of Deep Belief Networks, ICML 2008, section
4.1. The start is a machine of independent keys, and the nearer it lies to the frame's own machine
the less the runs have to travel. *base-rate*: the keys' corpus frequencies, one start for all
frames. *frame*: the marginals of short chains of the frame's machine, mixed with the base rate so
that no key is out of reach. Neither is better everywhere, and any start gives an unbiased Z.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import rbm
from rnnrbm_gui.models.sequence_model import SequenceModel

if TYPE_CHECKING:
    from rnnrbm_gui.models.chains import ChainTables

Float = NDArray[np.float32]
Start = Literal["base-rate", "frame"]
STARTS: tuple[Start, ...] = ("base-rate", "frame")

SCOUTS = 100
"""Short chains a frame whose marginals make the start *frame*."""
SCOUT_TEMPERATURES = 100
SCOUT_STEPS = 50
BASE_SHARE = 0.1
"""Share of the base rate in the start *frame*."""


@dataclass(frozen=True, eq=False)
class LogZ:
    """Estimates of log Z_t, each (n_frames,).

    Attributes:
        forward: from the start to the frame's machine; too small on the average.
        reverse: back from the forward run's end points; NaN where not run.
        error_forward: standard error of ``forward``.
        error_reverse: standard error of ``reverse``.
    """

    forward: NDArray[np.float64]
    reverse: NDArray[np.float64]
    error_forward: NDArray[np.float64]
    error_reverse: NDArray[np.float64]

    def pooled(self, n_frames: int) -> "LogZ":
        """Return for so many frames the one log Z that these are independent estimates of.

        The errors are the frames' together: they do not average out.
        """
        forward, error_forward = _pooled(self.forward, self.error_forward)
        back, error_reverse = _pooled(-self.reverse, self.error_reverse)  # it estimates 1 / Z
        found = (forward, -back, error_forward, error_reverse)
        return LogZ(*(np.full(n_frames, x) for x in found))


def estimate_log_z(
    model: SequenceModel,
    bv_t: Float,
    bh_t: Float,
    *,
    start: Start = "base-rate",
    n_chains: int = 100,
    n_temperatures: int = 1000,
    seed: int = 1,
    reverse: bool = True,
    reverse_steps: int = 200,
    n_threads: int = 1,
    tell: Callable[[float], None] = lambda share: None,
) -> LogZ:
    """Estimate log Z_t of each frame's RBM by AIS; the same seed gives the same figures.

    Args:
        model: gives W and base.
        bv_t: (n_frames, n_visible), the frames' visible biases.
        bh_t: (n_frames, n_hidden).
        start: where the runs begin.
        n_chains: runs a frame.
        n_temperatures: temperatures a run, evenly spaced.
        seed: of all draws.
        reverse: also run back from the end points.
        reverse_steps: Gibbs steps between the forward run's end and the reverse run's start.
        n_threads: frames at once; changes the time only.
        tell: called in this thread with the share done, in 0..1.
    """
    from rnnrbm_gui.models import chains  # imports numba

    tables = chains.tables(model.W)
    up = np.linspace(0.0, 1.0, n_temperatures)
    down = np.ascontiguousarray(up[::-1])
    n_frames = len(bv_t)
    found = np.full((4, n_frames), np.nan)

    def one_frame(t: int) -> None:
        rng = np.random.default_rng([seed, t])
        keys = rng.integers(0, 2**64, 5, np.uint64)
        logits = model.base
        if start == "frame":
            logits = _frame_start(model, tables, bv_t[t], bh_t[t], rng, keys[3:])
        rate = rbm.sigmoid(logits.astype(np.float64))
        log_z_start = model.n_hidden * np.log(2.0) + rbm.softplus(logits.astype(np.float64)).sum()
        v = rng.random((n_chains, model.n_visible)) < rate
        log_weight = chains.annealed_chains(tables, logits, bv_t[t], bh_t[t], v, up, keys[0])
        mean, found[2, t] = _log_mean_exp(log_weight)
        found[0, t] = log_z_start + mean
        if reverse:
            ancestor = resampled(log_weight, rng)
            v = v[ancestor]
            many_bv, many_bh = _rows(bv_t[t], n_chains), _rows(bh_t[t], n_chains)
            chains.gibbs_chains(tables, many_bv, many_bh, v, reverse_steps, keys[1])
            log_weight = chains.annealed_chains(tables, logits, bv_t[t], bh_t[t], v, down, keys[2])
            mean, found[3, t] = _log_mean_exp(log_weight, ancestor)
            found[1, t] = log_z_start - mean

    in_threads(one_frame, n_frames, n_threads, tell)
    return LogZ(*found)


def resampled(log_weight: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.intp]:
    """Return indices that stand for the weights, each run about w / mean w times (systematically).

    The end points of a forward run stand for the machine measured only together with their
    weights. A reverse run that begins from them unweighted, as they come, reads far too good where
    the chains do not mix between chords within the Gibbs steps after.
    """
    w = np.exp(log_weight - log_weight.max())
    steps = (np.arange(len(w)) + rng.random()) / len(w)
    return np.minimum(np.searchsorted(np.cumsum(w) / w.sum(), steps), len(w) - 1)


def in_threads(
    job: Callable[[int], None], n_jobs: int, n_threads: int, tell: Callable[[float], None]
) -> None:
    """Run ``job(0)`` ... ``job(n_jobs - 1)``; what one raises is raised, Ctrl-C drops the rest.

    Args:
        job: should let go of the interpreter's lock.
        n_jobs: how many.
        n_threads: at once.
        tell: called in this thread with the share done, in 0..1.
    """
    pool = ThreadPoolExecutor(n_threads)
    try:
        for done, _ in enumerate(pool.map(job, range(n_jobs)), 1):
            tell(done / n_jobs)
    finally:
        pool.shutdown(cancel_futures=True)


def _frame_start(
    model: SequenceModel,
    tables: "ChainTables",
    bv: Float,
    bh: Float,
    rng: np.random.Generator,
    keys: NDArray[np.uint64],
) -> Float:
    """Return the logits of the keys' marginals in short chains, mixed with the base rate."""
    from rnnrbm_gui.models import chains

    base_rate = rbm.sigmoid(model.base.astype(np.float64))
    v = rng.random((SCOUTS, model.n_visible)) < base_rate
    # Annealed, for a chain from nowhere stays with the first chord that it meets.
    betas = np.linspace(0.0, 1.0, SCOUT_TEMPERATURES)
    chains.annealed_chains(tables, model.base, bv, bh, v, betas, keys[0])
    chains.gibbs_chains(tables, _rows(bv, SCOUTS), _rows(bh, SCOUTS), v, SCOUT_STEPS, keys[1])
    rate = (1.0 - BASE_SHARE) * v.mean(0) + BASE_SHARE * base_rate
    return np.log(rate / (1.0 - rate)).astype(np.float32)


def _rows(x: Float, n: int) -> Float:
    return np.repeat(x[None], n, 0)


def _pooled(
    log_z: NDArray[np.float64], error: NDArray[np.float64]
) -> tuple[np.float64, np.float64]:
    """Return log mean exp of independent estimates, and its standard error from theirs."""
    w = np.exp(log_z - log_z.max())
    return np.log(w.mean()) + log_z.max(), np.sqrt(np.square(w * error).sum()) / w.sum()


def _log_mean_exp(
    x: NDArray[np.float64], ancestor: NDArray[np.intp] | None = None
) -> tuple[float, float]:
    """Return log mean exp, and its standard error by the delta method.

    Args:
        x: (n,).
        ancestor: (n,), what each run began from: runs from one end point are not independent, and
            count together. None where all are.
    """
    top, n = x.max(), len(x)
    w = np.exp(x - top)
    mean = w.mean()
    groups = np.bincount(np.arange(n) if ancestor is None else ancestor, w - mean)
    spread = np.sqrt((groups**2).sum() / (n - 1)) if n > 1 else np.nan
    return float(np.log(mean) + top), float(spread / mean / np.sqrt(n))
