"""How a model is trained: everything that is chosen beforehand."""

from dataclasses import dataclass

import numpy as np

from rnnrbm_gui.models.terms import Kind, Memory


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train.

    Attributes:
        kind: of model.
        n_hidden: hidden units of each frame's RBM.
        n_recurrent: units of the recurrent state; an RTRBM has as many as hidden ones.
        memory: f, of an RNN-RBM.
        updates: parameter updates in all.
        batch_size: sequences to an update.
        most_frames: frames of a sequence in an update; longer ones are cut at random places.
        rate: the highest learning rate, reached after ``warm_up`` updates, then a half cosine
            down to ``last_rate`` of it.
        warm_up: updates.
        last_rate: share of ``rate`` at the end.
        decay: AdamW's weight decay, of all but biases.
        clip: largest norm of the gradient.
        gibbs_steps: k of CD-k at the start and at the end.
        dropout: share of the recurrent state hidden wherever it is read.
        unseen: share of notes hidden from the recurrence.
        held: share of frames in whose place the recurrence sees the frame before, held on. A model
            alone with what it has drawn else holds on to what it happened to hold.
        echoes: of an RNN-RBM, see ``echoes``; frames.
        recall: of an RNN-RBM, see ``RnnRbm.recalling``: of the kept model. Dropout leaves it too
            timid: with more it foretells more notes.
        transposed: farthest transposition, in semitones, at which the music is also learned.
        own_keys: the pieces stand in keys of their own, so that transposed they are just more
            music: all transpositions are equally likely to the end, and share all parameters. Of
            music in one key each transposition has biases of its own, and its share falls to none.
        planes: planes of keys in a frame, each transposed alike.
        average: decay of the average of the weights.
        check_every: updates between two measurements on the validation part.
        threads: that share out the sequences of an update; what is learned depends on their number
            as on a seed.
        seed: of everything random.
    """

    kind: Kind = "rnn-rbm"
    n_hidden: int = 150
    n_recurrent: int = 150
    memory: Memory = "tanh"
    updates: int = 16000
    batch_size: int = 16
    most_frames: int = 100
    rate: float = 1e-2
    warm_up: int = 100
    last_rate: float = 0.02
    decay: float = 0.02
    clip: float = 5.0
    gibbs_steps: tuple[int, int] = (1, 15)
    dropout: float = 0.3
    unseen: float = 0.0
    held: float = 0.0
    echoes: tuple[int, ...] = ()
    recall: float = 1.0
    transposed: int = 5
    own_keys: bool = False
    planes: int = 1
    average: float = 0.999
    check_every: int = 500
    threads: int = 1
    seed: int = 1

    def rate_at(self, update: int) -> float:
        """Return the learning rate of an update."""
        rise = min(1.0, (update + 1) / self.warm_up)
        share = update / self.updates
        fall = self.last_rate + (1 - self.last_rate) * (1 + np.cos(np.pi * share)) / 2
        return float(self.rate * rise * fall)

    def k_at(self, update: int) -> int:
        """Return k of CD-k of an update; full length is reached at three quarters of the run."""
        first, last = self.gibbs_steps
        return round(first + (last - first) * min(1.0, update / (0.75 * self.updates)))

    def transposed_at(self, update: int) -> float:
        """Return the share of sequences that are transposed in an update."""
        most = 2 * self.transposed / (2 * self.transposed + 1)
        return most if self.own_keys else most * (1 - update / self.updates)

    @property
    def n_state(self) -> int:
        """Units of the recurrent state, whatever the kind."""
        return {"rnn-rbm": self.n_recurrent, "rtrbm": self.n_hidden, "rbm": 0}[self.kind]

    @property
    def n_rows(self) -> int:
        """Rows of each bias: one per transposition that has its own."""
        return 1 if self.own_keys else 2 * self.transposed + 1
