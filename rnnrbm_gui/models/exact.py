"""Arithmetic with the same bits on every machine, for playing.

The RBM's weights and biases are whole multiples of 2^-16, whose sums depend on no order. Recurrent
states are whole multiples of 2^-14; their sums are float32, term by term in one order, and what
squashes them is one fixed sequence of correctly rounded operations.
"""

from math import factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models.memory import Arithmetic

Array = NDArray[np.floating[Any]]

UNIT = 2**16
"""Units to 1.0 of weights and biases."""

STATE_UNIT = 2**14
"""Units to 1.0 of the recurrent state."""

LOG2E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 0.693145751953125, 1.4286068203094172e-06
STEEPEST = 40.0
# 1/8!, ... 1/2!: the exponential's series, to under 1e-9 for |r| <= ln 2 / 2; 2^-14 is wanted.
SERIES = tuple(1 / factorial(n) for n in range(8, 1, -1))


def _exp(x: Array) -> Array:
    """Return the exponential, ``x`` cut to +-40.

    Additions, multiplications, divisions and rint are correctly rounded everywhere, so the result
    is the same bits everywhere; the library's own is not.
    """
    x = np.minimum(np.maximum(x.astype(np.float64), -STEEPEST), STEEPEST)
    n = np.rint(x * LOG2E)
    r = x - n * LN2_HIGH - n * LN2_LOW
    p = np.full_like(r, SERIES[0])
    for coefficient in SERIES[1:]:
        p *= r
        p += coefficient
    p = (p * r + 1.0) * r + 1.0
    return np.asarray(np.ldexp(p, n.astype(np.int32)))  # exact scaling by a power of two


def _rounded(y: Array) -> Array:
    """Return the nearest whole multiples of 2^-14, float32."""
    return np.asarray(np.rint(y.astype(np.float64) * STATE_UNIT) / STATE_UNIT, np.float32)


EXACT = Arithmetic(
    sigmoid=lambda a: _rounded(1.0 - 1.0 / (_exp(a) + 1.0)),
    tanh=lambda a: _rounded(1.0 - 2.0 / (_exp(2.0 * a.astype(np.float64)) + 1.0)),
    rounded=_rounded,
)
"""Of recurrent states in whole multiples of 2^-14: the same bits on every machine."""


def multiples(value: NDArray[np.float32], unit: int) -> NDArray[np.float64]:
    """Return the nearest whole multiples of 1 / unit."""
    return np.asarray(np.rint(value.astype(np.float64) * unit) / unit)


class InOrder:
    """A matrix that ``x @ matrix`` multiplies term by term from the first row to the last, float32.

    BLAS adds in an order of its own, another on every machine.
    """

    __array_ufunc__ = None  # leaves ``x @ self`` to this class

    def __init__(self, matrix: NDArray[np.floating[Any]]) -> None:
        self.matrix = np.ascontiguousarray(matrix, np.float32)

    def __rmatmul__(self, x: Array) -> NDArray[np.float32]:
        """Return x @ matrix for one row ``x``."""
        terms = x.astype(np.float32)[:, None] * self.matrix
        if not len(terms):
            return np.zeros(self.matrix.shape[1], np.float32)
        return np.asarray(np.add.accumulate(terms, axis=0)[-1])
