"""Musical time: ticks, beats, bars and frames."""

from fractions import Fraction
from functools import cache

from msgspec import Struct

PPQ = 480
"""Ticks to the beat (a quarter note) everywhere inside the app; files are converted."""

SLOWEST_BPM, FASTEST_BPM = 20.0, 300.0


class Meter(Struct, frozen=True):
    """A time signature, such as 4/4."""

    numerator: int = 4
    denominator: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.numerator <= 32:
            raise ValueError(f"numerator must be in 1..32, got {self.numerator}")
        if self.denominator not in (1, 2, 4, 8, 16, 32):
            raise ValueError(f"denominator must be a power of two to 32, got {self.denominator}")

    @staticmethod
    def of(words: str) -> "Meter":
        """Return the metre of words such as "3/4".

        Raises:
            ValueError: they are none.
        """
        above, _, below = words.partition("/")
        return Meter(int(above), int(below))

    @property
    def beat_ticks(self) -> int:
        """Ticks of one counted beat (an eighth in 6/8)."""
        return PPQ * 4 // self.denominator

    @property
    def bar_ticks(self) -> int:
        """Ticks of one bar."""
        return self.beat_ticks * self.numerator

    def bar_beat(self, tick: int) -> tuple[int, int]:
        """Return bar and beat of a tick as a musician counts them, both from 1."""
        bar, rest = divmod(tick, self.bar_ticks)
        return bar + 1, rest // self.beat_ticks + 1

    def bar_of(self, tick: int) -> int:
        """Return the tick at which the bar of this tick begins."""
        return tick // self.bar_ticks * self.bar_ticks

    def __str__(self) -> str:
        return f"{self.numerator}/{self.denominator}"


@cache  # fractions are slow, and the same few are asked for many times a second
def frame_ticks(frames_per_beat: int | float | Fraction) -> int:
    """Return the ticks of one model frame.

    Raises:
        ValueError: the frame is not a whole number of ticks.
    """
    frames = Fraction(frames_per_beat).limit_denominator(96)
    if frames <= 0 or (PPQ / frames).denominator != 1:
        raise ValueError(f"frames per beat must divide {PPQ} ticks, got {frames_per_beat}")
    return int(PPQ / frames)


def ticks_per_second(bpm: float) -> float:
    """Return how many ticks pass in a second at ``bpm`` quarter notes a minute."""
    return bpm * PPQ / 60.0
