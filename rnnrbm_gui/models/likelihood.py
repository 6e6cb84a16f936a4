"""How likely a model finds held-out music: log-likelihood per frame by AIS, or exactly.

LL_t = -F_t(v_t) - log Z_t in nats, the model having seen the true frames before t. Where the
hidden units can be enumerated log Z_t is exact; elsewhere it is estimated (``annealing``). Too few
temperatures make a model look too good, so runs go both ways and the lower figure counts, and of
several starts the one with the lowest; the gap between the two ways says how far to trust it.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import rbm
from rnnrbm_gui.models.annealing import Start, estimate_log_z, in_threads
from rnnrbm_gui.models.sequence_model import SequenceModel

Roll = NDArray[np.bool_]

SHARED_PARTS = 16
"""Frames that are all of one RBM are given the runs of so many: work for threads."""
LONGER = 25
"""And so many times the temperatures: long runs find a sharp machine's modes, many short ones do
not, at the same cost."""

WIDE_GAP = 0.05
"""Nats between forward and reverse AIS from which on a figure is in doubt."""


@dataclass(frozen=True)
class Likelihood:
    """Log-likelihood of a split, in nats.

    Attributes:
        start: where the AIS runs began, or "exact": log Z by enumeration.
        ll: mean over the frames measured; the lower of the forward and the reverse estimate.
        ll_pieces: mean over pieces of each piece's mean over its frames, of that same estimate.
        ll_forward: mean over frames, forward AIS.
        ll_reverse: mean over frames, reverse AIS; as ``ll_forward`` where not run.
        gap: ll_forward - ll_reverse.
        error: standard error of ``ll`` from AIS alone.
        choice_error: standard error of ``ll`` from having measured some of the frames, 0 for all.
        n_frames: frames measured.
        n_all: frames in the split.
        n_chains: AIS runs a frame, 0 if exact.
        n_temperatures: temperatures a run, 0 if exact.
    """

    start: Start | Literal["exact"]
    ll: float
    ll_pieces: float
    ll_forward: float
    ll_reverse: float
    gap: float
    error: float
    choice_error: float
    n_frames: int
    n_all: int
    n_chains: int
    n_temperatures: int

    @property
    def doubt(self) -> str:
        """A sentence if the gap is wide, else nothing."""
        if abs(self.gap) <= WIDE_GAP:
            return ""
        return (
            f"The gap of {abs(self.gap):.3f} nats between forward and reverse AIS is over "
            f"{WIDE_GAP}: do not trust this figure; try the other start or more temperatures."
        )

    def figures(self) -> dict[str, float]:
        """Return the numbers by name, rounded, for a file's header or a report."""
        return {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in asdict(self).items()
            if name != "start"
        }


@dataclass(frozen=True, eq=False)
class Frames:
    """Frames to measure, each with its RBM's biases.

    Attributes:
        v: (n_frames, n_visible).
        before: (n_frames, n_visible), the frame before each; silence before a piece's first.
        bv_t: (n_frames, n_visible).
        bh_t: (n_frames, n_hidden).
        piece: (n_frames,), index of the sequence each frame is from.
        n_all: frames in the sequences, measured or not.
    """

    v: Roll
    before: Roll
    bv_t: NDArray[np.float32]
    bh_t: NDArray[np.float32]
    piece: NDArray[np.int64]
    n_all: int


def frames_of(
    model: SequenceModel,
    rolls: Sequence[Roll],
    most_frames: int | None = None,
    positions: Sequence[NDArray[np.int64]] | None = None,
) -> Frames:
    """Run the model over sequences and return their frames, thinned to ``most_frames``.

    Args:
        model: gives the biases.
        rolls: (n_frames, n_visible) each.
        most_frames: at most so many; None for all.
        positions: of each sequence's frames in the bar; None where the model is not told them.
    """
    told = positions if positions is not None else [None] * len(rolls)
    biases = [model.frame_biases(roll, x) for roll, x in zip(rolls, told, strict=True)]
    piece = np.repeat(np.arange(len(rolls)), [len(roll) for roll in rolls])
    kept = np.arange(len(piece))
    if most_frames is not None and most_frames < len(piece):
        # One by chance from each of as many equal stretches: music repeats, and frames a fixed way
        # apart would all stand at the same place in the bar.
        ends = np.arange(most_frames + 1) * len(piece) // most_frames
        kept = np.random.default_rng(0).integers(ends[:-1], ends[1:])
    silence = np.zeros((1, model.n_visible), np.bool_)
    before = [np.concatenate([silence, roll[:-1]]) for roll in rolls]
    return Frames(
        np.concatenate(rolls)[kept],
        np.concatenate(before)[kept],
        np.concatenate([bv_t for bv_t, _ in biases])[kept],
        np.concatenate([bh_t for _, bh_t in biases])[kept],
        piece[kept],
        len(piece),
    )


def exact_ll(
    model: SequenceModel,
    frames: Frames,
    *,
    n_threads: int = 1,
    tell: Callable[[float], None] = lambda share: None,
) -> NDArray[np.float64]:
    """Return LL_t of each frame with log Z_t by enumeration of the hidden units."""
    log_z = np.empty(len(frames.v))

    def one_frame(t: int) -> None:
        log_z[t] = rbm.exact_log_z(model.W, frames.bv_t[t], frames.bh_t[t])

    in_threads(one_frame, len(log_z), n_threads, tell)
    return -_free_energy(model, frames) - log_z


def measure_exactly(
    model: SequenceModel,
    frames: Frames,
    *,
    n_threads: int = 1,
    tell: Callable[[float], None] = lambda share: None,
) -> Likelihood:
    """Return the log-likelihood of frames by enumeration; see ``exact_ll``."""
    ll_t = exact_ll(model, frames, n_threads=n_threads, tell=tell)
    return _likelihood("exact", frames, ll_t, ll_t, np.zeros(len(ll_t)), 0, 0)


def measure_from(
    start: Start,
    model: SequenceModel,
    frames: Frames,
    *,
    n_chains: int = 100,
    n_temperatures: int = 1000,
    seed: int = 1,
    reverse: bool = True,
    n_threads: int = 1,
    tell: Callable[[float], None] = lambda share: None,
) -> Likelihood:
    """Estimate the log-likelihood of frames by AIS; arguments as in ``estimate_log_z``.

    Frames that are all of one RBM have one log Z: it is given fewer and longer runs, ``LONGER``
    times ``n_temperatures`` each.
    """
    bv_t, bh_t, n_frames = frames.bv_t, frames.bh_t, len(frames.v)
    one = n_frames > 1 and bool((bv_t == bv_t[0]).all() and (bh_t == bh_t[0]).all())
    n_parts = min(n_frames, SHARED_PARTS) if one else n_frames
    if one:
        n_temperatures = LONGER * n_temperatures
    log_z = estimate_log_z(
        model,
        bv_t[:n_parts],
        bh_t[:n_parts],
        start=start,
        n_chains=n_chains,
        n_temperatures=n_temperatures,
        seed=seed,
        reverse=reverse,
        n_threads=n_threads,
        tell=tell,
    )
    if one:
        log_z, n_chains = log_z.pooled(n_frames), n_chains * n_parts
    unnormalised = -_free_energy(model, frames)
    forward = back = unnormalised - log_z.forward
    error = log_z.error_forward
    if reverse:
        back = unnormalised - log_z.reverse
        if back.mean() < forward.mean():
            error = log_z.error_reverse
    if one:
        error = error * np.sqrt(n_frames)  # which the mean over frames takes off again
    return _likelihood(start, frames, forward, back, error, n_chains, n_temperatures)


def measure(
    model: SequenceModel,
    frames: Frames,
    *,
    starts: Sequence[Start] = ("base-rate",),
    n_chains: int = 100,
    n_temperatures: int = 1000,
    seed: int = 1,
    reverse: bool = True,
    n_threads: int = 1,
    tell: Callable[[float], None] = lambda share: None,
) -> list[Likelihood]:
    """Measure the log-likelihood of frames, exactly where n_hidden <= MOST_ENUMERATED.

    Args:
        model: what to measure.
        frames: ``frames_of`` the model.
        starts: of AIS.
        n_chains: AIS runs a frame.
        n_temperatures: temperatures a run.
        seed: of all draws.
        reverse: run each start's AIS back too.
        n_threads: frames at once; changes the time only.
        tell: called with the share done, in 0..1.

    Returns:
        One for each start, or the exact one alone, the lowest first: that one counts.
    """
    if model.n_hidden <= rbm.MOST_ENUMERATED:
        return [measure_exactly(model, frames, n_threads=n_threads, tell=tell)]
    found = []
    for place, start in enumerate(starts):

        def tell_all(share: float, place: int = place) -> None:
            tell((place + share) / len(starts))

        found.append(
            measure_from(
                start,
                model,
                frames,
                n_chains=n_chains,
                n_temperatures=n_temperatures,
                seed=seed,
                reverse=reverse,
                n_threads=n_threads,
                tell=tell_all,
            )
        )
    return sorted(found, key=lambda likelihood: likelihood.ll)


def _likelihood(
    start: Start | Literal["exact"],
    frames: Frames,
    forward: NDArray[np.float64],
    back: NDArray[np.float64],
    error: NDArray[np.float64],
    n_chains: int,
    n_temperatures: int,
) -> Likelihood:
    """Average LL_t of every frame, forward and reverse, and its ``error`` over the frames."""
    lower = back if back.mean() < forward.mean() else forward
    n, n_all = len(lower), frames.n_all
    pieces = [lower[frames.piece == piece].mean() for piece in np.unique(frames.piece)]
    spread = float(lower.std(ddof=1)) if n > 1 else float("nan")
    return Likelihood(
        start=start,
        ll=float(lower.mean()),
        ll_pieces=float(np.mean(pieces)),
        ll_forward=float(forward.mean()),
        ll_reverse=float(back.mean()),
        gap=float(forward.mean() - back.mean()),
        error=float(np.sqrt((error**2).sum()) / n),
        choice_error=spread * float(np.sqrt((1 - n / n_all) / n)) if n < n_all else 0.0,
        n_frames=n,
        n_all=n_all,
        n_chains=n_chains,
        n_temperatures=n_temperatures,
    )


def _free_energy(model: SequenceModel, frames: Frames) -> NDArray[np.float64]:
    W, bv_t, bh_t = (x.astype(np.float64) for x in (model.W, frames.bv_t, frames.bh_t))
    return np.asarray(rbm.free_energy(W, bv_t, bh_t, frames.v.astype(np.float64)), np.float64)
