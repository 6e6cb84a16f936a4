"""A model in whole numbers: the form that is played, with the same bits on every machine.

Parameters are rounded to whole units of 2^-16 and the recurrent state to whole units of 2^-14.
A sum of whole numbers that cannot overflow does not depend on the order of its terms, so any
kernel - sparse, dense, in any number of lanes, on any processor - comes to the same sum. What is
not a sum (tanh, the exponential, the draw) is one fixed sequence of correctly rounded operations.
"""

from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.errors import ModelError
from rnnrbm_gui.models import kernels
from rnnrbm_gui.models.exact import EXACT, STATE_UNIT, UNIT, multiples
from rnnrbm_gui.models.kernels import Weights
from rnnrbm_gui.models.rnn_rbm import RnnRbm
from rnnrbm_gui.models.sequence_model import SequenceModel

Whole = NDArray[np.int32]
Double = NDArray[np.float64]


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
            **{name: multiples(getattr(model, name), UNIT) for name in model.SHAPES}
        )
        for name in ("Wuv", "Wuh"):  # an RBM alone has them, empty, but not as parameters
            setattr(p, name, multiples(getattr(model, name), UNIT))
        p.u0 = multiples(model.u0, STATE_UNIT)
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
        """Return the state after a frame, exactly rounded; compiled as soon as the kernel is.

        Args:
            state: before the frame.
            v: (n_visible,), the frame.
            x: the next frame's position in the bar.
        """
        if not kernels.is_compiled():
            u = self.model.step(self.rounded, state.u, v.astype(np.float64), state.x, EXACT)
            return self._state(u, x)
        from rnnrbm_gui.models import recurrence_numba  # by now it has been

        r, n = self._recurrence, max(1, self.model.n_positions)
        after = np.empty(len(state.u))
        bv_t, bh_t = np.empty_like(state.bv_t), np.empty_like(state.bh_t)
        recurrence_numba.advance(
            r.memory,
            state.u,
            v,
            r.into_u[state.x % n],
            r.Wvu,
            r.Wuu,
            r.into_v[x % n],
            r.Wuv,
            r.into_h[x % n],
            r.Wuh,
            after,
            bv_t,
            bh_t,
        )
        for array in (after, bv_t, bh_t):
            array.setflags(write=False)
        return State(after, bv_t, bh_t, x)

    @cached_property
    def _recurrence(self) -> "_Recurrence":
        return _Recurrence.of(self.model, self.rounded)

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


@dataclass(frozen=True, eq=False)
class _Recurrence:
    """What ``recurrence_numba.advance`` needs of any kind of model; biases by place in the bar."""

    memory: int
    into_u: Double
    Wvu: Double
    Wuu: Double
    into_v: Double
    Wuv: Double
    into_h: Double
    Wuh: Double

    @staticmethod
    def of(model: SequenceModel, p: SimpleNamespace) -> "_Recurrence":
        from rnnrbm_gui.models import recurrence_numba

        def told(bias: Double, name: str) -> Double:
            return bias + getattr(p, name) if model.n_positions else bias[None]

        into_v, into_h = told(p.bv, "Wxv"), told(p.bh, "Wxh")
        if isinstance(model, RnnRbm):
            code = recurrence_numba.CODES[model.memory]
            into_u, Wvu, Wuu = told(p.bu, "Wxu"), p.Wvu, p.Wuu
        elif model.n_recurrent:  # an RTRBM: its state is its mean hidden units
            code, into_u, Wvu, Wuu = recurrence_numba.SIGMOID, into_h, p.W, p.Wuh
        else:
            code, into_u, Wvu, Wuu = recurrence_numba.NONE, into_h, p.W, p.Wuh
        arrays = (into_u, Wvu, Wuu, into_v, p.Wuv, into_h, p.Wuh)
        return _Recurrence(code, *map(np.ascontiguousarray, arrays))


def _no_overflow(layer: str, most: NDArray[np.float64]) -> None:
    largest = float(most.max())
    if largest >= 2**31 / UNIT - 1:
        raise ModelError(
            f"The weights into a {layer} unit add up to {largest:.4g}, and must stay under "
            "32767 to be played: train the model with weight decay or a lower rate."
        )
