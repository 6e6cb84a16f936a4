"""A model in whole numbers: the form that is played, with the same bits on every machine.

Parameters are rounded to whole units of 2^-16 and the recurrent state to whole units of 2^-14.
A sum of whole numbers that cannot overflow does not depend on the order of its terms, so any
kernel - sparse, dense, in any number of lanes, on any processor - comes to the same sum. What is
not a sum (tanh, the exponential, the draw) is one fixed sequence of correctly rounded operations.
"""

from dataclasses import dataclass
from math import factorial
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.errors import ModelError
from rnnrbm_gui.models.kernels import Weights
from rnnrbm_gui.models.memory import Arithmetic, Array
from rnnrbm_gui.models.rnn_rbm import RnnRbm
from rnnrbm_gui.models.sequence_model import SequenceModel

UNIT = 2**16
"""Units to 1.0 of weights and biases."""

STATE_UNIT = 2**14
"""Units to 1.0 of the recurrent state."""

Whole = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class State:
    """What a frame is drawn from: the recurrent state and the biases it gives.

    Attributes:
        u: (n_recurrent,), float64, whole multiples of 2^-14.
        bv_t: (n_visible,), in units of 2^-16.
        bh_t: (n_hidden,), in units of 2^-16.
        x: the frame's position in the bar.
    """

    u: NDArray[np.float64]
    bv_t: Whole
    bh_t: Whole
    x: int = 0


@dataclass(frozen=True, eq=False)
class Playable:
    """A model in whole numbers.

    The RBM's weights are int32. The recurrence's are whole multiples of 2^-16 held in float64,
    whose matrix products are exact, in any order, and go through BLAS.

    Attributes:
        weights: W.
        base: (n_visible,), logits of the base rate, float32.
        model: whose recurrence it runs.
        rounded: the model's parameters as attributes, float64.
    """

    weights: Weights
    base: NDArray[np.float32]
    model: SequenceModel
    rounded: SimpleNamespace

    @staticmethod
    def of(model: SequenceModel) -> "Playable":
        """Round a model to whole numbers.

        Raises:
            ModelError: weights so large that a sum could overflow.
        """
        p = SimpleNamespace(
            **{name: _multiples(getattr(model, name), UNIT) for name in model.SHAPES}
        )
        for name in ("Wuv", "Wuh"):  # an RBM alone has them, empty, but not as parameters
            setattr(p, name, _multiples(getattr(model, name), UNIT))
        p.u0 = _multiples(model.u0, STATE_UNIT)
        # |u| <= 1, or |u0| where that is larger. Products of u and weights are whole multiples of
        # 2^-30; float64 holds those exactly up to 2^23, far over what the int32 sums allow.
        reach = max([1.0, *np.abs(p.u0)])
        into_v = np.abs(p.bv) + reach * np.abs(p.Wuv).sum(0) + np.abs(p.W).sum(1)
        into_h = np.abs(p.bh) + reach * np.abs(p.Wuh).sum(0) + np.abs(p.W).sum(0)
        if model.n_positions:
            into_v, into_h = into_v + np.abs(p.Wxv).max(0), into_h + np.abs(p.Wxh).max(0)
        _no_overflow("visible", into_v)
        _no_overflow("hidden", into_h)
        if isinstance(model, RnnRbm):
            into_u = np.abs(p.bu) + np.abs(p.Wvu).sum(0) + reach * np.abs(p.Wuu).sum(0)
            if model.n_positions:
                into_u = into_u + np.abs(p.Wxu).max(0)
            _no_overflow("recurrent", into_u)
        return Playable(Weights(np.rint(p.W * UNIT).astype(np.int32)), model.base, model, p)

    def first_state(self, x: int = 0) -> State:
        """Return the state before the first frame, whose position in the bar is ``x``."""
        return self._state(self.rounded.u0, x)

    def advance(self, state: State, v: NDArray[np.bool_], x: int = 0) -> State:
        """Return the state after a frame, exactly rounded.

        Args:
            state: before the frame.
            v: (n_visible,), the frame.
            x: the next frame's position in the bar.
        """
        u = self.model.step(self.rounded, state.u, v.astype(np.float64), state.x, EXACT)
        return self._state(u, x)

    def moved(self, state: State, x: int) -> State:
        """Return the state before the same frame at another position in the bar."""
        return state if state.x == x else self._state(state.u, x)

    def _state(self, u: NDArray[np.float64], x: int) -> State:
        bv_t, bh_t = (
            np.floor(b * UNIT + 0.5).astype(np.int32) for b in self.model.biases(self.rounded, u, x)
        )
        for array in (u, bv_t, bh_t):
            array.setflags(write=False)
        return State(u, bv_t, bh_t, x)


_LOG2E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 0.693145751953125, 1.4286068203094172e-06
_STEEPEST = 40.0
# 1/8!, ... 1/2!: the exponential's series, to under 1e-9 for |r| <= ln 2 / 2; 2^-14 is wanted.
_SERIES = tuple(1 / factorial(n) for n in range(8, 1, -1))


def _exp(x: Array) -> Array:
    """Return the exponential, ``x`` cut to +-40.

    Additions, multiplications, divisions and rint are correctly rounded everywhere, so the result
    is the same bits everywhere; the library's own is not.
    """
    x = np.minimum(np.maximum(x, -_STEEPEST), _STEEPEST)
    n = np.rint(x * _LOG2E)
    r = x - n * _LN2_HIGH - n * _LN2_LOW
    p = np.full_like(r, _SERIES[0])
    for coefficient in _SERIES[1:]:
        p *= r
        p += coefficient
    p = (p * r + 1.0) * r + 1.0
    return np.asarray(np.ldexp(p, n.astype(np.int32)))  # exact scaling by a power of two


def _rounded(y: Array) -> Array:
    """Return the nearest whole multiples of 2^-14."""
    return np.asarray(np.rint(y * STATE_UNIT) / STATE_UNIT)


EXACT = Arithmetic(
    sigmoid=lambda a: _rounded(1.0 - 1.0 / (_exp(a) + 1.0)),
    tanh=lambda a: _rounded(1.0 - 2.0 / (_exp(2.0 * a) + 1.0)),
    rounded=_rounded,
)
"""Of recurrent states in whole multiples of 2^-14: the same bits on every machine."""


def _multiples(value: NDArray[np.float32], unit: int) -> NDArray[np.float64]:
    """Return the nearest whole multiples of 1 / unit."""
    return np.asarray(np.rint(value.astype(np.float64) * unit) / unit)


def _no_overflow(layer: str, most: NDArray[np.float64]) -> None:
    largest = float(most.max())
    if largest >= 2**31 / UNIT - 1:
        raise ModelError(
            f"The weights into a {layer} unit add up to {largest:.4g}, and must stay under "
            "32767 to be played: train the model with weight decay or a lower rate."
        )
