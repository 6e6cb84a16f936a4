"""The app's own files: all that is on the roll and how it was made, as JSON.

A note is a list ``[on, pitch, off, velocity]`` in ticks of ``timing.PPQ`` to the beat. Numbers keep
their exact value, so that a project opened again plays the same music.
"""

import json
import math
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from rnnrbm_gui.data.whole_file import read_whole, write_whole
from rnnrbm_gui.errors import FileError
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.roll import Articulation
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import FASTEST_BPM, SLOWEST_BPM, Meter

SUFFIX = ".rnnrbm"
FORMAT = 1
MOST_BYTES = 16_000_000
LAST_TICK = 2**31 - 1
LAST_SEED = 2**64 - 1
KINDS = {int: "a whole number", float: "a number", str: "a text", list: "a list"}


class Project(Struct, frozen=True):
    """What is on the roll and how it was made.

    Attributes:
        drawn: the drawn and kept notes.
        generated: the notes of the take, as far as it had come.
        generated_frames: number of frames of the take; notes may end before it.
        mode: the name of what is done with the drawn notes.
        bpm: quarter notes a minute, 20 to 300.
        meter: the time signature.
        model: the name of the model, as in its file's header.
        seed: 0..2^64 - 1, which with the take decides the music.
        take: number of the take of this seed, from 0.
        temperature: above 0.
        gibbs_steps: to the frame, 1 or more.
        articulation: what a key on in two adjacent frames means.
        loop: first and last tick (not included) of the loop, None where there is none.
    """

    drawn: Score = field(default_factory=Score)
    generated: Score = field(default_factory=Score)
    generated_frames: int = 0
    mode: str = "Continue"
    bpm: float = 120.0
    meter: Meter = field(default_factory=Meter)
    model: str = ""
    seed: int = 0
    take: int = 0
    temperature: float = 1.0
    gibbs_steps: int = 250
    articulation: Articulation = Articulation.TIE
    loop: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if not SLOWEST_BPM <= self.bpm <= FASTEST_BPM:
            raise ValueError(f"bpm must be in {SLOWEST_BPM:g}..{FASTEST_BPM:g}, got {self.bpm}")
        if not 0 < self.temperature < math.inf:
            raise ValueError(f"temperature must be above 0, got {self.temperature}")
        for name, first, last in (
            ("gibbs_steps", 1, LAST_TICK),
            ("generated_frames", 0, LAST_TICK),
            ("seed", 0, LAST_SEED),
            ("take", 0, LAST_SEED),
        ):
            if not first <= getattr(self, name) <= last:
                raise ValueError(f"{name} must be in {first}..{last}, got {getattr(self, name)}")
        if self.loop is not None and not 0 <= self.loop[0] < self.loop[1] <= LAST_TICK:
            raise ValueError(f"loop must end after it begins, got {self.loop}")


def load_project(path: Path) -> Project:
    """Read a project.

    Raises:
        FileError: it cannot be opened, is broken, or was written by a later version.
    """
    content = read_whole(path, MOST_BYTES)
    try:
        return _project(_parsed(content))
    except (ValueError, OverflowError) as error:
        raise FileError(f"“{path.name}” cannot be read: {error}.") from error


def save_project(path: Path, project: Project) -> None:
    """Write a project, one line to each part of it.

    Raises:
        FileError: the file cannot be written; an older one of that name is then still whole.
    """
    fields: dict[str, Any] = {
        "format": FORMAT,
        "mode": project.mode,
        "bpm": project.bpm,
        "meter": [project.meter.numerator, project.meter.denominator],
        "model": project.model,
        "seed": project.seed,
        "take": project.take,
        "temperature": project.temperature,
        "gibbs_steps": project.gibbs_steps,
        "articulation": project.articulation.value,
        "loop": project.loop,
        "generated_frames": project.generated_frames,
        "drawn": _lists(project.drawn),
        "generated": _lists(project.generated),
    }
    lines = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in fields.items())
    write_whole(path, ("{\n" + ",\n".join(lines) + "\n}\n").encode())


def _lists(score: Score) -> list[list[int]]:
    return [[note.on, note.pitch, note.off, note.velocity] for note in score]


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(content.decode("utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(
            f"it is cut off or not a project, line {error.lineno}: {error.msg}"
        ) from error
    except (UnicodeDecodeError, RecursionError):
        fields = None
    if not isinstance(fields, dict) or "format" not in fields:
        raise ValueError("it is not a project of this app")
    if fields["format"] != FORMAT:
        raise ValueError(
            f"this version of the app knows format {FORMAT}, got {str(fields['format'])[:20]}; "
            "a later version may know it"
        )
    return fields


def _project(fields: dict[str, Any]) -> Project:
    loop = None
    if fields.get("loop") is not None:
        first, last = _whole_numbers(fields["loop"], 2, "“loop”")
        loop = (first, last)
    meter = _whole_numbers(_field(fields, "meter", list), 2, "“meter”")
    return Project(
        drawn=_score(fields, "drawn"),
        generated=_score(fields, "generated"),
        generated_frames=_field(fields, "generated_frames", int),
        mode=_field(fields, "mode", str),
        bpm=float(_field(fields, "bpm", int, float)),
        meter=Meter(*meter),
        model=_field(fields, "model", str),
        seed=_field(fields, "seed", int),
        take=_field(fields, "take", int),
        temperature=float(_field(fields, "temperature", int, float)),
        gibbs_steps=_field(fields, "gibbs_steps", int),
        articulation=Articulation(_field(fields, "articulation", str)),
        loop=loop,
    )


def _field(fields: dict[str, Any], name: str, *kinds: type) -> Any:
    if name not in fields:
        raise ValueError(f"“{name}” is missing")
    value = fields[name]
    if type(value) not in kinds:  # a bool is no int here
        raise ValueError(f"“{name}” must be {KINDS[kinds[-1]]}, got {str(value)[:40]}")
    return value


def _whole_numbers(value: Any, count: int, where: str) -> list[int]:
    if type(value) is not list or [type(item) for item in value] != [int] * count:
        raise ValueError(f"{where} must be {count} whole numbers, got {str(value)[:40]}")
    return value


def _score(fields: dict[str, Any], name: str) -> Score:
    notes = []
    for number, item in enumerate(_field(fields, name, list), start=1):
        where = f"note {number} of “{name}”"
        on, pitch, off, velocity = _whole_numbers(item, 4, where)
        try:
            notes.append(Note(on, pitch, off, velocity))
        except ValueError as error:
            raise ValueError(f"in {where}: {error}") from error
        if off > LAST_TICK:
            raise ValueError(f"in {where}: off must be {LAST_TICK} or less, got {off}")
    return Score.of(notes)
