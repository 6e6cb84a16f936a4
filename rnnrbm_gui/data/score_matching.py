"""Which score a piece of a corpus comes from, found by its pitches, and what the score adds to it.

A piece may differ from its score: repeats are played or not, the last chord of the piece fills
the bar that the upbeat left short, a fermata is longer, a passing note is another one. So the
piece is laid along the score frame by frame on the cheapest path (Viterbi): a path goes on by one
frame, and for a price waits, leaves a frame out, or jumps to the beginning of a written bar.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rnnrbm_gui.data.rolls import ArticulatedRoll, Roll
from rnnrbm_gui.data.score_frames import ScoreFrames

MOST_DIFFERING = 0.06
"""Of the keys of both that sound, the share that may differ in a match. Half of the chorales that
match are below 0.006 and all but two below 0.05; another setting of the same tune is above 0.08."""

LEAST_IN_BARS = 2 / 3
"""Of the frames, the share that must lie in the score where one upbeat and equal bars put them.
A locally different rhythm moves a few; a piece at twice the length or with cut bars moves most."""

LEAST_SHARED = 0.6
"""Of the chords of a piece, the share that a score must have to be laid beside it at all."""

MOST_CANDIDATES = 4

SHIFTS = (0, -2, 2, -1, 1)
"""Semitones by which a score may lie above the piece, in the order in which they are tried: three
of the chorales stand a tone apart from their scores."""

# Prices in differing keys: a wait or a leap of a beat costs as much as one wrong note of a beat.
_WAIT, _LEAVE_OUT, _JUMP, _START_INSIDE = 1.0, 1.0, 6.0, 3.0
_GO_ON, _WAITED, _LEFT_OUT, _JUMPED = range(4)


class Match(Struct, frozen=True, eq=False):
    """A piece laid along a score.

    Attributes:
        score: the score.
        shift: semitones by which the score lies above the piece.
        path: (n_frames,) int64, the score's frame for each frame of the piece.
        differing: of the keys of both that sound along the path, the share that differ.
    """

    score: ScoreFrames
    shift: int
    path: NDArray[np.int64]
    differing: float

    @property
    def in_bars(self) -> tuple[int, float]:
        """The piece's position in the bar at frame 0, and the share of frames that agree."""
        n_bar = self.score.bar_frames
        phases = (self.score.position[self.path] - np.arange(len(self.path))) % n_bar
        counts = np.bincount(phases, minlength=n_bar)
        return int(counts.argmax()), float(counts.max() / len(phases))

    def why_not(self) -> str:
        """Return a clause that follows "they": why such pieces get no bars; empty if they do."""
        if self.score.changes_meter:
            return "change their metre"
        if self.in_bars[1] < LEAST_IN_BARS:
            return "have bars of other lengths than their score"
        return ""

    def articulated(self, roll: Roll) -> ArticulatedRoll:
        """Return the piece with the score's onsets and bars; what sounds stays as it is.

        A key that was silent in the frame before is struck. One that was sounding is struck again
        where its score strikes it again: where the score only comes late to a key, that is the
        same note in another rhythm, and where it has other keys, nothing is known and it is held.
        """
        first, _ = self.in_bars
        n_bar = self.score.bar_frames
        position = (first + np.arange(len(roll))) % n_bar
        onsets = self._onsets(roll)
        return ArticulatedRoll(roll, onsets, position, n_bar, self.score.meter)

    def _onsets(self, roll: Roll) -> Roll:
        sounds = np.roll(self.score.roll, -self.shift, axis=1)[self.path]
        strikes = np.roll(self.score.onsets, -self.shift, axis=1)
        struck = strikes[self.path]
        steps = np.diff(self.path)
        struck[1:][steps == 0] = False
        over = np.flatnonzero(steps == 2) + 1
        struck[over] |= strikes[self.path[over] - 1]
        onsets = np.zeros_like(roll)
        before = np.zeros(roll.shape[1], np.bool_)
        met = before  # keys whose present note has sounded in both at once
        for frame, now in enumerate(roll):
            onsets[frame] = now & (~before | (struck[frame] & met))
            met = now & ((met & before) | sounds[frame])
            before = now
        return onsets


class ScoreSearch:
    """Scores, to be searched by what sounds in them."""

    def __init__(self, scores: Sequence[ScoreFrames]) -> None:
        self.scores = scores
        self._chords = [_chords(score.roll) for score in scores]

    def matches(self, roll: Roll) -> list[Match]:
        """Return the scores that a piece may come from, the most alike first.

        Ten of the published chorales have two, which are versions of one score: their onsets
        differ in at most four of a hundred.

        Args:
            roll: (n_frames, n_keys) bool.
        """
        for shift in SHIFTS:
            found = self._matches(np.roll(roll, shift, axis=1), shift)
            if found:
                return found
        return []

    def _matches(self, roll: Roll, shift: int) -> list[Match]:
        chords = _chords(roll)
        shared = [len(chords & others) / max(1, len(chords)) for others in self._chords]
        best = sorted(range(len(shared)), key=lambda n: (-shared[n], self.scores[n].name))
        candidates = [n for n in best[:MOST_CANDIDATES] if shared[n] >= LEAST_SHARED]
        found = [lay(roll, self.scores[n], shift) for n in candidates]
        return sorted(
            (match for match in found if match.differing <= MOST_DIFFERING),
            key=lambda match: (match.differing, match.score.name),
        )


def _chords(frames: Iterable[NDArray[np.bool_]]) -> frozenset[bytes]:
    """Return the different frames of a roll that are not silent."""
    return frozenset(np.packbits(frame).tobytes() for frame in frames if frame.any())


def lay(roll: Roll, score: ScoreFrames, shift: int = 0) -> Match:
    """Lay a piece along a score on the cheapest path.

    Args:
        roll: (n_frames, n_keys) bool of at least one frame, in the score's key.
        score: the score.
        shift: semitones by which the piece was moved up to be there.
    """
    piece, written = roll.astype(np.float32), score.roll.astype(np.float32)
    differing = piece.sum(1)[:, None] + written.sum(1) - 2 * piece @ written.T  # (frames, of score)
    n_frames, n_written = differing.shape
    moves = np.zeros((n_frames, n_written), np.uint8)
    jumped_from = np.zeros(n_frames, np.int64)
    to_bar = np.where(score.bar_starts, np.float32(0), np.float32(np.inf))
    cost = differing[0] + np.where(score.bar_starts, 0, _START_INSIDE)
    ways = np.full((4, n_written), np.inf)
    places = np.arange(n_written)
    for frame in range(1, n_frames):
        cheapest = int(cost.argmin())
        ways[_GO_ON, 1:] = cost[:-1]
        ways[_WAITED] = cost + _WAIT
        ways[_LEFT_OUT, 2:] = cost[:-2] + _LEAVE_OUT
        ways[_JUMPED] = cost[cheapest] + _JUMP + to_bar
        move = ways.argmin(0)
        moves[frame], jumped_from[frame] = move, cheapest
        cost = ways[move, places] + differing[frame]
    path = np.empty(n_frames, np.int64)
    place = int(cost.argmin())
    for frame in range(n_frames - 1, -1, -1):
        path[frame] = place
        move = int(moves[frame, place])
        place = int(jumped_from[frame]) if move == _JUMPED else place - (1, 0, 2)[move]
    wrong = float(differing[np.arange(n_frames), path].sum())
    sounding = float(piece.sum() + written.sum(1)[path].sum())
    return Match(score, shift, path, wrong / max(1.0, sounding))
