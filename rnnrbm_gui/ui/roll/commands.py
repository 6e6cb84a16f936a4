"""What the edit menu can do to chosen notes. Pure: a score and notes in, a score and notes out."""

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.ui.roll.tools import Part, moved, resized, within_reach
from rnnrbm_gui.ui.roll.viewport import snapped

Notes = frozenset[Note]


class Edit(NamedTuple):
    """A score after an edit, and the notes chosen in it."""

    score: Score
    chosen: Notes


def nudge(score: Score, chosen: Notes, ticks: int, semitones: int) -> Edit:
    """Move notes, as far as the roll reaches for all of them."""
    return _replace(score, chosen, moved(chosen, *within_reach(chosen, ticks, semitones)))


def lengthen(score: Score, chosen: Notes, ticks: int) -> Edit:
    """Move the ends of notes; none gets shorter than the step."""
    return _replace(score, chosen, (resized(note, Part.END, ticks, abs(ticks)) for note in chosen))


def duplicate(score: Score, chosen: Notes, snap: int) -> Edit:
    """Repeat notes right after themselves, on the grid."""
    start, end = min(note.on for note in chosen), max(note.off for note in chosen)
    way = -(-(end - start) // snap) * snap
    return _replace(score, (), moved(chosen, way, 0))


def paste(score: Score, clip: Iterable[Note], tick: int) -> Edit:
    """Put notes in so that the first of them starts at a tick."""
    notes = tuple(clip)
    return _replace(score, (), moved(notes, tick - min(note.on for note in notes), 0))


def quantise(score: Score, chosen: Notes, snap: int) -> Edit:
    """Bring onsets to the nearest grid lines; lengths stay."""
    return _replace(
        score, chosen, (moved((note,), snapped(note.on, snap) - note.on, 0)[0] for note in chosen)
    )


def legato(score: Score, chosen: Notes) -> Edit:
    """Let every note last until the next onset among the chosen; the last keep their length."""
    onsets = sorted({note.on for note in chosen})
    following = dict(pairwise(onsets))
    return _replace(
        score,
        chosen,
        (Note(n.on, n.pitch, following.get(n.on, n.off), n.velocity) for n in chosen),
    )


def _replace(score: Score, old: Iterable[Note], new: Iterable[Note]) -> Edit:
    put = tuple(sorted(new))
    after = score.replaced(old, put)
    return Edit(after, frozenset(put) & frozenset(after.notes))
