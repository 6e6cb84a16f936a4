"""The player's client with a real player on the null device."""

import os
import signal
import time

import pytest

from rnnrbm_gui.engine.player_client import (
    Anchor,
    AudioDevice,
    Cancelled,
    Dropped,
    PlayerClient,
    Replaced,
    Sounding,
    TimedNote,
)
from tests.engine.told import Told, chord
from tests.live import wait_until


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
