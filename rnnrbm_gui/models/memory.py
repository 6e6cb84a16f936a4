"""What a recurrent state keeps from frame to frame: tanh, sigmoid, or a gated unit.

    tanh, sigmoid:   u_t = f(a_t + m_t)
    gru:             z = sigmoid(a_z + m_z)    r = sigmoid(a_r + m_r)    c = tanh(a_c + r m_c)
                     u_t = u_{t-1} + z (c - u_{t-1})

with ``a_t`` what the frame gives (bu + v_t Wvu) and ``m_t`` what the state before gives
(u_{t-1} Wuu); the gated unit has three of each, side by side (Cho et al. 2014, with the reset
after the product). ``step`` says how a state moves on: training, measuring and playing all
call it, and their compiled twins, ``unrolled_numba`` and ``recurrence_numba``, are tested against
it; playing brings an arithmetic of its own, which is exact.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import rbm
from rnnrbm_gui.models.terms import Memory

Array = NDArray[np.floating[Any]]
N_GATES: dict[Memory, int] = {"tanh": 1, "sigmoid": 1, "gru": 3}
"""How many pre-activations each recurrent unit has."""
_GATES: dict[Memory, int] = {"tanh": 0, "sigmoid": 0, "gru": 4}
"""Values of which its gradient needs: z, r, c and m_c."""
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
        before: (n_frames, n_recurrent), the state before each frame.
        after: (n_frames, n_recurrent), and after it.
        read: (n_frames, n_recurrent), what of the state before was read.
        gates: z, r, c and m_c, each (n_frames, n_recurrent); empty but for a "gru".
    """

    before: Array
    after: Array
    read: Array
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


def room(memory: Memory, shape: tuple[int, int], dtype: Any) -> Steps:
    """Return room for the steps of ``shape``, (n_frames, n_recurrent)."""
    before, after, read = (np.empty(shape, dtype) for _ in range(3))
    return Steps(before, after, read, tuple(np.empty(shape, dtype) for _ in range(_GATES[memory])))


def run(
    memory: Memory, a: Array, Wuu: Array, u0: Array, kept: Array, at: NDArray[np.int64]
) -> Steps:
    """Run the memory over frames, in training's centred coordinates: less MIDDLE where it is read.

    Args:
        memory: which.
        a: (n_frames, n_gates * n_recurrent), from the frames, time first.
        Wuu: (n_recurrent, n_gates * n_recurrent).
        u0: (n_sequences, n_recurrent).
        kept: (n_frames, n_recurrent), what the state is multiplied by where it is read: dropout.
        at: (n_times + 1,), the frames at[t] : at[t + 1] are those at time t, of as many sequences,
            the first ones.
    """
    middle = np.asarray(MIDDLE[memory], u0.dtype)
    steps = room(memory, (len(a), u0.shape[1]), u0.dtype)
    before, after, read, gates = steps.before, steps.after, steps.read, steps.gates
    u, m_of_most = u0, np.empty((len(u0), Wuu.shape[1]), u0.dtype)
    for first, end in pairwise(at):
        now, n = slice(first, end), end - first
        u, seen = u[:n], read[now]
        before[now] = u
        np.multiply(u - middle if middle else u, kept[now], out=seen)
        m = np.matmul(seen, Wuu, out=m_of_most[:n])
        u, values = step(memory, a[now], m, u)
        after[now] = u
        for gate, value in zip(gates, values, strict=True):
            gate[now] = value
    return steps


def back(
    memory: Memory,
    steps: Steps,
    d_read: Array,
    Wuu: Array,
    kept: Array,
    at: NDArray[np.int64],
) -> tuple[Array, Array, Array]:
    """Carry a gradient back through time.

    Args:
        memory: which.
        steps: what ``run`` gave.
        d_read: (n_frames, n_recurrent), of the loss with respect to what is read of the states,
            through everything but the recurrence.
        Wuu: as in ``run``.
        kept: as in ``run``.
        at: as in ``run``.

    Returns:
        Of ``a`` and of ``m``, each (n_frames, n_gates * n_recurrent), and of ``u0``.
    """
    from rnnrbm_gui.models import unrolled_numba  # imports numba

    d_a = np.empty((len(d_read), Wuu.shape[1]), d_read.dtype)
    d_m = np.empty_like(d_a) if memory == "gru" else d_a
    d_u = np.zeros((at[1], d_read.shape[1]), d_read.dtype)  # of the states after time t
    from_m = np.ascontiguousarray(Wuu.T)
    u, one = steps.after, np.asarray(1, d_read.dtype)
    slope = one - u * u if memory == "tanh" else u * (one - u)
    through_most = np.empty_like(d_u)
    for first, end in reversed(list(pairwise(at))):
        now, n = slice(first, end), end - first
        d = d_u[:n]
        if memory == "gru":
            unrolled_numba.gated_back(d, first, steps.before, steps.gates, d_a, d_m)
        else:
            np.multiply(d, slope[now], out=d_a[now])
        through = np.matmul(d_m[now], from_m, out=through_most[:n])
        through += d_read[now]
        through *= kept[now]
        if memory == "gru":
            d += through
        else:
            d[:] = through
    return d_a, d_m, d_u
