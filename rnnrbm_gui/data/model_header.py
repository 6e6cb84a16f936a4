"""What a model file says about itself, read without its parameters and without NumPy.

The header's entries are strings, as safetensors wants them; numbers and nested values are written
as JSON.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, fields
from safetensors import SafetensorError, safe_open

from rnnrbm_gui.errors import ModelError
from rnnrbm_gui.models.terms import (
    DEFAULT_GIBBS_STEPS,
    DEFAULT_TEMPERATURE,
    KIND_NAMES,
    MEMORIES,
    Kind,
    Memory,
    check_echoes,
)
from rnnrbm_gui.music.timing import PPQ, Meter

SUFFIX = ".safetensors"
"""Of a model's file."""

FORMAT = "1"
MOST_BYTES = 500_000_000


class ModelHeader(Struct, frozen=True):
    """What a model file says about itself.

    Attributes:
        name: for the model chooser, "Bach chorales".
        kind: "rnn-rbm", "rtrbm" or "rbm".
        memory: of an RNN-RBM: "tanh", "sigmoid" or "gru".
        n_visible: visible units: keys, times planes.
        n_hidden: hidden units.
        n_recurrent: recurrent units.
        echoes: how many frames before the next one are those that are seen beside each frame, as
            words: "16 32"; empty for none.
        planes: 1: which keys sound. 2: those, and beside them which are struck.
        bars: the meters whose bars the model is told its place in, "4/4 3/4"; empty for none.
        in_c: whether the pieces of its folder were transposed to C.
        low: MIDI pitch of key 0 in the corpus.
        transpose: semitones added when played.
        frames_per_beat: frames to the quarter note.
        meter: time signature, "4/4".
        bpm: a fitting tempo, quarter notes a minute.
        temperature: at which its samples are nearest to the music it has learned.
        gibbs_steps: a frame, likewise.
        recall: of an RNN-RBM, likewise: see ``RnnRbm.recalling``.
        corpus: what it was trained on.
        command: the command that trained it.
        figures: measured on the validation part, by name.
        attribution: whom to thank.
    """

    name: str
    n_visible: int
    n_hidden: int
    n_recurrent: int
    memory: Memory = "tanh"
    kind: Kind = "rnn-rbm"
    echoes: str = ""
    planes: int = 1
    bars: str = ""
    in_c: bool = False
    low: int = 21
    transpose: int = 0
    frames_per_beat: int = 1
    meter: str = "4/4"
    bpm: float = 90.0
    temperature: float = DEFAULT_TEMPERATURE
    gibbs_steps: int = DEFAULT_GIBBS_STEPS
    recall: float = 1.0
    corpus: str = ""
    command: str = ""
    figures: Mapping[str, float] = {}
    attribution: str = ""

    @property
    def n_keys(self) -> int:
        """Keys of one plane."""
        return self.n_visible // self.planes

    @property
    def kind_words(self) -> str:
        """What the model is, as a reader of papers calls it."""
        return {"rnn-rbm": "RNN-RBM", "rtrbm": "RTRBM", "rbm": "RBM"}[self.kind]


OPTIONAL = {
    "echoes": "",
    "planes": "1",
    "bars": "",
    "in_c": "false",
    "temperature": str(DEFAULT_TEMPERATURE),
    "gibbs_steps": str(DEFAULT_GIBBS_STEPS),
    "recall": "1.0",
}
"""Entries that earlier files lack, as they are written."""


def entries_of(header: ModelHeader) -> dict[str, str]:
    """Return a header as a file has it."""
    entries = {
        # A file's name need not be text; what of it is not is written as \x and its number.
        name: value.encode("utf-8", "backslashreplace").decode()
        if isinstance(value, str)
        else json.dumps(value)
        for name, value in asdict(header).items()
    }
    return {"format": FORMAT, **entries}


def read_header(path: Path) -> ModelHeader:
    """Read what a model file says about itself, without its parameters.

    Raises:
        ModelError: the file is missing, or is no model file.
    """
    path = Path(path)
    with opened(path) as file:
        return header_of(file.metadata() or {}, path.name)


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a safetensors file; what goes wrong in it becomes a ModelError with a sentence."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ModelError(f"'{path.name}' is over {MOST_BYTES // 10**6} MB: no model of ours.")
        with safe_open(path, "numpy") as file:
            yield file
    except OSError as error:
        why = error.strerror or "unreadable"
        raise ModelError(f"The model '{path}' cannot be opened ({why}): check the path.") from error
    except (SafetensorError, TypeError, ValueError) as error:
        raise ModelError(
            f"'{path.name}' is no readable safetensors file ({error}): choose a model file."
        ) from error


def header_of(entries: Mapping[str, str], name: str) -> ModelHeader:
    """Return the header that a file's entries are.

    Raises:
        ModelError: they are not those of a model that this version reads; ``name`` is the file's.
    """
    if entries.get("kind") not in KIND_NAMES:
        raise ModelError(
            f"'{name}' is no model of this program: its header names none of "
            f"{', '.join(KIND_NAMES)}."
        )
    if entries.get("format") != FORMAT:
        raise ModelError(
            f"'{name}' has the format {entries.get('format')!r}; this version reads {FORMAT}: "
            "update the program."
        )
    entries = {**OPTIONAL, **entries}
    values = {f.name: _value(entries, f.name, f.type, name) for f in fields(ModelHeader)}
    header = ModelHeader(**values)
    checks = {
        "memory": header.memory in MEMORIES,
        "echoes": echoes_of(header) is not None,
        "planes": header.planes in (1, 2) and header.n_visible % header.planes == 0,
        "bars": all(_is_meter(text) for text in header.bars.split()),
        "low": 0 <= header.low <= 127,
        "transpose": -60 <= header.transpose <= 60,
        "frames_per_beat": header.frames_per_beat > 0 and PPQ % header.frames_per_beat == 0,
        "temperature": 0.5 <= header.temperature <= 2,
        "gibbs_steps": 1 <= header.gibbs_steps <= 4000,
        "recall": 0.25 <= header.recall <= 4 and (header.recall == 1 or header.kind == "rnn-rbm"),
        "bpm": 20 <= header.bpm <= 300,
        "meter": _is_meter(header.meter),
    }
    for entry, fits in checks.items():
        if not fits:
            raise ModelError(
                f"'{name}': the header's {entry} is {getattr(header, entry)!r}, which is out of "
                "range: train or download the model again."
            )
    return header


def _value(entries: Mapping[str, str], entry: str, kind: Any, name: str) -> Any:
    if entry not in entries:
        raise ModelError(f"'{name}': the header lacks '{entry}': train the model again.")
    text = entries[entry]
    if kind in (str, Kind, Memory):
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if kind is bool and isinstance(value, bool):
        return value
    if kind is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if entry == "figures" and isinstance(value, dict):
        return value
    raise ModelError(
        f"'{name}': the header's {entry} cannot be read ({text[:40]!r}): train the model again."
    )


def echoes_of(header: ModelHeader) -> tuple[int, ...] | None:
    """Return a header's echoes in frames; None where they cannot be or are not in one form."""
    try:
        found = tuple(map(int, header.echoes.split()))
        check_echoes(found)
    except ValueError:
        return None
    fits = (not found or header.kind == "rnn-rbm") and written(found) == header.echoes
    return found if fits else None


def written(frames: Sequence[int]) -> str:
    """Return echoes as a header has them."""
    return " ".join(map(str, frames))


def _is_meter(text: str) -> bool:
    try:
        return str(Meter.of(text)) == text
    except ValueError:
        return False
