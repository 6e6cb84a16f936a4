"""What is learned from in an update: which sequences, cut where, transposed and hidden how.

All of it follows from the seed and the update's number.
"""

import functools
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import echoes
from rnnrbm_gui.models.gradients import Batch
from rnnrbm_gui.models.settings import Settings

Roll = NDArray[np.bool_]
Float = NDArray[np.float32]


class Cut(NamedTuple):
    """Part of a sequence: its index, first frame and the one after the last; its transposition."""

    sequence: int
    first: int
    last: int
    row: int


class Share(NamedTuple):
    """What one thread learns from in an update: cuts, the longest first.

    Random numbers of their own have what dropout leaves, the chains, and what is shown.
    """

    cuts: list[Cut]
    dropout_key: np.uint64
    chains_key: np.uint64
    shown_key: np.uint64


class Batches:
    """The batches of every update.

    Attributes:
        settings: how to train.
        rolls: the sequences, each (n_frames, n_visible).
        centre: (n_visible,), their mean frame.
        turns: see ``turns``.
        shares: of an update, what each thread has to learn from; ``together`` makes it ready. That
            of the last one asked for is kept.
    """

    def __init__(
        self,
        rolls: Sequence[Roll],
        settings: Settings,
        positions: Sequence[NDArray[np.int64]] | None,
    ) -> None:
        """Take up sequences that each hold a frame, and their frames' positions in the bar."""
        self.rolls, self.settings, self._positions = rolls, settings, positions
        self.centre: Float = np.concatenate(rolls).mean(0).astype(np.float32)
        self.turns = turns(rolls, settings.most_frames)
        self._lengths = np.array([len(roll) for roll in rolls])
        self.shares = functools.lru_cache(1)(self._shares)

    def _shares(self, update: int) -> list[Share]:
        """See ``shares``."""
        s, n = self.settings, self.settings.batch_size
        rng = np.random.default_rng([s.seed, 1, update])
        chosen = self._chosen(update)
        lengths = self._lengths[chosen]
        longest = min(s.most_frames, int(lengths.max()))
        moved = rng.random(n) < s.transposed_at(update)
        rows = np.where(moved, 1 + rng.integers(0, max(1, 2 * s.transposed), n), 0)
        first = rng.integers(0, np.maximum(lengths - longest, 0), endpoint=True)
        last = np.minimum(first + longest, lengths)
        of_cuts = np.stack([chosen, first, last, rows], 1)[np.argsort(first - last, kind="stable")]
        cuts = [Cut(*cut) for cut in of_cuts.tolist()]
        of_threads = [cuts[i :: s.threads] for i in range(min(s.threads, n))]
        keys = rng.integers(0, 2**64, (len(of_threads), 3), np.uint64)
        return [Share(some, *of_some) for some, of_some in zip(of_threads, keys, strict=True)]

    def together(self, share: Share) -> tuple[Batch, np.uint64]:
        """Return a share's sequences side by side, with their echoes; and their chains' key."""
        from rnnrbm_gui.models import batches_numba  # imports numba

        s, n_visible, cuts = self.settings, len(self.centre), share.cuts
        lengths = np.array([cut.last - cut.first for cut in cuts])
        n_at = (np.arange(lengths[0])[:, None] < lengths).sum(1)
        at = np.append(0, np.cumsum(n_at))
        seen = np.zeros((at[-1], n_visible * (1 + len(s.echoes))), np.bool_)
        x = None if self._positions is None else np.zeros(at[-1], np.int64)
        planes = s.planes * (1 + len(s.echoes))
        for column, (i, first, last, row) in enumerate(cuts):
            roll = self.rolls[i][first:last]
            if s.echoes:
                roll = echoes.seen(self.rolls[i], s.echoes, first, last)
            batches_numba.place(roll, semitones(row), planes, at, column, seen)
            if x is not None and self._positions is not None:
                x[at[: last - first] + column] = self._positions[i][first:last]
        v = np.ascontiguousarray(seen[:, :n_visible])
        rows = np.array([0 if s.own_keys else cut.row for cut in cuts])
        kept = batches_numba.dropout(len(v), s.n_state, s.dropout, share.dropout_key)
        shown = None
        if s.unseen or s.held or s.echoes:
            shown = self._shown(np.random.default_rng(share.shown_key), seen, at)
        return Batch(v, at, kept, rows, self.centre, x, shown), share.chains_key

    def _shown(self, rng: np.random.Generator, seen: Roll, at: NDArray[np.int64]) -> Roll:
        """Return a batch's frames and their echoes, some of it hidden or held on."""
        s, n_visible = self.settings, len(self.centre)
        shown = seen & _random_bits(rng, 1 - s.unseen, seen.shape) if s.unseen else seen.copy()
        if s.held:
            v = seen[:, :n_visible]
            before = np.zeros_like(v)
            for (first, here), (_, end) in pairwise(pairwise(at)):
                before[here:end] = v[first : first + end - here]
            before[:, n_visible // s.planes :] = False  # not struck again
            stays = _random_bits(rng, s.held, (len(v),))
            shown[stays, :n_visible] = before[stays]
        return shown

    def _chosen(self, update: int) -> NDArray[np.int64]:
        """Return the indices of this update's sequences: shuffled rounds through all turns."""
        s, n = self.settings, len(self.turns)
        first = update * s.batch_size
        chosen: list[NDArray[np.int64]] = []
        place = first
        while place < first + s.batch_size:
            round_, at = divmod(place, n)
            chosen.append(
                self.turns[_order(s.seed, round_, n)[at : at + first + s.batch_size - place]]
            )
            place += len(chosen[-1])
        return np.concatenate(chosen)


@functools.lru_cache(2)  # two rounds meet in an update
def _order(seed: int, round_: int, n: int) -> NDArray[np.int64]:
    """Return the order of the turns in a round."""
    return np.random.default_rng([seed, 2, round_]).permutation(n)


def turns(rolls: Sequence[Roll], most_frames: int) -> NDArray[np.int64]:
    """Return the index of each sequence as often as a round comes to it: for its length.

    So every frame of the music counts about as much as any other, as it does where it is measured.
    """
    return np.repeat(np.arange(len(rolls)), [max(1, round(len(r) / most_frames)) for r in rolls])


def transposed(keys: NDArray[Any], semitones: int, planes: int = 1) -> NDArray[Any]:
    """Return frames, (..., n_visible), transposed; keys pushed off either end are gone."""
    there = keys.reshape(*keys.shape[:-1], planes, -1)
    moved, n = np.zeros_like(there), there.shape[-1]
    up, down = min(n, max(0, semitones)), min(n, max(0, -semitones))
    moved[..., up : n - down] = there[..., down : n - up]
    return moved.reshape(keys.shape)


def semitones(row: int) -> int:
    """Return the transposition of a row of the biases: 0, 1, -1, 2, -2, ..."""
    return (row + 1) // 2 * (1 if row % 2 else -1)


def _random_bits(
    rng: np.random.Generator, share: float, shape: tuple[int, ...]
) -> NDArray[np.bool_]:
    """Return truths of which a share is true, to within 2^-17."""
    n = int(np.prod(shape))
    drawn = rng.integers(0, 2**32, -(-n // 2), np.uint32).view(np.uint16)[:n]
    return (drawn < round(share * 2**16)).reshape(shape)
