"""Folders of MIDI files for the tests of one's own music as a corpus."""

from collections.abc import Iterable
from pathlib import Path

from rnnrbm_gui.data.corpus import Corpus
from rnnrbm_gui.data.midi_file import MidiTrack, write_midi
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import PPQ, Meter


def write(path: Path, notes: Iterable[Note], meter: Meter = Meter()) -> Path:  # noqa: B008
    path.parent.mkdir(parents=True, exist_ok=True)
    write_midi(path, [MidiTrack("", Score.of(notes))], bpm=120.0, meter=meter)
    return path


def line(step: float, n: int = 16, pitch: int = 60, later: int = 0) -> list[Note]:
    """Notes that follow one another every ``step`` ticks, up and down a fifth."""
    return [
        Note(later + round(i * step), pitch + i % 8, later + round((i + 1) * step))
        for i in range(n)
    ]


def pieces(folder: Path, n: int, step: float = PPQ / 2) -> None:
    for i in range(n):
        write(folder / f"piece {i:02}.mid", line(step, pitch=48 + i))


def why_not(corpus: Corpus) -> dict[str, str]:
    return {piece.file: piece.why_not for piece in corpus.pieces if piece.why_not}
