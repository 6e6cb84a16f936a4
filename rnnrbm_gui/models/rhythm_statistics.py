"""What music with onsets and bars sounds like in figures, and how far a model's is from its data's.

All of it stays the same when a piece is transposed, and counts within sequences only.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

MOST_NOTES = 8
WIDEST = 12
"""Semitones beyond which a melodic interval counts as this one."""

N_CHORDS = 50
"""Chords with a bin of their own: 96 in 100 frames of the chorales at sixteenths, which have 164.
Between their own train and valid parts the total variation is 0.034 with 20 bins, 0.044 with 50,
0.053 with all; 16 pieces against the valid part reach 0.085 with 50, 32 pieces 0.064."""

MOST_APART = 0.10
"""How far a mean or a share of a model's may be from the data's, relative to the data's."""

MOST_VARIATION = 0.10
"""How far a histogram of a model's may be from the data's, in total variation."""


class Articulated(Protocol):
    """A sequence with its onsets and bars, as ``ArticulatedRoll`` and ``Articulation`` are."""

    @property
    def roll(self) -> NDArray[np.bool_]:
        """(n_frames, n_keys), what sounds."""

    @property
    def onsets(self) -> NDArray[np.bool_]:
        """(n_frames, n_keys), what is struck."""

    @property
    def position(self) -> NDArray[np.int64]:
        """(n_frames,), frames since the bar line."""

    @property
    def bar_frames(self) -> int:
        """Frames of a bar."""


class Articulation(NamedTuple):
    """Plain arrays of one sequence, such as a model's samples."""

    roll: NDArray[np.bool_]
    onsets: NDArray[np.bool_]
    position: NDArray[np.int64]
    bar_frames: int


@dataclass(frozen=True)
class Figure:
    """One figure of a model's music beside its data's.

    Attributes:
        name: which.
        distance: relative for a mean or a share, the total variation for a histogram.
        limit: how large it may be.
        data: the data's mean or share; None of a histogram.
        model: the model's.
    """

    name: str
    distance: float
    limit: float
    data: float | None = None
    model: float | None = None

    @property
    def within(self) -> bool:
        """Whether it is near enough."""
        return self.distance <= self.limit

    def __str__(self) -> str:
        values = "" if self.data is None else f" ({self.model:.3f}, data {self.data:.3f})"
        verdict = "within" if self.within else "beyond"
        return f"{self.name}: {self.distance:.3f}{values}, {verdict} {self.limit:.2f}"


@dataclass(frozen=True)
class Comparison:
    """A model's music beside its data's, figure by figure."""

    figures: tuple[Figure, ...]

    @property
    def within(self) -> bool:
        """Whether every figure is near enough."""
        return all(figure.within for figure in self.figures)

    def __str__(self) -> str:
        return "\n".join(map(str, self.figures))


@dataclass(frozen=True, eq=False)
class RhythmStatistics:
    """Statistics of sequences; every histogram sums to 1, or is all zero where nothing occurs.

    Attributes:
        held: of the sounding keys, the share that are not struck in their frame.
        run_length: mean frames from a note's beginning to its end or to its being struck again.
            Where every note begins with an onset it is 1 / (1 - held), and so the sharper of the
            two figures when most notes are held.
        notes: mean sounding keys a frame.
        unstruck: of the sounding keys, the share that begin without an onset. Data has none; a
            model with two planes may.
        polyphony: (MOST_NOTES + 1,), frames by how many keys sound, the last for that and more.
        chords: share of frames by chord: the pitch classes above the bass as a number whose bit
            ``i`` is set for ``i`` semitones, bit 0 the bass itself; 0 is silence.
        melodic: (2 WIDEST + 1,), steps of the top voice from one of its onsets to the next, from
            -WIDEST to WIDEST; it has an onset where the highest sounding key is struck, so that
            0 is a repeated note.
        vertical: (12,), semitones modulo 12 from the bass to every other sounding key.
        onset_positions: by frames of the bar, (bar_frames,), where in the bar keys are struck.
        bars: by frames of the bar, the share of all onsets that lie in such bars.
    """

    held: float
    run_length: float
    notes: float
    unstruck: float
    polyphony: NDArray[np.float64]
    chords: Mapping[int, float]
    melodic: NDArray[np.float64]
    vertical: NDArray[np.float64]
    onset_positions: Mapping[int, NDArray[np.float64]]
    bars: Mapping[int, float]

    @staticmethod
    def of(pieces: Iterable[Articulated]) -> "RhythmStatistics":
        """Count over sequences.

        Raises:
            ValueError: there is not a single frame.
        """
        count = _Count()
        for piece in pieces:
            count.add(piece)
        if not count.frames:
            raise ValueError("statistics need at least one frame")
        bars = _shares(Counter({n: int(at.sum()) for n, at in count.positions.items()}))
        return RhythmStatistics(
            held=count.held / max(1, count.sounding),
            run_length=count.sounding / max(1, count.begun),
            notes=count.sounding / count.frames,
            unstruck=count.unstruck / max(1, count.sounding),
            polyphony=normalised(count.polyphony),
            chords=_shares(count.chords),
            melodic=normalised(count.melodic),
            vertical=normalised(count.vertical),
            onset_positions={n: normalised(at) for n, at in count.positions.items()},
            bars=bars,
        )

    def compare(self, model: "RhythmStatistics") -> Comparison:
        """Compare a model's music with these, the data's: what must be near, and whether it is."""
        scalars = [
            ("held notes", self.held, model.held),
            ("run length", self.run_length, model.run_length),
            ("notes a frame", self.notes, model.notes),
        ]
        histograms = [
            ("polyphony", total_variation(self.polyphony, model.polyphony)),
            ("chords", self.chord_variation(model)),
            ("melodic intervals", total_variation(self.melodic, model.melodic)),
            ("vertical intervals", total_variation(self.vertical, model.vertical)),
            ("onset positions", self.position_variation(model)),
        ]
        return Comparison(
            (
                *(
                    Figure(name, _apart(data, models), MOST_APART, data, models)
                    for name, data, models in scalars
                ),
                *(Figure(name, distance, MOST_VARIATION) for name, distance in histograms),
            )
        )

    def chord_variation(self, other: "RhythmStatistics", n_chords: int = N_CHORDS) -> float:
        """Return the total variation of the chords.

        The ``n_chords`` most frequent here, which are the data's, have a bin each and all others
        one together: those occur in a few frames each, and to miss some of them is chance.
        """
        ranked = sorted(self.chords, key=lambda chord: (-self.chords[chord], chord))[:n_chords]
        mine, theirs = (
            [stats.chords.get(chord, 0.0) for chord in ranked] for stats in (self, other)
        )
        return total_variation(
            np.array([*mine, max(0.0, sum(self.chords.values()) - sum(mine))]),
            np.array([*theirs, max(0.0, sum(other.chords.values()) - sum(theirs))]),
        )

    def position_variation(self, other: "RhythmStatistics") -> float:
        """Return the total variation of the onsets' positions in bars of the same length.

        The mean over the lengths that both have, weighted as here; how often a length occurs is
        what a model is told, not what it is judged by. 1 where none is common to both.
        """
        common = [n for n in self.onset_positions if n in other.onset_positions]
        weight = sum(self.bars[n] for n in common)
        if not weight:
            return 1.0
        return (
            sum(
                self.bars[n] * total_variation(self.onset_positions[n], other.onset_positions[n])
                for n in common
            )
            / weight
        )


def normalised(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return counts as shares of their sum; all zero where there are none."""
    return counts / max(1, int(counts.sum()))


def total_variation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return half the absolute difference of two histograms of the same bins: 0 equal, 1 disjoint.

    Both must sum to 1; where only one is empty (all zero) the answer is 1, not a half.
    """
    if a.shape != b.shape:
        raise ValueError(f"histograms must have the same bins, got {a.shape} and {b.shape}")
    if bool(a.any()) != bool(b.any()):
        return 1.0
    return float(np.abs(a - b).sum() / 2)


def _apart(data: float, model: float) -> float:
    if data == model:
        return 0.0
    return abs(model - data) / abs(data) if data else float("inf")


def _shares(counts: Counter[int]) -> dict[int, float]:
    whole = max(1, counts.total())
    return {key: count / whole for key, count in counts.items()}


class _Count:
    """Whole numbers, added up piece by piece."""

    def __init__(self) -> None:
        self.frames = self.sounding = self.held = self.begun = self.unstruck = 0
        self.polyphony = np.zeros(MOST_NOTES + 1, np.int64)
        self.melodic = np.zeros(2 * WIDEST + 1, np.int64)
        self.vertical = np.zeros(12, np.int64)
        self.chords: Counter[int] = Counter()
        self.positions: dict[int, NDArray[np.int64]] = {}

    def add(self, piece: Articulated) -> None:
        """Add one sequence. Onsets of keys that do not sound are not heard: they do not count."""
        roll = np.asarray(piece.roll, np.bool_)
        onsets = np.asarray(piece.onsets, np.bool_) & roll
        if not len(roll):
            return
        before = np.concatenate([np.zeros_like(roll[:1]), roll[:-1]])
        unstruck = roll & ~onsets & ~before
        self.frames += len(roll)
        self.sounding += int(roll.sum())
        self.held += int((roll & ~onsets).sum())
        self.unstruck += int(unstruck.sum())
        self.begun += int((onsets | unstruck).sum())
        self.polyphony += np.bincount(np.minimum(roll.sum(1), MOST_NOTES), minlength=MOST_NOTES + 1)
        self._add_chords(roll)
        self._add_melody(roll, onsets)
        at = self.positions.setdefault(piece.bar_frames, np.zeros(piece.bar_frames, np.int64))
        np.add.at(at, np.asarray(piece.position), onsets.sum(1))

    def _add_chords(self, roll: NDArray[np.bool_]) -> None:
        n_keys = roll.shape[1]
        bass = np.where(roll.any(1), roll.argmax(1), n_keys)
        above = np.arange(n_keys) - bass[:, None]  # (n_frames, n_keys), semitones
        self.vertical += np.bincount(above[roll & (above > 0)] % 12, minlength=12)
        chords = np.zeros(len(roll), np.int64)
        for interval in range(12):
            has = (roll & (above % 12 == interval)).any(1)
            chords |= has.astype(np.int64) << interval
        self.chords.update(chords.tolist())

    def _add_melody(self, roll: NDArray[np.bool_], onsets: NDArray[np.bool_]) -> None:
        top = roll.shape[1] - 1 - roll[:, ::-1].argmax(1)
        struck = onsets[np.arange(len(roll)), top]  # a silent frame has no onset either
        steps = np.clip(np.diff(top[struck]), -WIDEST, WIDEST)
        self.melodic += np.bincount(steps + WIDEST, minlength=2 * WIDEST + 1)
