"""The take: frame after frame of one model's music, resumable at any of its frames.

The recurrent state before every frame is kept, so that seek, loop and edits start anywhere
without running from the beginning; the random numbers of a frame follow from (seed, take, frame)
alone, so that the music does not depend on how far the look-ahead had run or how often frames
were thrown away.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.data.model_file import StoredModel
from rnnrbm_gui.engine.constraints import ON, UNSHOWN, Constraints
from rnnrbm_gui.models.playable import State
from rnnrbm_gui.models.sampler import DEFAULT_GIBBS_STEPS, DEFAULT_TEMPERATURE, FrameSampler
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.roll import Grid

FEWEST_GIBBS_STEPS, MOST_GIBBS_STEPS = 1, 2000
COLDEST, HOTTEST = 0.5, 2.0


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the model draws.

    Attributes:
        seed: any whole number from 0 to 2^32 - 1; the same seed gives the same music.
        temperature: T of exp(-E / T), 0.5..2.
        gibbs_steps: block Gibbs steps a frame, 1..2000.
    """

    seed: int = 28041685
    temperature: float = DEFAULT_TEMPERATURE
    gibbs_steps: int = DEFAULT_GIBBS_STEPS

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed must be in 0..4294967295, got {self.seed}")
        if not COLDEST <= self.temperature <= HOTTEST:
            raise ValueError(f"temperature must be in 0.5..2, got {self.temperature}")
        if not FEWEST_GIBBS_STEPS <= self.gibbs_steps <= MOST_GIBBS_STEPS:
            raise ValueError(f"gibbs_steps must be in 1..2000, got {self.gibbs_steps}")


class Take:
    """The frames drawn so far, with the recurrent state before each.

    Thread: owned by the generator thread.
    """

    def __init__(self, stored: StoredModel) -> None:
        header = stored.header
        self.grid = Grid(
            header.frames_per_beat, header.low + header.transpose, stored.model.n_visible
        )
        self._sampler = FrameSampler(stored.model)
        self._states = [self._sampler.first_state()]
        self._frames: list[NDArray[np.bool_]] = []
        self._glow: list[NDArray[np.float32]] = []

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def state(self) -> State:
        """The recurrent state before the next frame."""
        return self._states[-1]

    def truncate(self, n_frames: int) -> None:
        """Throw away the frames from ``n_frames`` on."""
        del self._frames[n_frames:], self._glow[n_frames:], self._states[n_frames + 1 :]

    def frame(self, index: int) -> NDArray[np.bool_]:
        """Return a drawn frame as the model remembers it, bool (n_keys,)."""
        return self._frames[index]

    def own_keys(self, index: int, constraints: Constraints) -> list[int]:
        """Return the keys that the model adds to what is drawn in a frame."""
        return np.flatnonzero(self._frames[index] & (constraints.row(index) != ON)).tolist()

    def glow(self, first: int) -> NDArray[np.float32]:
        """Return the probability of each key the model chose freely, (n_frames - first, n_keys)."""
        glow = self._glow[first:]
        return np.array(glow, np.float32).reshape(len(glow), self.grid.n_keys)

    def extend(self, constraints: Constraints, sampling: Sampling) -> NDArray[np.bool_]:
        """Draw the next frame; return the keys that the model adds to what is drawn."""
        index, state = len(self._frames), self.state
        cells = constraints.row(index)
        if cells[0] == UNSHOWN:
            v = np.zeros(self.grid.n_keys, np.bool_)
            mean_v = np.zeros(self.grid.n_keys, np.float32)
        elif cells.all():
            v = cells == ON
            mean_v = np.zeros(self.grid.n_keys, np.float32)
            state = self._sampler.advance(state, v)
        else:
            drawn = self._sampler.draw(
                state,
                cells,
                seed=sampling.seed,
                take=0,
                frame=index,
                temperature=sampling.temperature,
                gibbs_steps=sampling.gibbs_steps,
            )
            v, mean_v = drawn.v, np.where(cells == ON, np.float32(0), drawn.mean_v)
            state = self._sampler.advance(state, v)
        self._frames.append(v)
        self._glow.append(mean_v)
        self._states.append(state)
        return v & (cells != ON)

    def remember_notes(
        self, notes: Sequence[Note], constraints: Constraints, n_frames: int
    ) -> None:
        """Take over music drawn elsewhere, up to a frame, as the model sees it beside the drawn."""
        first = len(self._frames)
        near = [note for note in notes if note.off > first * self.grid.frame]
        frames = self.grid.frames_of(near, first, n_frames)
        self.remember(v | (constraints.row(i) == ON) for i, v in enumerate(frames, first))

    def remember(self, frames: Iterable[NDArray[np.bool_]]) -> None:
        """Take over frames drawn elsewhere, and run the recurrence through them."""
        for v in frames:
            self._frames.append(v)
            self._glow.append(np.zeros(self.grid.n_keys, np.float32))
            self._states.append(self._sampler.advance(self._states[-1], v))
