"""A model in whole numbers: the form that is played, with the same bits on every machine.

Parameters are rounded to whole units of 2^-16 and the recurrent state to whole units of 2^-14.
A sum of whole numbers that cannot overflow does not depend on the order of its terms, so any
kernel - sparse, dense, in any number of lanes, on any processor - comes to the same sum. What is
not a sum (tanh, the exponential, the draw) is one fixed sequence of correctly rounded operations.
"""

from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.errors import ModelError
from rnnrbm_gui.models.kernels import padded
from rnnrbm_gui.models.rnn_rbm import RnnRbm

UNIT = 2**16
"""Units to 1.0 of weights and biases."""

STATE_UNIT = 2**14
"""Units to 1.0 of the recurrent state."""

Whole = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class State:
    """What a frame is drawn from: the recurrent state and the biases it gives.

    Attributes:
        u: (n_recurrent,), in units of 2^-14.
        bv_t: (n_visible,), in units of 2^-16.
        bh_t: (n_hidden,), in units of 2^-16.
    """

    u: Whole
    bv_t: Whole
    bh_t: Whole


@dataclass(frozen=True, eq=False)
class Playable:
    """An RNN-RBM in whole numbers.

    The RBM's weights are int32. The recurrence's are whole numbers held in float64, whose matrix
    products are exact below 2^53, in any order, and go through BLAS.

    Attributes:
        W: (n_visible, n_hidden), units of 2^-16, rows padded for the kernel.
        WT: its transpose, likewise.
        from_u: (n_recurrent, n_visible + n_hidden), Wuv beside Wuh, units of 2^-16.
        bias: (n_visible + n_hidden,), bv beside bh, units of 2^-30.
        Wvu: (n_visible, n_recurrent), units of 2^-30.
        Wuu: (n_recurrent, n_recurrent), units of 2^-16.
        bu: (n_recurrent,), units of 2^-30.
        base: (n_visible,), logits of the base rate, float32.
        first: the state before the first frame.
        is_tanh: f of the recurrence, else the sigmoid.
    """

    W: Whole
    WT: Whole
    from_u: NDArray[np.float64]
    bias: NDArray[np.float64]
    Wvu: NDArray[np.float64]
    Wuu: NDArray[np.float64]
    bu: NDArray[np.float64]
    base: NDArray[np.float32]
    u0: Whole
    is_tanh: bool

    @staticmethod
    def of(model: RnnRbm) -> "Playable":
        """Round a model to whole numbers.

        Raises:
            ModelError: weights so large that a sum could overflow.
        """
        W, bv, bh, bu = (_whole(model, name) for name in ("W", "bv", "bh", "bu"))
        Wuv, Wuh, Wvu, Wuu = (_whole(model, name) for name in ("Wuv", "Wuh", "Wvu", "Wuu"))
        # |u| <= 1, or |u0| where that is larger; float32 holds no more than 24 bits, so all of
        # the following is far from the 2^53 of float64 once the int32 sums fit.
        reach = max(1.0, float(np.abs(model.u0).max()))
        _no_overflow("visible", np.abs(bv) + reach * np.abs(Wuv).sum(0) + np.abs(W).sum(1))
        _no_overflow("hidden", np.abs(bh) + reach * np.abs(Wuh).sum(0) + np.abs(W).sum(0))
        _no_overflow("recurrent", np.abs(bu) + np.abs(Wvu).sum(0) + reach * np.abs(Wuu).sum(0))
        int_W = W.astype(np.int32)
        return Playable(
            W=padded(int_W),
            WT=padded(int_W.T),
            from_u=np.ascontiguousarray(np.concatenate([Wuv, Wuh], 1)),
            bias=np.concatenate([bv, bh]) * STATE_UNIT,
            Wvu=Wvu * STATE_UNIT,
            Wuu=Wuu,
            bu=bu * STATE_UNIT,
            base=model.base,
            u0=np.rint(model.u0.astype(np.float64) * STATE_UNIT).astype(np.int32),
            is_tanh=model.memory == "tanh",
        )

    def first_state(self) -> State:
        """Return the state before the first frame."""
        return self._state(self.u0)

    def advance(self, state: State, v: NDArray[np.bool_]) -> State:
        """Return the state after a frame: u_t = f(bu + v_t Wvu + u_{t-1} Wuu), exactly rounded."""
        a = self.bu + self.Wvu[v].sum(0) + state.u.astype(np.float64) @ self.Wuu
        return self._state(squash(a, self.is_tanh))

    def _state(self, u: Whole) -> State:
        sums = self.bias + u.astype(np.float64) @ self.from_u
        rounded = np.floor((sums + STATE_UNIT / 2) / STATE_UNIT).astype(np.int32)
        n_visible = len(self.W)
        state = State(u, rounded[:n_visible], rounded[n_visible:])
        for array in (state.u, state.bv_t, state.bh_t):
            array.setflags(write=False)
        return state


_LOG2E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 0.693145751953125, 1.4286068203094172e-06
_STEEPEST = 40.0
# 1/8!, ... 1/2!: the exponential's series, to under 1e-9 for |r| <= ln 2 / 2; 2^-14 is wanted.
_SERIES = tuple(1 / factorial(n) for n in range(8, 1, -1))


def squash(a: NDArray[np.float64], is_tanh: bool) -> Whole:
    """Return tanh(a) or sigmoid(a) in units of 2^-14, for ``a`` in units of 2^-30.

    Additions, multiplications, divisions and rint are correctly rounded everywhere, so the result
    is the same bits everywhere; the library's own tanh is not.
    """
    x = a * (2.0 if is_tanh else 1.0) * 2.0**-30
    x = np.minimum(np.maximum(x, -_STEEPEST), _STEEPEST)
    n = np.rint(x * _LOG2E)
    r = x - n * _LN2_HIGH - n * _LN2_LOW
    p = np.full_like(r, _SERIES[0])
    for coefficient in _SERIES[1:]:
        p *= r
        p += coefficient
    p = (p * r + 1.0) * r + 1.0
    e = np.ldexp(p, n.astype(np.int32))  # exp(x): exact scaling by a power of two
    y = 1.0 - 2.0 / (e + 1.0) if is_tanh else 1.0 - 1.0 / (e + 1.0)
    return np.rint(y * STATE_UNIT).astype(np.int32)


def _whole(model: RnnRbm, name: str) -> NDArray[np.float64]:
    """Return a parameter in whole units of 2^-16, held in float64."""
    return np.rint(getattr(model, name).astype(np.float64) * UNIT)


def _no_overflow(layer: str, most: NDArray[np.float64]) -> None:
    largest = float(most.max())
    if largest >= 2**31 - UNIT:
        raise ModelError(
            f"The weights into a {layer} unit add up to {largest / UNIT:.4g}, and must stay under "
            "32767 to be played: train the model with weight decay or a lower rate."
        )
