"""The player's client with a real player: on the null device, and over a real JACK server."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from rnnrbm_gui.engine.player_client import (
    BUILT_IN,
    VIRTUAL,
    Anchor,
    AudioDevice,
    Cancelled,
    Dropped,
    OutputId,
    Outputs,
    OutputState,
    PlayerClient,
    Replaced,
    Sounding,
    TimedNote,
)
from tests.live import Jack, SpyPort, fluidsynth, jack_server, needs, wait_until

FOREVER = 10**7


class Told:
    """A client and everything it has told so far."""

    def __init__(self) -> None:
        self.client = PlayerClient(audio="null")
        self.events: list[Any] = []
        self.client.start()

    def of(self, kind: type) -> list[Any]:
        self.events += self.client.poll()
        return [event for event in self.events if type(event) is kind]

    def wait(self, kind: type, limit_s: float = 5.0, **like: Any) -> Any:
        """Wait for an event of a kind with these fields; forget it and those of its kind before."""

        def found() -> Any:
            of_kind = self.of(kind)
            for i, event in enumerate(of_kind):
                if all(getattr(event, name) == value for name, value in like.items()):
                    self.events = [e for e in self.events if type(e) is not kind] + of_kind[i + 1 :]
                    return event
            return None

        return wait_until(found, limit_s, f"{kind.__name__} {like}")

    def open(self, name: str, api: str = "jack") -> None:
        output = OutputId(api, name)
        wait_until(lambda: output in self.client.outputs, 8, f"{name} in the list of outputs")
        self.client.open_output(output)
        self.wait(OutputState, output=output, state="open")

    @property
    def pid(self) -> int:
        child = self.client._child
        return child.process.pid if child else 0


@pytest.fixture
def told() -> Iterator[Told]:
    with playing() as told:
        yield told


@contextlib.contextmanager
def playing() -> Iterator[Told]:
    told = Told()
    try:
        yield told
    finally:
        begin_s, pid = time.monotonic(), told.pid
        told.client.close()
        assert time.monotonic() - begin_s < 3.0
        assert not pid or not psutil.pid_exists(pid)


def chord(*pitches: int, on: int = 0, off: int = FOREVER, first_id: int = 1) -> list[TimedNote]:
    return [TimedNote(first_id + i, on, off, pitch, 80) for i, pitch in enumerate(pitches)]


# ---- on the null device


def test_it_sounds_at_once_and_reports_every_stroke(told: Told) -> None:
    told.client.play(0, 1, 240.0)
    told.client.schedule(1, [TimedNote(i, i * 60, i * 60 + 60, 60 + i, 90) for i in range(8)])
    told.wait(Anchor, playing=True, epoch=1)
    told.wait(Sounding, on=False, note_id=7)
    told.wait(AudioDevice, is_null=True)
    wait_until(lambda: told.client.level > 0.01 or told.client.strike(60, 100), 5)


def test_the_clock_runs_stands_and_changes_tempo(told: Told) -> None:
    client = told.client
    assert client.tick_now() is None
    client.play(960, 1, 125.0)
    anchor = told.wait(Anchor, playing=True)
    assert anchor.tick == 960
    wait_until(lambda: (client.tick_now() or 0) > 1100)
    client.tempo(250.0)
    assert told.wait(Anchor, ticks_per_s=2000.0).tick > 1100
    client.pause()
    stands = told.wait(Anchor, playing=False).tick
    assert client.tick_now() == stands


def test_cancel_answers_with_how_far_it_has_sent(told: Told) -> None:
    client = told.client
    client.play(0, 1, 125.0)
    client.schedule(1, chord(60, 64, on=0, off=300) + chord(67, on=2000, off=2100, first_id=9))
    told.wait(Sounding, on=True, note_id=2)
    begin_s = time.monotonic()
    last = client.cancel(2, 500)
    assert time.monotonic() - begin_s < 0.15
    assert last is not None
    assert 0 <= last <= (client.tick_now() or 0)
    told.wait(Cancelled, epoch=2, last_tick=last)
    client.schedule(1, chord(72, on=last + 100, off=last + 200, first_id=20))  # an old epoch
    client.schedule(2, chord(74, on=2200, off=2210, first_id=30))
    told.wait(Sounding, on=False, note_id=30)
    assert {e.note_id for e in told.of(Sounding)}.isdisjoint({9, 20})


def test_a_note_that_comes_too_late_is_told(told: Told) -> None:
    told.client.play(1000, 1, 125.0)
    told.client.schedule(1, chord(60, on=900, off=2000))
    assert told.wait(Dropped, note_id=1).late_ms > 50


def test_clicked_keys_sound_while_stopped(told: Told) -> None:
    told.client.strike(64, 100)
    told.wait(Sounding, pitch=64, on=True, note_id=None)
    told.client.release(64)
    told.wait(Sounding, pitch=64, on=False, note_id=None)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_dead_or_stuck_player_is_replaced_and_goes_on_in_time(
    told: Told, how: signal.Signals
) -> None:
    client = told.client
    client.play(0, 1, 125.0)
    later = chord(62, on=4000, off=4200, first_id=5)
    client.schedule(1, chord(60) + later)
    anchor = told.wait(Anchor, playing=True)
    told.wait(Sounding, note_id=1, on=True)
    begin_s, first = time.monotonic(), told.pid
    os.kill(first, how)
    told.wait(Sounding, 2.0, note_id=1, on=False)
    told.wait(Replaced, 2.0)
    assert time.monotonic() - begin_s < 2.0
    assert told.pid != first
    sounded = told.wait(Sounding, note_id=5, on=True)
    assert sounded.at_s - anchor.at_s == pytest.approx(4.0, abs=0.1)
    told.wait(Sounding, note_id=5, on=False)


def test_a_player_that_dies_while_the_clock_stands_stays_where_it_was(told: Told) -> None:
    client = told.client
    client.play(480, 3, 120.0)
    client.pause()
    tick = told.wait(Anchor, playing=False).tick
    os.kill(told.pid, signal.SIGKILL)
    told.wait(Replaced)
    assert told.wait(Anchor, playing=False).tick == pytest.approx(tick, abs=1)
    assert client.cancel(4, 0) == pytest.approx(tick, abs=1)


def test_a_tempo_that_is_none_is_refused_before_it_reaches_the_player() -> None:
    client = PlayerClient(audio="null")
    for bpm in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="bpm must be in"):
            client.play(0, 1, bpm)
        with pytest.raises(ValueError, match="bpm must be in"):
            client.tempo(bpm)


def test_closing_twice_and_without_start_is_harmless() -> None:
    PlayerClient(audio="null").close()
    told = Told()
    told.client.close()
    told.client.close()
    told.client.strike(60, 80)  # ignored
    assert told.client.cancel(1, 0) is None


# ---- over JACK


@pytest.fixture
def jack() -> Iterator[Jack]:
    with jack_server() as jack:
        yield jack


@pytest.fixture
def spy(jack: Jack) -> Iterator[SpyPort]:
    spy = SpyPort()
    yield spy
    if jack.process.poll() is None and not jack.stopped:
        spy.close()
    else:
        spy.abandon()


@needs("jackd")
def test_notes_come_in_order_and_on_time(spy: SpyPort, told: Told) -> None:
    told.open(spy.port)
    told.client.play(0, 1, 240.0)
    told.client.schedule(
        1,
        [
            TimedNote(4 * i + j, i * 60, i * 60 + 60, 48 + 7 * j, 80)
            for i in range(32)
            for j in range(4)
        ],
    )
    wait_until(lambda: len(spy.notes()) == 256, 10)
    spy.check_pairs()
    ons = [at for at, message in spy.heard if message[0] == 0x90]
    assert len(spy.controls()) == 0
    assert abs((ons[-1] - ons[0]) - 31 * 60 / 1920) < 0.05
    lateness = sorted(e.lateness_ms for e in told.of(Sounding))
    assert lateness[len(lateness) // 2] < 5


@needs("jackd")
@pytest.mark.parametrize("ending", ["pause", "play", "tempo", "output", "quit", "panic", "term"])
def test_every_ending_sends_every_off(spy: SpyPort, jack: Jack, ending: str) -> None:
    with playing() as told:
        told.open(spy.port)
        client = told.client
        client.play(0, 1, 120.0)
        off = 400 if ending == "tempo" else FOREVER
        client.schedule(1, chord(48, 60, 64, 67, off=off))
        wait_until(lambda: len(spy.sounding()) == 4)
        match ending:
            case "pause":
                client.pause()
            case "play":
                client.play(0, 2, 120.0)
            case "tempo":
                client.tempo(300.0)
            case "output":
                client.open_output(BUILT_IN)
            case "quit":
                client.close()
            case "panic":
                client.panic()
            case "term":
                os.kill(told.pid, signal.SIGTERM)
        wait_until(lambda: not spy.sounding(), 2)
        if ending == "panic":
            expected = {(c, n, 0) for c in range(16) for n in (64, 123, 120)}
            wait_until(lambda: set(spy.controls()) == expected)
        if ending == "term":
            wait_until(lambda: spy.controls()[:2] == [(0, 64, 0), (0, 123, 0)])
    spy.check_pairs()


APP = """
import sys, time
from rnnrbm_gui.engine.player_client import *
client = PlayerClient(audio="null")
client.start()
output = OutputId("jack", sys.argv[1])
while output not in client.outputs:
    time.sleep(0.01)
client.open_output(output)
while not any(isinstance(event, OutputState) for event in client.poll()):
    time.sleep(0.01)
client.play(0, 1, 120.0)
client.schedule(1, [TimedNote(i, 0, 10**7, 60 + i, 80) for i in range(5)])
client.strike(40, 90)
time.sleep(60)
"""


@needs("jackd")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_app_dies_and_every_note_ends(spy: SpyPort, how: signal.Signals) -> None:
    app = subprocess.Popen([sys.executable, "-c", APP, spy.port], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: len(spy.sounding()) == 6, 10)
        child = [p for p in psutil.Process(app.pid).children() if "player" in " ".join(p.cmdline())]
        app.send_signal(how)
        wait_until(lambda: not spy.sounding(), 2)
        wait_until(lambda: (0, 123, 0) in spy.controls(), 2)
        wait_until(lambda: not any(p.is_running() for p in child), 3)
    finally:
        app.kill()
        app.wait()
    spy.check_pairs()


@needs("jackd")
def test_a_killed_player_leaves_no_note_behind(spy: SpyPort, told: Told) -> None:
    told.open(spy.port)
    told.client.play(0, 1, 120.0)
    told.client.schedule(1, chord(60, 64))
    told.client.strike(72, 80)
    wait_until(lambda: len(spy.sounding()) == 3)
    os.kill(told.pid, signal.SIGKILL)
    wait_until(lambda: not spy.sounding(), 2)
    told.wait(OutputState, state="open")
    told.client.strike(50, 80)
    wait_until(lambda: spy.sounding() == {(0, 50)})
    told.client.release(50)
    wait_until(lambda: not spy.sounding())
    spy.check_pairs()


@needs("jackd")
def test_a_receiver_that_goes_and_returns_gets_its_offs_first(jack: Jack, told: Told) -> None:
    first = SpyPort()
    told.open(first.port)
    client = told.client
    client.play(0, 1, 120.0)
    client.schedule(1, chord(60, 64))
    wait_until(lambda: len(first.sounding()) == 2)
    first.close()
    assert "gone" in told.wait(OutputState, state="lost").sentence
    client.schedule(1, chord(67, on=int(client.tick_now() or 0) + 20, first_id=8))
    told.wait(Sounding, note_id=8, on=True)  # the roll goes on
    with SpyPort() as second:
        told.wait(OutputState, state="back")
        wait_until(lambda: len(second.notes()) >= 2)
        assert set(second.notes()[:2]) == {(False, 0, 60), (False, 0, 64)}
        client.schedule(1, chord(71, on=int(client.tick_now() or 0) + 20, first_id=9))
        wait_until(lambda: second.sounding() == {(0, 71)})
        client.pause()
        wait_until(lambda: not second.sounding())
        assert (False, 0, 67) not in second.notes()  # never struck there


@needs("jackd", "fluidsynth")
def test_fluidsynth_dies_and_is_taken_again(jack: Jack, told: Told) -> None:
    name = "fluidsynth-midi:midi_00"
    with fluidsynth(jack) as synth:
        told.open(name)
        told.client.play(0, 1, 120.0)
        told.client.schedule(1, chord(60, 64))
        told.wait(Sounding, on=True, note_id=2)
        synth.kill()
        told.wait(OutputState, state="lost")
    with fluidsynth(jack):
        told.wait(OutputState, state="back")
        assert told.client.cancel(2, 0) is not None


@needs("jackd")
def test_a_dead_server_is_told_and_taken_again(jack: Jack, told: Told) -> None:
    spy = SpyPort()
    told.open(spy.port)
    told.client.play(0, 1, 120.0)
    told.client.schedule(1, chord(60, 64))
    wait_until(lambda: len(spy.sounding()) == 2)
    spy.abandon()
    begin_s = time.monotonic()
    jack.end()
    told.wait(OutputState, 2.0, state="lost")
    assert time.monotonic() - begin_s < 2.0
    assert told.client.cancel(2, 0) is not None  # nothing hangs
    told.client.schedule(2, chord(67, on=int(told.client.tick_now() or 0) + 20, first_id=8))
    told.wait(Sounding, note_id=8, on=True)
    wait_until(lambda: all(output.api != "jack" for output in told.client.outputs))
    jack.start()
    with contextlib.closing(SpyPort()) as again:
        told.wait(OutputState, 12.0, state="back")
        wait_until(lambda: set(again.notes()[:2]) == {(False, 0, 60), (False, 0, 64)})
        told.client.strike(50, 80)
        wait_until(lambda: again.sounding() == {(0, 50)})
        told.client.release(50)
        wait_until(lambda: not again.sounding())
        told.client.close()


@needs("jackd")
def test_a_stopped_server_is_told_and_every_note_ends_when_it_goes_on(
    jack: Jack, spy: SpyPort, told: Told
) -> None:
    told.open(spy.port)
    client = told.client
    client.play(0, 1, 120.0)
    client.schedule(1, chord(60, 64))
    wait_until(lambda: len(spy.sounding()) == 2)
    begin_s = time.monotonic()
    jack.stop()
    client.schedule(1, chord(67, on=int(client.tick_now() or 0) + 20, first_id=8))
    told.wait(OutputState, 2.0, state="lost")
    assert time.monotonic() - begin_s < 2.0
    client.pause()
    assert client.cancel(2, 0) is not None
    client.open_output(BUILT_IN)  # neither choosing another output nor the probes hang
    told.wait(OutputState, output=BUILT_IN, state="open")
    client.open_output(OutputId("jack", spy.port))
    client.strike(50, 80)
    told.wait(Sounding, pitch=50, on=True)
    client.release(50)
    jack.go_on()
    told.wait(OutputState, 8.0, state="open")
    wait_until(lambda: not spy.sounding(), 5)
    client.strike(52, 80)
    wait_until(lambda: spy.sounding() == {(0, 52)})
    client.release(52)
    wait_until(lambda: not spy.sounding())


@needs("jackd")
def test_a_player_that_hangs_inside_a_stopped_server_is_replaced_without_it(
    jack: Jack, spy: SpyPort, told: Told
) -> None:
    output, client = OutputId("jack", spy.port), told.client
    wait_until(lambda: output in client.outputs, 8)
    client.play(0, 1, 125.0)
    later = int(client.tick_now() or 0) + 4000
    client.schedule(1, chord(62, on=later, off=later + 100))
    jack.stop()
    begin_s = time.monotonic()
    client.open_output(output)  # before the pulse is seen to stand still
    assert "JACK" in told.wait(Replaced, 2.0).sentence
    assert time.monotonic() - begin_s < 2.0
    told.wait(OutputState, state="lost")
    client.open_output(BUILT_IN)
    told.wait(OutputState, output=BUILT_IN, state="open")
    assert abs(told.wait(Sounding, note_id=1, on=True).lateness_ms) < 50
    told.wait(Sounding, note_id=1, on=False)
    client.open_output(output)
    jack.go_on()
    told.wait(OutputState, 12.0, output=output, state="open")
    client.strike(52, 80)
    wait_until(lambda: spy.sounding() == {(0, 52)})
    client.release(52)
    wait_until(lambda: not spy.sounding())


@needs("jackd")
def test_two_apps_at_one_receiver_leave_each_other_alone(spy: SpyPort, told: Told) -> None:
    with playing() as other:
        for one, pitch in ((told, 60), (other, 72)):
            one.open(spy.port)
            one.client.play(0, 1, 120.0)
            one.client.schedule(1, chord(pitch))
        wait_until(lambda: spy.sounding() == {(0, 60), (0, 72)})
        other.client.close()
        wait_until(lambda: spy.sounding() == {(0, 60)})
        assert spy.controls() == []
    told.client.pause()
    wait_until(lambda: not spy.sounding())
    spy.check_pairs()


@needs("jackd")
def test_the_virtual_port_can_be_listened_to(jack: Jack, told: Told) -> None:
    wait_until(lambda: VIRTUAL in told.client.outputs, 8)
    told.client.open_output(VIRTUAL)
    told.wait(OutputState, output=VIRTUAL, state="open")
    assert "rnnrbm-gui:rnnrbm-gui" in jack.ports()
    with SpyPort() as spy:
        subprocess.run(
            ["jack_connect", "rnnrbm-gui:rnnrbm-gui", spy.port], env=jack.env, check=True
        )
        told.client.strike(60, 80)
        wait_until(lambda: spy.sounding() == {(0, 60)})
        told.client.release(60)
        wait_until(lambda: not spy.sounding())


@needs("jackd")
def test_a_port_that_is_not_there_is_told_and_taken_when_it_comes(jack: Jack, told: Told) -> None:
    wait_until(lambda: VIRTUAL in told.client.outputs, 8)
    told.client.open_output(OutputId("jack", "later:in"))
    assert "later:in" in told.wait(OutputState, state="failed").sentence
    with SpyPort("later"):
        told.wait(OutputState, state="open")
        told.wait(Outputs)
