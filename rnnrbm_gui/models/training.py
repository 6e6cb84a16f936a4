"""Training an RNN-RBM: contrastive divergence, back-propagation through time, AdamW.

Boulanger-Lewandowski, Bengio, Vincent (ICML 2012), section 4, with four changes that were measured
to help: centred biases (see ``gradients``), CD-k that grows over the run, dropout on what the
biases read from the recurrent state, and an average of the weights over the last updates, which
is the model that is measured and kept. Runs on one thread are reproducible from their seed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import gradients
from rnnrbm_gui.models.gradients import BIASES, TRAINED, WEIGHTS, Batch, Parameters
from rnnrbm_gui.models.rnn_rbm import SHAPES, Memory, RnnRbm, base_rates

Roll = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train.

    Attributes:
        n_hidden: hidden units of each frame's RBM.
        n_recurrent: units of the recurrent state.
        memory: f of the recurrence.
        updates: parameter updates in all.
        batch_size: sequences to an update.
        most_frames: frames of a sequence in an update; longer ones are cut at random places.
        rate: the highest learning rate, reached after ``warm_up`` updates, then a half cosine
            down to ``last_rate`` of it.
        warm_up: updates.
        last_rate: share of ``rate`` at the end.
        decay: AdamW's weight decay, of W, Wuv, Wuh, Wvu and Wuu.
        clip: largest norm of the gradient.
        gibbs_steps: k of CD-k at the start and at the end.
        dropout: share of the recurrent state hidden wherever it is read.
        transposed: farthest transposition, in semitones, at which the music is also learned. All
            are equally likely at first; the share of transposed music falls to none at the end.
        average: decay of the average of the weights.
        check_every: updates between two measurements on the validation part.
        seed: of everything random.
    """

    n_hidden: int = 150
    n_recurrent: int = 150
    memory: Memory = "tanh"
    updates: int = 16000
    batch_size: int = 16
    most_frames: int = 100
    rate: float = 1e-2
    warm_up: int = 100
    last_rate: float = 0.02
    decay: float = 0.02
    clip: float = 5.0
    gibbs_steps: tuple[int, int] = (1, 15)
    dropout: float = 0.3
    transposed: int = 5
    average: float = 0.999
    check_every: int = 500
    seed: int = 1

    def rate_at(self, update: int) -> float:
        """Return the learning rate of an update."""
        rise = min(1.0, (update + 1) / self.warm_up)
        share = update / self.updates
        fall = self.last_rate + (1 - self.last_rate) * (1 + np.cos(np.pi * share)) / 2
        return float(self.rate * rise * fall)

    def k_at(self, update: int) -> int:
        """Return k of CD-k of an update; full length is reached at three quarters of the run."""
        first, last = self.gibbs_steps
        return round(first + (last - first) * min(1.0, update / (0.75 * self.updates)))

    def transposed_at(self, update: int) -> float:
        """Return the share of sequences that are transposed in an update."""
        most = 2 * self.transposed / (2 * self.transposed + 1)
        return most * (1 - update / self.updates)


@dataclass(frozen=True, eq=False)
class Progress:
    """Where a run stands.

    Attributes:
        update: updates done.
        model: the averaged weights at this moment.
        reconstruction: mean over the last updates of F(v) - F(v_neg), a course and no likelihood.
    """

    update: int
    model: RnnRbm
    reconstruction: float


def train(rolls: Sequence[Roll], settings: Settings) -> Iterator[Progress]:
    """Train on sequences, yielding the averaged model every ``check_every`` updates and at the end.

    The caller measures each and keeps the best; it stops the run by not asking for more.

    Args:
        rolls: (n_frames, n_visible) each.
        settings: how.

    Raises:
        ValueError: there is nothing to train on.
    """
    rolls = [roll for roll in rolls if len(roll)]
    if not rolls:
        raise ValueError("rolls must hold at least one frame, got none")
    from rnnrbm_gui.models import chains  # imports numba

    rng = np.random.default_rng(settings.seed)
    base = base_rates(rolls)
    centre = np.concatenate(rolls).mean(0).astype(np.float32)
    p = first_parameters(settings, base, centre, rng)
    average = {name: value.copy() for name, value in p.items()}
    adam = _AdamW(settings, p)
    course: list[float] = []
    for update, some in enumerate(_batches(len(rolls), settings, rng)):
        batch = _batch(
            [rolls[i] for i in some], settings, settings.transposed_at(update), centre, rng
        )
        run = gradients.unroll(p, batch, settings.memory)
        n_chains = batch.real.size
        v_neg = batch.v.reshape(n_chains, -1) > 0.5
        chains.gibbs_chains(
            chains.tables(p["W"]),
            run.bv_t.reshape(n_chains, -1),
            run.bh_t.reshape(n_chains, -1),
            v_neg,
            settings.k_at(update),
            rng.integers(0, 2**64, dtype=np.uint64),
            np.flatnonzero(batch.real),
        )
        negative = v_neg.reshape(batch.v.shape).astype(np.float32)
        if update % 10 == 0:
            course.append(gradients.loss(p, batch, run, negative))
        adam.step(p, gradients.gradient(p, batch, run, negative, settings.memory), update)
        # Short memory at first, so that the random start is soon forgotten.
        keep = min(settings.average, (update + 1) / (update + 10))
        for name in TRAINED:
            average[name] += (1 - keep) * (p[name] - average[name])
        done = update + 1
        if done % settings.check_every == 0 or done == settings.updates:
            model = gradients.plain_model(average, centre, base, settings.memory)
            yield Progress(done, model, float(np.mean(course)))
            course = course[-1:]


def first_parameters(
    settings: Settings,
    base: NDArray[np.float32],
    centre: NDArray[np.float32],
    rng: np.random.Generator,
) -> Parameters:
    """Return random centred parameters that start as the base-rate machine, but for noise."""
    sizes = {"v": len(base), "h": settings.n_hidden, "u": settings.n_recurrent}
    scale = {"W": 0.01, "Wuv": 0.01, "Wuh": 0.01, "Wvu": 0.1, "Wuu": 0.5 / sizes["u"] ** 0.5}
    p: Parameters = {}
    for name in WEIGHTS:
        shape = tuple(sizes[layer] for layer in SHAPES[name])
        p[name] = (rng.normal(size=shape) * scale[name]).astype(np.float32)
    n_rows = 2 * settings.transposed + 1
    for name in BIASES:
        p[name] = np.zeros((n_rows, sizes[SHAPES[name]]), np.float32)
    for row in range(n_rows):
        moved = shifted(base, _semitones(row))
        p["bv"][row] = np.where(moved == 0, base.min(), moved)
    return p


def shifted(keys: NDArray[np.generic], semitones: int) -> NDArray[np.generic]:
    """Return frames, (..., n_visible), transposed; keys pushed off either end are gone."""
    moved = np.roll(keys, semitones, -1)
    if semitones > 0:
        moved[..., :semitones] = 0
    elif semitones < 0:
        moved[..., semitones:] = 0
    return moved


def _semitones(row: int) -> int:
    """Return the transposition of a row of the biases: 0, 1, -1, 2, -2, ..."""
    return (row + 1) // 2 * (1 if row % 2 else -1)


def _batches(n: int, settings: Settings, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Yield the indices of each update's sequences: shuffled rounds through all of them."""
    queue = np.empty(0, np.int64)
    for _ in range(settings.updates):
        while len(queue) < settings.batch_size:
            queue = np.concatenate([queue, rng.permutation(n)])
        some, queue = queue[: settings.batch_size], queue[settings.batch_size :]
        yield some


def _batch(
    rolls: list[Roll],
    settings: Settings,
    transposed: float,
    centre: NDArray[np.float32],
    rng: np.random.Generator,
) -> Batch:
    longest = min(settings.most_frames, max(map(len, rolls)))
    v = np.zeros((longest, len(rolls), len(centre)), np.float32)
    real = np.zeros((longest, len(rolls)), np.float32)
    row = np.zeros(len(rolls), np.int64)
    for i, roll in enumerate(rolls):
        if rng.random() < transposed:
            row[i] = rng.integers(1, 2 * settings.transposed + 1)
        first = int(rng.integers(0, max(1, len(roll) - longest + 1)))
        part = roll[first : first + longest]
        v[: len(part), i] = shifted(part, _semitones(row[i]))
        real[: len(part), i] = 1
    stays = rng.random((*real.shape, settings.n_recurrent), np.float32) >= settings.dropout
    kept = stays.astype(np.float32) / np.float32(1 - settings.dropout)
    return Batch(v, real, kept, row, centre)


class _AdamW:
    """Adam with decoupled weight decay (Loshchilov, Hutter 2019) and a clipped gradient."""

    FIRST, SECOND, TINY = 0.9, 0.999, 1e-8

    def __init__(self, settings: Settings, p: Parameters) -> None:
        self.settings = settings
        self.mean = {name: np.zeros_like(p[name]) for name in TRAINED}
        self.square = {name: np.zeros_like(p[name]) for name in TRAINED}

    def step(self, p: Parameters, grad: Parameters, update: int) -> None:
        """Move ``p`` one update down the gradient, in place."""
        norm = np.sqrt(sum(float((grad[name] ** 2).sum()) for name in TRAINED))
        shrink = np.float32(min(1.0, self.settings.clip / (norm + 1e-12)))
        rate = self.settings.rate_at(update)
        grown1, grown2 = 1 - self.FIRST ** (update + 1), 1 - self.SECOND ** (update + 1)
        for name in TRAINED:
            g = grad[name] * shrink
            mean, square = self.mean[name], self.square[name]
            mean += (1 - self.FIRST) * (g - mean)
            square += (1 - self.SECOND) * (g * g - square)
            if name in WEIGHTS:
                p[name] -= np.float32(rate * self.settings.decay) * p[name]
            p[name] -= (
                np.float32(rate / grown1)
                * mean
                / (np.sqrt(square / np.float32(grown2)) + np.float32(self.TINY))
            )
