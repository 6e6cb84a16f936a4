"""The scores of Bach's chorales, and what they add to a corpus of chorales: onsets and bars.

The published chorales say what sounds, not whether a repeated pitch is struck again, and not where
the bars are. The scores come with the music21 package, which is an extra of ours: it is imported
here, when it is needed, and nowhere else.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

from msgspec.structs import replace

from rnnrbm_gui.data.rolls import ArticulatedRoll, Corpus, CorpusError, Roll
from rnnrbm_gui.data.score_frames import ScoreFrames, ScoreNote, on_grid
from rnnrbm_gui.data.score_matching import MOST_DIFFERING, ScoreSearch
from rnnrbm_gui.errors import UserError
from rnnrbm_gui.music.timing import Meter

NOTATED = {".mxl", ".xml", ".krn"}
"""Suffixes of the scores; the others that music21 has of Bach are analyses."""

VOICES = {"soprano", "alto", "tenor", "bass", "s", "a", "t", "b"}
"""First words in the names of the sung parts; instruments strike doubled notes at other times."""

TELL_EVERY = 25

Tell = Callable[[str], None]


def _say_nothing(sentence: str) -> None:
    """Stand in for a listener."""


def articulate(
    corpus: Corpus, scores: Iterable[ScoreFrames] | None = None, *, tell: Tell = _say_nothing
) -> Corpus:
    """Give the pieces of a corpus of chorales their onsets and bars.

    Each piece is searched for among the scores by its pitches alone. Of a score nothing but the
    onsets and bars of the pieces that match it is taken: one that matches none has no effect.

    Args:
        corpus: chorales with a known length of frame; none but its own splits are touched.
        scores: on the corpus's grid; None for those that come with music21, in a minute or two.
        tell: is given sentences on how far it is.

    Returns:
        The corpus with the pieces that were matched, the others left out of all its splits, and
        the same ones in ``articulated``, in the same order. Its remarks say how many went where.

    Raises:
        CorpusError: the corpus does not say how long its frames are, or no piece matches a score.
        UserError: music21 is not there.
    """
    if corpus.frames_per_beat is None:
        raise CorpusError(
            f"The corpus '{corpus.name}' does not say how long its frames are: for onsets give one "
            "that does, such as Jsb16thSeparated.json."
        )
    if scores is None:
        scores = read_scores(frames_per_beat=corpus.frames_per_beat, tell=tell)
    search = ScoreSearch(list(scores))
    splits: dict[str, tuple[ArticulatedRoll, ...]] = {}
    remarks = []
    for part, rolls in corpus.splits.items():
        tell(f"Looking for the scores of the {len(rolls)} pieces of {part}.")
        splits[part], remark = _articulated(part, rolls, search)
        remarks.append(remark)
    if not any(splits.values()):
        raise CorpusError(
            f"No piece of '{corpus.name}' matches the score of a chorale: onsets can be had for "
            "chorales in their own keys only, such as Jsb16thSeparated.json."
        )
    return replace(
        corpus,
        splits={part: tuple(piece.roll for piece in pieces) for part, pieces in splits.items()},
        articulated=splits,
        remarks=(*corpus.remarks, *remarks),
    )


def _articulated(
    part: str, rolls: Sequence[Roll], search: ScoreSearch
) -> tuple[tuple[ArticulatedRoll, ...], str]:
    """Return a part's pieces that match a score, and a sentence on them and on the others."""
    pieces = []
    n_exact = 0
    left_out: Counter[str] = Counter()
    for roll in rolls:
        matches = search.matches(roll) if roll.any() else []
        why_not = matches[0].why_not() if matches else "match no score"
        if why_not:
            left_out[why_not] += 1
            continue
        pieces.append(matches[0].articulated(roll))
        n_exact += matches[0].differing == 0
    said = (
        f"Onsets and bars in {part}: {len(pieces)} of {len(rolls)} pieces were found among the "
        f"scores, {n_exact} of them note for note and the others with at most "
        f"{MOST_DIFFERING:.0%} of the keys differing"
    )
    for why, n_pieces in left_out.most_common():
        said += f"; {n_pieces} left out because they {why}"
    return tuple(pieces), f"{said}."


def read_scores(
    names: Sequence[str] | None = None, *, frames_per_beat: int = 4, tell: Tell = _say_nothing
) -> Iterator[ScoreFrames]:
    """Yield the scores of Bach's that come with music21, on a grid.

    music21 keeps what it has parsed in its own folder for temporary files: the second time is
    faster.

    Args:
        names: file names without suffix, such as ``bwv66.6``; None for all.
        frames_per_beat: frames to the quarter note.
        tell: is given a sentence every few scores.

    Raises:
        UserError: music21 is not there.
    """
    music21 = _music21()
    paths = sorted(map(Path, music21.corpus.getComposer("bach")))
    paths = [path for path in paths if path.suffix in NOTATED]
    if names is not None:
        paths = [path for path in paths if path.stem in set(names)]
    for number, path in enumerate(paths):
        if number % TELL_EVERY == 0:
            tell(f"Reading the scores of the chorales: {number} of {len(paths)}.")
        score = frames_of(music21.converter.parse(path), path.name, frames_per_beat)
        if score is not None:
            yield score


def _music21() -> ModuleType:
    """Return the package, with the parts that are used here.

    Raises:
        UserError: it is not there.
    """
    try:
        import music21
        import music21.converter
        import music21.corpus
    except ImportError as error:
        raise UserError(
            "The scores of the chorales come with the package music21, which is not installed: "
            'pip install "rnnrbm-gui[scores]".'
        ) from error
    return music21


def frames_of(score: Any, name: str, frames_per_beat: int) -> ScoreFrames | None:
    """Return a music21 score on a grid; None of one that is empty or does not fit it.

    Args:
        score: a ``music21.stream.Score``, with measures.
        name: what to call it.
        frames_per_beat: frames to the quarter note.
    """
    parts = list(score.parts)
    sung = [part for part in parts if _first_word(part.partName) in VOICES]
    if len(sung) >= 4:
        parts = sung
    if not parts:
        return None
    bars = [Fraction(bar.offset) for bar in parts[0].getElementsByClass("Measure")]
    meters = [
        Meter(signature.numerator, signature.denominator)
        for signature in parts[0].recurse().getElementsByClass("TimeSignature")
    ]
    notes = [note for part in parts for note in _notes(part)]
    return on_grid(name, notes, bars, meters, frames_per_beat)


def _first_word(part_name: str | None) -> str:
    return re.split(r"[^a-z]", (part_name or "").lower(), maxsplit=1)[0]


def _notes(part: Any) -> Iterator[ScoreNote]:
    """Yield a part's notes, chords note by note, without grace notes."""
    for element in part.recurse().notes:
        if element.duration.isGrace or not hasattr(element, "pitches"):
            continue  # a chord symbol is no note either, and has no length
        start = Fraction(element.getOffsetInHierarchy(part))
        end = start + Fraction(element.duration.quarterLength)
        for note in element.notes if element.isChord else (element,):
            tied_over = note.tie is not None and note.tie.type in ("stop", "continue")
            yield ScoreNote(start, end, note.pitch.midi, not tied_over)
