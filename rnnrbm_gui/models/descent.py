"""One update of the parameters, compiled: Adam with decoupled weight decay, and their average.

Loshchilov, Hutter: Decoupled Weight Decay Regularization, ICLR 2019. Importing this module
imports numba.
"""

import numba as nb
import numpy as np
from numpy.typing import NDArray

FIRST, SECOND, TINY = 0.9, 0.999, 1e-8


@nb.njit(nogil=True, error_model="numpy")
def adamw(
    p: NDArray[np.float32],
    grad: NDArray[np.float32],
    mean: NDArray[np.float32],
    square: NDArray[np.float32],
    average: NDArray[np.float32],
    shrink: np.float32,
    rate: float,
    decay: float,
    keep: float,
    update: int,
) -> None:
    """Move ``p`` one update down the gradient, and its average after it, in place.

    Args:
        p: (n,), the parameters.
        grad: (n,).
        mean: (n,), running mean of the gradient.
        square: (n,), running mean of its square.
        average: (n,), the average of ``p`` over updates.
        shrink: what the gradient is multiplied by: clipping.
        rate: the learning rate.
        decay: weight decay.
        keep: decay of the average.
        update: updates made before.
    """
    first, second = np.float32(1 - FIRST), np.float32(1 - SECOND)
    grown = np.float32(1 / (1 - SECOND ** (update + 1)))
    pace = np.float32(rate / (1 - FIRST ** (update + 1)))
    stays, moves = np.float32(1 - rate * decay), np.float32(1 - keep)
    tiny = np.float32(TINY)
    for i in range(p.size):
        g = grad[i] * shrink
        mean[i] += first * (g - mean[i])
        square[i] += second * (g * g - square[i])
        p[i] = p[i] * stays - pace * mean[i] / (np.sqrt(square[i] * grown) + tiny)
        average[i] += moves * (p[i] - average[i])
