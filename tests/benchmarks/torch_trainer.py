"""A peer of the trainer: the same training, written as one would in PyTorch.

Batches are padded sequences side by side, time first; the recurrence is unrolled over tensors of
all sequences; the negative frames of all frames are drawn at once by dense products; autograd
differentiates; ``torch.optim.AdamW`` moves the parameters. It shares with ``models.training`` the
settings with their schedules and the law of the first parameters, and nothing else: no gradient,
no kernel, no random number.

What was tried for speed, and what is here where it is ``tuned`` (else the Gibbs steps are as one
writes them down: ``torch.bernoulli`` of the whole padded batch), on one thread with 1600 frames of
88 keys, 150 hidden units and CD-15:
- uniform numbers drawn into a buffer and compared take less than half the time of
  ``torch.bernoulli`` of the probabilities: they are used;
- the buffers of the Gibbs steps are allocated once an update, and padding is not drawn;
- ``unbind`` and ``stack`` around the recurrence, as the gradient of ``x[t]`` fills a whole tensor;
- the fused AdamW;
- ``torch.compile`` of a Gibbs step takes half a minute and makes it three times slower (its random
  numbers are drawn one by one), and where the numbers are drawn outside it there is nothing left
  to fuse: not used. Compiled, a cell of the recurrence costs more than twice its time (the call of
  it does), and the whole recurrence takes two minutes for each length to save a seventh of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import pad, softplus

from rnnrbm_gui.models.batches import turns
from rnnrbm_gui.models.kinds import KINDS
from rnnrbm_gui.models.sequence_model import SequenceModel, base_rates
from rnnrbm_gui.models.settings import Settings
from rnnrbm_gui.models.terms import Kind, Memory
from rnnrbm_gui.models.training import first_parameters

BIASES = {"bv", "bh", "bu", "u0"}


@dataclass(frozen=True, eq=False)
class TorchBatch:
    """Sequences side by side, the shorter ones padded at their end.

    Attributes:
        v: (n_frames, n_sequences, n_visible), zeros and ones.
        real: (n_frames, n_sequences), whether a frame is there.
        kept: (n_frames, n_sequences, n_recurrent), the factors of dropout.
        row: (n_sequences,), which row of the biases each sequence has.
        x: (n_frames, n_sequences), positions in the bar; None where the model is not told them.
        shown: as ``v``, what the recurrence sees of it, without echoes; None for all.
    """

    v: Tensor
    real: Tensor
    kept: Tensor
    row: Tensor
    x: Tensor | None = None
    shown: Tensor | None = None


class CentredModel(nn.Module):
    """A model in the centred coordinates of training, its parameters named as in ``models``."""

    def __init__(
        self, kind: Kind, memory: Memory, parameters: Mapping[str, Tensor], centre: Tensor
    ) -> None:
        """Take over parameters.

        Args:
            kind: of model.
            memory: of an RNN-RBM.
            parameters: weights, and biases with a row for each transposition.
            centre: (n_visible,), mean frame of the corpus.
        """
        super().__init__()
        self.kind = kind
        self.memory = "sigmoid" if kind == "rtrbm" else memory
        self.p = nn.ParameterDict({name: nn.Parameter(p) for name, p in parameters.items()})
        self.centre = centre
        self.middle = 0.5 if self.memory == "sigmoid" else 0.0

    def forward(self, batch: TorchBatch) -> tuple[Tensor, Tensor]:
        """Return bv_t (n_frames, n_sequences, n_visible) and bh_t (..., n_hidden) of plain RBMs."""
        p, v, row = self.p, batch.v, batch.row
        seen = v if batch.shown is None else batch.shown
        bv = p["bv"][row] - p["W"].sum(1) / 2
        bh = p["bh"][row] - self.centre @ p["W"]
        if batch.x is not None:
            bv, bh = bv + p["Wxv"][batch.x], bh + p["Wxh"][batch.x]
        if self.kind == "rbm":
            return bv.expand(*v.shape[:2], -1), bh.expand(*v.shape[:2], -1)
        if self.kind == "rtrbm":
            a, Wuu = bh + seen @ p["W"], p["Wuh"]
        else:
            a, Wuu = p["bu"][row] + seen @ p["Wvu"], p["Wuu"]
            if batch.x is not None:
                a = a + p["Wxu"][batch.x]
        u = p["u0"][row]
        read = []
        for a_t, kept_t in zip(a.unbind(), batch.kept.unbind(), strict=True):
            read.append((u - self.middle) * kept_t if self.middle else u * kept_t)
            u = self._next_state(a_t, read[-1], Wuu, u)
        all_read = torch.stack(read)
        return bv + all_read @ p["Wuv"], bh + all_read @ p["Wuh"]

    def _next_state(self, a: Tensor, read: Tensor, Wuu: Tensor, u: Tensor) -> Tensor:
        """Return the states, (n_sequences, n_recurrent), after those in ``u``."""
        if self.memory == "tanh":
            return torch.tanh(torch.addmm(a, read, Wuu))
        if self.memory == "sigmoid":
            return torch.sigmoid(torch.addmm(a, read, Wuu))
        n = u.shape[-1]
        m = read @ Wuu
        z, r = torch.sigmoid(a[:, : 2 * n] + m[:, : 2 * n]).chunk(2, -1)
        c = torch.tanh(a[:, 2 * n :] + r * m[:, 2 * n :])
        return torch.lerp(u, c, z)

    def loss(self, batch: TorchBatch, bv_t: Tensor, bh_t: Tensor, v_neg: Tensor) -> Tensor:
        """Return the mean over real frames of F_t(v_t) - F_t(v_neg_t)."""
        real = batch.real.to(bv_t.dtype)
        gap = self._free_energy(bv_t, bh_t, batch.v) - self._free_energy(bv_t, bh_t, v_neg)
        return (gap * real).sum() / real.sum()

    def _free_energy(self, bv_t: Tensor, bh_t: Tensor, v: Tensor) -> Tensor:
        return -(bv_t * v).sum(-1) - softplus(bh_t + v @ self.p["W"]).sum(-1)

    def plain(self, values: Mapping[str, Tensor], base: NDArray[np.float32]) -> SequenceModel:
        """Return a model with uncentred biases, those of row 0.

        Args:
            values: parameters to take in place of the module's: an average.
            base: (n_visible,), logits of the keys' frequencies.
        """
        p = {name: value[0] if name in BIASES else value for name, value in values.items()}
        p["bv"] = p["bv"] - p["W"].sum(1) / 2
        p["bh"] = p["bh"] - self.centre @ p["W"]
        # A plain state is read as it is: what was taken off it goes to the biases it feeds.
        feeds = {"Wuv": "bv", "Wuh": "bh", "Wuu": "bu"}
        for weights, bias in feeds.items():
            if weights in p:
                p[bias] = p[bias] - self.middle * p[weights].sum(0)
        arrays: dict[str, Any] = {name: value.float().numpy() for name, value in p.items()}
        if self.kind == "rnn-rbm":
            arrays["memory"] = self.memory
        return KINDS[self.kind](**arrays, base=base)


class TorchTrainer:
    """Trains one model; used as ``training.Trainer`` is."""

    def __init__(
        self,
        rolls: Sequence[NDArray[np.bool_]],
        settings: Settings,
        parameters: Mapping[str, NDArray[np.floating[Any]]] | None = None,
        dtype: torch.dtype = torch.float32,
        *,
        tuned: bool = True,
    ) -> None:
        """Take up sequences, each (n_frames, n_visible).

        Args:
            rolls: the sequences.
            settings: how to train.
            parameters: where to start; None for random ones of the seed.
            dtype: of all arithmetic.
            tuned: draw the negative frames of real frames only, into memory that is kept; else as
                one writes it down, of the whole padded batch.
        """
        self.settings = settings
        self._negative = self._tuned_negative if tuned else self._plain_negative
        self._base = base_rates(rolls)
        self._rng = np.random.default_rng([settings.seed, 77])
        self._generator = torch.Generator().manual_seed(settings.seed + 1_000_000)
        if parameters is None:
            parameters = first_parameters(settings, self._base, 0, self._rng)
        first = {name: torch.tensor(value, dtype=dtype) for name, value in parameters.items()}
        self._rolls = [torch.tensor(roll, dtype=dtype) for roll in rolls]
        self.net = CentredModel(
            settings.kind, settings.memory, first, torch.cat(self._rolls).mean(0)
        )
        self.average = {name: value.clone() for name, value in first.items()}
        weights = [p for name, p in self.net.p.items() if name not in BIASES]
        biases = [p for name, p in self.net.p.items() if name in BIASES]
        groups = [
            {"params": weights, "weight_decay": settings.decay},
            {"params": biases, "weight_decay": 0.0},
        ]
        self._optimizer = torch.optim.AdamW(groups, lr=settings.rate, fused=True)
        self._turns: list[int] = []
        self.update = 0
        self.frames = 0

    def model(self) -> SequenceModel:
        """Return the averaged weights at this moment as a model."""
        return self.net.plain(self.average, self._base)

    def advance(self) -> None:
        """Make one update."""
        batch = self._batch()
        bv_t, bh_t = self.net(batch)
        v_neg = self._negative(batch, bv_t.detach(), bh_t.detach())
        self._descend(self.net.loss(batch, bv_t, bh_t, v_neg))
        self.frames += int(batch.real.sum())

    def replay(self, batch: TorchBatch, v_neg: Tensor) -> None:
        """Make one update from sequences and negative frames that another trainer has drawn."""
        self._descend(self.net.loss(batch, *self.net(batch), v_neg))

    def _descend(self, loss: Tensor) -> None:
        s = self.settings
        self._optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), s.clip)
        for group in self._optimizer.param_groups:
            group["lr"] = s.rate_at(self.update)
        self._optimizer.step()
        keep = min(s.average, (self.update + 1) / (self.update + 10))
        with torch.no_grad():
            for name, value in self.net.p.items():
                self.average[name].lerp_(value, 1 - keep)
        self.update += 1

    @torch.no_grad()
    def _plain_negative(self, batch: TorchBatch, bv_t: Tensor, bh_t: Tensor) -> Tensor:
        """Return what k Gibbs steps make of the batch's frames."""
        W, v = self.net.p["W"], batch.v
        for _ in range(self.settings.k_at(self.update)):
            h = torch.bernoulli(torch.sigmoid(bh_t + v @ W), generator=self._generator)
            v = torch.bernoulli(torch.sigmoid(bv_t + h @ W.T), generator=self._generator)
        return v

    @torch.no_grad()
    def _tuned_negative(self, batch: TorchBatch, bv_t: Tensor, bh_t: Tensor) -> Tensor:
        """Return what k Gibbs steps make of the batch's real frames, all at once."""
        W = self.net.p["W"]
        WT = W.T.contiguous()
        v, bv, bh = batch.v[batch.real], bv_t[batch.real], bh_t[batch.real]
        h, mean_h, by_h = (torch.empty_like(bh) for _ in range(3))
        mean_v, by_v = torch.empty_like(bv), torch.empty_like(bv)
        for _ in range(self.settings.k_at(self.update)):
            torch.addmm(bh, v, W, out=mean_h).sigmoid_()
            torch.lt(by_h.uniform_(generator=self._generator), mean_h, out=h)
            torch.addmm(bv, h, WT, out=mean_v).sigmoid_()
            torch.lt(by_v.uniform_(generator=self._generator), mean_v, out=v)
        v_neg = batch.v.clone()
        v_neg[batch.real] = v
        return v_neg

    def _batch(self) -> TorchBatch:
        """Return this update's sequences: the next of a shuffled round, cut and transposed."""
        s = self.settings
        while len(self._turns) < s.batch_size:
            self._turns += self._rng.permutation(turns(self._rolls, s.most_frames)).tolist()
        some = [self._rolls[i] for i in self._turns[: s.batch_size]]
        del self._turns[: s.batch_size]
        longest = min(s.most_frames, max(map(len, some)))
        parts, row = [], torch.zeros(len(some), dtype=torch.int64)
        for i, roll in enumerate(some):
            first = int(self._rng.integers(max(1, len(roll) - longest + 1)))
            part = roll[first : first + longest]
            if self._rng.random() < s.transposed_at(self.update):
                shift = int(self._rng.choice([-1, 1]) * self._rng.integers(1, s.transposed + 1))
                # Keys are padded at one end and cut at the other.
                planes = part.unflatten(-1, (s.planes, -1))
                part = pad(planes, (shift, -shift)).flatten(1)
                if not s.own_keys:  # rows 0, 1, 2, 3, ... are 0, +1, -1, +2, ... semitones
                    row[i] = 2 * shift - 1 if shift > 0 else -2 * shift
            parts.append(part)
        v = nn.utils.rnn.pad_sequence(parts)
        lengths = torch.tensor([len(part) for part in parts])
        real = torch.arange(len(v))[:, None] < lengths
        uniform = torch.empty(*v.shape[:2], s.n_state, dtype=v.dtype)
        uniform.uniform_(generator=self._generator)
        kept = (uniform >= s.dropout).to(v.dtype) / (1 - s.dropout)
        shown = None
        if s.unseen or s.held:
            shown = v * (torch.empty_like(v).uniform_(generator=self._generator) >= s.unseen)
            stays = torch.empty(v.shape[:2]).uniform_(generator=self._generator) < s.held
            before = pad(v, (0, 0, 0, 0, 1, -1))
            before[..., v.shape[-1] // s.planes :] = 0
            shown[stays] = before[stays]
        return TorchBatch(v, real, kept, row, shown=shown)
