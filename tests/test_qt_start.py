"""PySide6's Python part is compiled once and kept, and no kept file can break a start."""

import signal
import subprocess
import sys
from importlib.util import MAGIC_NUMBER, source_hash
from marshal import dumps, loads
from pathlib import Path

import pytest

from tests.python import run_python

COUNTING = """
import builtins
own, compiled, importing = builtins.compile, [], builtins.__import__
def counted(source, filename, mode, *more, **options):
    compiled.append(str(filename))
    return own(source, filename, mode, *more, **options)
builtins.compile = counted
from rnnrbm_gui.qt_start import import_qt, kept_at
import_qt()
assert builtins.compile is counted
assert builtins.__import__ is importing
from PySide6.QtCore import QPoint
assert QPoint(1, 2).x() == 1
print(sum(name.startswith("shibokensupport/") for name in compiled), kept_at())
"""


def start(cache: Path) -> tuple[int, Path]:
    """Import Qt in a process of its own; return how many modules it compiled, and what it keeps."""
    home = {"XDG_CACHE_HOME": str(cache), "HOME": str(cache), "LOCALAPPDATA": str(cache)}
    n_compiled, _, kept_at = run_python(COUNTING, env=home).partition(" ")
    return int(n_compiled), Path(kept_at)


def test_what_is_compiled_is_kept(tmp_path: Path) -> None:
    n_compiled, kept_at = start(tmp_path)
    assert n_compiled > 5
    assert kept_at.is_relative_to(tmp_path)
    before = kept_at.read_bytes()
    assert start(tmp_path) == (0, kept_at)
    assert kept_at.read_bytes() == before


HEAD = len(MAGIC_NUMBER) + 1 + 8


def flipped(good: bytes, bit: int) -> bytes:
    """Return a file with one bit turned."""
    broken = bytearray(good)
    broken[bit // 8 % len(broken)] ^= 1 << bit % 8
    return bytes(broken)


def of_other_sources(good: bytes) -> bytes:
    """Return what an earlier PySide6 might have left."""
    codes = {(name, b"earlier."): code for (name, _), code in loads(good[HEAD:]).items()}
    return good[: HEAD - 8] + source_hash(dumps(codes)) + dumps(codes)


@pytest.mark.parametrize(
    "broken",
    [
        lambda good: b"",
        lambda good: good[: len(good) // 2],
        lambda good: b"\0\0\0\0" + good[4:],  # another Python's
        lambda good: good[:4] + b"\2" + good[5:],  # of python -OO
        lambda good: flipped(good, 8 * HEAD + 8 * 40_000 + 3),
        of_other_sources,
    ],
)
def test_a_file_that_does_not_fit_is_made_anew(tmp_path: Path, broken) -> None:
    n_modules, kept_at = start(tmp_path)
    good = kept_at.read_bytes()
    kept_at.write_bytes(broken(good))
    assert start(tmp_path)[0] == n_modules
    assert loads(kept_at.read_bytes()[HEAD:]).keys() == loads(good[HEAD:]).keys()
    assert start(tmp_path)[0] == 0


def test_where_nothing_can_be_kept_it_starts_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    n_compiled, kept_at = start(tmp_path / "file")
    assert n_compiled > 5
    assert not kept_at.exists()


INTERRUPTED = """
import os, signal
from rnnrbm_gui import launch, qt_start
read = qt_start._read
def interrupted():
    os.kill(os.getpid(), signal.SIGINT)
    return read()
qt_start._read = interrupted
launch.main([])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
def test_ctrl_c_while_qt_loads_ends_the_app_without_a_word() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")
