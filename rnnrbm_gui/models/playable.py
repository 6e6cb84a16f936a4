"""A model in the form that is played, with the same bits on every machine.

The RBM's parameters are rounded to whole units of 2^-16. A sum of whole numbers that cannot
overflow does not depend on the order of its terms, so any kernel - sparse, dense, in any number of
lanes, on any processor - comes to the same sum. The recurrence, which needs no such freedom, adds
in float32 in one order (``exact``).
"""

from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.errors import ModelError
from rnnrbm_gui.models import kernels
from rnnrbm_gui.models.echoes import Past, after, seen_now, silence
from rnnrbm_gui.models.exact import EXACT, STATE_UNIT, UNIT, InOrder, multiples
from rnnrbm_gui.models.kernels import LOG2E, Weights
from rnnrbm_gui.models.rnn_rbm import RnnRbm
from rnnrbm_gui.models.sequence_model import SequenceModel
from rnnrbm_gui.models.tables import in_blocks

Whole = NDArray[np.int32]
Float = NDArray[np.float32]


class State(NamedTuple):
    """What a frame is drawn from: the recurrent state and the biases it gives.

    Attributes:
        u: (n_recurrent,), float32, whole multiples of 2^-14.
        biases: (n_visible + n_hidden,), bv_t and bh_t in units of 2^-16.
        past: the frames before it that will be echoes; see ``echoes.packed``.
        x: the frame's position in the bar.
    """

    u: Float
    biases: Whole
    past: Past
    x: int = 0


class Passage(NamedTuple):
    """Takes of some frames, and the states after each.

    Attributes:
        v: (n_takes, n_frames, n_visible), the keys that are on.
        mean_v: likewise, how probable each key was, averaged over the last steps.
        u: (n_takes, n_frames, n_recurrent), after each frame.
        biases: (n_takes, n_frames, n_visible + n_hidden), likewise.
        places: (n_frames + 1,), of the frames and the one after them.
        past: before the first frame, as in ``State``.
    """

    v: NDArray[np.bool_]
    mean_v: Float
    u: Float
    biases: Whole
    places: NDArray[np.int64]
    past: Past

    def state_after(self, frame: int, take: int = 0) -> State:
        """Return the state after a frame."""
        past = after(self.past, self.v[take, : frame + 1]) if len(self.past) else self.past
        x = int(self.places[frame + 1])
        return State(self.u[take, frame], self.biases[take, frame], past, x)


@dataclass(frozen=True, eq=False)
class Playable:
    """A model to be played.

    Attributes:
        weights: W in whole numbers.
        base: (n_visible,), log2 odds against each key at the base rate, float32.
        model: whose recurrence it runs.
        p: the parameters as attributes, float32; what is multiplied by is ``InOrder``.
    """

    weights: Weights
    base: Float
    model: SequenceModel
    p: SimpleNamespace

    @staticmethod
    def of(model: SequenceModel) -> "Playable":
        """Round a model to whole numbers.

        Raises:
            ModelError: weights so large that a sum could overflow.
        """
        W = multiples(model.W, UNIT)
        u0 = multiples(model.u0, STATE_UNIT).astype(np.float32)
        layers = [
            ("visible", model.bv, model.Wuv, model.Wxv, np.abs(W).sum(1)),
            ("hidden", model.bh, model.Wuh, model.Wxh, np.abs(W).sum(0)),
        ]
        if isinstance(model, RnnRbm):
            from_v = np.abs(model.Wvu).sum(0, np.float64)
            layers.append(("recurrent", model.bu, model.Wuu, model.Wxu, from_v))
        reach = max([1.0, *np.abs(u0)])  # |u| <= 1, or |u0| where that is larger
        for layer, bias, Wux, Wx, weights in layers:
            most = np.abs(np.float64(bias)) + reach * np.abs(Wux).sum(0, np.float64) + weights
            if Wx is not None and len(Wx):
                most = most + np.abs(Wx).max(0)
            _no_overflow(layer, most * (1 + len(Wux) * 2.0**-23))  # float32 rounds each term
        p = SimpleNamespace(**{name: getattr(model, name) for name in model.SHAPES})
        for name in ("W", "Wuv", "Wuh", "Wvu", "Wuu"):
            if hasattr(model, name):
                setattr(p, name, InOrder(getattr(model, name)))
        u0.setflags(write=False)
        p.u0 = u0
        base = -LOG2E * model.base
        return Playable(Weights(np.rint(W * UNIT).astype(np.int32)), base, model, p)

    def first_state(self, x: int = 0) -> State:
        """Return the state before the first frame, whose position in the bar is ``x``."""
        return self._state(self.p.u0, x, silence(self.model.echoes, self.model.n_visible))

    def advance(self, state: State, v: NDArray[np.bool_], x: int = 0) -> State:
        """Return the state after a frame; compiled as soon as the kernel is.

        Args:
            state: before the frame.
            v: (n_visible,), the frame.
            x: the next frame's position in the bar.
        """
        compiled = kernels.compiled()
        seen, past = seen_now(state.past, v, self.model.echoes), after(state.past, v[None])
        if compiled is None:
            return self._state(self.model.step(self.p, state.u, seen, state.x, EXACT), x, past)
        u, biases = np.empty_like(state.u), np.empty_like(state.biases)
        compiled.advance(*self._recurrence, state.u, seen, state.x, x, u, biases)
        return State(u, biases, past, x)

    def moved(self, state: State, x: int) -> State:
        """Return the state before the same frame at another position in the bar."""
        return state if state.x == x else self._state(state.u, x, state.past)

    def _state(self, u: Float, x: int, past: Past) -> State:
        biases = np.concatenate(self.model.biases(self.p, u, x)).astype(np.float64)
        return State(u, np.floor(biases * UNIT + 0.5).astype(np.int32), past, x)

    @cached_property
    def told(self) -> tuple[int, dict[str, NDArray[Any]], NDArray[np.int64]]:
        """What the compiled kernel is told of the model: memory, arrays, and where these lie."""
        tables, rough = self.weights.tables, self.weights.rough
        memory, *recurrence = self._recurrence
        echoes = np.array(self.model.echoes, np.int64)
        of_W = tables.up, tables.down, rough.down, rough.bounds, tables.words
        arrays = *of_W, *recurrence, self.base, echoes
        told = dict(zip(kernels.TOLD, arrays, strict=False))
        return memory, told, kernels.where(told)

    @cached_property
    def _recurrence(self) -> tuple[int, *tuple[Float, ...]]:
        """What the compiled kernels need: memory, bu, place_u, Wvu, Wuu, bx, place_x and Wux."""
        from rnnrbm_gui.models import recurrence_numba

        model = self.model

        def told(name: str, bias: Float) -> Float:
            return getattr(model, name) if model.n_positions else np.zeros((1, len(bias)), "f")

        bx = np.concatenate([model.bv, model.bh])
        place_h = told("Wxh", model.bh)
        place_x = np.concatenate([told("Wxv", model.bv), place_h], axis=1)
        Wux = np.concatenate([model.Wuv, model.Wuh], axis=1)
        if isinstance(model, RnnRbm):
            code = recurrence_numba.CODES[model.memory]
            bu, place_u, Wvu, Wuu = model.bu, told("Wxu", model.bu), model.Wvu, model.Wuu
        else:  # an RTRBM's state is its mean hidden units; an RBM alone has none
            code = recurrence_numba.SIGMOID if model.n_recurrent else recurrence_numba.NONE
            bu, place_u, Wvu, Wuu = model.bh, place_h, model.W, model.Wuh
        Wvu, Wuu, Wux = (in_blocks(W, recurrence_numba.BLOCK) for W in (Wvu, Wuu, Wux))
        return code, bu, place_u, Wvu, Wuu, bx, place_x, Wux


def _no_overflow(layer: str, most: NDArray[np.float64]) -> None:
    largest = float(most.max())
    if largest >= 2**31 / UNIT - 1:
        raise ModelError(
            f"The weights into a {layer} unit add up to {largest:.4g}, and must stay under "
            "32767 to be played: train the model with weight decay or a lower rate."
        )
