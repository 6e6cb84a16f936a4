"""The player's process by itself, on its two pipes."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from rnnrbm_gui.player import protocol
from rnnrbm_gui.player.protocol import TimedNote
from tests.live import jack_server, needs, wait_until


class Process:
    """A player on the null device; reports are read by a thread, as the app does."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rnnrbm_gui.player", "--null"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.reports: list[Any] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.reports.append(protocol.decode(line))

    def send(self, *commands: protocol.Command) -> None:
        for command in commands:
            self.write(protocol.encode(command))

    def write(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def wait(self, kind: type, **like: Any) -> Any:
        def found() -> Any:
            alike = (r for r in list(self.reports) if type(r) is kind)
            return next(
                (r for r in alike if all(getattr(r, k) == v for k, v in like.items())), None
            )

        return wait_until(found, 5, f"{kind.__name__} {like}")

    def balance(self) -> int:
        strokes = [r for r in self.reports if isinstance(r, protocol.Sounding)]
        return sum(1 if stroke.on else -1 for stroke in strokes)

    def end(self) -> int:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.wait(5)
        self._reader.join(5)
        self.process.stdout.close()  # type: ignore[union-attr]
        self.errors = self.process.stderr.read().decode()  # type: ignore[union-attr]
        self.process.stderr.close()  # type: ignore[union-attr]
        return self.process.returncode


@pytest.fixture
def player() -> Iterator[Process]:
    player = Process()
    try:
        yield player
    finally:
        if player.process.returncode is None:
            player.process.kill()
            player.end()


HELD = TimedNote(1, 0, 10**7, 60, 80)


def test_the_app_is_gone_and_the_player_ends_in_silence(player: Process) -> None:
    player.send(protocol.Play(0, 1, 120.0), protocol.Schedule(1, (HELD,)))
    player.wait(protocol.Sounding, on=True, note_id=1)
    assert player.end() == 0
    assert player.errors == ""
    assert player.balance() == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_it_ends_on_sigterm_and_leaves_sigint_to_the_app(player: Process) -> None:
    player.send(protocol.Play(0, 1, 120.0), protocol.Schedule(1, (HELD,)))
    player.wait(protocol.Sounding, on=True)
    os.kill(player.process.pid, signal.SIGINT)
    player.send(protocol.Strike(72, 80))
    player.wait(protocol.Sounding, pitch=72, on=True)
    os.kill(player.process.pid, signal.SIGTERM)
    player.process.wait(3)
    assert player.end() == 0
    assert player.balance() == 0


def test_lines_that_make_no_sense_are_told_and_the_player_goes_on(player: Process) -> None:
    player.write(b"nonsense\n")
    player.write(b'{"type":"Beat","at_s":1.0,"level":0.0}\n')  # a report is no command
    player.wait(protocol.Trouble)
    player.send(protocol.Strike(60, 80))
    player.wait(protocol.Sounding, pitch=60)


def test_a_command_that_fails_is_told_and_ends_every_note(player: Process) -> None:
    player.send(protocol.Strike(60, 80))
    player.wait(protocol.Sounding, pitch=60, on=True)
    player.send(protocol.Play(0.0, 0, 120.0))
    never = 10**400  # which no float holds
    player.send(protocol.Schedule(0, (protocol.TimedNote(1, never, never + 1, 60, 80),)))
    assert "The player failed" in player.wait(protocol.Trouble).sentence
    player.process.wait(3)
    assert player.end() == 1
    assert "Traceback" in player.errors
    assert player.balance() == 0


def test_the_sound_follows_the_strokes(player: Process) -> None:
    player.wait(protocol.AudioDevice, is_null=True)
    player.send(protocol.Strike(60, 120))
    wait_until(lambda: any(r.level > 0.05 for r in player.reports if isinstance(r, protocol.Beat)))
    player.send(protocol.Panic())
    player.wait(protocol.Sounding, pitch=60, on=False)

    def silent() -> bool:
        last = [r for r in player.reports if isinstance(r, protocol.Beat)][-1]
        return bool(last.level == 0.0)

    wait_until(silent)


def test_it_loads_nothing_heavy() -> None:
    source = (
        "import sys, json, rnnrbm_gui.player.process, rnnrbm_gui.player.synth, miniaudio;"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    said = subprocess.run([sys.executable, "-c", source], capture_output=True, check=True)
    loaded = set(json.loads(said.stdout))
    assert loaded.isdisjoint({"PySide6", "numba", "scipy", "mido", "pyqtgraph", "safetensors"})
    source = "import sys, rnnrbm_gui.player.process; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", source], check=False).returncode == 0


def probe(api: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rnnrbm_gui.player.probe", api]
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)


def test_a_probe_of_what_is_not_there_says_so() -> None:
    answer = probe("nothing")
    assert answer.returncode == 1
    assert answer.stdout == "this system does not have it"


@needs("jackd")
def test_a_probe_knows_whether_jack_answers() -> None:
    with jack_server() as jack:
        assert probe("jack").returncode == 0
        jack.process.terminate()
        jack.process.wait(5)
        answer = probe("jack")
        assert answer.returncode == 1
        assert "JACK server not running" in answer.stdout


@needs("jackd")
def test_a_player_stuck_in_a_library_ends_itself_though_the_app_is_gone() -> None:
    with jack_server() as jack:
        player = Process()
        player.send(protocol.Admit("jack"))
        wait_until(lambda: any(protocol.VIRTUAL in outputs(r) for r in player.reports))
        jack.stop()
        player.send(protocol.OpenOutput(protocol.VIRTUAL))
        wait_until(lambda: player.reports[-1] == protocol.Entering("jack"))
        player.process.stdin.close()  # type: ignore[union-attr]
        player.process.wait(5)
        assert player.end() == 1


def outputs(report: Any) -> tuple[protocol.OutputId, ...]:
    return report.outputs if isinstance(report, protocol.Outputs) else ()


def test_the_doctor_lists_apis_and_the_audio_device() -> None:
    source = (
        "import json, os\n"
        "from rnnrbm_gui.player.audio import audio_devices\n"
        "from rnnrbm_gui.player.ports import midi_apis\n"
        "print(json.dumps([midi_apis(), audio_devices()]), flush=True)\n"
        "os._exit(0)"
    )
    said = subprocess.run([sys.executable, "-c", source], capture_output=True, check=True)
    apis, (name, opens, reason) = json.loads(said.stdout)
    assert {api for api, _ in apis} <= {"alsa", "jack", "core", "winmm"}
    assert all(isinstance(ports, list) or ports for _, ports in apis)
    assert opens is (reason == "")
    assert name
