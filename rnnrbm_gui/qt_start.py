"""Imports PySide6 without what it does at every start and for every module.

WORKAROUND: its own Python part lies in its library as a ZIP file without byte code and is compiled
anew at each start: a twentieth of the time to the first paint. Here the byte code is kept. Can go
when PySide6 keeps it.

WORKAROUND: from then on it wraps every import, to see by the module's source whether that uses its
``__feature__``: NumPy loads a fifth longer, numba too. Here imports are as they were. Can go when
PySide6 waits for the first ``__feature__``. (It also lets ``from PySide6.QtCore import *`` find all
names; nobody here writes that.)
"""

import builtins
import contextlib
import marshal
import sys
from importlib.util import MAGIC_NUMBER, source_hash
from pathlib import Path
from types import CodeType
from typing import Any

from rnnrbm_gui import paths
from rnnrbm_gui.data.whole_file import write_whole
from rnnrbm_gui.errors import FileError

Kept = dict[tuple[str, bytes], CodeType]
"""By file name and hash of the source."""

FROM = "shibokensupport/"


def kept_at() -> Path:
    """Return where the byte code lies."""
    return paths.cache() / "pyside6.code"


def import_qt() -> None:
    """Import what all of Qt's modules need; where that fails, they say it themselves."""
    kept = _read()
    used: Kept = {}
    compile_anew = builtins.compile

    def compile_once(source: Any, filename: Any, mode: str, *more: Any, **options: Any) -> Any:
        if more or options or not isinstance(source, bytes) or not str(filename).startswith(FROM):
            return compile_anew(source, filename, mode, *more, **options)
        key = (filename, source_hash(source))
        code = used[key] = kept.get(key) or compile_anew(source, filename, mode)
        return code

    importing = builtins.__import__
    builtins.compile = compile_once
    try:
        with contextlib.suppress(ImportError):
            import PySide6  # noqa: F401
    finally:
        builtins.compile, builtins.__import__ = compile_anew, importing
    if used and used.keys() != kept.keys():
        _write(used)


def _read() -> Kept:
    try:
        content = kept_at().read_bytes()
    except OSError:
        return {}
    body = content[len(_head(b"")) :]
    if content != _head(body) + body:  # broken, or another Python's: it is kept anew
        return {}
    kept: Kept = marshal.loads(body)
    return kept


def _write(used: Kept) -> None:
    path = kept_at()
    with contextlib.suppress(OSError, FileError):  # then it is compiled at the next start, too
        path.parent.mkdir(parents=True, exist_ok=True)
        body = marshal.dumps(used)
        write_whole(path, _head(body) + body)


def _head(body: bytes) -> bytes:
    """Return which Python wrote what follows, and its digest: broken code would end the process."""
    return MAGIC_NUMBER + bytes([sys.flags.optimize]) + source_hash(body)
