"""The sum over all states of the hidden units, compiled. Importing this module imports numba."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

_AT_ONCE = 8
"""Factors multiplied before a logarithm is taken: of at most e^80 each, they stay in float64."""


@nb.njit(nogil=True, cache=True, error_model="numpy")
def log_terms(
    low: NDArray[np.float64], high: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    """Leave in ``out`` sum_i softplus(a_i + b_i) for every pair of a low and a high state.

    Args:
        low: (n_low, n_visible), exp(a): what the low hidden units of a state give each key.
        high: (n_visible, n_high), exp(b): what the high ones give; no product beyond e^80.
        out: (n_low, n_high).
    """
    n_low, n_visible = low.shape
    product = np.empty(high.shape[1])
    for state in range(n_low):
        total = out[state]
        total[:] = 0.0
        for first in range(0, n_visible, _AT_ONCE):
            product[:] = 1.0
            for i in range(first, min(first + _AT_ONCE, n_visible)):
                a = low[state, i]
                row = high[i]
                for k in range(product.size):
                    product[k] *= 1.0 + a * row[k]
            for k in range(product.size):
                total[k] += np.log(product[k])
