"""The restricted Boltzmann machine of one frame: energies, conditionals and exact sums.

    E(v, h) = - bv.v - bh.h - v W h'        P(v) = exp(-F(v)) / Z

Every function takes a batch: ``bv`` and ``bh`` may be one machine's biases or one row per frame.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

MOST_ENUMERATED = 20
"""Most hidden units whose 2^n states ``exact_log_z`` sums over."""

FARTHEST = 80.0
"""Largest pre-activation whose exponential may be multiplied with seven others in float64."""


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)), without overflow at either end."""
    half = np.tanh(0.5 * x)
    return 0.5 * (half + 1.0)


def softplus(x: Array) -> Array:
    """Return log(1 + exp(x)), without overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def mean_h(W: Array, bh: Array, v: Array) -> Array:
    """Return P(h = 1 | v), (..., n_hidden)."""
    return sigmoid(bh + v @ W)


def mean_v(W: Array, bv: Array, h: Array) -> Array:
    """Return P(v = 1 | h), (..., n_visible)."""
    return sigmoid(bv + h @ W.T)


def free_energy(W: Array, bv: Array, bh: Array, v: Array) -> Array:
    """Return F(v) = -bv.v - sum_j softplus(bh + v W)_j, one number per row of ``v``.

    Args:
        W: (n_visible, n_hidden).
        bv: (n_visible,) or (..., n_visible).
        bh: (n_hidden,) or (..., n_hidden).
        v: (..., n_visible), zeros and ones.
    """
    return -(v * bv).sum(-1) - softplus(bh + v @ W).sum(-1)


def states(n: int) -> NDArray[np.float64]:
    """Return all 2^n states of n binary units, (2^n, n); row r holds the bits of r."""
    return (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(np.float64)


def exact_log_z(W: Array, bv: Array, bh: Array) -> float:
    """Return log Z of one machine by summing over all states of its hidden units.

    log Z = log sum_h exp(bh.h + sum_i softplus(bv + W h')_i), in float64.

    Raises:
        ValueError: there are more than MOST_ENUMERATED hidden units.
    """
    n_hidden = W.shape[1]
    if n_hidden > MOST_ENUMERATED:
        raise ValueError(f"n_hidden must be at most {MOST_ENUMERATED} to enumerate, got {n_hidden}")
    W, bv, bh = (np.asarray(x, np.float64) for x in (W, bv, bh))
    n_low = n_hidden // 2
    low, high = states(n_low), states(n_hidden - n_low)
    a, b = bv + low @ W[:, :n_low].T, high @ W[:, n_low:].T  # (2^n, n_visible) each
    of_h = (low @ bh[:n_low])[:, None] + high @ bh[n_low:]
    if np.abs(a).max() + np.abs(b).max() <= FARTHEST:
        from rnnrbm_gui.models.enumeration_numba import log_terms  # imports numba

        terms = np.empty((len(low), len(high)))
        log_terms(np.exp(a), np.ascontiguousarray(np.exp(b).T), terms)
    else:
        terms = np.stack([softplus(row + b).sum(1) for row in a])
    terms += of_h
    top = terms.max()
    return float(top + np.log(np.exp(terms - top).sum()))
