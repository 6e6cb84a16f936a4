"""An X display of its own, its picture as an array, and hands on its mouse and keyboard."""

import contextlib
import os
import struct
import subprocess
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.ui.roll.layers import KEYBOARD
from tests.live import wait_until

Picture = NDArray[np.uint8]
"""(height, width, 3), red, green, blue."""


@dataclass
class Screen:
    """A running display; Xvfb keeps its picture in a file (X window dump, BGRX pixels)."""

    display: str
    memory: Path
    process: subprocess.Popen[bytes]

    def picture(self) -> Picture:
        """Return what is to be seen now."""
        raw = self.memory.read_bytes()
        fields = struct.unpack(">25I", raw[:100])
        header, width, height, line, n_colours = (*(fields[i] for i in (0, 4, 5, 12, 19)),)
        first = header + 12 * n_colours
        rows = np.frombuffer(raw, np.uint8, height * line, first).reshape(height, line)
        return rows[:, : 4 * width].reshape(height, width, 4)[:, :, 2::-1].copy()

    def hands(self, *actions: object) -> None:
        """Move the mouse and press keys, in xdotool's words."""
        subprocess.run(
            ["xdotool", *map(str, actions)],
            env={**os.environ, "DISPLAY": self.display},
            check=True,
            timeout=10,
            capture_output=True,
        )

    def window(self, pid: int) -> int | None:
        """Return the window of a process once it is to be seen."""
        found = subprocess.run(
            ["xdotool", "search", "--onlyvisible", "--pid", str(pid), "--name", "rnnrbm"],
            env={**os.environ, "DISPLAY": self.display},
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
        return int(found.stdout.split()[0]) if found.stdout.split() else None

    def wait_for_change(self, limit_s: float, box: tuple[slice, slice] = np.s_[:, :]) -> None:
        """Wait until a part of the picture is another than now."""
        before = self.picture()[box]
        wait_until(lambda: (self.picture()[box] != before).any(), limit_s, "a new picture")


@contextlib.contextmanager
def screen(folder: Path, width: int = 1280, height: int = 720) -> Iterator[Screen]:
    """Run an X display that keeps its picture in ``folder``."""
    read_end, write_end = os.pipe()
    place = ["-fbdir", str(folder), "-screen", "0", f"{width}x{height}x24"]
    process = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write_end), *place, "-noreset"],
        pass_fds=[write_end],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write_end)
    try:
        with os.fdopen(read_end) as told:
            number = told.readline().strip()
        assert number, "Xvfb did not start"
        yield Screen(f":{number}", folder / "Xvfb_screen0", process)
    finally:
        process.terminate()
        process.wait(5)


@dataclass(frozen=True)
class RollOnScreen:
    """Where the roll lies in a picture of the window, read from the picture alone.

    Attributes:
        top, bottom: of the note area, pixels.
        first_beat: x of the roll's beginning.
        beat: width of a quarter note, pixels.
        black: y of the middle of the uppermost whole black key.
        key: height of a key, pixels.
    """

    top: int
    bottom: int
    first_beat: int
    beat: float
    black: float
    key: float

    @staticmethod
    def of(picture: Picture, beats_in_bar: int = 4) -> "RollOnScreen | None":
        """Find keyboard and bar lines; None where they are not painted yet."""
        light = np.flatnonzero(picture[:, 72].min(axis=1) > 140)
        keys = max(np.split(light, np.flatnonzero(np.diff(light) > 4) + 1), key=len)
        if len(keys) < 200:
            return None
        top, bottom = int(keys[0]), int(keys[-1]) + 1
        black = _runs(picture[top:bottom, 20].max(axis=1) < 90)[1:-1]  # those cut off are left out
        ruler = picture[top - 22]  # above the bar numbers
        bars = np.flatnonzero((ruler == ruler[KEYBOARD]).all(axis=1))[:2]
        if len(black) < 7 or len(bars) < 2 or bars[1] - bars[0] < 20:
            return None
        middles = [top + (a + b - 1) / 2 for a, b in black]
        key = float(np.diff(middles).min()) / 2
        beat = float(bars[1] - bars[0]) / beats_in_bar
        return RollOnScreen(top, bottom, int(bars[0]), beat, middles[0], key)

    def x(self, beat: float) -> int:
        """Return the x of a time in quarter notes."""
        return round(self.first_beat + beat * self.beat)


def _runs(truth: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], truth, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def write_png(path: Path, picture: Picture) -> None:
    """Write a picture as PNG, with nothing but the standard library."""
    height, width, _ = picture.shape
    rows = b"".join(b"\0" + row.tobytes() for row in picture)

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", size), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
