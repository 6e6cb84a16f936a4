"""The room the built-in synth stands in: a feedback delay network (Jot & Chaigne 1991).

Eight delay lines feed each other through an orthogonal matrix; every line is longer than a piece of
sound, so a whole piece passes through at once without a loop over samples.
"""

import numpy as np
from numpy.typing import NDArray

DELAYS = np.array([1031, 1327, 1523, 1801, 2053, 2311, 2609, 2903])  # samples: primes, 21-60 ms
LONGEST = int(DELAYS.max())
LONGEST_PIECE = int(DELAYS.min())
SIZE = 4 * 4096
DECAY_S = 1.1
"""Until the reverberation is 60 dB down."""

WET = 0.055
FADED = 1e-5


class Room:
    """Adds reverberation to float32 (n <= LONGEST_PIECE, 2), piece by piece."""

    def __init__(self, sample_rate: int) -> None:
        gains = 10.0 ** (-3 * DELAYS / (sample_rate * DECAY_S)) / 2  # of a sum of two samples
        # Householder: orthogonal, so that only the gains decide how fast the sound dies away.
        self._mix = ((np.eye(8) - 2 / 8 * np.ones((8, 8))) * gains).astype(np.float32)
        # What is heard at one moment stands in one column: what is fed now, a delay further on.
        self._lines = np.zeros((8, SIZE), np.float32)
        self._place = 1
        self._still = LONGEST  # samples since anything was heard

    @property
    def is_still(self) -> bool:
        """Whether nothing rings on."""
        return self._still >= LONGEST

    def add(self, sound: NDArray[np.float32]) -> None:
        """Add the room's answer to a piece of sound, in place."""
        n = len(sound)
        if sound.any():
            self._still = 0
        elif self.is_still:
            return
        if self._place + n + LONGEST > SIZE:
            self._lines[:, : LONGEST + 1] = self._lines[:, self._place - 1 : self._place + LONGEST]
            self._place = 1
        place = self._place
        # From one sample before: walls swallow the high partials, so two samples are averaged.
        past = self._lines[:, place - 1 : place + n]
        heard = past[:, 1:]
        fed = self._mix @ (heard + past[:, :-1])
        fed[0::2] += sound[:, 0]
        fed[1::2] += sound[:, 1]
        for line, delay, row in zip(self._lines, DELAYS, fed, strict=True):
            line[place + delay : place + delay + n] = row
        self._place += n
        self._still = self._still + n if np.abs(fed).max(initial=0.0) < FADED else 0
        sound[:, 0] += WET * heard[0::2].sum(axis=0)
        sound[:, 1] += WET * heard[1::2].sum(axis=0)
        if self.is_still:
            self.clear()

    def clear(self) -> None:
        """Fall silent at once."""
        self._lines[:] = 0
        self._still = LONGEST
