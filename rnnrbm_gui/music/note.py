"""A note: one pitch that sounds from one tick to another."""

from msgspec import Struct

LOWEST_PITCH, HIGHEST_PITCH = 0, 127
NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
BLACK = frozenset({1, 3, 6, 8, 10})


class Note(Struct, frozen=True, order=True):
    """One note in ticks (``timing.PPQ`` to the beat), ordered by onset, then pitch.

    Attributes:
        on: tick of the onset, 0 or later.
        pitch: MIDI pitch, 0..127; 60 is middle C (C4).
        off: tick of the end, after ``on``.
        velocity: 1..127.
    """

    on: int
    pitch: int
    off: int
    velocity: int = 80

    def __post_init__(self) -> None:
        if self.on < 0:
            raise ValueError(f"on must be 0 or later, got {self.on}")
        if self.off <= self.on:
            raise ValueError(f"off must be after on ({self.on}), got {self.off}")
        if not LOWEST_PITCH <= self.pitch <= HIGHEST_PITCH:
            raise ValueError(f"pitch must be in 0..127, got {self.pitch}")
        if not 1 <= self.velocity <= 127:
            raise ValueError(f"velocity must be in 1..127, got {self.velocity}")

    @property
    def duration(self) -> int:
        """Length in ticks."""
        return self.off - self.on

    def overlaps(self, first: int, last: int) -> bool:
        """Tell whether any part of the note lies in the ticks ``first <= t < last``."""
        return self.on < last and self.off > first


def name_of(pitch: int) -> str:
    """Return the name of a pitch with its octave: ``name_of(60) == "C4"``."""
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"


def is_black(pitch: int) -> bool:
    """Tell whether a pitch is a black key."""
    return pitch % 12 in BLACK
