"""The player's client at real receivers over a real JACK server: no note stays on."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from rnnrbm_gui.engine.player_client import (
    BUILT_IN,
    VIRTUAL,
    OutputId,
    Outputs,
    OutputState,
    Replaced,
    Sounding,
    TimedNote,
)
from tests.engine.told import FOREVER, Told, chord, playing
from tests.live import Jack, SpyPort, fluidsynth, needs, wait_until


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
client.open_output(output)
while not any(isinstance(e, OutputState) and e.state == "open" for e in client.poll()):
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
    told.client.refresh_outputs()
    wait_until(lambda: VIRTUAL in told.client.outputs, 8)
    told.client.open_output(VIRTUAL)
    told.wait(OutputState, output=VIRTUAL, state="open")
    assert "rnnrbm-gui:rnnrbm-gui" in jack.ports()
    with SpyPort() as spy:
        jack.connect("rnnrbm-gui:rnnrbm-gui", spy.port)
        told.client.strike(60, 80)
        wait_until(lambda: spy.sounding() == {(0, 60)})
        told.client.release(60)
        wait_until(lambda: not spy.sounding())


@needs("jackd")
def test_a_port_that_is_not_there_is_told_and_taken_when_it_comes(jack: Jack, told: Told) -> None:
    told.client.refresh_outputs()
    wait_until(lambda: VIRTUAL in told.client.outputs, 8)
    told.client.open_output(OutputId("jack", "later:in"))
    assert "later:in" in told.wait(OutputState, state="failed").sentence
    with SpyPort("later"):
        told.wait(OutputState, state="open")
        told.wait(Outputs)
