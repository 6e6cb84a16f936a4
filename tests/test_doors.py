"""The doors between the rooms: who may import whom, and who may know Qt."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import rnnrbm_gui
from tests.python import run_python

PACKAGE = Path(rnnrbm_gui.__file__).parent
NAME = PACKAGE.name

DOORS = {
    "ui": {"engine", "models", "player", "data", "music"},
    "engine": {"models", "player", "data", "music"},
    "player": {"music"},
    "data": {"models", "music"},
    "models": set(),
    "music": set(),
}
"""Besides itself and the leaves. Top-level modules such as cli see everything, nobody sees them."""

LEAVES = {"__init__", "errors", "paths"}
QT = {"PySide6", "pyqtgraph", "shiboken6"}
QT_MODULES = {"app", "bench_window"}
"""Of the top level, those that need Qt to be imported at all."""


def modules(package: Path) -> Iterator[tuple[str, Path]]:
    """Yield the dotted name, without the package's, and the file of every module."""
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" and parts[1:] else parts), path


def imports(name: str, path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and full dotted name of all that a module imports, in functions too."""
    in_package = path.stem == "__init__"
    here = [NAME, *name.split(".")] if name != "__init__" else [NAME, ""]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            up = node.level - (in_package and name != "__init__")
            base = here[: len(here) - up] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)


def violations(package: Path) -> list[str]:
    """Return a sentence for every import that goes through no door."""
    found = []
    names = dict(modules(package))
    top = {name for name in names if "." not in name} - DOORS.keys()
    for name, path in names.items():
        room = name.split(".")[0]
        for line, imported in imports(name, path):
            first, *rest = imported.split(".")
            place = f"{path.relative_to(package)}:{line}"
            if first in QT and room != "ui" and room not in top - LEAVES:
                found.append(f"{place} {room} may not know {first}")
            if first != NAME or not rest:
                continue
            other = rest[0]
            if other not in DOORS.keys() | top:
                continue  # a name in the package's own __init__
            if room in DOORS:
                allowed = DOORS[room] | LEAVES | {room}
            else:
                allowed = LEAVES if room in LEAVES else DOORS.keys() | top
            if other not in allowed:
                found.append(f"{place} {room} may not import {other}")
    return found


def test_every_import_goes_through_a_door() -> None:
    assert violations(PACKAGE) == []


def test_every_room_is_in_the_table() -> None:
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms == DOORS.keys()


WRONG = {
    "music/note.py": ("import rnnrbm_gui.models.rbm", "music may not import models"),
    "models/rbm.py": ("from rnnrbm_gui.music import note", "models may not import music"),
    "data/midi.py": ("from rnnrbm_gui.player.synth import Synth", "data may not import player"),
    "data/deep/__init__.py": ("from ...engine import events", "data may not import engine"),
    "player/clock.py": ("from ..data import midi", "player may not import data"),
    "engine/run.py": ("def f():\n    from rnnrbm_gui import ui", "engine may not import ui"),
    "engine/paint.py": ("from PySide6.QtGui import QColor", "engine may not know PySide6"),
    "ui/window.py": ("from rnnrbm_gui import cli", "ui may not import cli"),
    "errors.py": ("from rnnrbm_gui.music.note import Note", "errors may not import music"),
    "paths.py": ("from .cli import main", "paths may not import cli"),
}


@pytest.mark.parametrize(("place", "wrong"), WRONG.items(), ids=WRONG.keys())
def test_a_wrong_door_is_found(tmp_path: Path, place: str, wrong: tuple[str, str]) -> None:
    package = tmp_path / NAME
    right = {
        "__init__.py": "__version__ = '1'",
        "cli.py": "import PySide6\nfrom rnnrbm_gui import app, ui\nfrom .engine import run",
        "app.py": "from rnnrbm_gui import cli",
        "errors.py": "import enum",
        "ui/roll.py": "import PySide6\nfrom rnnrbm_gui.engine import run\nfrom . import look",
        "ui/deep/__init__.py": "from ..roll import Roll",
        "engine/run.py": "from rnnrbm_gui import __version__, errors, paths\nimport mido",
    }
    for name, source in {**right, place: None}.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source or "", "utf-8")
    assert violations(package) == []
    source, sentence = wrong
    (package / place).write_text(source, "utf-8")
    (found,) = violations(package)
    assert found.startswith(place)
    assert found.endswith(sentence)


IMPORT_ALL = """
import importlib, sys
for name in {blocked!r}:
    sys.modules[name] = None  # import raises ImportError
for name in sys.argv[1:]:
    importlib.import_module(name)
print(len(sys.argv) - 1)
"""


def names_without_qt() -> list[str]:
    return [
        f"{NAME}.{name}"
        for name, path in modules(PACKAGE)
        if name.split(".")[0] not in {"ui", "__init__"} | QT_MODULES and path.stem != "__main__"
    ]


def test_all_but_ui_is_imported_without_qt() -> None:
    names = names_without_qt()
    assert len(names) > 20
    assert run_python(IMPORT_ALL.format(blocked=sorted(QT)), *names) == str(len(names))


def test_a_blocked_qt_is_noticed() -> None:
    with pytest.raises(AssertionError, match="PySide6"):
        run_python(IMPORT_ALL.format(blocked=sorted(QT)), "PySide6.QtCore")


def test_the_window_starts_without_training_and_what_compiles() -> None:
    code = "import sys, importlib; importlib.import_module(sys.argv[1]); print(*sys.modules)"
    loaded = set(run_python(code, f"{NAME}.app").split())
    assert f"{NAME}.ui.main_window" in loaded
    assert not loaded & {"numba", "scipy", "pyqtgraph", "mido", f"{NAME}.ui.training.room"}


def test_the_command_line_starts_without_heavy_libraries() -> None:
    """What it imports at its top delays --help, and a missing Qt must be said, not crash."""
    code = "import sys, importlib; importlib.import_module(sys.argv[1]); print(*sys.modules)"
    loaded = set(run_python(code, f"{NAME}.cli").split())
    assert f"{NAME}.cli" in loaded
    assert not loaded & {"numba", "scipy", *QT}
