"""A score on a grid of frames: what sounds, what is struck, and where each frame is in its bar."""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rnnrbm_gui.data.rolls import HIGH, LOW, N_KEYS, Roll
from rnnrbm_gui.music.timing import Meter


class ScoreNote(Struct, frozen=True):
    """A written note, all times in quarter notes from the score's beginning.

    Attributes:
        start: where it begins.
        end: where it ends.
        pitch: 0..127.
        struck: False where a tie holds it over from the note before.
    """

    start: Fraction
    end: Fraction
    pitch: int
    struck: bool = True


class ScoreFrames(Struct, frozen=True, eq=False):
    """One score on the grid, as it is written: repeats are not played twice.

    Attributes:
        name: what to call it in a sentence.
        roll: (n_frames, n_keys) bool, what sounds at a frame's beginning, ``key = pitch - LOW``.
        onsets: (n_frames, n_keys) bool, what is struck; within ``roll``.
        position: (n_frames,) int64, frames since the bar line, upbeats at the end of their bar.
        bar_starts: (n_frames,) bool, where a written bar begins, whole or not: repeats go there.
        meter: the first time signature.
        bar_frames: frames of a whole bar.
        changes_meter: whether there are others; ``position`` means little then.
    """

    name: str
    roll: Roll
    onsets: Roll
    position: NDArray[np.int64]
    bar_starts: NDArray[np.bool_]
    meter: Meter
    bar_frames: int
    changes_meter: bool = False


def on_grid(
    name: str,
    notes: Sequence[ScoreNote],
    bars: Sequence[Fraction],
    meters: Sequence[Meter],
    frames_per_beat: int,
) -> ScoreFrames | None:
    """Put a score on a grid.

    A note sounds in the frames whose beginning it covers and is struck in the first of them; one
    that covers none is lost, as it is in the published files. Notes of several voices on one key
    are one; the key is struck when any of them is. Pitches outside of LOW..HIGH are left out.

    Args:
        name: what to call the score.
        notes: of all voices, in any order.
        bars: where each written bar begins, in quarter notes, ascending.
        meters: its time signatures, in order.
        frames_per_beat: frames to the quarter note.

    Returns:
        None of a score without notes or bars, or whose bars are no whole number of frames.
    """
    if not notes or not bars or not meters:
        return None
    bar = Fraction(4 * meters[0].numerator * frames_per_beat, meters[0].denominator)
    starts = [start * frames_per_beat for start in bars]
    if bar.denominator != 1 or any(start.denominator != 1 for start in starts):
        return None
    n_frames = max(ceil(note.end * frames_per_beat) for note in notes)
    roll = np.zeros((n_frames, N_KEYS), np.bool_)
    onsets = np.zeros_like(roll)
    for note in notes:
        first, end = ceil(note.start * frames_per_beat), ceil(note.end * frames_per_beat)
        if first < end and LOW <= note.pitch <= HIGH:
            roll[first:end, note.pitch - LOW] = True
            onsets[first, note.pitch - LOW] |= note.struck
    # A tie from nothing, which is in some scores, is a note struck.
    onsets |= roll & ~np.concatenate([np.zeros_like(roll[:1]), roll[:-1]])
    begins = [int(start) for start in starts if start < n_frames]
    bar_starts = np.zeros(n_frames, np.bool_)
    bar_starts[begins] = True
    position = _positions(begins, n_frames, int(bar))
    changes = len(set(meters)) > 1
    return ScoreFrames(name, roll, onsets, position, bar_starts, meters[0], int(bar), changes)


def _positions(begins: Sequence[int], n_frames: int, bar_frames: int) -> NDArray[np.int64]:
    """Return each frame's place in its bar.

    A short bar at the beginning is an upbeat: it ends at the bar line. A short bar after another
    completes it, if it can: so scores divide a bar where a line of the chorale or a repeat ends.
    """
    position = np.zeros(n_frames, np.int64)
    reached = 0
    for number, (begin, end) in enumerate(zip(begins, [*begins[1:], n_frames], strict=True)):
        length = end - begin
        first = 0
        if number == 0 and length < bar_frames:
            first = bar_frames - length
        elif length < bar_frames and reached % bar_frames and reached + length <= bar_frames:
            first = reached
        position[begin:end] = (first + np.arange(length)) % bar_frames
        reached = first + length
    return position
