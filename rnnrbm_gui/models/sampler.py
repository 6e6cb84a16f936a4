"""Drawing frames: the next chord given all before it and whatever is held on or off."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import kernels, randomness
from rnnrbm_gui.models.exact import UNIT
from rnnrbm_gui.models.playable import Playable, State
from rnnrbm_gui.models.sequence_model import SequenceModel

FREE, ON, OFF = 0, 1, -1
"""Entries of a mask."""

DEFAULT_GIBBS_STEPS = 400
DEFAULT_TEMPERATURE = 0.8
"""With 400 steps, samples hold as many notes and have as many voices as the corpus does."""

COLDEST, HOTTEST = 0.05, 20.0
MOST_GIBBS_STEPS = 100_000

ANNEALED_SHARE = 0.6
"""Share of the steps in which the machine grows from the base rate to the model."""

AVERAGED_SHARE = 0.25
"""Share of the steps, the last ones, whose probabilities are averaged."""

_CERTAIN = np.float32(1e30)


@dataclass(frozen=True, eq=False)
class Frame:
    """One drawn frame.

    Attributes:
        v: (n_visible,), the keys that are on.
        mean_v: (n_visible,), how probable each key was, averaged over the last quarter of the
            steps; 0 or 1, to within 1e-30, where a key was held.
    """

    v: NDArray[np.bool_]
    mean_v: NDArray[np.float32]


class FrameSampler:
    """Draws frames from a model: same arguments, same bits, on any thread and either kernel.

    It holds no state that changes, so several threads may use one.
    """

    def __init__(self, model: SequenceModel) -> None:
        """Round the model to whole numbers.

        Raises:
            ModelError: its weights are too large to be played.
        """
        self.model = model
        self._playable = Playable.of(model)

    @property
    def compiled(self) -> bool:
        """Whether the compiled kernel runs now."""
        return kernels.is_compiled()

    def first_state(self, x: int = 0) -> State:
        """Return the state before the first frame, whose position in the bar is ``x``."""
        return self._playable.first_state(x)

    def advance(self, state: State, v: NDArray[np.bool_], x: int = 0) -> State:
        """Return the state after the frame ``v``, (n_visible,); ``x`` is the next one's place."""
        return self._playable.advance(state, np.asarray(v, np.bool_), x)

    def moved(self, state: State, x: int) -> State:
        """Return the state before the same frame, with ``x`` as its place in the bar."""
        return self._playable.moved(state, x)

    def draw(
        self,
        state: State,
        mask: NDArray[np.int8],
        *,
        seed: int,
        take: int,
        frame: int,
        temperature: float = 1.0,
        gibbs_steps: int = DEFAULT_GIBBS_STEPS,
        field: NDArray[np.float32] | None = None,
    ) -> Frame:
        """Draw the frame that follows ``state``.

        The chain starts from a draw of the base-rate machine (keys independent at their corpus
        frequencies), which over the first steps becomes the model, then runs on at the model
        itself: a plain chain of that length would not leave the chord it starts from.

        Args:
            state: what ``first_state`` or ``advance`` gave.
            mask: (n_visible,), FREE, ON or OFF for each key; held keys stay so in every step.
            seed: 0..2^64 - 1.
            take: which of several futures, 0..2^64 - 1.
            frame: index on the time line, 0..2^64 - 1.
            temperature: draws from P(v, h)^(1 / temperature).
            gibbs_steps: how many, 1 or more: more of them mix better.
            field: (n_visible,), added to the visible biases: density, register, scale.

        Raises:
            ValueError: an argument is out of range or of the wrong shape.
        """
        offset = self._offset(mask, temperature, field)
        scale, mix = _schedule(_steps(gibbs_steps), float(temperature), True)
        v = np.zeros(self.model.n_visible, np.bool_)
        return self._run(state, v, offset, scale, mix, randomness.frame_keys(seed, take, frame))

    def draw_from(
        self,
        state: State,
        v: NDArray[np.bool_],
        mask: NDArray[np.int8],
        *,
        seed: int,
        take: int,
        frame: int,
        temperature: float = 1.0,
        gibbs_steps: int = DEFAULT_GIBBS_STEPS,
        field: NDArray[np.float32] | None = None,
    ) -> Frame:
        """Run exactly ``gibbs_steps`` plain Gibbs steps from ``v``; else as ``draw``."""
        offset = self._offset(mask, temperature, field)
        scale, mix = _schedule(_steps(gibbs_steps), float(temperature), False)
        v = (np.array(v, np.bool_) | (np.asarray(mask) == ON)) & (np.asarray(mask) != OFF)
        return self._run(
            state, v, offset, scale, mix, randomness.frame_keys(seed, take, frame), from_base=False
        )

    def _run(
        self,
        state: State,
        v: NDArray[np.bool_],
        offset: NDArray[np.float32],
        scale: NDArray[np.float32],
        mix: NDArray[np.float32],
        keys: tuple[int, int],
        *,
        from_base: bool = True,
    ) -> Frame:
        n_steps = len(scale) - 1
        first_mean = n_steps + 1 - max(1, round(AVERAGED_SHARE * n_steps))
        play = self._playable
        mean_v = kernels.kernel()(
            play.weights,
            state.bv_t,
            state.bh_t,
            play.base,
            offset,
            scale,
            mix,
            from_base,
            first_mean,
            keys[0],
            keys[1],
            v,
        )
        v.setflags(write=False)
        mean_v.setflags(write=False)
        return Frame(v, mean_v)

    def _offset(
        self, mask: NDArray[np.int8], temperature: float, field: NDArray[np.float32] | None
    ) -> NDArray[np.float32]:
        """Return what is added to the visible pre-activations: the field, and the held keys."""
        if not COLDEST <= temperature <= HOTTEST:
            raise ValueError(f"temperature must be in {COLDEST}..{HOTTEST}, got {temperature}")
        shape = (self.model.n_visible,)
        mask = np.asarray(mask, np.int8)
        if mask.shape != shape:
            raise ValueError(f"mask must have the shape {shape}, got {mask.shape}")
        if field is not None:
            field = np.asarray(field, np.float32)
            if field.shape != shape:
                raise ValueError(f"field must have the shape {shape}, got {field.shape}")
        told = None if field is None else field.tobytes()
        return _offset_of(mask.tobytes(), float(temperature), told)


@lru_cache(maxsize=256)
def _offset_of(mask_: bytes, temperature: float, field_: bytes | None) -> NDArray[np.float32]:
    mask = np.frombuffer(mask_, np.int8)
    offset = np.zeros(len(mask), np.float32)
    if field_ is not None:
        field = np.frombuffer(field_, np.float32)
        if not np.isfinite(field).all():
            raise ValueError(f"field must hold finite numbers, got {field}")
        offset += np.clip(field, -1e6, 1e6) * np.float32(1 / temperature)
    # A pre-activation of +-1e30 fires always or never: a held key needs no code of its own.
    offset[mask == ON] = _CERTAIN
    offset[mask == OFF] = -_CERTAIN
    offset.setflags(write=False)
    return offset


def _steps(gibbs_steps: int) -> int:
    if not 1 <= gibbs_steps <= MOST_GIBBS_STEPS:
        raise ValueError(f"gibbs_steps must be in 1..{MOST_GIBBS_STEPS}, got {gibbs_steps}")
    return int(gibbs_steps)


@lru_cache(maxsize=64)
def _schedule(
    n_steps: int, temperature: float, annealed: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return for the start and each step the scale of the model's sums and of the base rate."""
    betas = np.ones(n_steps + 1)
    if annealed:
        rising = max(1, round(ANNEALED_SHARE * n_steps))
        betas[: rising + 1] = np.arange(rising + 1) / rising
    scale = (betas / (UNIT * temperature)).astype(np.float32)
    mix = ((1 - betas) / temperature).astype(np.float32)
    scale.setflags(write=False)
    mix.setflags(write=False)
    return scale, mix
