"""What is learned from in an update: which sequences, cut where, transposed and hidden how.

All of it follows from the seed and the update's number.
"""

import functools
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import randomness
from rnnrbm_gui.models.gradients import Batch
from rnnrbm_gui.models.settings import Settings

Roll = NDArray[np.bool_]
Float = NDArray[np.float32]
Places = NDArray[np.int64]


class Share(NamedTuple):
    """What one thread learns from in an update.

    Random numbers of their own have what dropout leaves, the chains, and what is shown.

    Attributes:
        cuts: (n_cuts, 4), see ``batches_numba.cut``.
        n_frames: of all of them.
        dropout_key, chains_key, shown_key: of the random numbers.
    """

    cuts: Places
    n_frames: int
    dropout_key: np.uint64
    chains_key: np.uint64
    shown_key: np.uint64


class Batches:
    """The batches of every update.

    Attributes:
        settings: how to train.
        centre: (n_visible,), the mean frame.
        turns: see ``turns``.
        shares: of an update, what each thread has to learn from; ``together`` makes it ready. That
            of the last one asked for is kept.
    """

    def __init__(
        self,
        rolls: Sequence[Roll],
        settings: Settings,
        positions: Sequence[Places] | None,
    ) -> None:
        """Take up sequences that each hold a frame, and their frames' positions in the bar."""
        self.settings, self._music = settings, np.concatenate(rolls)
        self.centre: Float = self._music.mean(0).astype(np.float32)
        self.turns = turns(rolls, settings.most_frames)
        self._lengths = np.array([len(roll) for roll in rolls])
        self._starts = np.cumsum(self._lengths) - self._lengths
        self._positions = None if positions is None else np.concatenate(positions)
        self._backs = np.array([0, *(echo - 1 for echo in settings.echoes)])
        self._semitones = np.array([semitones(row) for row in range(1 + 2 * settings.transposed)])
        self._dealt = dealt(settings.batch_size, min(settings.threads, settings.batch_size))
        self.shares = functools.lru_cache(1)(self._shares)

    def _shares(self, update: int) -> list[Share]:
        """See ``shares``."""
        from rnnrbm_gui.models import batches_numba  # imports numba

        s, n = self.settings, len(self._dealt)
        key = randomness.frame_key(s.seed, 1, update)
        keys = [np.uint64(randomness.mix(key ^ i)) for i in range(1, 1 + 3 * n)]
        cuts = batches_numba.cut(
            self._chosen(update),
            self._lengths,
            s.most_frames,
            s.transposed_at(update),
            2 * s.transposed,
            np.uint64(key),
        )
        sizes = cuts[:, 2] - cuts[:, 1]
        shares = [
            Share(cuts[some], int(sizes[some].sum()), *keys[i::n])
            for i, some in enumerate(self._dealt)
        ]
        return sorted(shares, key=lambda share: share.n_frames)  # who deals has most to do besides

    def together(self, share: Share) -> tuple[Batch, np.uint64]:
        """Return a share's sequences side by side, with their echoes; and their chains' key."""
        from rnnrbm_gui.models import batches_numba  # imports numba

        s, n_visible, x = self.settings, len(self.centre), self._positions
        at, seen, here = batches_numba.side_by_side(
            self._music, self._starts, self._backs, share.cuts, self._semitones, s.planes
        )
        v = np.ascontiguousarray(seen[:, :n_visible])
        rows = np.zeros_like(share.cuts[:, 3]) if s.own_keys else share.cuts[:, 3].copy()
        kept = batches_numba.dropout(len(v), s.n_state, s.dropout, share.dropout_key)
        shown = None
        if s.unseen or s.held or s.echoes:
            shown = self._shown(np.random.default_rng(share.shown_key), seen, at)
        told = None if x is None else x[here]
        return Batch(v, at, kept, rows, self.centre, told, shown), share.chains_key

    def _shown(self, rng: np.random.Generator, seen: Roll, at: Places) -> Roll:
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

    def _chosen(self, update: int) -> Places:
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
def _order(seed: int, round_: int, n: int) -> Places:
    """Return the order of the turns in a round."""
    return np.random.default_rng([seed, 2, round_]).permutation(n)


def turns(rolls: Sequence[Roll], most_frames: int) -> Places:
    """Return the index of each sequence as often as a round comes to it: for its length.

    So every frame of the music counts about as much as any other, as it does where it is measured.
    """
    return np.repeat(np.arange(len(rolls)), [max(1, round(len(r) / most_frames)) for r in rolls])


def dealt(n: int, n_hands: int) -> list[Places]:
    """Return which of n things, the largest first, go to each hand: as much to each, about.

    They go round, and back again.
    """
    hands = np.tile([*range(n_hands), *reversed(range(n_hands))], n)[:n]
    return [np.flatnonzero(hands == hand) for hand in range(n_hands)]


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
