"""Training: contrastive divergence, back-propagation through time, AdamW.

Boulanger-Lewandowski, Bengio, Vincent (ICML 2012), section 4, with changes that were measured to
help: centred biases (see ``gradients``), CD-k that grows over the run, dropout on what the biases
read from the recurrent state, and an average of the weights over the last updates, which is the
model that is measured and kept.

Randomness is counted: all that is random in an update follows from the seed and the update's
number, so that a run goes on bit for bit from ``Trainer.state``, on one machine and as many
threads of BLAS.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import gradients
from rnnrbm_gui.models.allocation import keep_freed
from rnnrbm_gui.models.gradients import Batch, Parameters, Unrolled, is_bias, trained
from rnnrbm_gui.models.kinds import Kind
from rnnrbm_gui.models.memory import N_GATES, Memory
from rnnrbm_gui.models.sequence_model import SequenceModel, base_rates

Roll = NDArray[np.bool_]
Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train.

    Attributes:
        kind: of model.
        n_hidden: hidden units of each frame's RBM.
        n_recurrent: units of the recurrent state; an RTRBM has as many as hidden ones.
        memory: f, of an RNN-RBM.
        updates: parameter updates in all.
        batch_size: sequences to an update.
        most_frames: frames of a sequence in an update; longer ones are cut at random places.
        rate: the highest learning rate, reached after ``warm_up`` updates, then a half cosine
            down to ``last_rate`` of it.
        warm_up: updates.
        last_rate: share of ``rate`` at the end.
        decay: AdamW's weight decay, of all but biases.
        clip: largest norm of the gradient.
        gibbs_steps: k of CD-k at the start and at the end.
        dropout: share of the recurrent state hidden wherever it is read.
        unseen: share of notes hidden from the recurrence.
        held: share of frames in whose place the recurrence sees the frame before, held on. A model
            alone with what it has drawn else holds on to what it happened to hold.
        transposed: farthest transposition, in semitones, at which the music is also learned.
        own_keys: the pieces stand in keys of their own, so that transposed they are just more
            music: all transpositions are equally likely to the end, and share all parameters. Of
            music in one key each transposition has biases of its own, and its share falls to none.
        planes: planes of keys in a frame, each transposed alike.
        average: decay of the average of the weights.
        check_every: updates between two measurements on the validation part.
        seed: of everything random.
    """

    kind: Kind = "rnn-rbm"
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
    unseen: float = 0.0
    held: float = 0.0
    transposed: int = 5
    own_keys: bool = False
    planes: int = 1
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
        return most if self.own_keys else most * (1 - update / self.updates)

    @property
    def n_state(self) -> int:
        """Units of the recurrent state, whatever the kind."""
        return {"rnn-rbm": self.n_recurrent, "rtrbm": self.n_hidden, "rbm": 0}[self.kind]

    @property
    def n_rows(self) -> int:
        """Rows of each bias: one per transposition that has its own."""
        return 1 if self.own_keys else 2 * self.transposed + 1


@dataclass(slots=True)
class Tally:
    """What the updates since the last look have shown.

    Attributes:
        updates: how many.
        frames: trained on.
        objective: mean of F(v) - F(v_neg) in every tenth update, nats a frame: a course and no
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
        self._rolls = [rolls[i] for i in filled]
        self._positions = [positions[i] for i in filled] if positions is not None else None
        self._turns = turns(self._rolls, settings.most_frames)
        self._base = base_rates(self._rolls)
        self._centre = np.concatenate(self._rolls).mean(0).astype(np.float32)
        rng = np.random.default_rng([settings.seed, 0])
        self._p = first_parameters(settings, self._base, n_positions, rng)
        self._average = {name: value.copy() for name, value in self._p.items()}
        self._mean = {name: np.zeros_like(value) for name, value in self._p.items()}
        self._square = {name: np.zeros_like(value) for name, value in self._p.items()}
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
        return self.update * self.settings.batch_size / len(self._turns)

    def model(self) -> SequenceModel:
        """Return the averaged weights at this moment as a model."""
        s = self.settings
        return gradients.plain_model(s.kind, self._average, self._centre, self._base, s.memory)

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

        s, p = self.settings, self._p
        batch, key = self._batch()
        run = gradients.unroll(s.kind, p, batch, s.memory)
        v_neg = self._negative(batch, run, key)
        grad = gradients.gradient(s.kind, p, batch, run, v_neg, s.memory)
        norms = {name: float(np.sqrt(np.square(g).sum())) for name, g in grad.items()}
        tally = self.tally
        if tally.updates % 10 == 0:
            now, n_before = gradients.loss(p, batch, run, v_neg), tally.updates // 10
            tally.objective += (now - tally.objective) / (n_before + 1)
        tally.updates += 1
        tally.frames += len(batch.v)
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

    def _negative(self, batch: Batch, run: Unrolled, key: np.uint64) -> Roll:
        """Return what k Gibbs steps make of the batch's frames."""
        from rnnrbm_gui.models import chains  # imports numba

        v, k = batch.v.copy(), self.settings.k_at(self.update)
        chains.gibbs_chains(chains.tables(self._p["W"]), run.bv_t, run.bh_t, v, k, key)
        return v

    def _batch(self) -> tuple[Batch, np.uint64]:
        """Return the sequences of this update, and the key of its Gibbs chains."""
        s = self.settings
        rng = np.random.default_rng([s.seed, 1, self.update])
        chosen = self._chosen()
        longest = min(s.most_frames, max(len(self._rolls[i]) for i in chosen))
        parts = []
        for i in chosen:
            roll, shift = self._rolls[i], 0
            if rng.random() < s.transposed_at(self.update):
                shift = int(rng.integers(1, 2 * s.transposed + 1))
            first = int(rng.integers(0, max(1, len(roll) - longest + 1)))
            part = slice(first, first + longest)
            x = roll[part, 0] if self._positions is None else self._positions[i][part]
            parts.append((transposed(roll[part], _semitones(shift), s.planes), shift, x))
        parts.sort(key=lambda part: -len(part[0]))
        rolls, shifts, positions = zip(*parts, strict=True)
        lengths = np.array([len(roll) for roll in rolls])
        time, which = np.nonzero(np.arange(longest)[:, None] < lengths)  # time first
        place = (np.cumsum(lengths) - lengths)[which] + time
        v = np.concatenate(rolls)[place]
        row = np.zeros(len(shifts), np.int64) if s.own_keys else np.array(shifts)
        x = None if self._positions is None else np.concatenate(positions)[place]
        at = np.append(0, np.cumsum(np.bincount(time)))
        stays = _random_bits(rng, 1 - s.dropout, (len(v), s.n_state))
        kept = stays * np.float32(1 / (1 - s.dropout))
        shown = self._shown(rng, v, at) if s.unseen or s.held else None
        key = rng.integers(0, 2**64, dtype=np.uint64)
        return Batch(v, at, kept, row, self._centre, x, shown), np.uint64(key)

    def _shown(self, rng: np.random.Generator, v: Roll, at: NDArray[np.int64]) -> Roll:
        """Return a batch's frames as the recurrence sees them."""
        s = self.settings
        shown = v & _random_bits(rng, 1 - s.unseen, v.shape)
        if s.held:
            before = np.zeros_like(v)
            for (first, here), (_, end) in pairwise(pairwise(at)):
                before[here:end] = v[first : first + end - here]
            before[:, v.shape[1] // s.planes :] = False  # not struck again
            stays = _random_bits(rng, s.held, (len(v),))
            shown[stays] = before[stays]
        return shown

    def _chosen(self) -> NDArray[np.int64]:
        """Return the indices of this update's sequences: shuffled rounds through all turns."""
        s, n = self.settings, len(self._turns)
        first = self.update * s.batch_size
        chosen: list[NDArray[np.int64]] = []
        place = first
        while place < first + s.batch_size:
            round_, at = divmod(place, n)
            order = np.random.default_rng([s.seed, 2, round_]).permutation(n)
            chosen.append(self._turns[order[at : at + first + s.batch_size - place]])
            place += len(chosen[-1])
        return np.concatenate(chosen)


def turns(rolls: Sequence[Roll], most_frames: int) -> NDArray[np.int64]:
    """Return the index of each sequence as often as a round comes to it: for its length.

    So every frame of the music counts about as much as any other, as it does where it is measured.
    """
    return np.repeat(np.arange(len(rolls)), [max(1, round(len(r) / most_frames)) for r in rolls])


def first_parameters(
    settings: Settings, base: Float, n_positions: int, rng: np.random.Generator
) -> Parameters:
    """Return random centred parameters that start as the base-rate machine, but for noise."""
    n_u = settings.n_state
    gates = N_GATES[settings.memory] if settings.kind == "rnn-rbm" else 1
    sizes = {
        "v": len(base),
        "h": settings.n_hidden,
        "u": n_u,
        "g": gates * n_u,
        "x": n_positions,
    }
    into_u = 0.3 if gates == 3 else 0.1
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
        moved, stays = (
            transposed(keys, _semitones(row), settings.planes) for keys in (base, there)
        )
        p["bv"][row] = np.where(stays, moved, base.min())
    return p


def _random_bits(
    rng: np.random.Generator, share: float, shape: tuple[int, ...]
) -> NDArray[np.bool_]:
    """Return truths of which a share is true, to within 2^-17."""
    drawn = np.frombuffer(rng.bytes(2 * int(np.prod(shape))), np.uint16)
    return (drawn < round(share * 2**16)).reshape(shape)


def transposed(keys: NDArray[np.generic], semitones: int, planes: int = 1) -> NDArray[np.generic]:
    """Return frames, (..., n_visible), transposed; keys pushed off either end are gone."""
    there = keys.reshape(*keys.shape[:-1], planes, -1)
    moved, n = np.zeros_like(there), there.shape[-1]
    up, down = max(0, semitones), max(0, -semitones)
    moved[..., up : n - down] = there[..., down : n - up]
    return moved.reshape(keys.shape)


def _semitones(row: int) -> int:
    """Return the transposition of a row of the biases: 0, 1, -1, 2, -2, ..."""
    return (row + 1) // 2 * (1 if row % 2 else -1)
