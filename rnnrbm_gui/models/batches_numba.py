"""What of ``batches`` touches every key and recurrent unit, compiled; importing imports numba."""

from typing import Any

import numba as nb
import numpy as np
from numba import types
from numpy.typing import NDArray

from rnnrbm_gui.models import compiling, simd
from rnnrbm_gui.models import layers_numba as layers
from rnnrbm_gui.models.tables import unit_words

Float = NDArray[np.float32]
Roll = NDArray[np.bool_]

_ZERO = np.float32(0)


@nb.njit(nogil=True, cache=True, error_model="numpy")
def place(
    roll: Roll, semitones: int, planes: int, at: NDArray[np.int64], column: int, out: Roll
) -> None:
    """Put a sequence's frames, transposed, where they stand in a batch; keys off an end are gone.

    Args:
        roll: (n_frames, n_keys).
        semitones: to be transposed by.
        planes: of keys, each transposed alike.
        at: (n_times,), where the batch's frames of each time begin.
        column: the sequence's, of each time.
        out: (n_frames of the batch, n_keys), all of it off.
    """
    n = roll.shape[1] // planes
    low = max(0, -semitones)
    high = max(low, min(n, n - semitones))
    for t in range(len(roll)):
        for first in range(0, n * planes, n):
            some = roll[t, first + low : first + high]
            moved = out[at[t] + column, first + low + semitones : first + high + semitones]
            for key in range(len(some)):
                moved[key] = some[key]


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
