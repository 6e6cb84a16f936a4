"""A corpus as rolls: what every reader of a corpus gives back, whatever the file was."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rnnrbm_gui.errors import FileError
from rnnrbm_gui.music.timing import Meter

LOW, HIGH = 21, 108
"""Pitch range of the published corpora: the 88 keys of a piano."""

N_KEYS = HIGH - LOW + 1

MOST_FRAMES = 2_000_000
"""In all parts of a corpus together: eight times MuseData, and 176 MB as rolls."""

Roll = NDArray[np.bool_]


class CorpusError(FileError):
    """A corpus that cannot be read; the sentence names the file and what is wrong in it."""


class PieceReport(Struct, frozen=True):
    """What became of one file of a folder.

    Attributes:
        file: its path inside of the folder, as shown.
        part: the split that it went to, empty where it was left out.
        why_not: a clause that follows "it": why it was left out, empty where it was kept.
        n_frames: its length on the corpus's grid.
        on_grid: the share of its onsets that lie on that grid, 0 to 1.
        transposed: semitones added to bring its tonic to C.
        n_outside: notes left out because they lie outside of the keyboard.
        remarks: whole sentences of the MIDI reader on what it did not take over as it stands.
    """

    file: str
    part: str = ""
    why_not: str = ""
    n_frames: int = 0
    on_grid: float = 1.0
    transposed: int = 0
    n_outside: int = 0
    remarks: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.why_not:
            return f"“{self.file}” was left out: it {self.why_not}."
        said = f"“{self.file}” was kept for {self.part}: {self.n_frames:,} frames"
        if self.transposed:
            said += f", transposed by {self.transposed:+d} semitones"
        if self.on_grid < 1:
            percent = max(1, round(100 * (1 - self.on_grid)))
            said += f", {percent}% of the onsets moved to the grid"
        if self.n_outside:
            notes = "1 note" if self.n_outside == 1 else f"{self.n_outside:,} notes"
            said += f", {notes} outside of {LOW}..{HIGH} left out"
        return " ".join([f"{said}.", *self.remarks])


class ArticulatedRoll(Struct, frozen=True, eq=False):
    """A sequence that says when its keys are struck, and where its bars are.

    Attributes:
        roll: (n_frames, n_keys) bool, what sounds.
        onsets: (n_frames, n_keys) bool, what is struck in this very frame. A key that is struck
            sounds, and one that sounds without being struck sounded in the frame before.
        position: (n_frames,) int64, frames since the last bar line, in 0..bar_frames-1. An upbeat
            stands at the end of its bar.
        bar_frames: frames of a bar.
        meter: the time signature.
    """

    roll: Roll
    onsets: Roll
    position: NDArray[np.int64]
    bar_frames: int
    meter: Meter

    def __post_init__(self) -> None:
        if self.onsets.shape != self.roll.shape or self.position.shape != self.roll.shape[:1]:
            raise ValueError(
                f"onsets and position must have the shapes of roll {self.roll.shape}, got "
                f"{self.onsets.shape} and {self.position.shape}"
            )
        if (self.onsets & ~self.roll).any():
            raise ValueError("a key that is struck must sound")
        before = np.concatenate([np.zeros_like(self.roll[:1]), self.roll[:-1]])
        if (self.roll & ~before & ~self.onsets).any():
            raise ValueError("a key that was silent in the frame before must be struck to sound")
        if ((self.position < 0) | (self.position >= self.bar_frames)).any():
            raise ValueError(f"position must be in 0..{self.bar_frames - 1}")


class Corpus(Struct, frozen=True):
    """The splits of one corpus as rolls.

    Attributes:
        name: the file's name without its suffix, or the folder's.
        splits: name of a split (``train``, ``valid`` and, if there, ``test``) to its sequences,
            each ``roll[frame, key]`` with ``key = pitch - LOW``.
        frames_per_beat: frames to the quarter note, None where the file does not say.
        bpm: of a folder, the median of its pieces' tempi.
        meter: of a folder, the most frequent time signature.
        pieces: of a folder, what became of each file, in the order of their paths.
        remarks: whole sentences on how it was read, for whoever wants to know.
        articulated: of a corpus that was given its onsets, the sequences of each split with them:
            the same ones as in ``splits``, in the same order; otherwise empty.
    """

    name: str
    splits: dict[str, tuple[Roll, ...]]
    frames_per_beat: int | None = None
    bpm: float | None = None
    meter: Meter | None = None
    pieces: tuple[PieceReport, ...] = ()
    remarks: tuple[str, ...] = ()
    articulated: Mapping[str, tuple[ArticulatedRoll, ...]] = {}

    def split(self, name: str) -> tuple[Roll, ...]:
        """Return the sequences of one split.

        Raises:
            CorpusError: the corpus has no such split.
        """
        if name not in self.splits:
            there = ", ".join(self.splits)
            raise CorpusError(
                f"The corpus '{self.name}' has no part '{name}': choose one of {there}."
            )
        return self.splits[name]

    def articulated_split(self, name: str) -> tuple[ArticulatedRoll, ...]:
        """Return the sequences of one split with their onsets and bars.

        Raises:
            CorpusError: the corpus has no such split, or no onsets.
        """
        self.split(name)
        if name not in self.articulated:
            raise CorpusError(
                f"The corpus '{self.name}' does not say when its notes are struck: chorales get "
                "their onsets from scores, other corpora have none."
            )
        return self.articulated[name]


def splits_of(
    value: object, name: str, *, silent: int | None = None
) -> dict[str, tuple[Roll, ...]]:
    """Return lists of frames of pitches as rolls, by split.

    Args:
        value: what a file held: a dict of splits, each a list of sequences of frames of pitches.
        name: the file's, for the sentences.
        silent: a number that stands for a voice without a note.

    Raises:
        CorpusError: the value is anything else, or a pitch lies outside of LOW..HIGH.
    """
    if (
        not isinstance(value, Mapping)
        or not value
        or not all(isinstance(key, str) for key in value)
    ):
        raise CorpusError(
            f"'{name}' is not a corpus: a dict of 'train', 'valid' and 'test' was expected."
        )
    splits: dict[str, tuple[Roll, ...]] = {}
    left = MOST_FRAMES
    for part, sequences in value.items():
        splits[part] = tuple(_rolls(sequences, f"'{name}', part '{part}'", left, silent))
        left -= sum(map(len, splits[part]))
    return splits


def _rolls(part: Any, place: str, left: int, silent: int | None) -> Iterator[Roll]:
    """Yield a part's sequences as rolls, at most ``left`` frames in all."""
    if not isinstance(part, list | tuple):
        raise CorpusError(f"{place}: a list of sequences was expected, not {type(part).__name__}.")
    for number, sequence in enumerate(part):
        where = f"{place}, sequence {number}"
        if not isinstance(sequence, list | tuple):
            raise CorpusError(f"{where}: a list of frames was expected.")
        left -= len(sequence)
        if left < 0:
            raise CorpusError(f"{where}: there are over {MOST_FRAMES:,} frames in all: too many.")
        roll = np.zeros((len(sequence), N_KEYS), np.bool_)
        for frame, pitches in enumerate(sequence):
            roll[frame, _keys(pitches, f"{where}, frame {frame}", silent)] = True
        yield roll


def _keys(pitches: Any, where: str, silent: int | None) -> list[int]:
    if not isinstance(pitches, list | tuple) or len(pitches) > 128:
        raise CorpusError(f"{where}: a tuple of at most 128 pitches was expected.")
    for pitch in pitches:
        if isinstance(pitch, bool) or not isinstance(pitch, int):
            kind = type(pitch).__name__
            raise CorpusError(f"{where}: a pitch must be a whole number, not of type {kind}.")
        if not LOW <= pitch <= HIGH and pitch != silent:
            shown = pitch if abs(pitch) < 10**9 else "a far larger number"
            raise CorpusError(f"{where}: a pitch must be in {LOW}..{HIGH}, got {shown}.")
    return [pitch - LOW for pitch in pitches if pitch != silent]
