"""The real app in a process of its own, as a user starts it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.e2e.screen import RollOnScreen, Screen
from tests.live import Jack, wait_until

COMMAND = Path(sys.executable).with_name("rnnrbm-gui")
HIDDEN = ("QT_QPA_PLATFORM", "WAYLAND_DISPLAY", "DISPLAY", "RNNRBM_PICTURES")
FLUIDSYNTH = ("jack", "fluidsynth-midi:midi_00")


def surroundings(folder: Path, jack: Jack | None = None, display: str = "") -> dict[str, str]:
    """Return an environment in which the app keeps everything in ``folder``."""
    env = dict(jack.env if jack else os.environ)
    for name in HIDDEN:
        env.pop(name, None)
    for name in ("STATE", "CONFIG", "CACHE", "DATA"):
        env[f"XDG_{name}_HOME"] = str(folder / name.lower())
    return {**env, "DISPLAY": display} if display else env


class App:
    """A running window; ``children`` remembers every process it has started so far."""

    def __init__(self, process: subprocess.Popen[bytes], screen: Screen, folder: Path) -> None:
        self.process, self.screen, self.folder = process, screen, folder
        self.window = wait_until(lambda: screen.window(process.pid), 30, "the window")
        self.roll: RollOnScreen = wait_until(self._find_roll, 15, "the roll in the window")
        self.children: set[psutil.Process] = set()

    def _find_roll(self) -> RollOnScreen | None:
        """Find the roll twice at the same place: a picture may show half a painting."""
        found = RollOnScreen.of(self.screen.picture())
        return found if found == RollOnScreen.of(self.screen.picture()) else None

    def meet_children(self) -> set[psutil.Process]:
        """Remember and return the processes that the app has started."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self.children |= set(psutil.Process(self.process.pid).children(recursive=True))
        return self.children

    def player(self) -> psutil.Process:
        """Return the process that owns the ports."""
        players = [c for c in self.meet_children() if c.is_running() and _is_player(c)]
        assert len(players) == 1, players
        return players[0]

    # ---- hands

    def keys(self, *names: str) -> None:
        """Press keys in the window."""
        self.screen.hands("windowfocus", "--sync", self.window, *_each("key", names))

    def click(self, x: int, y: int) -> None:
        """Click with the left button."""
        self.screen.hands("mousemove", x, y, "click", 1)

    def drag(self, x: int, y: int, to_x: int, to_y: int) -> None:
        """Press the left button, move in three steps, let it go."""
        steps = [(x + (to_x - x) * i // 3, y + (to_y - y) * i // 3) for i in (1, 2, 3)]
        moves = [word for step in steps for word in ("mousemove", *step)]
        self.screen.hands("mousemove", x, y, "mousedown", 1, *moves, "mouseup", 1)

    def play(self) -> None:
        """Press Space and see the playhead move."""
        self.keys("space")
        self.see_it_move()

    # ---- what is to be seen

    def moving_part(self) -> tuple[slice, slice]:
        """Return the part of the picture in which the playhead moves: roll and ruler."""
        return np.s_[self.roll.top - 20 : self.roll.bottom, self.roll.first_beat : 980]

    def see_it_move(self, limit_s: float = 3.0) -> None:
        """Fail unless the roll is painted anew, twice."""
        for _ in range(2):
            self.screen.wait_for_change(limit_s, self.moving_part())

    def stands_still(self) -> bool:
        """Tell whether the roll stays as it is for a third of a second."""
        try:
            self.screen.wait_for_change(0.35, self.moving_part())
        except AssertionError:
            return True
        return False

    # ---- the end

    def ended(self, limit_s: float) -> int:
        """Wait for the end of the app and of every process it has started; return its code."""
        code = self.process.wait(limit_s)
        self.see_no_child(limit_s)
        return code

    def see_no_child(self, limit_s: float) -> None:
        """Fail unless every process that the app has started is gone."""
        wait_until(lambda: not [c for c in self.children if runs(c)], limit_s, "children's end")

    def errors(self) -> str:
        """Return what the app wrote to standard error and into its log."""
        log = self.folder / "state" / "rnnrbm-gui" / "errors.log"
        said = (self.folder / "stderr").read_text()
        return said + (log.read_text() if log.exists() else "")


def _each(word: str, things: tuple[str, ...]) -> list[str]:
    return [part for thing in things for part in (word, thing)]


def _is_player(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()[-2:] == ["-m", "rnnrbm_gui.player"]
    return False


def runs(process: psutil.Process) -> bool:
    """Tell whether a process is there and no zombie."""
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


@contextlib.contextmanager
def app(
    screen: Screen, folder: Path, jack: Jack, output: tuple[str, str], **settings: object
) -> Iterator[App]:
    """Start the app with an output chosen at an earlier start; see that no process is left."""
    folder.mkdir(exist_ok=True)
    place = folder / "config" / "rnnrbm-gui"
    place.mkdir(parents=True, exist_ok=True)
    known = {"output": output, "width": 1280, "height": 720, "theme": "dark", **settings}
    (place / "settings.json").write_text(json.dumps(known))
    with (folder / "stderr").open("wb") as errors:
        process = subprocess.Popen(
            [COMMAND], env=surroundings(folder, jack, screen.display), stderr=errors, cwd=folder
        )
    running = None
    try:
        running = App(process, screen, folder)
        yield running
    finally:
        if running is not None:
            running.meet_children()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(8)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                pytest.fail("the app did not end by SIGTERM")
        if running is not None:
            running.see_no_child(5)


def out_port(jack: Jack, client: str = "rnnrbm-gui") -> str | None:
    """Return the MIDI output of an instance of the app, None while there is none."""
    return next((port for port in jack.ports() if port.startswith(f"{client}:")), None)
