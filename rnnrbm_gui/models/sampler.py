"""Drawing frames: the next chord given all before it and whatever is held on or off."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import kernels
from rnnrbm_gui.models.drawing import MOST_THREADS, Drawing, Stream
from rnnrbm_gui.models.exact import UNIT
from rnnrbm_gui.models.kernels import FARTHEST, LOG2E, Schedule
from rnnrbm_gui.models.playable import Passage, Playable, State
from rnnrbm_gui.models.sequence_model import SequenceModel
from rnnrbm_gui.models.terms import DEFAULT_GIBBS_STEPS

COLDEST, HOTTEST = 0.05, 20.0
MOST_GIBBS_STEPS = 100_000

ANNEALED_SHARE = 0.6
"""Share of the steps in which the machine grows from the base rate to the model."""

AVERAGED_SHARE = 0.25
"""Share of the steps, the last ones, whose probabilities are averaged."""

_MOST_SUM = 2.0**31 - 2.0**8
"""Largest whole number below 2^31 that float32 holds, nearly."""


class Frame(NamedTuple):
    """One drawn frame.

    Attributes:
        v: (n_visible,), the keys that are on.
        mean_v: (n_visible,), how probable each key was, averaged over the last quarter of the
            steps; 0 or 1, to within 1e-30, where a key was held.
        after: the state before the next frame.
    """

    v: NDArray[np.bool_]
    mean_v: NDArray[np.float32]
    after: State


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
        return kernels.compiled() is not None

    def first_state(self, x: int = 0) -> State:
        """Return the state before the first frame, whose position in the bar is ``x``."""
        return self._playable.first_state(x)

    def advance(self, state: State, v: NDArray[np.bool_], x: int = 0) -> State:
        """Return the state after the frame ``v``, (n_visible,); ``x`` is the next one's place."""
        return self._playable.advance(state, np.ascontiguousarray(v, np.bool_), x)

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
        x: int = 0,
        temperature: float = 1.0,
        gibbs_steps: int = DEFAULT_GIBBS_STEPS,
        field: NDArray[np.float32] | None = None,
        start: NDArray[np.bool_] | None = None,
    ) -> Frame:
        """Draw the frame that follows ``state``.

        The chain starts from a draw of the base-rate machine (keys independent at their corpus
        frequencies), which over the first steps becomes the model, then runs on at the model
        itself: a plain chain of that length would not leave the chord it starts from.

        Args:
            state: what ``first_state``, ``advance`` or another draw gave.
            mask: (n_visible,), FREE, ON or OFF for each key; held keys stay so in every step.
            seed: 0..2^64 - 1.
            take: which of several futures, 0..2^64 - 1.
            frame: index on the time line, 0..2^64 - 1.
            x: the next frame's place in the bar.
            temperature: draws from P(v, h)^(1 / temperature).
            gibbs_steps: how many, 1 or more: more of them mix better.
            field: (n_visible,), added to the visible biases: density, register, scale.
            start: (n_visible,), where to start a plain chain of so many steps instead.

        Raises:
            ValueError: an argument is out of range or of the wrong shape.
        """
        passage = self.passage(
            state,
            mask[None],
            seed=seed,
            takes=range(take, take + 1),
            frame=frame,
            places=_places(state.x, x),
            temperature=temperature,
            gibbs_steps=gibbs_steps,
            field=field,
            start=start,
        )
        return Frame(passage.v[0, 0], passage.mean_v[0, 0], passage.state_after(0))

    def stream(
        self,
        state: State,
        *,
        seed: int,
        take: int,
        frame: int,
        temperature: float = 1.0,
        gibbs_steps: int = DEFAULT_GIBBS_STEPS,
        field: NDArray[np.float32] | None = None,
        start: NDArray[np.bool_] | None = None,
    ) -> Stream:
        """Return what draws the frames that follow ``state``, as ``draw`` does, one at a call.

        Args:
            state: before the first of them.
            seed: 0..2^64 - 1.
            take: likewise.
            frame: the first one's index on the time line.
            temperature: as in ``draw``.
            gibbs_steps: of a frame.
            field: (n_visible,), as in ``draw``.
            start: (n_visible,), where to start plain chains, each frame's from the one before.

        Raises:
            ValueError: an argument is out of range or of the wrong shape.
        """
        return Stream(
            self._playable,
            state,
            self._pull(temperature, field),
            _schedule(gibbs_steps, temperature, start is None),
            seed,
            take,
            frame,
            self._start(start),
        )

    def passage(
        self,
        state: State,
        masks: NDArray[np.int8],
        *,
        seed: int,
        takes: range,
        frame: int,
        places: NDArray[np.int64] | None = None,
        temperature: float = 1.0,
        gibbs_steps: int = DEFAULT_GIBBS_STEPS,
        field: NDArray[np.float32] | None = None,
        start: NDArray[np.bool_] | None = None,
        threads: int = 1,
    ) -> Passage:
        """Draw one or more takes of the frames that follow ``state``, as ``draw`` does one by one.

        Args:
            state: before the first of them.
            masks: (n_frames, n_visible), FREE, ON or OFF.
            seed: 0..2^64 - 1.
            takes: which futures, one after another.
            frame: the first one's index on the time line.
            places: (n_frames + 1,), of the frames in the bar and of the one after them, the first
                as in ``state``; all as in ``state`` unless given, for a model that is not told.
            temperature: as in ``draw``.
            gibbs_steps: of a frame.
            field: (n_visible,), as in ``draw``.
            start: (n_visible,), where to start plain chains, each frame's from the one before.
            threads: that share out the takes once the kernel is compiled; the same is drawn.

        Raises:
            ValueError: an argument is out of range or of the wrong shape.
        """
        masks = self._masks(masks)
        if places is None:
            places = np.full(len(masks) + 1, state.x)
        if not 1 <= threads <= MOST_THREADS:
            raise ValueError(f"threads must be in 1..{MOST_THREADS}, got {threads}")
        if places.shape != (len(masks) + 1,) or (len(masks) and places[0] != state.x):
            raise ValueError(
                f"places must be {len(masks) + 1}, the first of them {state.x}, got {places}"
            )
        drawing = Drawing(
            self._playable,
            state,
            self._pull(temperature, field),
            np.ascontiguousarray(places, np.int64),
            _schedule(gibbs_steps, temperature, start is None),
            seed,
            takes,
            frame,
            self._start(start),
        )
        drawing.draw_all(masks, threads)
        return drawing.passage

    def _masks(self, masks: NDArray[np.int8]) -> NDArray[np.int8]:
        n = self.model.n_visible
        if masks.dtype != np.int8 or masks.ndim != 2 or masks.shape[1] != n:
            shape = masks.shape[1:]
            raise ValueError(f"mask must have the shape {(n,)}, int8, got {shape}, {masks.dtype}")
        return np.ascontiguousarray(masks)

    def _pull(self, temperature: float, field: NDArray[np.float32] | None) -> NDArray[np.float32]:
        """Return what the field adds to the log2 odds against each key."""
        n = self.model.n_visible
        if field is None:
            return _pull(temperature, bytes(4 * n))
        if field.dtype != np.float32 or field.shape != (n,):
            raise ValueError(
                f"field must have the shape {(n,)}, float32, got {field.shape}, {field.dtype}"
            )
        return _pull(temperature, field.tobytes())

    def _start(self, v: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
        if v is None:
            return np.zeros(self.model.n_visible, np.bool_)
        return np.ascontiguousarray(v, np.bool_)


@lru_cache(maxsize=256)
def _pull(temperature: float, field: bytes) -> NDArray[np.float32]:
    if not COLDEST <= temperature <= HOTTEST:
        raise ValueError(f"temperature must be in {COLDEST}..{HOTTEST}, got {temperature}")
    against = np.frombuffer(field, np.float32)
    if not np.isfinite(against).all():
        raise ValueError(f"field must hold finite numbers, got {against}")
    pull = np.clip(against, -1e6, 1e6) * (-LOG2E * np.float32(1 / temperature))  # no overflow
    pull.setflags(write=False)
    return pull


@lru_cache(maxsize=1024)
def _places(x: int, x_next: int) -> NDArray[np.int64]:
    places = np.array((x, x_next), np.int64)
    places.setflags(write=False)
    return places


@lru_cache(maxsize=64)
def _schedule(n_steps: int, temperature: float, annealed: bool) -> Schedule:
    """Return what each step does, and from which on the probabilities are averaged."""
    if not 1 <= n_steps <= MOST_GIBBS_STEPS:
        raise ValueError(f"gibbs_steps must be in 1..{MOST_GIBBS_STEPS}, got {n_steps}")
    betas = np.ones(n_steps + 1)
    if annealed:
        rising = max(1, round(ANNEALED_SHARE * n_steps))
        betas[: rising + 1] = np.arange(rising + 1) / rising
    scale = (-betas * float(LOG2E) / (UNIT * temperature)).astype(np.float32)
    mix = ((1 - betas) / temperature).astype(np.float32)
    farthest = float(FARTHEST) / np.maximum(-scale.astype(np.float64), 1e-30)
    limit = np.floor(np.minimum(farthest, _MOST_SUM)).astype(np.float32)
    rows = np.array([scale, mix, limit])
    rows.setflags(write=False)
    first_mean = n_steps + 1 - max(1, round(AVERAGED_SHARE * n_steps))
    return Schedule(rows, annealed, first_mean)
