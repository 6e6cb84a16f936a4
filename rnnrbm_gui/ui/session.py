"""What is on the roll: the drawn notes with their history, and what the model has added.

The session belongs to the GUI thread. Every change of the drawn notes goes through ``commit``
(or undo, redo, keep, open), reaches the engine as an immutable snapshot, and is one undo step.

Nothing is ever lost: the roll is written to a state file while one works and when the window
closes, and it is on the roll again at the next start. So closing asks no question.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from msgspec.structs import replace
from PySide6.QtCore import QObject, Signal

from rnnrbm_gui.data.midi_file import MidiSong, MidiTrack, write_midi
from rnnrbm_gui.engine.engine import Engine
from rnnrbm_gui.engine.events import Generated, Truncated
from rnnrbm_gui.engine.voices import clear_of
from rnnrbm_gui.errors import FileError
from rnnrbm_gui.music.history import History
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import Meter

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Heard(NamedTuple):
    """Generated notes that have been played.

    Attributes:
        notes: by onset.
        n_frames: from the start, in which they were.
        frame_ticks: of such a frame.
    """

    notes: tuple[Note, ...] = ()
    n_frames: int = 0
    frame_ticks: int = 1

    @property
    def end(self) -> int:
        """Tick at which the last of the frames ends."""
        return self.n_frames * self.frame_ticks


class Session(QObject):
    """The drawn score, its history, and the generated notes beside it.

    Signals:
        changed(): the drawn score or its history is another.
    """

    changed = Signal()

    def __init__(self, engine: Engine, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self._history: History[Score] = History(Score())
        self._generated: list[Note] = []
        self.meter = Meter()
        self.sounded = 0
        self.sounded_once = False
        self._recalled: Heard | None = None
        self.generated_end = 0
        self._frame_ticks = 1
        self.glow: list[NDArray[np.float32]] = []  # of each generated frame: p of each key

    @property
    def score(self) -> Score:
        """The drawn and kept notes."""
        return self._history.present

    @property
    def generated(self) -> tuple[Note, ...]:
        """The generated notes, played and coming, by onset."""
        return tuple(self._generated)

    @property
    def undo_name(self) -> str | None:
        """Name of the step that undo takes back."""
        return self._history.undo_name

    @property
    def redo_name(self) -> str | None:
        """Name of the step that redo takes again."""
        return self._history.redo_name

    def commit(self, name: str, score: Score, *, always: bool = False) -> None:
        """Take over an edited score as one undo step; an equal one only where ``always`` is."""
        self._move_to(self._history.commit(name, score, always=always))

    def start_from(self, score: Score) -> None:
        """Take over the score of an earlier start; there is nothing to undo yet."""
        self._move_to(History(score))

    def undo(self) -> None:
        """Take the last step back."""
        self._move_to(self._history.undone())

    def redo(self) -> None:
        """Take the last undone step again."""
        self._move_to(self._history.redone())

    def keep(self) -> int:
        """Turn the generated notes that have been played into kept ones; return how many."""
        played = _until(self._generated, self.sounded)
        if played:
            # Drawn notes come last: where they collide, they win.
            self.commit("Keep", Score.of([*played, *self.score.notes]))
        return len(played)

    def _move_to(self, history: History[Score]) -> None:
        if history is not self._history:
            self._history = history
            self._engine.set_score(history.present)
            self.changed.emit()

    # -- what the engine tells ---------------------------------------------------------------

    def take_generated(self, event: Generated) -> None:
        """Take over the generated notes from a tick on."""
        cut = bisect_left(self._generated, event.from_tick, key=lambda note: note.on)
        self._generated[cut:] = event.notes
        n_keys = event.glow.shape[1]
        if event.frame_ticks != self._frame_ticks or (self.glow and len(self.glow[0]) != n_keys):
            self.glow.clear()  # that of another model lies on other frames and keys
        self.generated_end, self._frame_ticks = event.end_tick, event.frame_ticks
        if len(event.glow):
            blank = np.zeros(n_keys, np.float32)
            del self.glow[event.glow_from :]
            self.glow += [blank] * (event.glow_from - len(self.glow))
            self.glow.extend(event.glow)

    def take_truncated(self, event: Truncated) -> None:
        """Forget the generated notes from a tick on."""
        cut = bisect_left(self._generated, event.tick, key=lambda note: note.on)
        del self._generated[cut:]
        self.sounded = min(self.sounded, event.tick)
        self.generated_end = event.tick
        del self.glow[event.tick // self._frame_ticks :]

    def take_sounded(self, tick: int) -> None:
        """Hear how far the music has come."""
        self.sounded, self.sounded_once = tick, True
        if self._recalled is not None and tick >= self._recalled.end:
            self._recalled = None

    def heard(self) -> Heard:
        """Return what has been played, or was given back and is not there yet."""
        if self._recalled is not None:
            return self._recalled
        n_frames = -(-self.sounded // self._frame_ticks)
        notes = tuple(_until(self._generated, n_frames * self._frame_ticks))
        return Heard(notes, n_frames, self._frame_ticks)

    def heard_after(self, then: Heard) -> Heard:
        """Return what had been played then, and what has been played since."""
        now = self.heard()
        since = (note for note in now.notes if note.on >= then.end)
        n_frames = -(-max(then.end, now.end) // now.frame_ticks)
        return Heard((*then.notes, *since), n_frames, now.frame_ticks)

    def recall(self, heard: Heard) -> None:
        """Give back what had been played."""
        self._recalled = heard if heard.n_frames else None
        self._engine.recall(*heard)

    # -- files -------------------------------------------------------------------------------

    def open_song(self, song: MidiSong, name: str) -> None:
        """Put the notes of a file on the roll as the seed, one undo step."""
        self.commit(f"Open {name}", song.score, always=True)

    def save_midi(self, path: Path, *, bpm: float) -> str:
        """Write what is on the roll as a MIDI file; return a sentence that says what."""
        drawn = self.score
        # What was played, and what the model has put under the drawn notes; what is coming after
        # them only where there is nothing else.
        end = max(self.sounded, drawn.end) or self.generated_end
        clear = (clear_of(note, drawn) for note in _until(self._generated, end))
        generated = Score.of(note for note in clear if note)
        if not drawn.notes and not generated.notes:
            raise FileError(f"{path.name} was not written: there is no note on the roll yet.")
        tracks = [
            MidiTrack("Drawn", drawn, channel=0),
            MidiTrack("Generated", generated, channel=1),
        ]
        write_midi(
            path, [t for t in tracks if len(t.score)], bpm=bpm, meter=self.meter, title=path.stem
        )
        return f"Saved {len(drawn)} drawn and {len(generated)} generated notes to {path.name}."


def _until(notes: Iterable[Note], tick: int) -> list[Note]:
    """Return the notes before a tick; one that goes on beyond ends there."""
    return [
        note if note.off <= tick else replace(note, off=tick) for note in notes if note.on < tick
    ]
