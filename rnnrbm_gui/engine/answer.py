"""The model's answer to the drawing: its frames, the notes they make, what the drawing demands.

The three belong together: what is drawn constrains the frames, the model adds to them, and what
it adds is voiced as notes beside the drawn ones. Here they are kept in step.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.data.model_file import StoredModel
from rnnrbm_gui.engine.choices import Mode, Sampling
from rnnrbm_gui.engine.constraints import Constraints
from rnnrbm_gui.engine.sampler import Take
from rnnrbm_gui.engine.voices import Voices
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.roll import Articulation
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import Meter


class Answer:
    """A take of one model and its notes, beside one drawing.

    Thread: owned by the generator thread.

    Args:
        stored: the model.
        score: what is drawn.
        mode: what is done with it.
        articulation: what a key that goes on means, where the model does not say.
        meter: where the bars are.
        heard: notes of an earlier answer that have sounded; the model goes on from them.
        end_tick: how far they reach.
    """

    def __init__(
        self,
        stored: StoredModel,
        score: Score,
        mode: Mode,
        articulation: Articulation,
        meter: Meter,
        heard: Sequence[Note] = (),
        end_tick: int = 0,
    ) -> None:
        self._score = score
        self._take = Take(stored, meter)
        self.grid = self._take.grid
        n_frames = -(-end_tick // self.grid.frame)
        self._voices = Voices(self.grid, articulation, meter, heard, n_frames)
        self._constraints = Constraints.of(score, mode, self.grid)
        self._take.remember_notes(heard, self._constraints, n_frames)

    def __len__(self) -> int:
        return len(self._take)

    @property
    def passage(self) -> tuple[int, int]:
        """The ticks ``first <= t < last`` of the drawn passage; none where nothing is drawn."""
        first, last = self._constraints.passage
        return first * self.grid.frame, last * self.grid.frame

    @property
    def follows_bars(self) -> bool:
        """Whether the model is told where the bars are, so that others make other music."""
        return self._take.is_told_bars

    def constrain(self, score: Score, mode: Mode) -> NDArray[np.intp]:
        """Take over another drawing or mode; return the frames it demands something else of."""
        before, self._score = self._constraints, score
        self._constraints = Constraints.of(score, mode, self.grid)
        return self._constraints.differences(before)

    def set_meter(self, meter: Meter) -> None:
        """Put the bars elsewhere, for the frames that are not drawn and not voiced yet."""
        self._take.set_meter(meter)
        self._voices.meter = meter

    def set_articulation(self, articulation: Articulation) -> None:
        """Choose what a key that goes on means, for the frames that are not voiced yet."""
        self._voices.articulation = articulation

    def extend(self, sampling: Sampling) -> int:
        """Draw one more frame; return the earliest tick from which notes have changed."""
        return self._voices.append(self._take.extend(self._constraints, sampling))

    def truncate(self, n_frames: int) -> int:
        """Forget the frames from ``n_frames`` on; return the earliest tick that has changed."""
        self._take.truncate(n_frames)
        return self._voices.truncate(n_frames)

    def voice_anew(self, n_frames: int) -> int:
        """Make notes of the frames from ``n_frames`` on again; return the earliest tick changed."""
        changed = self._voices.truncate(n_frames)
        for index in range(len(self._voices), len(self._take)):
            own = self._take.own(index, self._constraints)
            changed = min(changed, self._voices.append(own))
        return changed

    def glow(self, first: int) -> NDArray[np.float32]:
        """Return how probable each key was in the frames from ``first`` on, (n, n_keys)."""
        return self._take.glow(first)

    def starting(self, first: int, last: int) -> list[Note]:
        """Return the notes, clear of the drawn ones, with ``first <= on < last`` in ticks."""
        return self._voices.starting(first, last, self._score)

    def sounding(self, tick: int) -> list[Note]:
        """Return the notes that began before a tick and still sound there."""
        return self._voices.sounding(tick, self._score)
