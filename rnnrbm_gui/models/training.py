"""Training: contrastive divergence, back-propagation through time, AdamW.

Boulanger-Lewandowski, Bengio, Vincent (ICML 2012), section 4, with changes that were measured to
help: centred biases (see ``gradients``), CD-k that grows over the run, dropout on what the biases
read from the recurrent state, and an average of the weights over the last updates, which is the
model that is measured and kept.

Randomness is counted: all that is random in an update follows from the seed and the update's
number, so that a run goes on bit for bit from ``Trainer.state``, on one machine and as many threads
of the trainer's own.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import gradients
from rnnrbm_gui.models.allocation import keep_freed
from rnnrbm_gui.models.batches import Batches, Share, semitones, transposed
from rnnrbm_gui.models.gradients import Batch, Parameters, Unrolled, is_bias, trained
from rnnrbm_gui.models.memory import N_GATES
from rnnrbm_gui.models.sequence_model import SequenceModel, base_rates
from rnnrbm_gui.models.settings import Settings

if TYPE_CHECKING:
    from rnnrbm_gui.models.chains import ChainTables  # imports numba

Roll = NDArray[np.bool_]
Float = NDArray[np.float32]
Float64 = NDArray[np.float64]

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


class Flat:
    """Parameters, and what is as many, one after another: weights, which decay, then biases.

    Attributes:
        ends: (n_parameters,), where each of them ends.
        n_weights: of the row.
    """

    def __init__(self, p: Parameters, layers: Mapping[str, str]) -> None:
        """Order ``p``, of which each parameter spans ``layers``."""
        self._names = sorted(p, key=lambda name: is_bias(layers[name]))
        self._shapes = [p[name].shape for name in self._names]
        self.ends = np.cumsum([p[name].size for name in self._names])
        self.n_weights = sum(p[name].size for name in self._names if not is_bias(layers[name]))

    def of(self, p: Parameters) -> Float:
        """Return them in a row."""
        return np.concatenate([p[name].ravel() for name in self._names])

    def named(self, flat: Float) -> dict[str, Float]:
        """Return a row's parts, in their shapes; they lie where they lay."""
        parts = zip(self._names, np.split(flat, self.ends[:-1]), self._shapes, strict=True)
        return {name: part.reshape(shape) for name, part, shape in parts}

    def by_name(self, figures: Float64) -> dict[str, float]:
        """Return a figure of each part, by its name."""
        return dict(zip(self._names, figures.tolist(), strict=True))


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
            ValueError: there is nothing to train on, there is no such position or not one for each
                frame, or another kind than an RNN-RBM is to have echoes.
        """
        keep_freed()
        filled = [i for i, roll in enumerate(rolls) if len(roll)]
        if not filled:
            raise ValueError("rolls must hold at least one frame, got none")
        if settings.echoes and settings.kind != "rnn-rbm":
            raise ValueError(f"only an RNN-RBM has echoes, got {settings.kind}")
        self.settings = settings
        music = [rolls[i] for i in filled]
        told = None if positions is None else [positions[i] for i in filled]
        if told and [len(x) for x in told] != [len(roll) for roll in music]:
            raise ValueError("positions must be as many as a sequence has frames")
        if told and not 0 <= min(x.min() for x in told) <= max(x.max() for x in told) < n_positions:
            raise ValueError(f"positions must be in 0..{n_positions - 1}")
        self._batches = Batches(music, settings, told)
        self._base = base_rates(music)
        rng = np.random.default_rng([settings.seed, 0])
        first = first_parameters(settings, self._base, n_positions, rng)
        self._flat = Flat(first, trained(settings.kind, n_positions))
        p = self._flat.of(first)
        zero = np.zeros_like(p)
        self._arrays = {"p": p, "average": p.copy(), "mean": zero, "square": zero.copy()}
        self._p = self._flat.named(p)
        n_threads = min(settings.threads, settings.batch_size)
        self._grad, self._grads = zero.copy(), np.zeros((n_threads, p.size), np.float32)
        self._named = [self._flat.named(grad) for grad in self._grads]
        self._others = ThreadPoolExecutor(n_threads - 1, "trainer") if n_threads > 1 else None
        self._tables: ChainTables | None = None
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
        s, centre = self.settings, self._batches.centre
        average = self._flat.named(self._arrays["average"])
        model = gradients.plain_model(s.kind, average, centre, self._base, s.memory, s.echoes)
        return model.recalling(s.recall)

    def state(self) -> dict[str, Float]:
        """Return all that a later run needs to go on from here, but for the update's number."""
        return {name: value.copy() for name, value in self._state().items()}

    def restore(self, state: Mapping[str, Float], update: int) -> None:
        """Go on from what ``state`` gave after ``update`` updates.

        Raises:
            ValueError: it is another model's.
        """
        mine = self._state()
        if set(mine) != set(state) or any(mine[name].shape != state[name].shape for name in mine):
            raise ValueError("the state must be of the same kind and sizes as the trainer's")
        for name, value in mine.items():
            value[:] = state[name]
        self.update = update

    def _state(self) -> dict[str, Float]:
        return {
            f"{row}.{name}": value
            for row, flat in self._arrays.items()
            for name, value in self._flat.named(flat).items()
        }

    def take_tally(self) -> Tally:
        """Return what has been shown since the last call."""
        tally, self.tally = self.tally, Tally()
        return tally

    def advance(self) -> None:
        """Make one update."""
        from rnnrbm_gui.models import descent  # imports numba

        s, tally, flat, arrays = self.settings, self.tally, self._flat, self._arrays
        watched = tally.updates % WATCHED_EVERY == 0
        shares = self._batches.shares(self.update)
        losses = self._shared_out(
            lambda i, tables: self._learn(shares[i], tables, self._named[i], watched=watched),
            len(shares),
        )
        sizes, norms = np.array([share.n_frames for share in shares]), np.empty(len(flat.ends))
        weights = sizes / sizes.sum()
        # Short memory at first, so that the random start is soon forgotten.
        keep = min(s.average, (self.update + 1) / (self.update + 10))
        self.whole = False
        descent.step(
            self._grads,
            weights.astype(np.float32),
            flat.ends,
            flat.n_weights,
            s.clip,
            s.rate_at(self.update),
            s.decay,
            keep,
            self.update,
            arrays["p"],
            self._grad,
            arrays["mean"],
            arrays["square"],
            arrays["average"],
            norms,
        )
        self.update += 1
        self.whole = True
        if watched:
            now = float(weights @ losses)
            tally.objective += (now - tally.objective) / (tally.updates // WATCHED_EVERY + 1)
        tally.updates += 1
        tally.frames += int(sizes.sum())
        for name, norm in flat.by_name(norms).items():
            tally.norms[name] = tally.norms.get(name, 0.0) + norm

    def _shared_out(self, learn: Callable[[int, Callable[[], Any]], float], n: int) -> list[float]:
        """Learn from each of n shares on a thread of its own, W being laid out meanwhile."""
        told: SimpleQueue[tuple[Any, ...]] = SimpleQueue()

        def tables() -> Any:
            [laid_out] = told.get()  # of nothing, where the update was interrupted: an error
            return laid_out

        others: list[Future[float]] = []
        try:
            for i in range(1, n):
                assert self._others
                others.append(self._others.submit(learn, i, tables))
            laid_out = self._laid_out()  # until the others have waked up
            for _ in others:
                told.put((laid_out,))
            first = learn(0, lambda: laid_out)
            if others:
                self._batches.shares(self.update + 1)  # while they end
        finally:
            for _ in range(1, n):
                told.put(())  # nobody waits any more
            for other in others:
                other.exception()  # waits: nobody writes any more, unless interrupted again here
        return [first, *(other.result() for other in others)]

    def _laid_out(self) -> Any:
        """Return W as ``_negative`` reads it; the room is that of the update before."""
        from rnnrbm_gui.models import chains  # imports numba

        self._tables = chains.tables(self._p["W"], self._tables)
        return self._tables

    def _learn(
        self, share: Share, tables: Callable[[], Any], grad: Parameters, *, watched: bool
    ) -> float:
        """Fill in a share's gradient; return the loss where it is watched."""
        kind, memory, p = self.settings.kind, self.settings.memory, self._p
        batch, key = self._batches.together(share)
        run = gradients.unroll(kind, p, batch, memory)
        v_neg = self._negative(batch, run, key, tables())
        gradients.gradient(kind, p, batch, run, v_neg, memory, grad)
        return gradients.loss(p, batch, run, v_neg) if watched else 0.0

    def _negative(self, batch: Batch, run: Unrolled, key: np.uint64, tables: Any) -> Roll:
        """Return what k Gibbs steps make of the batch's frames."""
        from rnnrbm_gui.models import chains  # imports numba

        v, k = batch.v.copy(), self.settings.k_at(self.update)
        chains.gibbs_chains(tables, run.bv_t, run.bh_t, v, k, key)
        return v


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
