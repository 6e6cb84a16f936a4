"""One update of the parameters, compiled: clipped Adam with decoupled weight decay, their average.

Loshchilov, Hutter: Decoupled Weight Decay Regularization, ICLR 2019. Importing this module
imports numba.
"""

import numba as nb
import numpy as np
from numpy.typing import NDArray

FIRST, SECOND, TINY = 0.9, 0.999, 1e-8


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc"})
def averaged(
    grads: NDArray[np.float32],
    weights: NDArray[np.float32],
    ends: NDArray[np.int64],
    out: NDArray[np.float32],
    squares: NDArray[np.float64],
) -> None:
    """Fill in the weighted mean of gradients, and the sum of the squares of each of its parts.

    Args:
        grads: (n_grads, n).
        weights: (n_grads,).
        ends: (n_parts,), where each part ends; the next one begins there.
        out: (n,).
        squares: (n_parts,).
    """
    first = 0
    for part in range(len(ends)):
        some = out[first : ends[part]]
        for k in range(len(grads)):
            grad = grads[k, first : ends[part]]
            for i in range(some.size):
                some[i] = weights[k] * grad[i] + (some[i] if k else np.float32(0))
        total = 0.0
        for i in range(some.size):
            total += np.float64(some[i]) * np.float64(some[i])
        squares[part] = total
        first = ends[part]


@nb.njit(nogil=True, cache=True, error_model="numpy")
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


@nb.njit(nogil=True, cache=True, error_model="numpy")
def step(
    grads: NDArray[np.float32],
    weights: NDArray[np.float32],
    ends: NDArray[np.int64],
    n_weights: int,
    clip: float,
    rate: float,
    decay: float,
    keep: float,
    update: int,
    p: NDArray[np.float32],
    grad: NDArray[np.float32],
    mean: NDArray[np.float32],
    square: NDArray[np.float32],
    average: NDArray[np.float32],
    norms: NDArray[np.float64],
) -> None:
    """Make an update: see ``averaged`` and ``adamw``; of p the first ``n_weights`` decay.

    Args:
        grads: as in ``averaged``.
        weights: likewise.
        ends: likewise.
        n_weights: of p.
        clip: the norm to which a longer gradient is shortened.
        rate: as in ``adamw``.
        decay: likewise.
        keep: likewise.
        update: likewise.
        p: likewise, in place.
        grad: (n,), to be filled in: the mean gradient.
        mean: as in ``adamw``, in place.
        square: likewise.
        average: likewise.
        norms: (n_parts,), to be filled in: of each part of the mean gradient.
    """
    averaged(grads, weights, ends, grad, norms)
    whole = np.sqrt(norms.sum())
    shrink = np.float32(min(1.0, clip / (whole + 1e-12)))
    for part in range(len(norms)):
        norms[part] = np.sqrt(norms[part])
    first = 0
    for end, falls in ((n_weights, np.float64(decay)), (p.size, 0.0)):
        adamw(
            p[first:end],
            grad[first:end],
            mean[first:end],
            square[first:end],
            average[first:end],
            shrink,
            rate,
            falls,
            keep,
            update,
        )
        first = end
