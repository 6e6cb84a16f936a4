"""The take: frame after frame of one model's music, resumable at any of its frames.

The recurrent state before every frame is kept, so that seek, loop and edits start anywhere
without running from the beginning; the random numbers of a frame follow from (seed, take, frame)
alone, so that the music does not depend on how far the look-ahead had run or how often frames
were thrown away.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.data.model_file import StoredModel
from rnnrbm_gui.engine.choices import Sampling
from rnnrbm_gui.engine.constraints import UNSHOWN, Constraints
from rnnrbm_gui.models.drawing import Stream
from rnnrbm_gui.models.kernels import ON
from rnnrbm_gui.models.playable import State
from rnnrbm_gui.models.sampler import FrameSampler
from rnnrbm_gui.music.bars import Bars
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.roll import Grid
from rnnrbm_gui.music.timing import Meter


class Take:
    """The frames drawn so far, with the recurrent state before each.

    Thread: owned by the generator thread.

    Args:
        stored: the model.
        meter: where the bars are, for a model that is told them; 4/4 unless given.
    """

    def __init__(self, stored: StoredModel, meter: Meter | None = None) -> None:
        header = stored.header
        self.grid = Grid(
            header.frames_per_beat, header.low + header.transpose, header.n_keys, header.planes
        )
        self._sampler = FrameSampler(stored.played)
        self._bars, self._meter = Bars.of(header.bars, header.frames_per_beat), meter or Meter()
        self._states = [self._sampler.first_state(self._place(0))]
        self._last: tuple[Sampling, State, Stream] | None = None  # what drew a state, and how
        self._frames: list[NDArray[np.bool_]] = []
        self._glow: list[NDArray[np.float32]] = []

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def state(self) -> State:
        """The recurrent state before the next frame."""
        return self._states[-1]

    @property
    def is_told_bars(self) -> bool:
        """Whether what the model plays depends on where the bars are."""
        return bool(self._bars.meters)

    def set_meter(self, meter: Meter) -> None:
        """Put the bars elsewhere, from the next frame on."""
        self._meter = meter
        self._place_anew()

    def truncate(self, n_frames: int) -> None:
        """Throw away the frames from ``n_frames`` on."""
        del self._frames[n_frames:], self._glow[n_frames:], self._states[n_frames + 1 :]
        self._place_anew()

    def _place(self, index: int) -> int:
        """Return a frame's place in its bar, as the model is told it."""
        return self._bars.place_at(self._meter, index * self.grid.frame)

    def _place_anew(self) -> None:
        """Let the next frame be where it is in the present metre, whatever it was before."""
        self._states[-1] = self._sampler.moved(self._states[-1], self._place(len(self)))

    def frame(self, index: int) -> NDArray[np.bool_]:
        """Return a drawn frame as the model remembers it, bool (n_visible,)."""
        return self._frames[index]

    def own(self, index: int, constraints: Constraints) -> NDArray[np.bool_]:
        """Return what the model adds to what is drawn in a frame, bool (n_visible,)."""
        return self._frames[index] & (constraints.row(index) != ON)

    def glow(self, first: int) -> NDArray[np.float32]:
        """Return how probable it was that each free key sounds, (n_frames - first, n_keys)."""
        glow = self._glow[first:]
        return np.array(glow, np.float32).reshape(len(glow), self.grid.n_keys)

    def extend(self, constraints: Constraints, sampling: Sampling) -> NDArray[np.bool_]:
        """Draw the next frame; return what the model adds to what is drawn, bool (n_visible,)."""
        index, state, n_keys = len(self._frames), self.state, self.grid.n_keys
        cells, place = constraints.row(index), self._place(index + 1)
        glow = np.zeros(n_keys, np.float32)
        if cells[0] == UNSHOWN:
            v = np.zeros(self.grid.n_visible, np.bool_)
            state = self._sampler.moved(state, place)
        elif cells.all():
            v = cells == ON
            state = self._sampler.advance(state, v, place)
        else:
            stream = self._streaming(sampling, state)
            v = stream.draw(cells, place)
            glow = np.where(cells[:n_keys] == ON, np.float32(0), stream.mean_v[:n_keys])
            state = stream.state
            self._last = sampling, state, stream
        self._frames.append(v)
        self._glow.append(glow)
        self._states.append(state)
        return v & (cells != ON)

    def _streaming(self, sampling: Sampling, state: State) -> Stream:
        """Return what draws the frame after a state: what drew the one before, if it still can."""
        if self._last is not None:
            how, drawn, stream = self._last
            # A frame that is not shown leaves the state as it was.
            if how == sampling and drawn is state and stream.frame == len(self._frames):
                return stream
        return self._sampler.stream(
            state,
            seed=sampling.seed,
            take=0,
            frame=len(self._frames),
            temperature=sampling.temperature,
            gibbs_steps=sampling.gibbs_steps,
        )

    def remember_notes(
        self, notes: Sequence[Note], constraints: Constraints, n_frames: int
    ) -> None:
        """Take over music drawn elsewhere, up to a frame, as the model sees it beside the drawn.

        What is drawn stands over what was heard: it is struck where it begins and nowhere else.
        What comes before a continued passage is not shown to the model, here as in ``extend``.
        """
        first = len(self._frames)
        near = [note for note in notes if note.off > first * self.grid.frame]
        heard = self.grid.frames_of(near, first, n_frames)
        cells = np.array([constraints.row(i) for i in range(first, n_frames)], np.int8)
        cells = cells.reshape(heard.shape)
        drawn = np.tile(cells[:, : self.grid.n_keys] == ON, self.grid.planes)
        self.remember(np.where(drawn, cells == ON, heard), cells[:, 0] != UNSHOWN)

    def remember(self, frames: NDArray[np.bool_], shown: NDArray[np.bool_]) -> None:
        """Take over frames drawn elsewhere, and run the recurrence through those that are shown.

        Args:
            frames: (n_frames, n_visible).
            shown: (n_frames,).
        """
        for v, is_shown in zip(frames, shown, strict=True):
            self._frames.append(v)
            self._glow.append(np.zeros(self.grid.n_keys, np.float32))
            state, place = self._states[-1], self._place(len(self._frames))
            if is_shown:
                self._states.append(self._sampler.advance(state, v, place))
            else:
                self._states.append(self._sampler.moved(state, place))
