"""How many of the notes of held-out music a model foretells, given the true past.

    accuracy = TP / (TP + FP + FN)        of one frame: common notes over notes in either

Bay, Ehmann, Downie (ISMIR 2009), as in Boulanger-Lewandowski, Bengio, Vincent (ICML 2012), table
1. Their text leaves open how frames are averaged and what is predicted, so each reading has a name.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import rbm
from rnnrbm_gui.models.annealing import in_threads
from rnnrbm_gui.models.likelihood import Frames
from rnnrbm_gui.models.sequence_model import SequenceModel

Bools = NDArray[np.bool_]

DRAWS = 8
GIBBS_STEPS = 50
MEAN_FIELD_UPDATES = 15
AT_ONCE = 64
"""Frames to a job: enough to fill a matrix product, few enough to tell how far it is."""


@dataclass(frozen=True)
class Accuracy:
    """Accuracy over frames, in percent.

    Attributes:
        expected_sums: of drawn frames: the sum of TP over the sum of TP + FP + FN.
        expected_frames: of drawn frames: the mean of the frames' own ratios.
        map_sums: of the approximately most probable frame: ratio of sums.
        map_frames: of the approximately most probable frame: mean of ratios.
        n_draws: drawn a frame.
        n_frames: frames measured.
    """

    expected_sums: float
    expected_frames: float
    map_sums: float
    map_frames: float
    n_draws: int
    n_frames: int

    def figures(self) -> dict[str, float]:
        """Return the figures by name, rounded, for a file's header or a report."""
        return {name: round(value, 2) for name, value in asdict(self).items()}


def ratio_of_sums(v: Bools, drawn: Bools) -> float:
    """Return the sum of TP over the sum of TP + FP + FN, in 0..1; 1 if all frames are empty.

    Args:
        v: (..., n_visible), true frames.
        drawn: likewise, or more of each along a further axis.
    """
    either = int((v | drawn).sum())
    return int((v & drawn).sum()) / either if either else 1.0


def mean_of_ratios(v: Bools, drawn: Bools) -> float:
    """Return the mean of TP / (TP + FP + FN), in 0..1; two empty frames count 1."""
    either = (v | drawn).sum(-1)
    common = (v & drawn).sum(-1)
    return float(np.where(either > 0, common / np.maximum(either, 1), 1.0).mean())


def measure(
    model: SequenceModel,
    frames: Frames,
    *,
    n_keys: int | None = None,
    n_draws: int = DRAWS,
    seed: int = 1,
    n_threads: int = 1,
    tell: Callable[[float], None] = lambda share: None,
) -> Accuracy:
    """Draw frames from each frame's RBM, GIBBS_STEPS from the frame before, and compare.

    Args:
        model: gives W.
        frames: with their biases and the frames before them.
        n_keys: compare the first so many units only, the keys that sound; None for all.
        n_draws: a frame; the most probable is sought from as many, too.
        seed: of the draws.
        n_threads: blocks of frames at once; changes the time only.
        tell: called with the share done, in 0..1.
    """
    n_frames = len(frames.v)
    drawn = np.empty((n_frames, n_draws, model.n_visible), np.bool_)
    probable = np.empty((n_frames, model.n_visible), np.bool_)

    def block(place: int) -> None:
        some = slice(place * AT_ONCE, (place + 1) * AT_ONCE)
        drawn[some] = draws(model, frames, some, n_draws, seed, place)
        probable[some] = most_probable(model, frames.bv_t[some], frames.bh_t[some], drawn[some])

    in_threads(block, -(-n_frames // AT_ONCE), n_threads, tell)
    v, drawn, probable = frames.v[:, :n_keys], drawn[..., :n_keys], probable[:, :n_keys]
    return Accuracy(
        100 * ratio_of_sums(v[:, None], drawn),
        100 * mean_of_ratios(v[:, None], drawn),
        100 * ratio_of_sums(v, probable),
        100 * mean_of_ratios(v, probable),
        n_draws,
        n_frames,
    )


def draws(
    model: SequenceModel, frames: Frames, some: slice, n_draws: int, seed: int, place: int
) -> Bools:
    """Return frames drawn by Gibbs chains from the frame before, (n_some, n_draws, n_visible)."""
    from rnnrbm_gui.models import chains  # imports numba

    [key] = np.random.default_rng([seed, place]).integers(0, 2**64, 1, np.uint64)
    v = np.repeat(frames.before[some], n_draws, 0)
    bv_t, bh_t = (np.repeat(x[some], n_draws, 0) for x in (frames.bv_t, frames.bh_t))
    chains.gibbs_chains(chains.tables(model.W), bv_t, bh_t, v, GIBBS_STEPS, key)
    return v.reshape(-1, n_draws, model.n_visible)


def most_probable(
    model: SequenceModel, bv_t: NDArray[np.float32], bh_t: NDArray[np.float32], drawn: Bools
) -> Bools:
    """Return the approximately most probable frame of each RBM, (n_frames, n_visible).

    Each draw is moved by MEAN_FIELD_UPDATES of mean_h and mean_v, rounded at 0.5, and of those the
    one of lowest free energy is taken.

    Args:
        model: gives W.
        bv_t: (n_frames, n_visible).
        bh_t: (n_frames, n_hidden).
        drawn: (n_frames, n_draws, n_visible).
    """
    mean = drawn.astype(np.float32)
    for _ in range(MEAN_FIELD_UPDATES):
        mean = rbm.mean_v(model.W, bv_t[:, None], rbm.mean_h(model.W, bh_t[:, None], mean))
    rounded = mean > 0.5
    energy = rbm.free_energy(model.W, bv_t[:, None], bh_t[:, None], rounded.astype(np.float32))
    return rounded[np.arange(len(drawn)), energy.argmin(1)]
