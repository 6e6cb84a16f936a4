"""Corpora, whatever form they come in: one door for the published files and one's own music."""

from pathlib import Path

from rnnrbm_gui.data import json_corpus
from rnnrbm_gui.data.mat_corpus import rolls_in_mat
from rnnrbm_gui.data.midi_corpus import SUFFIXES, read_folder
from rnnrbm_gui.data.pickled_corpus import plain_value
from rnnrbm_gui.data.rolls import HIGH, LOW, Corpus, CorpusError, PieceReport, Roll, splits_of
from rnnrbm_gui.data.whole_file import read_whole
from rnnrbm_gui.errors import FileError

__all__ = ["HIGH", "LOW", "Corpus", "CorpusError", "PieceReport", "Roll", "load_corpus"]

MOST_BYTES = 200_000_000


def load_corpus(path: Path, *, in_c: bool = False, frames_per_beat: int | None = None) -> Corpus:
    """Read a corpus: a published file (a pickle, JSON by voices, MATLAB) or a folder of MIDI.

    Args:
        path: the file or the folder.
        in_c: of a folder, transpose each piece so that its estimated tonic is C; the published
            files are taken as they are.
        frames_per_beat: of a folder, the grid; None to find the one that fits.

    Raises:
        CorpusError: it is missing, in no known form, would run code, or holds anything but splits
            of sequences of frames of pitches from LOW to HIGH; a folder without enough music.
    """
    path = Path(path)
    if path.is_dir():
        return read_folder(path, in_c=in_c, frames_per_beat=frames_per_beat)
    if path.suffix.lower() in SUFFIXES:
        raise CorpusError(
            f"'{path.name}' is one MIDI file: put it into a folder with others and give the folder."
        )
    content = _content(path)
    if path.suffix.lower() == ".mat":
        return Corpus(path.stem, rolls_in_mat(content, path.name))
    if path.suffix.lower() == ".json":
        splits = splits_of(
            json_corpus.json_value(content, path.name), path.name, silent=json_corpus.SILENT
        )
        return Corpus(path.stem, splits, json_corpus.frames_per_beat(path.stem))
    return Corpus(path.stem, splits_of(plain_value(content, path.name), path.name))


def _content(path: Path) -> bytes:
    try:
        return read_whole(path, MOST_BYTES)
    except FileError as error:
        raise CorpusError(f"The corpus {error}") from error
