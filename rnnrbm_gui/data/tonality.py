"""The key that a piece is in, estimated from how long each pitch class sounds.

Source: Krumhansl, *Cognitive Foundations of Musical Pitch* (Oxford 1990), chapter 4: the
Krumhansl-Schmuckler algorithm with the probe-tone profiles of Krumhansl and Kessler (1982).
"""

import numpy as np
from numpy.typing import NDArray

MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)


def tonic_of(pitches: NDArray[np.integer], durations: NDArray[np.integer]) -> int | None:
    """Return the pitch class (0 is C) of the likeliest tonic, major or minor.

    The profile of each of the 24 keys is correlated with the total duration of each pitch class;
    the key of the highest correlation wins, the lower tonic and then major where two are equal.

    Args:
        pitches: (n_notes,) MIDI pitches.
        durations: (n_notes,) of each note, in any unit.

    Returns:
        None where no key stands out, all pitch classes sounding equally long, or none at all.
    """
    heard = np.bincount(pitches % 12, weights=durations, minlength=12)
    if np.ptp(heard) == 0:
        return None
    keys = np.array([np.roll(mode, tonic) for tonic in range(12) for mode in (MAJOR, MINOR)])
    fits = [float(np.corrcoef(profile, heard)[0, 1]) for profile in keys]
    return int(np.argmax(fits)) // 2


def shift_to_c(tonic: int) -> int:
    """Return the semitones, -6..5, that bring a tonic to C by the shorter way."""
    return (6 - tonic) % 12 - 6
