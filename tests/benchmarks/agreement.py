"""Whether two trainers have learned the same, within the noise of their seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Difference:
    """Of two means.

    Attributes:
        value: the first less the second.
        error: its standard error.
    """

    value: float
    error: float


def difference(one: Sequence[float], other: Sequence[float]) -> Difference:
    """Return the difference of the means of independent figures, one for each seed."""
    squares = sum(np.var(lls, ddof=1) / len(lls) for lls in (one, other))
    return Difference(float(np.mean(one) - np.mean(other)), float(np.sqrt(squares)))
