"""The published corpora of piano-rolls, read without running anything that is in them.

The format is that of Boulanger-Lewandowski, Bengio and Vincent (ICML 2012): a pickled dict of
splits (``train``, ``valid``, ``test``), each a list of sequences, each a list of frames, each a
tuple of the MIDI pitches that are on. A pickle is a program, so this reader first walks its
instructions and runs it only where they build containers and whole numbers and nothing else.
"""

import io
import pickle
import pickletools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Never

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.errors import FileError

LOW, HIGH = 21, 108
"""Pitch range of the published corpora: the 88 keys of a piano."""

MOST_FRAMES = 2_000_000
MOST_BYTES = 200_000_000

Roll = NDArray[np.bool_]

# What building dicts, lists, tuples, strings and whole numbers takes, in every protocol.
# fmt: off
_HARMLESS = frozenset({
    "PROTO", "FRAME", "STOP", "MARK", "POP", "POP_MARK", "DUP", "NONE", "NEWTRUE", "NEWFALSE",
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "UNICODE", "BINUNICODE",
    "SHORT_BINUNICODE", "STRING", "BINSTRING", "SHORT_BINSTRING", "FLOAT", "BINFLOAT",
    "EMPTY_LIST", "LIST", "APPEND", "APPENDS", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2",
    "TUPLE3", "EMPTY_DICT", "DICT", "SETITEM", "SETITEMS", "PUT", "BINPUT", "LONG_BINPUT",
    "MEMOIZE", "GET", "BINGET", "LONG_BINGET",
})
# fmt: on
_NAMES_CODE = frozenset({"GLOBAL", "STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4"})


class CorpusError(FileError):
    """A corpus that cannot be read; the sentence names the file and what is wrong in it."""


@dataclass(frozen=True)
class Corpus:
    """The splits of one corpus as rolls.

    Attributes:
        name: the file's name without its suffix.
        splits: name of a split (``train``, ``valid`` and, if there, ``test``) to its sequences,
            each ``roll[frame, key]`` with ``key = pitch - LOW``.
    """

    name: str
    splits: dict[str, tuple[Roll, ...]]

    def split(self, name: str) -> tuple[Roll, ...]:
        """Return the sequences of one split.

        Raises:
            CorpusError: the corpus has no such split.
        """
        if name not in self.splits:
            there = ", ".join(self.splits)
            raise CorpusError(
                f"The corpus '{self.name}' has no part '{name}': choose one of {there}."
            )
        return self.splits[name]


class _Containers(pickle.Unpickler):
    """Second lock behind the walk: no name in the pickle is ever looked up."""

    def find_class(self, module: str, name: str) -> Never:
        raise pickle.UnpicklingError(f"names {module}.{name}")

    def persistent_load(self, pid: object) -> Never:
        raise pickle.UnpicklingError("refers to something outside of itself")


def load_corpus(path: Path) -> Corpus:
    """Read a pickled corpus.

    Raises:
        CorpusError: the file is missing, is no such pickle, would run code, or holds anything but
            splits of sequences of frames of pitches from LOW to HIGH.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CorpusError(
                f"The corpus '{path.name}' is over {MOST_BYTES // 10**6} MB: too big."
            )
        content = path.read_bytes()
    except OSError as error:
        why = error.strerror or "unreadable"
        raise CorpusError(f"The corpus '{path}' cannot be read ({why}): check the path.") from error
    value = _harmless(content, path.name)
    if not isinstance(value, dict) or not value or not all(isinstance(key, str) for key in value):
        raise CorpusError(
            f"'{path.name}' is not a corpus: a dict of 'train', 'valid' and 'test' was expected."
        )
    splits: dict[str, tuple[Roll, ...]] = {}
    left = MOST_FRAMES
    for name, part in value.items():
        splits[name] = tuple(_rolls(part, f"'{path.name}', part '{name}'", left))
        left -= sum(map(len, splits[name]))
    return Corpus(path.stem, splits)


def _harmless(content: bytes, name: str) -> Any:
    """Return what a pickle builds, having made sure that it can build only plain values."""
    try:
        for opcode, argument, _ in pickletools.genops(content):
            if opcode.name in _NAMES_CODE:
                raise CorpusError(
                    f"'{name}' names a Python class or function ({argument or opcode.name}) and "
                    "could run code when opened: it is refused; only containers and numbers may "
                    "be in a corpus."
                )
            if opcode.name not in _HARMLESS:
                raise CorpusError(
                    f"'{name}' holds more than containers and numbers ({opcode.name}): it is "
                    "refused; save the corpus as lists of tuples of pitches."
                )
            # A memo slot far beyond the file's size would only make the reader take memory.
            if "PUT" in opcode.name and argument is not None and int(argument) > len(content):
                raise CorpusError(f"'{name}' is damaged: it claims more parts than it has bytes.")
        return _Containers(io.BytesIO(content)).load()
    except CorpusError:
        raise
    except Exception as error:  # the unpickler raises nearly anything on damaged input
        raise CorpusError(
            f"'{name}' is no readable pickle ({error}): download the corpus again."
        ) from error


def _rolls(part: object, place: str, left: int) -> Iterator[Roll]:
    """Yield a part's sequences as rolls, at most ``left`` frames in all."""
    if not isinstance(part, list | tuple):
        raise CorpusError(f"{place}: a list of sequences was expected, not {type(part).__name__}.")
    for number, sequence in enumerate(part):
        where = f"{place}, sequence {number}"
        if not isinstance(sequence, list | tuple):
            raise CorpusError(f"{where}: a list of frames was expected.")
        left -= len(sequence)
        if left < 0:
            raise CorpusError(f"{where}: there are over {MOST_FRAMES:,} frames in all: too many.")
        roll = np.zeros((len(sequence), HIGH - LOW + 1), np.bool_)
        for frame, pitches in enumerate(sequence):
            roll[frame, _keys(pitches, f"{where}, frame {frame}")] = True
        yield roll


def _keys(pitches: object, where: str) -> list[int]:
    if not isinstance(pitches, list | tuple) or len(pitches) > 128:
        raise CorpusError(f"{where}: a tuple of at most 128 pitches was expected.")
    for pitch in pitches:
        if isinstance(pitch, bool) or not isinstance(pitch, int):
            kind = type(pitch).__name__
            raise CorpusError(f"{where}: a pitch must be a whole number, not of type {kind}.")
        if not LOW <= pitch <= HIGH:
            shown = pitch if abs(pitch) < 10**9 else "a far larger number"
            raise CorpusError(f"{where}: a pitch must be in {LOW}..{HIGH}, got {shown}.")
    return [pitch - LOW for pitch in pitches]
