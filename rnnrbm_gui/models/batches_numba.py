"""What of ``batches`` touches every key and recurrent unit, compiled; importing imports numba."""

from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from rnnrbm_gui.models import compiling, simd
from rnnrbm_gui.models import layers_numba as layers
from rnnrbm_gui.models.compiling import for_what_it_gets
from rnnrbm_gui.models.tables import unit_words

Float = NDArray[np.float32]
Bools = NDArray[np.bool_]
Places = NDArray[np.int64]

_ZERO = np.float32(0)


@for_what_it_gets
def _below(number: Any, n: int) -> Any:
    """Return which of n < 2^32 equal parts of 0..2^64 a number is in."""
    return np.int64(((number >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))


@for_what_it_gets
def cut(
    chosen: Places, lengths: Places, most_frames: int, moved: float, n_rows: int, key: np.uint64
) -> Places:
    """Cut sequences at random, none of them longer than the longest or ``most_frames``.

    Args:
        chosen: (n,), indices of sequences.
        lengths: (n_sequences,), of each.
        most_frames: of a cut.
        moved: share of them that is transposed.
        n_rows: the transpositions.
        key: of the random numbers.

    Returns:
        (n, 4): a sequence, the first frame of it, the one after the last, and the row of the
        transposition, 0 for none; the longest first.
    """
    longest = 0
    for which in chosen:
        longest = max(longest, min(most_frames, lengths[which]))
    cuts = np.empty((len(chosen), 4), np.int64)
    for i in range(len(chosen)):
        now, length = layers.mix(key ^ layers.mix(np.uint64(i))), lengths[chosen[i]]
        first = _below(now, max(0, length - longest) + 1)
        last = min(first + longest, length)
        now = layers.mix(now)
        row = 0
        if n_rows and np.float64(now) < moved * 2.0**64:
            row = 1 + _below(layers.mix(now), n_rows)
        place = i  # after those as long
        while place and cuts[place - 1, 2] - cuts[place - 1, 1] < last - first:
            for k in range(4):
                cuts[place, k] = cuts[place - 1, k]
            place -= 1
        cuts[place, 0], cuts[place, 1] = chosen[i], first
        cuts[place, 2], cuts[place, 3] = last, row
    return cuts


@for_what_it_gets
def place(frame: Bools, semitones: int, planes: int, out: Bools) -> None:
    """Put a frame, transposed, where it stands in a batch; keys off an end are gone.

    Args:
        frame: (n_keys,).
        semitones: to be transposed by.
        planes: of keys, each transposed alike.
        out: (n_keys,), all of it off.
    """
    n = frame.size // planes
    low = max(0, -semitones)
    high = max(low, min(n, n - semitones))
    for first in range(0, n * planes, n):
        some = frame[first + low : first + high]
        moved = out[first + low + semitones : first + high + semitones]
        for key in range(len(some)):
            moved[key] = some[key]


@for_what_it_gets
def side_by_side(
    music: Bools, starts: Places, backs: Places, cuts: Places, semitones: Places, planes: int
) -> tuple[Places, Bools, Places]:
    """Return cuts side by side, as in ``gradients.Batch``.

    Args:
        music: (n_frames, n_keys), sequences one after another.
        starts: (n_sequences,), where each begins.
        backs: (n_seen,), how many frames back of a frame is seen: 0, then those of its echoes.
        cuts: (n, 4), see ``cut``.
        semitones: of each row of the transposition.
        planes: of keys.

    Returns:
        at: (n_times + 1,), where the frames of each time begin, and the end.
        seen: (n_frames of the batch, n_keys * n_seen), the frames, and their echoes.
        here: (n_frames of the batch,), where each stands in the music.
    """
    n_keys, n_times, n = music.shape[1], cuts[0, 2] - cuts[0, 1], len(cuts)
    at = np.zeros(n_times + 1, np.int64)
    for t in range(n_times):
        while cuts[n - 1, 2] - cuts[n - 1, 1] <= t:
            n -= 1
        at[t + 1] = at[t] + n
    seen = np.zeros((at[-1], n_keys * len(backs)), np.bool_)
    here = np.empty(at[-1], np.int64)
    for column in range(len(cuts)):
        which, first, last, row = cuts[column]
        for t in range(last - first):
            now = starts[which] + first + t
            here[at[t] + column] = now
            for i in range(len(backs)):
                if first + t >= backs[i]:  # before the piece is silence
                    out = seen[at[t] + column, i * n_keys : (i + 1) * n_keys]
                    place(music[now - backs[i]], semitones[row], planes, out)
    return at, seen, here


def _dropout(
    words: NDArray[np.uint32],
    below: np.float32,
    factor: np.float32,
    key: np.uint64,
    n_frames: int,
    n: int,
    kept: Float,
) -> None:
    """See ``dropout``; a frame's last register goes beyond it, into what is filled in next."""
    for frame in range(n_frames):
        of_frame = layers.mix(key ^ layers.mix(np.uint64(frame)))
        for first in range(0, n, simd.WIDTH):
            stays = layers.uniforms(words, first, of_frame) < below
            kept_now = simd.choose(stays, simd.spread(factor), _ZERO)
            simd.store(kept, frame * n + first, kept_now)


_kernel = compiling.cached(
    types.void(
        *(compiling.given(types.uint32, 1), types.float32, types.float32, types.uint64),
        *(types.int64, types.int64, types.float32[::1]),
    ),
    _dropout,
)


def dropout(n_frames: int, n: int, rate: float, key: np.uint64) -> NDArray[Any]:
    """Return what a state is multiplied by where it is read: 0, or 1 / (1 - rate).

    Args:
        n_frames: of the batch.
        n: recurrent units.
        rate: share of 0.
        key: of the random numbers.

    Returns:
        (n_frames, n), of float32.
    """
    kept = np.empty(n_frames * n + simd.WIDTH, np.float32)
    share = 1 - rate
    below, factor = np.float32(share) * layers.UNIFORM_ONE, np.float32(1 / share)
    _kernel(unit_words(0, n), below, factor, key, n_frames, n, kept)
    return kept[: n_frames * n].reshape(n_frames, n)
