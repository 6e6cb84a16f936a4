"""The player's loop: one thread that owns the clock and the wire; readers and writers around it.

Threads: ``commands`` reads the app's lines, ``reports`` writes ours, so that neither a full pipe
nor a sleeping app can hold up a note. miniaudio has its own.
"""

import argparse
import contextlib
import faulthandler
import gc
import os
import queue
import signal
import sys
import threading
import time
from typing import Any, BinaryIO

from rnnrbm_gui.player import protocol
from rnnrbm_gui.player.audio import Speaker
from rnnrbm_gui.player.ports import MidiError, MidiPorts
from rnnrbm_gui.player.protocol import now_s
from rnnrbm_gui.player.schedule import Scheduler, Stroke
from rnnrbm_gui.player.wire import Wire

BEAT_S = 0.25
STUCK_S = 3.0
"""A loop that stands still for so long ends its process, even where a library holds the GIL."""

SPIN_S = 0.002
"""The last moments before a note are slept in small steps; the system's timers are coarser."""

ENTER_WITHIN_S, LEAVE_WITHIN_S = 0.1, 0.5
"""How long the loop waits for its last words to be written."""


class Reports:
    """Lines to the app, written by a thread."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._written = threading.Condition()
        self._n_unwritten = 0
        threading.Thread(target=self._write, name="reports", daemon=True).start()

    def __call__(self, report: protocol.Report) -> None:
        """Send a report, without waiting."""
        with self._written:
            self._n_unwritten += 1
        self._lines.put(protocol.encode(report))

    def entering(self, api: str) -> None:
        """Send what must be known before a call that may never come back."""
        self(protocol.Entering(api))
        self.flush(ENTER_WITHIN_S)

    def flush(self, limit_s: float) -> None:
        """Wait until everything is written, but not long."""
        with self._written:
            self._written.wait_for(lambda: self._n_unwritten == 0, limit_s)

    def _write(self) -> None:
        with contextlib.suppress(OSError):  # the app is gone; the reader of commands sees it too
            while True:
                self._out.write(self._lines.get())
                self._out.flush()
                with self._written:
                    self._n_unwritten -= 1
                    self._written.notify_all()


class Orphaned:
    """The app is gone, or the system wants us to end."""


class Player:
    """Carries out commands, sends notes when they are due, reports what it did."""

    def __init__(self, inbox: "queue.SimpleQueue[Any]", reports: Reports, *, null: bool) -> None:
        self._inbox, self._report = inbox, reports
        self._scheduler = Scheduler()
        self._speaker = Speaker(reports, null=null)
        self._ports = MidiPorts(reports.entering)
        self._wire = Wire(self._ports, self._speaker)
        self._outputs: tuple[protocol.OutputId, ...] = ()
        self._beat_s = 0.0
        self._channels = {0}
        self._ended = self._asked_to_quit = False

    def run(self) -> None:
        """Play until told to quit; whatever happens, leave silence behind."""
        try:
            self._speaker.start()
            while not self._ended:
                self._wait()
                self._advance()
                if now_s() >= self._beat_s:
                    self._beat()
        finally:
            at_s = now_s()
            with contextlib.suppress(Exception):  # whatever happens here, the offs follow
                self._ports.watch(at_s)
                self._look_at_outputs()  # a receiver that is just back is owed its offs
            self._send(self._scheduler.all_off(at_s))
            self._wire.silence(at_s)
            if not self._asked_to_quit:  # else other apps at the same synth need not fall silent
                self._wire.sweep(self._channels, at_s)
            self._report.flush(LEAVE_WITHIN_S)
            faulthandler.dump_traceback_later(STUCK_S, exit=True)
            self._wire.close()
            self._ports.close()
            self._speaker.close()

    def _wait(self) -> None:
        """Carry out commands until shortly before the next note or beat, then sleep up to it."""
        due_s = self._scheduler.next_due_s()
        until_s = self._beat_s if due_s is None else min(self._beat_s, due_s - SPIN_S)
        with contextlib.suppress(queue.Empty):
            command = self._inbox.get(timeout=max(0.0, until_s - now_s()))
            while True:
                self._obey(command)
                command = self._inbox.get_nowait()
        due_s = self._scheduler.next_due_s()
        while due_s is not None and 0.0 < (left_s := due_s - now_s()) <= SPIN_S:
            time.sleep(min(left_s, 0.0003))

    def _advance(self) -> None:
        self._send(self._scheduler.advance(now_s()))

    def _send(self, strokes: list[Stroke]) -> None:
        for stroke in strokes:
            self._wire.stroke(stroke)
            self._channels.add(stroke.channel)
        at_s = now_s()
        for stroke in strokes:
            self._report(
                protocol.Sounding(
                    stroke.pitch,
                    stroke.velocity > 0,
                    stroke.note_id,
                    at_s,
                    max(0.0, at_s - stroke.due_s) * 1e3,
                    stroke.channel,
                    stroke.velocity,
                )
            )
        while self._scheduler.dropped:
            self._report(self._scheduler.dropped.pop())

    def _beat(self) -> None:
        """Show that the loop lives; look after ports and loudspeaker."""
        at_s = now_s()
        self._beat_s = at_s + BEAT_S
        faulthandler.dump_traceback_later(STUCK_S, exit=True)
        self._report(protocol.Beat(at_s, self._speaker.level()))
        self._speaker.watch(at_s)
        self._ports.watch(at_s)
        for api in self._ports.lost:
            self._report(protocol.ApiLost(api))
        self._ports.lost.clear()
        self._look_at_outputs()

    def _look_at_outputs(self) -> None:
        outputs = self._ports.outputs()
        if outputs != self._outputs:
            self._outputs = outputs
            self._report(protocol.Outputs(outputs))
        self._say(self._wire.watch(outputs, now_s()))

    def _say(self, state: protocol.OutputState | None) -> None:
        if state is not None:
            self._report(state)

    def _obey(self, command: protocol.Command) -> None:
        at_s, scheduler = now_s(), self._scheduler
        match command:
            case protocol.Schedule(epoch, notes):
                scheduler.schedule(epoch, notes, at_s)
            case protocol.Play(tick, epoch, bpm, started_s):
                self._send(scheduler.play(tick, epoch, bpm, started_s or at_s))
                self._report(scheduler.anchor)
            case protocol.Pause():
                self._send(scheduler.pause(at_s))
                self._report(scheduler.anchor)
            case protocol.Tempo(bpm):
                self._send(scheduler.tempo(bpm, at_s))
                self._report(scheduler.anchor)
            case protocol.Cancel(epoch, from_tick, token):
                self._send(scheduler.cancel(epoch, from_tick, at_s))
                last_tick = scheduler.last_tick(at_s)
                self._report(protocol.Cancelled(epoch, last_tick, token))
            case protocol.Strike(pitch, velocity):
                self._send(scheduler.strike(pitch, velocity, at_s))
            case protocol.Release(pitch):
                self._send(scheduler.release(pitch, at_s))
            case protocol.Panic():
                self._send(scheduler.all_off(at_s))
                self._wire.silence(at_s)
                self._wire.sweep(range(16), at_s, sound_off=True)
            case protocol.OpenOutput(output, owed, lost):
                self._send(scheduler.all_off(at_s))
                self._say(self._wire.choose(output, owed, at_s, lost=lost))
            case protocol.Program(channel, program, bank):
                self._wire.program(channel, program, bank, at_s)
            case protocol.Admit(api):
                try:
                    self._ports.admit(api)
                except MidiError:
                    self._report(protocol.ApiLost(api))
                self._look_at_outputs()
            case protocol.Refuse(api, reason):
                self._say(self._wire.refused(api, reason))
            case protocol.Refresh():
                self._outputs = ()
                self._look_at_outputs()
            case protocol.Quit():
                self._ended = self._asked_to_quit = True
            case Orphaned():
                self._ended = True


def main() -> None:
    """Run the player on standard input and output until either end is gone."""
    parser = argparse.ArgumentParser(prog="rnnrbm_gui.player", description=__doc__)
    parser.add_argument("--null", action="store_true", help="play on no audio device")
    arguments = parser.parse_args()
    # The pipe is ours alone: what libraries print to standard output goes to standard error.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the app's to answer
    for ending in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, ending):
            signal.signal(getattr(signal, ending), lambda *_: inbox.put(Orphaned()))
    reports = Reports(out)
    threading.Thread(
        target=_read_commands, args=(sys.stdin.buffer, inbox, reports), name="commands", daemon=True
    ).start()
    player = Player(inbox, reports, null=arguments.null)
    _hurry()
    gc.freeze()
    try:
        player.run()
    except Exception as error:
        reports(protocol.Trouble(f"The player failed: {type(error).__name__}: {error}."))
        reports.flush(LEAVE_WITHIN_S)
        raise


def _read_commands(lines: BinaryIO, inbox: "queue.SimpleQueue[Any]", reports: Reports) -> None:
    for line in lines:
        try:
            inbox.put(protocol.decode(line))
        except ValueError as error:
            reports(protocol.Trouble(str(error)))
    inbox.put(Orphaned())


def _hurry() -> None:
    """Ask for real-time scheduling of this thread, and go on without where it is refused."""
    if hasattr(os, "SCHED_FIFO"):
        with contextlib.suppress(OSError):
            policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK  # threads made later do not inherit it
            os.sched_setscheduler(0, policy, os.sched_param(20))
