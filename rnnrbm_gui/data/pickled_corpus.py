"""The published corpora of piano-rolls, read without running anything that is in them.

The format is that of Boulanger-Lewandowski, Bengio and Vincent (ICML 2012): a pickled dict of
splits (``train``, ``valid``, ``test``), each a list of sequences, each a list of frames, each a
tuple of the MIDI pitches that are on. A pickle is a program, so this reader first walks its
instructions and runs it only where they build containers and whole numbers and nothing else.
"""

import io
import pickle
import pickletools
from typing import Any, Never

from rnnrbm_gui.data.rolls import CorpusError

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


class _Containers(pickle.Unpickler):
    """Second lock behind the walk: no name in the pickle is ever looked up."""

    def find_class(self, module: str, name: str) -> Never:
        raise pickle.UnpicklingError(f"names {module}.{name}")

    def persistent_load(self, pid: object) -> Never:
        raise pickle.UnpicklingError("refers to something outside of itself")


def plain_value(content: bytes, name: str) -> Any:
    """Return what a pickle builds, having made sure that it can build only plain values.

    Args:
        content: the pickle.
        name: the file's, for the sentences.

    Raises:
        CorpusError: it is damaged, would run code, or holds more than containers and numbers.
    """
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
            f"'{name}' is no pickle, or a damaged one: choose a published corpus (.pickle, .json, "
            ".mat) or a folder of MIDI files."
        ) from error
