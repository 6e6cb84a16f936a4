"""What a trainer's process is asked for besides a plan, and tells besides the run's own events."""

from pathlib import Path

from msgspec import Struct

from rnnrbm_gui.data.rolls import PieceReport
from rnnrbm_gui.engine.training_events import TrainingEvent
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.timing import Meter


class Reading(Struct, frozen=True):
    """Read a corpus and tell what is in it, without training.

    Attributes:
        data: a published corpus, or a folder of MIDI files.
        in_c: of a folder, transpose each piece so that its tonic is C.
        frames_per_beat: of a folder, the grid; None to find it.
    """

    data: Path
    in_c: bool = False
    frames_per_beat: int | None = None


class CorpusFound(Struct, frozen=True):
    """The answer to ``Reading``.

    Attributes:
        name: of the corpus.
        parts: of each split its name, its pieces and its frames.
        pieces: of a folder, what became of each file.
        remarks: whole sentences on how it was read; those on the files are among them.
    """

    name: str
    parts: tuple[tuple[str, int, int], ...]
    pieces: tuple[PieceReport, ...]
    remarks: tuple[str, ...]


class Sampled(Struct, frozen=True):
    """What the model just checked plays by itself.

    Attributes:
        update: updates done.
        notes: as they are to sound, in ticks from 0.
        end_tick: where the sample ends.
        frame_ticks: ticks of a frame.
        meter: where its bars are.
        bpm: a fitting tempo.
    """

    update: int
    notes: tuple[Note, ...]
    end_tick: int
    frame_ticks: int
    meter: Meter
    bpm: float


class Stopped(Struct, frozen=True):
    """The run was ended on request; ``kept`` is the best model so far, None where there is none."""

    kept: Path | None

    @property
    def sentence(self) -> str:
        """What to tell the user."""
        if self.kept is None:
            return "Stopped, before there was a model to keep."
        return f"Stopped. The best model so far is kept as “{self.kept.stem}”."


class Failed(Struct, frozen=True):
    """The run is over because something went wrong; the sentence is for the user."""

    sentence: str


TrainerEvent = TrainingEvent | CorpusFound | Sampled | Stopped | Failed
