"""The processes the app starts for sound: the player itself, and probes of MIDI APIs."""

import contextlib
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import Any

from rnnrbm_gui.player import protocol
from rnnrbm_gui.player.protocol import now_s

START_S, SILENT_S = 5.0, 1.2
"""How long a player may take to its first sign of life, and from one to the next."""

PROBE_S = 1.5
FIRST_S, AGAIN_S, RARELY_S = 0.8, 3.0, 24.0
"""To ask is two more processes, which at once would hold up the first note, where none is wanted.
An API that has never answered is asked less and less often."""

MIDI_APIS = {"linux": ("alsa", "jack"), "darwin": ("core",), "win32": ("winmm",)}
"""What rtmidi's wheels hold; the app itself never loads rtmidi."""

_PYTHON = (sys.executable, "-P", "-m")  # -P: a json.py in the user's folder is not ours
_QUIET = getattr(subprocess, "CREATE_NO_WINDOW", 0)


class Child:
    """One player process and the pipes to it.

    Threads: one writes commands, so that a stuck player never holds up the app; one reads reports
    and calls ``hear`` with each. Both end with the process.
    """

    def __init__(self, hear: "Callable[[Child, Any], None]", *, null: bool) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        self.process = subprocess.Popen(
            [*_PYTHON, "rnnrbm_gui.player", *(["--null"] if null else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            creationflags=_QUIET,
        )
        self._hear = hear
        self.inside = ""  # the API whose call has not come back
        self.ended = False
        self._alive_until_s = now_s() + START_S
        self._commands: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=work, name=f"player {name}", daemon=True)
            for name, work in (("commands", self._write), ("reports", self._read))
        ]
        for thread in self._threads:
            thread.start()

    def send(self, command: protocol.Command) -> None:
        """Send a command, without waiting.

        Raises:
            ValueError, TypeError: it holds what JSON cannot say.
        """
        self._commands.put(protocol.encode(command))

    def silent(self, at_s: float) -> bool:
        """Tell whether the player has given no sign of life for too long."""
        return at_s > self._alive_until_s

    def excuse(self, at_s: float) -> None:
        """Start waiting anew: it was the app that slept."""
        self._alive_until_s = max(self._alive_until_s, at_s + SILENT_S)

    def end(self, limit_s: float) -> str:
        """Wait for the process, kill it after ``limit_s``; return the last line of its errors."""
        self._commands.put(None)
        try:
            self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for thread in self._threads:
            thread.join(1.0)
        with contextlib.suppress(OSError):
            self.process.stdin.close()  # type: ignore[union-attr]
        self.process.stdout.close()  # type: ignore[union-attr]
        if self._errors.closed:
            return ""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        self._errors.close()
        return lines[-1] if lines else ""

    def _write(self) -> None:
        pipe = self.process.stdin
        assert pipe is not None
        with contextlib.suppress(OSError, ValueError):  # the process has ended
            while (line := self._commands.get()) is not None:
                pipe.write(line)
                if self._commands.empty():
                    pipe.flush()
            pipe.flush()

    def _read(self) -> None:
        assert self.process.stdout is not None
        try:
            for line in self.process.stdout:
                try:
                    report = protocol.decode(line)
                except ValueError:  # a line cut short by the process's end
                    continue
                self._alive_until_s = now_s() + SILENT_S
                if isinstance(report, protocol.Entering):
                    self.inside = report.api
                self._hear(self, report)
        finally:
            self.ended = True


class Probes:
    """Asks MIDI APIs in throw-away processes whether they answer.

    An API is *admitted* while it does. But for ``hurry``, all calls come from one thread.
    """

    def __init__(self) -> None:
        self.admitted: set[str] = set()
        self._due_s = dict.fromkeys(MIDI_APIS.get(sys.platform, ()), now_s() + FIRST_S)
        self._pause_s = dict.fromkeys(self._due_s, AGAIN_S)
        self._answered: set[str] = set()
        self._hurry = False
        self._running: dict[str, tuple[subprocess.Popen[str], float]] = {}

    def hurry(self) -> None:
        """Ask everyone soon (from any thread)."""
        self._hurry = True

    def exclude(self, api: str, at_s: float) -> None:
        """Do without an API until a probe comes back from it."""
        self._pause_s[api] = AGAIN_S
        self.admitted.discard(api)
        self._due_s[api] = at_s + 0.5

    def watch(self, at_s: float) -> list[protocol.Admit | protocol.Refuse]:
        """Start probes that are due; return what those that ended tell the player."""
        hurry, self._hurry = self._hurry, False
        for api in [api for api, due_s in self._due_s.items() if hurry or due_s <= at_s]:
            self._running[api] = (_probe(api), at_s + PROBE_S)
            del self._due_s[api]
        answers: list[protocol.Admit | protocol.Refuse] = []
        for api, (process, until_s) in [*self._running.items()]:
            if process.poll() is None and at_s < until_s:
                continue
            del self._running[api]
            reason = _outcome(process)
            if reason is None:
                self.admitted.add(api)
                self._answered.add(api)
                answers.append(protocol.Admit(api))
            else:
                self._due_s[api] = at_s + self._pause_s[api]
                if api not in self._answered:
                    self._pause_s[api] = min(2 * self._pause_s[api], RARELY_S)
                answers.append(protocol.Refuse(api, reason))
        return answers

    def close(self) -> None:
        """End the probes that run."""
        for process, _ in self._running.values():
            _outcome(process)
        self._running.clear()


def _probe(api: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*_PYTHON, "rnnrbm_gui.player.probe", api],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        creationflags=_QUIET,
    )


def _outcome(process: "subprocess.Popen[str]") -> str | None:
    """Return None where the API answered, or why it did not; kill a probe that still runs."""
    hung = process.poll() is None
    if hung:
        process.kill()
    said, _ = process.communicate()
    if process.returncode == 0:
        return None
    return "it does not answer" if hung or not said else said
