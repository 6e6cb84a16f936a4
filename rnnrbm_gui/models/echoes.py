"""What the recurrence sees beside a frame: the music some bars ago.

A recurrent state forgets; music comes back. Where a model has *echoes*, the recurrence is shown,
beside v_t, the frames that stood so many frames before the one that comes next: of an echo of L
frames v_{t+1-L}, and silence before a piece's first frame. The rest of the model is as it was,

    u_t = f(bu + [v_t, v_{t+1-L1}, v_{t+1-L2}, ...] Wvu + u_{t-1} Wuu),

with more rows of Wvu: a tapped delay line, as in the recurrent networks of Lin, Horne, Tino and
Giles, *Learning long-term dependencies in NARX recurrent neural networks* (1996). No model of the
paper has any.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Roll = NDArray[np.bool_]
Past = NDArray[np.uint8]
"""Frames as bits, (n_frames, n_visible / 8)."""


def seen(roll: Roll, echoes: Sequence[int], first: int = 0, last: int | None = None) -> Roll:
    """Return what the recurrence sees of some frames of a piece.

    Args:
        roll: (n_frames, n_visible), the whole piece.
        echoes: in frames.
        first: of the frames wanted.
        last: the one after them; all to the end unless given.

    Returns:
        (last - first, n_visible * (1 + len(echoes))): each frame, then its echoes.
    """
    last = len(roll) if last is None else last
    n_visible = roll.shape[1]
    found = np.zeros((last - first, (1 + len(echoes)) * n_visible), roll.dtype)
    for place, back in enumerate((0, *(echo - 1 for echo in echoes))):
        from_ = max(first, back)
        if from_ < last:
            columns = slice(place * n_visible, (place + 1) * n_visible)
            found[from_ - first :, columns] = roll[from_ - back : last - back]
    return found


def reach(echoes: Sequence[int]) -> int:
    """Return how many frames before the present one are still seen."""
    return max(echoes, default=1) - 1


def silence(echoes: Sequence[int], n_visible: int) -> Past:
    """Return the past of a piece's first frame."""
    return packed(np.zeros((reach(echoes), n_visible), np.bool_))


def packed(frames: Roll) -> Past:
    """Return frames, (n_frames, n_visible), as bits: a take keeps a past for every frame."""
    return np.packbits(frames, axis=1)


def unpacked(past: Past, n_visible: int) -> Roll:
    """Return the frames of a past, (n_frames, n_visible)."""
    return np.unpackbits(past, axis=1, count=n_visible).view(np.bool_)


def seen_now(past: Past, v: Roll, echoes: Sequence[int]) -> Roll:
    """Return what the recurrence sees of the present frame.

    Args:
        past: of the reach(echoes) frames before it, the last one nearest.
        v: (n_visible,).
        echoes: in frames.
    """
    if not echoes:
        return v
    rows = [1 - echo for echo in echoes]
    return np.concatenate([v, unpacked(past[rows], len(v)).ravel()])


def after(past: Past, frames: Roll) -> Past:
    """Return the past after some more frames, (n_frames, n_visible)."""
    return np.concatenate([past, packed(frames[-len(past) :])])[-len(past) :] if len(past) else past
