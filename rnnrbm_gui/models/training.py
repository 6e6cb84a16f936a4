"""Training: contrastive divergence, back-propagation through time, AdamW.

Boulanger-Lewandowski, Bengio, Vincent (ICML 2012), section 4, with changes that were measured to
help: centred biases (see ``gradients``), CD-k that grows over the run, dropout on what the biases
read from the recurrent state, and an average of the weights over the last updates, which is the
model that is measured and kept.

Randomness is counted: all that is random in an update follows from the seed and the update's
number, so that a run goes on bit for bit from ``Trainer.state``, on one machine and as many
threads, the trainer's own and those of BLAS.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import gradients
from rnnrbm_gui.models.allocation import keep_freed
from rnnrbm_gui.models.batches import Batches, Share, semitones, transposed
from rnnrbm_gui.models.gradients import Batch, Parameters, Unrolled, is_bias, trained
from rnnrbm_gui.models.memory import N_GATES
from rnnrbm_gui.models.sequence_model import SequenceModel, base_rates
from rnnrbm_gui.models.settings import Settings

Roll = NDArray[np.bool_]
Float = NDArray[np.float32]

WATCHED_EVERY = 25
"""Updates from one whose loss is taken to the next: it costs a fifth of an update."""


@dataclass(slots=True)
class Tally:
    """What the updates since the last look have shown.

    Attributes:
        updates: how many.
        frames: trained on.
        objective: mean of F(v) - F(v_neg) in every 25th update, nats a frame: a course and no
            likelihood.
        norms: by parameter, the sum of the norms of its gradient.
    """

    updates: int = 0
    frames: int = 0
    objective: float = 0.0
    norms: dict[str, float] = field(default_factory=dict)


class Trainer:
    """Trains one model, a few updates at a time; stops where nothing more is asked of it.

    Attributes:
        update: updates made.
        whole: whether the parameters are those after some update, and not in the midst of one that
            was interrupted.
        tally: what the updates since the last look have shown.

    Thread: one at a time.
    """

    def __init__(
        self,
        rolls: Sequence[Roll],
        settings: Settings,
        positions: Sequence[NDArray[np.int64]] | None = None,
        n_positions: int = 0,
    ) -> None:
        """Take up sequences, each (n_frames, n_visible), and start from random parameters.

        Args:
            rolls: the sequences.
            settings: how to train.
            positions: of each sequence's frames in the bar, where the model is told them.
            n_positions: how many there are.

        Raises:
            ValueError: there is nothing to train on.
        """
        keep_freed()
        filled = [i for i, roll in enumerate(rolls) if len(roll)]
        if not filled:
            raise ValueError("rolls must hold at least one frame, got none")
        self.settings = settings
        music = [rolls[i] for i in filled]
        told = None if positions is None else [positions[i] for i in filled]
        self._batches = Batches(music, settings, told)
        self._base = base_rates(music)
        rng = np.random.default_rng([settings.seed, 0])
        self._p = first_parameters(settings, self._base, n_positions, rng)
        self._average = {name: value.copy() for name, value in self._p.items()}
        self._mean = {name: np.zeros_like(value) for name, value in self._p.items()}
        self._square = {name: np.zeros_like(value) for name, value in self._p.items()}
        n_threads = min(settings.threads, settings.batch_size)
        self._map: Callable[..., Any] = (
            map if n_threads == 1 else ThreadPoolExecutor(n_threads, "trainer").map
        )
        self.update = 0
        self.whole = True
        self.tally = Tally()

    @property
    def done(self) -> bool:
        """Whether all updates have been made."""
        return self.update >= self.settings.updates

    @property
    def epoch(self) -> float:
        """Rounds through the music so far."""
        return self.update * self.settings.batch_size / len(self._batches.turns)

    def model(self) -> SequenceModel:
        """Return the averaged weights at this moment as a model."""
        s = self.settings
        centre = self._batches.centre
        model = gradients.plain_model(s.kind, self._average, centre, self._base, s.memory, s.echoes)
        return model.recalling(s.recall)

    def state(self) -> dict[str, Float]:
        """Return all that a later run needs to go on from here, but for the update's number."""
        parts = (("p", self._p), ("average", self._average), ("mean", self._mean))
        return {
            f"{part}.{name}": value.copy()
            for part, arrays in (*parts, ("square", self._square))
            for name, value in arrays.items()
        }

    def restore(self, state: Mapping[str, Float], update: int) -> None:
        """Go on from what ``state`` gave after ``update`` updates.

        Raises:
            ValueError: it is another model's.
        """
        mine = self.state()
        if set(mine) != set(state) or any(mine[name].shape != state[name].shape for name in mine):
            raise ValueError("the state must be of the same kind and sizes as the trainer's")
        for part, arrays in (
            ("p", self._p),
            ("average", self._average),
            ("mean", self._mean),
            ("square", self._square),
        ):
            for name, value in arrays.items():
                value[:] = state[f"{part}.{name}"]
        self.update = update

    def take_tally(self) -> Tally:
        """Return what has been shown since the last call."""
        tally, self.tally = self.tally, Tally()
        return tally

    def advance(self) -> None:
        """Make one update."""
        from rnnrbm_gui.models import descent  # imports numba

        s, p, tally = self.settings, self._p, self.tally
        shares = self._batches.shares(self.update)
        watched = tally.updates % WATCHED_EVERY == 0
        learned = list(self._map(lambda share: self._learn(share, watched=watched), shares))
        sizes = np.array([sum(cut.last - cut.first for cut in share.cuts) for share in shares])
        weights = (sizes / sizes.sum()).tolist()
        grad = _mean([grad for grad, _ in learned], weights)
        norms = {name: float(np.sqrt(np.square(g).sum())) for name, g in grad.items()}
        if watched:
            now = sum(w * loss for w, (_, loss) in zip(weights, learned, strict=True))
            tally.objective += (now - tally.objective) / (tally.updates // WATCHED_EVERY + 1)
        tally.updates += 1
        tally.frames += int(sizes.sum())
        for name, norm in norms.items():
            tally.norms[name] = tally.norms.get(name, 0.0) + norm
        whole = float(np.sqrt(sum(norm**2 for norm in norms.values())))
        shapes = trained(s.kind, len(p["Wxv"]) if "Wxv" in p else 0)
        self.whole = False
        for name, layers in shapes.items():
            descent.adamw(
                p[name].reshape(-1),
                grad[name].reshape(-1),
                self._mean[name].reshape(-1),
                self._square[name].reshape(-1),
                self._average[name].reshape(-1),
                np.float32(min(1.0, s.clip / (whole + 1e-12))),
                s.rate_at(self.update),
                0.0 if is_bias(layers) else s.decay,
                # Short memory at first, so that the random start is soon forgotten.
                min(s.average, (self.update + 1) / (self.update + 10)),
                self.update,
            )
        self.update += 1
        self.whole = True

    def _learn(self, share: Share, *, watched: bool) -> tuple[Parameters, float]:
        """Return a share's gradient, and the loss where it is watched; lets other threads work."""
        kind, memory, p = self.settings.kind, self.settings.memory, self._p
        batch, key = self._batches.together(share)
        run = gradients.unroll(kind, p, batch, memory)
        v_neg = self._negative(batch, run, key)
        loss = gradients.loss(p, batch, run, v_neg) if watched else 0.0
        return gradients.gradient(kind, p, batch, run, v_neg, memory), loss

    def _negative(self, batch: Batch, run: Unrolled, key: np.uint64) -> Roll:
        """Return what k Gibbs steps make of the batch's frames."""
        from rnnrbm_gui.models import chains  # imports numba

        v, k = batch.v.copy(), self.settings.k_at(self.update)
        chains.gibbs_chains(chains.tables(self._p["W"]), run.bv_t, run.bh_t, v, k, key)
        return v


def _mean(grads: Sequence[Parameters], weights: Sequence[float]) -> Parameters:
    if len(grads) == 1:
        return grads[0]
    mean = {name: np.float32(weights[0]) * of for name, of in grads[0].items()}
    for weight, grad in zip(weights[1:], grads[1:], strict=True):
        for name, of in grad.items():
            mean[name] += np.float32(weight) * of
    return mean


def first_parameters(
    settings: Settings, base: Float, n_positions: int, rng: np.random.Generator
) -> Parameters:
    """Return random centred parameters that start as the base-rate machine, but for noise."""
    n_u = settings.n_state
    gates = N_GATES[settings.memory] if settings.kind == "rnn-rbm" else 1
    sizes = {
        "v": len(base),
        "s": len(base) * (1 + len(settings.echoes)),
        "h": settings.n_hidden,
        "u": n_u,
        "g": gates * n_u,
        "x": n_positions,
    }
    into_u = (0.3 if gates == 3 else 0.1) / (1 + len(settings.echoes)) ** 0.5
    scale = {"W": 0.01, "Wuv": 0.01, "Wuh": 0.01, "Wvu": into_u, "Wuu": 0.5 / max(1, n_u) ** 0.5}
    p: Parameters = {}
    for name, layers in trained(settings.kind, n_positions).items():
        shape = tuple(sizes[layer] for layer in layers)
        if is_bias(layers):
            p[name] = np.zeros((settings.n_rows, *shape), np.float32)
        else:
            p[name] = (rng.normal(size=shape) * scale.get(name, 0.01)).astype(np.float32)
    there = np.ones(len(base), np.bool_)
    for row in range(settings.n_rows):
        moved, stays = (transposed(keys, semitones(row), settings.planes) for keys in (base, there))
        p["bv"][row] = np.where(stays, moved, base.min())
    return p
