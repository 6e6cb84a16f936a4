"""What a training run is asked for, and what it says while it learns: plain values.

``training_run.run(plan)`` yields these events one after the other, wherever it runs: the command
line prints them, the training window receives them from a process of their own and draws them.
"""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from rnnrbm_gui.data.model_file import StoredModel
from rnnrbm_gui.data.model_header import ModelHeader
from rnnrbm_gui.models.terms import Kind, Memory


class Plan(Struct, frozen=True):
    """One training run; None stands for what fits the corpus and the kind of model.

    Attributes:
        data: a published corpus, or a folder of MIDI files.
        out: the model file to write; the checkpoint lies beside it.
        kind: "rnn-rbm", "rtrbm" or "rbm".
        memory: of an RNN-RBM: "tanh", "sigmoid" or "gru".
        echoes: of an RNN-RBM, how many frames before the next one are those that its memory sees
            beside each frame.
        seed: of everything random.
        updates: parameter updates in all.
        n_hidden: hidden units of each frame's RBM.
        n_recurrent: recurrent units; an RTRBM has as many as hidden ones, an RBM none.
        threads: that share out the sequences of an update.
        in_c: of a folder, transpose each piece so that its tonic is C.
        frames_per_beat: of a folder, the grid; None to find it.
        onsets: of the chorales at sixteenths, take onsets and bars from the scores of music21, so
            that articulation is learned.
        pitches: the lowest and the highest that the model knows; None for a whole keyboard or,
            with onsets, for what the corpus reaches.
        name: what the model is called in the list; None for what fits the corpus.
        resume: go on from the checkpoint beside ``out``.
    """

    data: Path
    out: Path
    kind: Kind = "rnn-rbm"
    memory: Memory | None = None
    echoes: tuple[int, ...] | None = None
    seed: int = 1
    updates: int | None = None
    n_hidden: int | None = None
    n_recurrent: int | None = None
    threads: int | None = None
    in_c: bool = False
    frames_per_beat: int | None = None
    onsets: bool = False
    pitches: tuple[int, int] | None = None
    name: str | None = None
    resume: bool = False


class Remark(Struct, frozen=True):
    """A whole sentence about the run: what was read, kept, skipped, found."""

    words: str


class Course(Struct, frozen=True):
    """Where the run stands, several times a second.

    Attributes:
        update: updates done.
        updates: updates in all.
        epoch: rounds through the training part so far.
        objective: mean of F(v) - F(v_neg) over every tenth update since the last one: the CD
            objective, in nats a frame.
        gradient_norms: by parameter, the mean norm of its gradient since the last one.
        frames_per_s: trained on since the last one.
        elapsed_s: seconds of training so far.
        left_s: seconds to go at this rate.
    """

    update: int
    updates: int
    epoch: float
    objective: float
    gradient_norms: Mapping[str, float]
    frames_per_s: float
    elapsed_s: float
    left_s: float


class Checked(Struct, frozen=True, eq=False):
    """A quick measurement of the averaged model, every few hundred updates.

    Attributes:
        update: updates done.
        epoch: rounds through the training part so far.
        valid_ll: log-likelihood of the validation part, nats a frame, quickly estimated.
        train_ll: the same of as many frames of the training part.
        is_best: better than all before; it has been written to the plan's file.
        warning: a sentence where the model over-fits, else empty.
        stored: the model at this moment with its header, ready to be saved and played.
    """

    update: int
    epoch: float
    valid_ll: float
    train_ll: float
    is_best: bool
    warning: str
    stored: StoredModel


class Measuring(Struct, frozen=True):
    """How far reading the scores or measuring the finished model is.

    Attributes:
        words: empty at the end.
        share: of what the words tell, done; None where it is not known.
    """

    words: str
    share: float | None = None


class Trained(Struct, frozen=True):
    """The run is over and the best model is written, measured in full.

    Attributes:
        path: the model file.
        header: what it says about itself, its figures included.
    """

    path: Path
    header: ModelHeader


TrainingEvent = Remark | Course | Checked | Measuring | Trained
