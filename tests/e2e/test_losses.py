"""The synth, the JACK server or the app goes away while it plays: nothing hangs, no note stays."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.e2e.app import FLUIDSYNTH, App, app, out_port
from tests.e2e.screen import Screen, screen
from tests.e2e.sound import QUIET, recording
from tests.live import Jack, SpyPort, fluidsynth, jack_server, needs, wait_until

live = needs("jackd", "fluidsynth", "Xvfb", "xdotool")
BPM = 240.0


@pytest.fixture
def display(tmp_path: Path) -> Iterator[Screen]:
    with screen(tmp_path) as shown:
        yield shown


@contextlib.contextmanager
def playing_to_a_spy(display: Screen, folder: Path) -> Iterator[tuple[Jack, SpyPort, App]]:
    """Run a server, a spy, and the app playing to it."""
    with (
        jack_server() as jack,
        SpyPort() as spy,
        app(display, folder, jack, ("jack", spy.port), bpm=BPM) as window,
    ):
        wait_until(lambda: out_port(jack), 10, "the app's port")
        window.play()
        wait_until(lambda: len(spy.notes()) > 20, 10, "twenty strokes")
        window.meet_children()
        yield jack, spy, window


@live
def test_the_synth_is_killed_and_comes_back(display: Screen, tmp_path: Path) -> None:
    with (
        jack_server() as jack,
        fluidsynth(jack) as synth,
        SpyPort() as spy,
        app(display, tmp_path / "app", jack, FLUIDSYNTH, bpm=BPM) as window,
    ):
        jack.connect(wait_until(lambda: out_port(jack), 10, "the app's port"), spy.port)
        window.play()
        at_the_loss = wait_until(lambda: len(spy.notes()) > 20 and spy.sounding(), 10, "notes")
        synth.kill()
        synth.wait()
        wait_until(lambda: out_port(jack) is None, 5, "the app to leave the port")
        window.see_it_move()
        # Whoever was connected beside the synth can still be reached.
        wait_until(lambda: not spy.sounding(), 2, "silence at the other receiver")
        spy.check_pairs()

        with SpyPort("fluidsynth-midi", "midi_00") as back:
            wait_until(lambda: len(back.notes()) > 20, 10, "notes at the receiver that is back")
            first_on = [on for on, _, _ in back.notes()].index(True)
            owed = {(channel, pitch) for _, channel, pitch in back.notes()[:first_on]}
            assert owed >= at_the_loss, "the offs of what sounded at the loss must come first"
            window.keys("space")
            wait_until(lambda: not back.sounding(), 2, "silence after a pause")
            ons = [pitch for on, _, pitch in back.notes()[first_on:] if on]
            offs = [pitch for on, _, pitch in back.notes()[first_on:] if not on]
            assert sorted(ons) == sorted(offs)
        wait_until(lambda: out_port(jack) is None, 5, "the app to leave the port")

        with fluidsynth(jack):
            window.play()
            wait_until(lambda: out_port(jack), 5, "the app's port again")
            with recording(jack, tmp_path / "back.wav") as sound:
                heard = np.array([0.0])
                deadline_s = time.monotonic() + 10
                while np.abs(heard).max() < QUIET and time.monotonic() < deadline_s:
                    window.see_it_move()
                    raw = np.fromfile(tmp_path / "back.wav", "<i2", offset=44)
                    heard = raw / 32768.0 if len(raw) else heard
            assert np.abs(sound.samples).max() > QUIET, "the real synth sounds again"
        assert window.errors() == ""


@live
@pytest.mark.parametrize("way", ["killed", "stopped"])
def test_the_jack_server_goes(display: Screen, tmp_path: Path, way: str) -> None:
    with playing_to_a_spy(display, tmp_path / "app") as (jack, spy, window):
        at_the_loss = wait_until(spy.sounding, 5, "a sounding note")
        if way == "killed":
            jack.process.kill()
            jack.process.wait()
            spy.abandon()
        else:
            jack.stop()
        deadline_s = time.monotonic() + 4
        while time.monotonic() < deadline_s:
            window.see_it_move(2.0)
        window.keys("space")
        wait_until(window.stands_still, 5, "the playhead to stop by a key")
        window.keys("space")
        window.see_it_move()
        if way == "killed":
            jack.start()
            with SpyPort() as back:
                wait_until(lambda: len(back.notes()) > 20, 10, "notes at the new server")
                first_on = [on for on, _, _ in back.notes()].index(True)
                owed = {(channel, pitch) for _, channel, pitch in back.notes()[:first_on]}
                assert owed >= at_the_loss, "the offs of what sounded at the loss come first"
                window.keys("space")
                wait_until(lambda: not back.sounding(), 2, "silence after a pause")
        else:
            jack.go_on()
            gone_on_s = time.monotonic()
            # What had been sent before arrives at once; the app's own offs and notes come later.
            wait_until(lambda: spy.heard[-1][0] > gone_on_s + 0.7, 10, "notes again")
        began_s = time.monotonic()
        window.keys("ctrl+q")
        window.meet_children()
        assert window.ended(5) == 0
        assert time.monotonic() - began_s < 5
        if way == "stopped":
            wait_until(lambda: not spy.sounding(), 2, "silence after the end")
        assert window.errors() == ""


@live
@pytest.mark.parametrize("way", ["killed", "stopped"])
def test_the_app_ends_by_a_signal_while_the_jack_server_is_gone(
    display: Screen, tmp_path: Path, way: str
) -> None:
    with playing_to_a_spy(display, tmp_path / "app") as (jack, spy, window):
        if way == "killed":
            jack.process.kill()
            jack.process.wait()
            spy.abandon()
        else:
            jack.stop()
        window.see_it_move()
        window.process.send_signal(signal.SIGTERM)
        window.meet_children()
        assert window.ended(5) == 0
        if way == "stopped":
            jack.go_on()


@live
def test_the_app_is_killed(display: Screen, tmp_path: Path) -> None:
    with playing_to_a_spy(display, tmp_path / "app") as (_, spy, window):
        wait_until(spy.sounding, 5, "a sounding note")
        window.process.kill()
        window.process.wait()
        wait_until(lambda: not spy.sounding(), 2, "silence after the kill")
        window.see_no_child(3)
        spy.check_pairs()
        assert (0, 123, 0) in spy.controls()


@live
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_app_is_asked_to_end(display: Screen, tmp_path: Path, number: int) -> None:
    with playing_to_a_spy(display, tmp_path / "app") as (_, spy, window):
        wait_until(spy.sounding, 5, "a sounding note")
        window.process.send_signal(number)
        assert window.ended(5) == 0
        wait_until(lambda: not spy.sounding(), 1, "silence after the end")
        spy.check_pairs()
        assert window.errors() == ""


@live
def test_the_player_is_killed_or_stands_still(display: Screen, tmp_path: Path) -> None:
    with playing_to_a_spy(display, tmp_path / "app") as (_, spy, window):
        for number in (signal.SIGKILL, signal.SIGSTOP):
            old = window.player()
            os.kill(old.pid, number)
            began_s = time.monotonic()
            replaced = lambda old=old: _another(window, old)  # noqa: E731
            wait_until(replaced, 3, "another player")
            assert time.monotonic() - began_s < 3
            window.see_it_move()
            before = len(spy.notes())
            wait_until(lambda at=before: len(spy.notes()) > at + 10, 8, "notes of the new player")
        window.keys("space")
        wait_until(lambda: not spy.sounding(), 3, "silence after a pause")
        assert window.errors() == ""


def _another(window: App, old: psutil.Process) -> bool:
    with contextlib.suppress(AssertionError, psutil.Error):
        return window.player().pid != old.pid
    return False


@live
def test_two_instances_do_not_disturb_each_other(display: Screen, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with (
        screen(tmp_path / "other") as other,
        jack_server() as jack,
        SpyPort("shared") as shared,
        SpyPort("spy-a") as spy_a,
    ):
        with app(display, tmp_path / "a", jack, ("jack", shared.port), bpm=BPM) as one:
            jack.connect(wait_until(lambda: out_port(jack), 10, "the first's port"), spy_a.port)
            one.play()
            with (
                SpyPort("spy-b") as spy_b,
                app(other, tmp_path / "b", jack, ("jack", shared.port), bpm=BPM, seed=7) as two,
            ):
                port = wait_until(lambda: out_port(jack, "rnnrbm-gui-01"), 10, "the second's port")
                jack.connect(port, spy_b.port)
                two.play()
                wait_until(lambda: len(spy_b.notes()) > 20 and spy_b.sounding(), 10, "two playing")
                two.keys("ctrl+q")
                two.meet_children()
                assert two.ended(5) == 0
                wait_until(lambda: not spy_b.sounding(), 1, "silence of the second")
                spy_b.check_pairs()
            after = len(spy_a.notes())
            wait_until(lambda: len(spy_a.notes()) > after + 16, 8, "the first to play on")
            one.see_it_move()
            assert shared.controls() == [], "an all-notes-off would have ended the other's notes"
            one.keys("ctrl+q")
            one.meet_children()
            assert one.ended(5) == 0
        spy_a.check_pairs()
        # The shared synth got what the two have sent, and nothing else.
        a, b = spy_a.notes(), spy_b.notes()
        assert sorted(shared.notes()) == sorted(a + b)
