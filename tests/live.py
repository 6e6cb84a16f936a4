"""Real parts for tests: a JACK server, fluidsynth, a spy port, an X display."""

import contextlib
import functools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

SOUNDFONTS = ("/usr/share/sounds/sf2/TimGM6mb.sf2", "/usr/share/sounds/sf2/default-GM.sf2")


def needs(*programs: str) -> Any:
    """Mark a test live: skipped where a program is missing, but never in CI."""
    missing = [name for name in programs if shutil.which(name) is None]
    skipped = bool(missing) and not os.environ.get("CI")
    reason = f"needs {', '.join(missing)} (apt: jackd2 fluidsynth timgm6mb-soundfont xvfb xdotool)"

    def mark(test: Any) -> Any:
        return pytest.mark.live(pytest.mark.skipif(skipped, reason=reason)(test))

    return mark


def wait_until(is_so: Callable[[], Any], limit_s: float = 5.0, what: str = "") -> Any:
    """Wait for a condition and return its value; fail at the deadline."""
    deadline_s = time.monotonic() + limit_s
    pause = threading.Event()
    while not (value := is_so()):
        assert time.monotonic() < deadline_s, f"waited {limit_s} s in vain for {what or is_so}"
        pause.wait(0.005)
    return value


@dataclass
class Jack:
    """A running server; ``env`` is for the processes that shall find it."""

    name: str
    process: subprocess.Popen[bytes]
    env: dict[str, str]
    stopped: bool = field(default=False)

    def ports(self) -> list[str]:
        """Return the names of all ports, none while the server does not answer."""
        return self._tool("jack_lsp").split("\n")[:-1]

    def connect(self, port: str, to: str) -> None:
        """Let what one port sends come to another, too."""
        self._tool("jack_connect", port, to)
        assert f"   {to}" in self._tool("jack_lsp", "-c", port).split("\n"), f"{port} to {to}"

    def _tool(self, *words: str) -> str:
        # WORKAROUND(libjack 1.9.21): jack_client_close waits for ever once in some 3,000 runs of
        # jack_lsp beside clients that come and go. What was asked is done by then: ask again.
        for _ in range(3):
            with contextlib.suppress(subprocess.TimeoutExpired):
                done = subprocess.run(
                    words, env=self.env, capture_output=True, text=True, timeout=2, check=False
                )
                return done.stdout if done.returncode == 0 else ""
        pytest.fail(f"{words[0]} did not end in 2 s, three times")

    def stop(self) -> None:
        """Freeze the server as a debugger would (SIGSTOP)."""
        self.process.send_signal(signal.SIGSTOP)
        self.stopped = True

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.stopped = False

    def end(self) -> None:
        """End the server as a user would."""
        if self.stopped:
            self.go_on()
        _end(self.process)

    def start(self) -> None:
        """Start the server (again, under the same name)."""
        self.process = _jackd(self.name)
        wait_until(self.ports, 10, "jackd")


def _jackd(name: str) -> subprocess.Popen[bytes]:
    options = ["-p", "64", "-d", "dummy", "-r", "48000", "-p", "256"]
    return subprocess.Popen(
        ["jackd", "-n", name, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _end(process: subprocess.Popen[Any]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def jack_server() -> Iterator[Jack]:
    """Run a JACK server on the dummy driver; this process and its children find it.

    JACK has eight places in shared memory, and a killed server leaves its place taken until one of
    the same name starts: so there are but a few names, each locked by whoever uses it.
    """
    before = {key: os.environ.get(key) for key in ("JACK_DEFAULT_SERVER", "JACK_NO_START_SERVER")}
    with _free_name() as name:
        os.environ.update(JACK_DEFAULT_SERVER=name, JACK_NO_START_SERVER="1")
        jack = Jack(name, _jackd(name), dict(os.environ))
        try:
            wait_until(jack.ports, 10, "jackd")
            yield jack
        finally:
            if jack.process.poll() == -signal.SIGKILL:
                jack.start()  # takes the place over, to give it back when it is ended
            jack.end()
            for key, value in before.items():
                if value is None:
                    del os.environ[key]
                else:
                    os.environ[key] = value


@contextlib.contextmanager
def _free_name() -> Iterator[str]:
    import fcntl  # not on Windows, where there is no JACK to test with

    for serial in range(6):
        name = f"rnnrbm-test-{os.getuid()}-{serial}"
        path = Path(tempfile.gettempdir()) / f"{name}.lock"
        with path.open("w") as lock, contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield name
            return
    pytest.fail("every name for a JACK server is taken: do other tests still run?")


@contextlib.contextmanager
def fluidsynth(jack: Jack, wav: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run fluidsynth with its MIDI input in JACK as ``fluidsynth-midi:midi_00``.

    With ``wav`` it writes what it plays into that file instead of playing it to JACK.
    """
    font = next(path for path in SOUNDFONTS if Path(path).exists())
    sound = ["-a", "file", "-o", f"audio.file.name={wav}"] if wav else ["-a", "jack"]
    options = ["-o", "synth.sample-rate=48000", "-o", f"shell.port={_free_port()}"]
    process = subprocess.Popen(
        ["fluidsynth", "-i", "-s", "-q", *sound, "-m", "jack", *options, font],
        env=jack.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        listed = functools.partial(_any_of, jack.ports, "fluidsynth")
        wait_until(listed, 15, "fluidsynth's port")
        yield process
    finally:
        _end(process)


def _any_of(ports: Callable[[], list[str]], start: str) -> bool:
    return any(port.startswith(start) and "midi" in port for port in ports())


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class SpyPort:
    """A JACK MIDI input that polls (a callback loses bursts) and keeps what it hears.

    Attributes:
        heard: (monotonic seconds, bytes of the message), in order of arrival.
    """

    def __init__(self, name: str = "spy", port: str = "in") -> None:
        import rtmidi

        self.heard: list[tuple[float, list[int]]] = []
        self._in = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name, queue_size_limit=100_000)
        self._in.open_virtual_port(port)
        self._ending = threading.Event()
        self._poller = threading.Thread(target=self._poll, name="spy", daemon=True)
        self._poller.start()
        self.port = f"{name}:{port}"

    def __enter__(self) -> "SpyPort":
        return self

    def __exit__(self, *_: object) -> None:
        if not self._ending.is_set():
            self.close()

    def close(self) -> None:
        """End; only while the server lives (rtmidi crashes otherwise), else ``abandon``."""
        self.abandon()
        self._in.close_port()
        self._in.delete()

    def abandon(self) -> None:
        """Stop listening and leave the port as it is."""
        self._ending.set()
        self._poller.join()
        _abandoned.append(self._in)

    def _poll(self) -> None:
        while not self._ending.wait(0.001):
            while (message := self._in.get_message()) is not None:
                self.heard.append((time.monotonic(), message[0]))

    def notes(self) -> list[tuple[bool, int, int]]:
        """Return the (on, channel, pitch) heard, in order."""
        found = []
        for _, message in list(self.heard):
            status = message[0] & 0xF0
            if status in (0x80, 0x90):
                on = status == 0x90 and message[2] > 0
                found.append((on, message[0] & 0x0F, message[1]))
        return found

    def controls(self) -> list[tuple[int, int, int]]:
        """Return the (channel, controller, value) heard, in order."""
        return [(m[0] & 0x0F, m[1], m[2]) for _, m in list(self.heard) if m[0] & 0xF0 == 0xB0]

    def sounding(self) -> set[tuple[int, int]]:
        """Return the (channel, pitch) that sound now."""
        now: set[tuple[int, int]] = set()
        for on, channel, pitch in self.notes():
            (now.add if on else now.discard)((channel, pitch))
        return now

    def check_pairs(self) -> None:
        """Fail unless ons and offs alternate at each pitch, an on first and an off last."""
        now: set[tuple[int, int]] = set()
        for on, *key in self.notes():
            assert (tuple(key) in now) is not on, f"{'on' if on else 'off'} twice at {key}"
            (now.add if on else now.discard)(tuple(key))  # type: ignore[arg-type]
        assert not now, f"still sounding: {now}"


_abandoned: list[Any] = []  # WORKAROUND: rtmidi crashes when a dead server's client is tidied up


@contextlib.contextmanager
def xvfb(width: int = 1280, height: int = 720) -> Iterator[str]:
    """Run an X display and set DISPLAY to it; yields its name."""
    read_end, write_end = os.pipe()
    process = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write_end), "-screen", "0", f"{width}x{height}x24", "-noreset"],
        pass_fds=[write_end],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write_end)
    before = os.environ.get("DISPLAY")
    try:
        with os.fdopen(read_end) as told:
            display = f":{told.readline().strip()}"
        os.environ["DISPLAY"] = display
        yield display
    finally:
        if before is None:
            os.environ.pop("DISPLAY", None)
        else:
            os.environ["DISPLAY"] = before
        _end(process)
