"""What a model learns from and is measured on: a corpus in the form of the model's own frames."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from rnnrbm_gui.data.corpus import HIGH, LOW, Corpus, CorpusError, Roll
from rnnrbm_gui.data.model_header import ModelHeader
from rnnrbm_gui.models.rhythm_statistics import Articulation
from rnnrbm_gui.music.bars import Bars
from rnnrbm_gui.music.timing import Meter

RAREST_METER = 0.05
"""Share of the pieces from which on a metre has places of its own."""


class Form(Struct, frozen=True):
    """How a model's frames are made.

    Attributes:
        low: pitch of key 0.
        n_keys: keys of one plane.
        planes: 1: which keys sound. 2: those, and beside them which are struck.
        bars: of which metres the model is told its place in the bar.
    """

    low: int = LOW
    n_keys: int = HIGH - LOW + 1
    planes: int = 1
    bars: Bars = field(default_factory=lambda: Bars((), 1))

    @property
    def is_articulated(self) -> bool:
        """Whether it takes a corpus that says when keys are struck and where the bars are."""
        return self.planes == 2 or bool(self.bars.meters)

    @staticmethod
    def of(header: ModelHeader) -> "Form":
        """Return the form of a model file's frames."""
        bars = Bars.of(header.bars, header.frames_per_beat)
        return Form(header.low, header.n_keys, header.planes, bars)

    @staticmethod
    def articulated(corpus: Corpus, frames_per_beat: int, transposed: int) -> "Form":
        """Return two planes of the keys that a corpus reaches transposed, told their bars.

        Raises:
            CorpusError: no piece matches a score.
        """
        pieces = corpus.articulated_split("train")
        if not pieces:
            raise CorpusError(
                f"None of the pieces in the part 'train' of '{corpus.name}' matches a score, so "
                "that there is nothing to learn onsets from: train without --onsets."
            )
        keys = np.flatnonzero(np.any([piece.roll.any(0) for piece in pieces], axis=0))
        low = max(LOW, LOW + int(keys[0]) - transposed)
        high = min(HIGH, LOW + int(keys[-1]) + transposed)
        counts = Counter(piece.meter for piece in pieces)
        meters = tuple(m for m, n in counts.most_common() if n >= RAREST_METER * len(pieces))
        return Form(low, high - low + 1, 2, Bars(meters, frames_per_beat))


class Material(Struct, frozen=True, eq=False):
    """Sequences in a form.

    Attributes:
        form: of the frames.
        rolls: (n_frames, planes * n_keys) each.
        positions: places in the bar of each sequence's frames; None where the model is not told.
        n_outside: notes, a frame each, that lie outside of the form's keys and are not in it.
        articulated: what is to be compared with samples, where there are two planes.
    """

    form: Form
    rolls: list[Roll]
    positions: list[NDArray[np.int64]] | None = None
    n_outside: int = 0
    articulated: Sequence[Articulation] = ()


def material_of(corpus: Corpus, split: str, form: Form) -> Material:
    """Return a part of a corpus in a form, without its empty sequences.

    Raises:
        CorpusError: the part is missing or has no frames, or lacks the onsets that the form wants.
    """
    n_outside = 0
    rolls, positions, articulated = [], [], []
    if not form.is_articulated:
        for roll in filter(len, corpus.split(split)):
            rolls.append(_keys_of(roll, form))
            n_outside += int(roll.sum()) - int(rolls[-1].sum())
    else:
        for piece in corpus.articulated_split(split):
            sounding, struck = _keys_of(piece.roll, form), _keys_of(piece.onsets, form)
            both = np.concatenate([sounding, struck], 1)
            rolls.append(both if form.planes == 2 else sounding)
            n_outside += int(piece.roll.sum()) - int(sounding.sum())
            positions.append(form.bars.places(piece.meter, piece.position))
            if form.planes == 2:
                articulated.append(
                    Articulation(piece.roll, piece.onsets, piece.position, piece.bar_frames)
                )
    if not rolls:
        raise CorpusError(f"The part '{split}' of '{corpus.name}' has no frames: it needs some.")
    told = positions if form.bars.meters else None
    return Material(form, rolls, told, n_outside, articulated)


def _keys_of(roll: Roll, form: Form) -> Roll:
    """Return the keys of a corpus's roll that a form has."""
    kept = np.zeros((len(roll), form.n_keys), np.bool_)
    first, last = max(form.low, LOW), min(form.low + form.n_keys, HIGH + 1)
    if first < last:
        kept[:, first - form.low : last - form.low] = roll[:, first - LOW : last - LOW]
    return kept


def meter_of(corpus: Corpus) -> Meter:
    """Return the most frequent metre of a corpus."""
    pieces = corpus.articulated.get("train", ())
    if pieces:
        return Counter(piece.meter for piece in pieces).most_common(1)[0][0]
    return corpus.meter or Meter()
