"""A passage while it is drawn: room for its frames, and where the kernel finds what it needs.

A call of compiled code with forty arguments takes as long as a short frame does. So the kernel is
told once where everything lies, and then only which frames to draw.
"""

import functools
import os
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import kernels, randomness
from rnnrbm_gui.models.echoes import reach, unpacked
from rnnrbm_gui.models.kernels import OFF, ON, Schedule
from rnnrbm_gui.models.playable import Passage, Playable, State

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

Float = NDArray[np.float32]

MOST_THREADS = 64
"""That share out the takes of a passage."""

FIRST_ROOM, MOST_ROOM = 32, 256
"""Frames for which a stream makes room at once: at first, and in the end."""

_INT8 = np.dtype(np.int8)
_NOTHING = np.zeros((0, 1), np.bool_)
"""The past of a model without echoes."""


class Drawing:
    """Takes of the frames that follow a state, drawn in pieces, each frame after the one before.

    Threads may draw different takes at once.

    Attributes:
        passage: what has been drawn. Its places may be filled in as one goes.
    """

    def __init__(
        self,
        playable: Playable,
        state: State,
        pull: Float,
        places: NDArray[np.int64],
        schedule: Schedule,
        seed: int,
        takes: range,
        frame: int,
        start: NDArray[np.bool_],
    ) -> None:
        """Make room for the frames.

        Args:
            playable: the model.
            state: before the first frame.
            pull: (n_visible,), added to the log2 odds against each key.
            places: (n_frames + 1,), of the frames in the bar and of the one after them.
            schedule: the Gibbs steps of a frame.
            seed: of the draws.
            takes: which, one after another.
            frame: the first one's index on the time line.
            start: (n_visible,), where the first frame's chain starts, unless from the base rate.

        Raises:
            ValueError: an argument is out of range or does not fit the others.
        """
        n_takes, n_frames, n_visible = len(takes), len(places) - 1, len(pull)
        if takes.step != 1:
            raise ValueError(f"takes must follow one another, got {takes}")
        randomness.check(seed, takes.start, frame)
        randomness.check(seed, takes.start + max(0, n_takes - 1), frame + max(0, n_frames - 1))
        if start.shape != (n_visible,):
            raise ValueError(f"start must have the shape {(n_visible,)}, got {start.shape}")
        model = playable.model
        sizes = state.u.size, state.biases.size, len(state.past)
        if sizes != (model.n_recurrent, n_visible + model.n_hidden, reach(model.echoes)):
            raise ValueError(f"state must be of this model, got one of other sizes, {sizes}")
        self.passage = Passage(
            np.empty((n_takes, n_frames, n_visible), np.bool_),
            np.empty((n_takes, n_frames, n_visible), np.float32),
            np.empty((n_takes, n_frames, state.u.size), np.float32),
            np.empty((n_takes, n_frames, state.biases.size), np.int32),
            places,
            state.past,
        )
        self._playable, self._state, self._pull, self._start = playable, state, pull, start.copy()
        self._schedule, self._seed, self._takes, self._frame = schedule, seed, takes, frame
        self._told: tuple[NDArray[np.int64], NDArray[np.int64], object] | None = None

    def draw(self, masks: NDArray[np.int8], first: int, first_take: int, end_take: int) -> None:
        """Draw some frames of some takes; compiled as soon as the kernel is.

        Args:
            masks: (n_frames * n_visible,), ``kernels.FREE``, ON or OFF.
            first: frame of the passage; those before it are there.
            first_take: of the passage, from 0.
            end_take: the one after the last.
        """
        compiled = kernels.compiled()
        if compiled is None:
            for take in range(first_take, end_take):
                self._draw_plain(masks, first, take)
        else:
            if self._told is None:
                self._told = self._tell()
            where, numbers, _ = self._told
            compiled.play(where, numbers, masks, first, first_take, end_take)

    def draw_all(self, masks: NDArray[np.int8], threads: int) -> None:
        """Draw every frame; the compiled kernel on threads that share out the takes.

        Args:
            masks: (n_frames, n_visible), as in ``draw``.
            threads: 1 or more.
        """
        n_takes = len(self._takes)
        masks, threads = masks.ravel(), min(threads, n_takes)
        if threads <= 1 or kernels.compiled() is None:
            return self.draw(masks, 0, 0, n_takes)
        self._told = self._tell()
        takes = iter(range(n_takes))  # that all go through, whoever is ready for the next one
        others: list[Future[None]] = []

        def draw_some() -> None:
            try:
                for take in takes:
                    self.draw(masks, 0, take, take + 1)
            except BaseException:
                deque(takes, 0)  # nobody goes on
                raise

        try:
            for _ in range(threads - 1):
                others.append(_helpers().submit(draw_some))
        except RuntimeError:  # no thread starts, as when the interpreter ends: below, alone
            deque(takes, 0)
        try:
            draw_some()
        finally:
            started = [other for other in others if not other.cancel()]
            for other in started:
                other.exception()  # waits: nobody writes here any more
        for other in started:
            other.result()  # raises what it raised
        if len(others) < threads - 1:
            self.draw(masks, 0, 0, n_takes)
        return None

    def _tell(self) -> tuple[NDArray[np.int64], NDArray[np.int64], object]:
        """Return what the compiled kernel is told: where the arrays lie, numbers; and the arrays.

        They must be kept as long as the kernel runs.
        """
        memory, of_model, where_model = self._playable.told
        state, passage, past = self._state, self.passage, _NOTHING
        if len(state.past):
            past = unpacked(state.past, len(self._pull))
        rows, from_base, first_mean = self._schedule
        own: dict[str, NDArray[Any]] = {
            "rows": rows,
            "pull": self._pull,
            "places": passage.places,
            "u": state.u,
            "biases": state.biases,
            "past": past,
            "start": self._start,
            "v": passage.v,
            "mean_v": passage.mean_v,
            "u_after": passage.u,
            "biases_after": passage.biases,
        }
        seeds = np.array((self._seed, self._takes.start, self._frame), np.uint64)
        numbers = np.array((memory, from_base, first_mean), np.int64)
        where = np.concatenate((where_model, kernels.where(own)))
        return where, np.concatenate((numbers, seeds.view(np.int64))), (of_model, own)

    def _draw_plain(self, masks: NDArray[np.int8], first: int, take: int) -> None:
        passage, place = self.passage, (self._seed, self._takes[take])
        state, v = self._state, self._start.copy()
        if first:
            state, v = passage.state_after(first - 1, take), passage.v[take, first - 1].copy()
        masks = masks.reshape(-1, v.size)
        for f, mask in enumerate(masks, first):
            v[mask == ON] = True
            v[mask == OFF] = False
            passage.mean_v[take, f] = kernels.gibbs_plain(
                self._playable.weights,
                state.biases,
                self._playable.base,
                kernels.held(mask, self._pull),
                self._schedule,
                randomness.frame_key(*place, self._frame + f),
                v,
            )
            passage.v[take, f] = v
            state = self._playable.advance(state, v, int(passage.places[f + 1]))
            passage.u[take, f], passage.biases[take, f] = state.u, state.biases


@functools.cache
def _helpers() -> "ThreadPoolExecutor":
    """Return threads that wait for passages: to start one takes as long as thirty frames."""
    from concurrent.futures import ThreadPoolExecutor  # 3 ms that no start waits for

    return ThreadPoolExecutor(MOST_THREADS, "passage")


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_helpers.cache_clear)  # a child has none of its threads


class Stream:
    """Frames drawn one after another from a state on, as they are played.

    What it gives are views of its own room, which it never writes to again.
    """

    def __init__(
        self,
        playable: Playable,
        state: State,
        pull: Float,
        schedule: Schedule,
        seed: int,
        take: int,
        frame: int,
        start: NDArray[np.bool_],
    ) -> None:
        """As ``Drawing``, of one take.

        Raises:
            ValueError: an argument is out of range or of the wrong shape.
        """
        self._playable, self._pull, self._schedule = playable, pull, schedule
        self._seed, self._takes, self._frame = seed, range(take, take + 1), frame
        self._shape, self._room = (len(pull),), FIRST_ROOM
        self._begin(state, start)

    def _begin(self, state: State, start: NDArray[np.bool_]) -> None:
        self._first, self._places = state, np.full(self._room + 1, state.x, np.int64)
        self._drawing = Drawing(
            self._playable,
            state,
            self._pull,
            self._places,
            self._schedule,
            self._seed,
            self._takes,
            self._frame,
            start,
        )
        self._v, self._mean_v = self._drawing.passage.v[0], self._drawing.passage.mean_v[0]
        self._n = 0

    def draw(self, mask: NDArray[np.int8], x: int = 0) -> NDArray[np.bool_]:
        """Draw the next frame; return which keys are on, (n_visible,).

        Args:
            mask: (n_visible,), contiguous, ``kernels.FREE``, ON or OFF for each key.
            x: the place in the bar of the frame after it.

        Raises:
            ValueError: ``mask`` has the wrong shape or type.
        """
        if mask.shape != self._shape or mask.dtype != _INT8 or mask.strides != (1,):
            raise ValueError(
                f"mask must have the shape {self._shape}, int8, contiguous, got {mask.shape}, "
                f"{mask.dtype}"
            )
        n = self._n
        if n == self._room:
            state, v = self.state, self._v[-1]
            self._frame, self._room, n = self._frame + n, min(2 * n, MOST_ROOM), 0
            self._begin(state, v)
        self._places[n + 1] = x
        self._drawing.draw(mask, n, 0, 1)
        self._n = n + 1
        return self._v[n]

    @property
    def frame(self) -> int:
        """The next frame's index on the time line."""
        return self._frame + self._n

    @property
    def mean_v(self) -> Float:
        """How probable each key of the frame drawn last was, as in ``Passage``."""
        return self._mean_v[self._n - 1]

    @property
    def state(self) -> State:
        """The state before the next frame."""
        return self._drawing.passage.state_after(self._n - 1) if self._n else self._first
