"""What a recurrent state keeps from frame to frame: tanh, sigmoid, or a gated unit.

    tanh, sigmoid:   u_t = f(a_t + m_t)
    gru:             z = sigmoid(a_z + m_z)    r = sigmoid(a_r + m_r)    c = tanh(a_c + r m_c)
                     u_t = u_{t-1} + z (c - u_{t-1})

with ``a_t`` what the frame gives (bu + v_t Wvu) and ``m_t`` what the state before gives
(u_{t-1} Wuu); the gated unit has three of each, side by side (Cho et al. 2014, with the reset
after the product). ``step`` is the only place where a state moves on: training, measuring and
playing all call it; playing brings an arithmetic of its own, which is exact.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import rbm

Array = NDArray[np.floating[Any]]
Memory = Literal["tanh", "sigmoid", "gru"]
MEMORIES: tuple[Memory, ...] = ("tanh", "sigmoid", "gru")
N_GATES: dict[Memory, int] = {"tanh": 1, "sigmoid": 1, "gru": 3}
"""How many pre-activations each recurrent unit has."""
MIDDLE: dict[Memory, float] = {"tanh": 0.0, "sigmoid": 0.5, "gru": 0.0}
"""What training takes off a state where it is read, so that it is centred."""


@dataclass(frozen=True)
class Arithmetic:
    """What is not a sum or a product: how a state is squashed, and how it is rounded."""

    sigmoid: Callable[[Array], Array]
    tanh: Callable[[Array], Array]
    rounded: Callable[[Array], Array]


FLOATING = Arithmetic(rbm.sigmoid, np.tanh, lambda u: u)


@dataclass(frozen=True, eq=False)
class Steps:
    """States run over frames, with what the way back needs.

    Attributes:
        u: (n_frames + 1, n_sequences, n_recurrent), ``u[t]`` is the state before frame t.
        gates: z, r, c and m_c, each (n_frames, n_sequences, n_recurrent); empty but for a "gru".
    """

    u: Array
    gates: tuple[Array, ...]


def step(
    memory: Memory, a: Array, m: Array, u: Array, arithmetic: Arithmetic = FLOATING
) -> tuple[Array, tuple[Array, ...]]:
    """Return u_t, (..., n_recurrent), and the gates' values that its gradient needs.

    Args:
        memory: which.
        a: (..., n_gates * n_recurrent), from the frame.
        m: likewise, from the state before.
        u: (..., n_recurrent), the state before.
        arithmetic: how to squash and round.
    """
    if memory == "tanh":
        return arithmetic.tanh(a + m), ()
    if memory == "sigmoid":
        return arithmetic.sigmoid(a + m), ()
    n = u.shape[-1]
    zr = arithmetic.sigmoid(a[..., : 2 * n] + m[..., : 2 * n])
    z, r, m_c = zr[..., :n], zr[..., n:], m[..., 2 * n :]
    c = arithmetic.tanh(a[..., 2 * n :] + r * m_c)
    return arithmetic.rounded(u + z * (c - u)), (z, r, c, m_c)


def read(memory: Memory, u: Array, kept: Array) -> Array:
    """Return states, (..., n_recurrent), as training reads them: centred, some dropped out."""
    return (u - np.asarray(MIDDLE[memory], u.dtype)) * kept


def run(memory: Memory, a: Array, Wuu: Array, u0: Array, kept: Array) -> Steps:
    """Run the memory over frames, in training's centred coordinates.

    Args:
        memory: which.
        a: (n_frames, n_sequences, n_gates * n_recurrent), from the frames.
        Wuu: (n_recurrent, n_gates * n_recurrent).
        u0: (n_sequences, n_recurrent).
        kept: (n_frames, n_sequences, n_recurrent), what the state is multiplied by where it is
            read: dropout.
    """
    n_frames = len(a)
    u = np.empty((n_frames + 1, *u0.shape), Wuu.dtype)
    u[0] = u0
    gates: tuple[Array, ...] = ()
    if memory == "gru":
        gates = tuple(np.empty((n_frames, *u0.shape), Wuu.dtype) for _ in range(4))
    for t in range(n_frames):
        u[t + 1], values = step(memory, a[t], read(memory, u[t], kept[t]) @ Wuu, u[t])
        for gate, value in zip(gates, values, strict=True):
            gate[t] = value
    return Steps(u, gates)


def back(
    memory: Memory, steps: Steps, d_read: Array, Wuu: Array, kept: Array
) -> tuple[Array, Array, Array]:
    """Carry a gradient back through time.

    Args:
        memory: which.
        steps: what ``run`` gave.
        d_read: (n_frames, n_sequences, n_recurrent), of the loss with respect to ``read`` states
            through everything but the recurrence.
        Wuu: as in ``run``.
        kept: as in ``run``.

    Returns:
        Of ``a`` and of ``m``, each (n_frames, n_sequences, n_gates * n_recurrent), and of ``u0``.
    """
    u, n_frames = steps.u, len(d_read)
    n = u.shape[-1]
    d_a = np.empty((*d_read.shape[:2], N_GATES[memory] * n), u.dtype)
    d_m = d_a if memory != "gru" else np.empty_like(d_a)
    after = np.zeros_like(u[0])  # of u[t + 1]
    from_m = np.ascontiguousarray(Wuu.T)
    if memory != "gru":
        slope = 1 - u**2 if memory == "tanh" else u * (1 - u)
        for t in range(n_frames - 1, -1, -1):
            np.multiply(after, slope[t + 1], out=d_a[t])
            after = (d_read[t] + d_a[t] @ from_m) * kept[t]
        return d_a, d_m, after
    z, r, c, m_c = steps.gates
    # What of d u[t + 1] reaches each pre-activation, for all frames at once.
    to_z, to_c = (c - u[:-1]) * z * (1 - z), z * (1 - c**2)
    to_r, stays = m_c * r * (1 - r), 1 - z
    for t in range(n_frames - 1, -1, -1):
        d_c = after * to_c[t]
        d_a[t, :, :n] = after * to_z[t]
        d_a[t, :, n : 2 * n] = d_c * to_r[t]
        d_a[t, :, 2 * n :] = d_c
        d_m[t, :, : 2 * n] = d_a[t, :, : 2 * n]
        d_m[t, :, 2 * n :] = d_c * r[t]
        after = after * stays[t] + (d_read[t] + d_m[t] @ from_m) * kept[t]
    return d_a, d_m, after
