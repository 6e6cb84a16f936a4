"""The app's end of the player: hands notes over, remembers what sounds, replaces a dead player.

Thread: every method may be called from any thread and returns at once (``cancel`` waits up to
150 ms, ``close`` up to 2 s). A watching thread looks after the player; what it and the player have
to tell is fetched by ``poll``.
"""

import threading
from collections import deque
from collections.abc import Iterable
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from rnnrbm_gui.engine.player_child import Child, Probes
from rnnrbm_gui.engine.player_memory import Memory
from rnnrbm_gui.music.timing import ticks_per_second
from rnnrbm_gui.player import protocol
from rnnrbm_gui.player.protocol import (
    BUILT_IN,
    VIRTUAL,
    Anchor,
    AudioDevice,
    Cancelled,
    Dropped,
    OutputId,
    Outputs,
    OutputState,
    Sounding,
    TimedNote,
    Trouble,
    now_s,
)

__all__ = [
    "BUILT_IN",
    "VIRTUAL",
    "Anchor",
    "AudioDevice",
    "Cancelled",
    "Dropped",
    "OutputId",
    "OutputState",
    "Outputs",
    "PlayerClient",
    "Replaced",
    "Sounding",
    "TimedNote",
    "Trouble",
    "now_s",
]

WATCH_S, ASLEEP_S = 0.05, 0.5
ANSWER_S = 0.15
MOST_DEATHS, DEATHS_WITHIN_S, REST_S = 4, 10.0, 5.0
"""A player that dies so often so quickly is left alone for a while."""


class Replaced(Struct, frozen=True):
    """The player died or hung and another has taken its place."""

    sentence: str


class PlayerClient:
    """Plays notes through a process of its own, which is replaced when it fails."""

    def __init__(self, *, audio: Literal["auto", "null"] = "auto") -> None:
        self._null = audio == "null"
        self._changed = threading.Condition(threading.RLock())
        self._child: Child | None = None
        self._memory = Memory()
        self._events: deque[Any] = deque()
        self._answers: dict[int, Cancelled | None] = {}  # None: still waited for
        self._token = 0
        self._probes = Probes()
        self._lost_apis: deque[str] = deque()
        self._deaths: deque[float] = deque(maxlen=MOST_DEATHS)
        self._outputs: tuple[OutputId, ...] = (BUILT_IN,)
        self._level = 0.0
        self._closing = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="player watch", daemon=True)

    def start(self) -> None:
        """Start the player, once; the built-in synth is its output until another is opened."""
        if self._watcher.ident is not None:
            return
        with self._changed:
            self._child = Child(self._hear, null=self._null)
        self._watcher.start()

    def close(self) -> None:
        """End every note and the player; wait up to 2 s for it, then kill it."""
        self._closing.set()
        if self._watcher.is_alive():
            self._watcher.join()
        with self._changed:
            child, self._child = self._child, None
        if child is not None:
            child.send(protocol.Quit())
            child.end(2.0)
        self._probes.close()

    # ---- transport

    def play(self, tick: float, epoch: int, bpm: float) -> None:
        """Start the clock at a play tick; what sounds ends, unsent notes of older epochs go.

        Raises:
            ValueError: ``bpm`` is not a tempo.
        """
        _check(bpm)
        with self._changed:
            memory, at_s = self._memory, now_s()
            memory.anchor = Anchor(tick, at_s, ticks_per_second(bpm), True, epoch)
            memory.notes = {i: known for i, known in memory.notes.items() if known[0] >= epoch}
            self._send(protocol.Play(tick, epoch, bpm))

    def pause(self) -> None:
        """Stop the clock; sounding notes end, unsent ones go."""
        with self._changed:
            memory, at_s = self._memory, now_s()
            if memory.anchor is not None:
                tick = memory.anchor.tick_at(at_s)
                memory.anchor = replace(memory.anchor, tick=tick, at_s=at_s, playing=False)
            memory.notes.clear()
            self._send(protocol.Pause())

    def tempo(self, bpm: float) -> None:
        """Go on at another tempo; nothing is sent again.

        Raises:
            ValueError: ``bpm`` is not a tempo.
        """
        _check(bpm)
        with self._changed:
            memory, at_s = self._memory, now_s()
            if memory.anchor is not None:
                tick, rate = memory.anchor.tick_at(at_s), ticks_per_second(bpm)
                memory.anchor = replace(memory.anchor, tick=tick, at_s=at_s, ticks_per_s=rate)
            self._send(protocol.Tempo(bpm))

    def tick_now(self) -> float | None:
        """Return the play tick of this moment, None before the first ``play``."""
        anchor = self._memory.anchor
        return None if anchor is None else anchor.tick_at(now_s())

    # ---- notes

    def schedule(self, epoch: int, notes: Iterable[TimedNote]) -> None:
        """Hand notes over.

        A known id replaces its note, or moves the end of one that sounds. Notes of an old epoch
        are ignored; those more than 50 ms late are dropped, with a ``Dropped`` event.
        """
        batch = tuple(notes)
        with self._changed:
            memory = self._memory
            if not batch or (memory.anchor is not None and epoch < memory.anchor.epoch):
                return
            memory.take(epoch, batch)
            self._send(protocol.Schedule(epoch, batch))

    def cancel(self, epoch: int, from_tick: int) -> int | None:
        """Take back unsent notes with ``on >= from_tick``; ``epoch`` is the current one now.

        Returns:
            The play tick up to which notes have been sent, None where no answer came in 150 ms.
        """
        with self._changed:
            memory = self._memory
            sounding = set(memory.sounding.values())
            memory.notes = {
                i: known
                for i, known in memory.notes.items()
                if known[1].on < from_tick or i in sounding
            }
            if memory.anchor is not None:
                newest = max(epoch, memory.anchor.epoch)
                memory.anchor = replace(memory.anchor, epoch=newest)
            self._token += 1
            token = self._token
            self._answers[token] = None
            self._send(protocol.Cancel(epoch, from_tick, token))
            self._changed.wait_for(lambda: self._answers[token], ANSWER_S)
            answer = self._answers.pop(token)
            return None if answer is None else answer.last_tick

    def strike(self, pitch: int, velocity: int) -> None:
        """Sound a clicked key at once, also while stopped."""
        with self._changed:
            self._memory.struck.add(pitch)
            self._send(protocol.Strike(pitch, velocity))

    def release(self, pitch: int) -> None:
        """Let a clicked key go."""
        with self._changed:
            self._memory.struck.discard(pitch)
            self._send(protocol.Release(pitch))

    def panic(self) -> None:
        """Silence the output by every means: offs, CC 64 = 0, CC 123, CC 120, 16 channels."""
        with self._changed:
            self._memory.struck.clear()
            self._send(protocol.Panic())

    # ---- outputs

    @property
    def outputs(self) -> tuple[OutputId, ...]:
        """The outputs last listed."""
        return self._outputs

    @property
    def output(self) -> OutputId:
        """The chosen output, whether it is there or not."""
        return self._memory.output

    @property
    def level(self) -> float:
        """The built-in synth's peak of the last quarter second, 0..1."""
        return self._level

    def open_output(self, output: OutputId) -> None:
        """Send to this output from now on; an ``OutputState`` tells what came of it."""
        if output not in (BUILT_IN, *self._outputs):
            self._probes.hurry()
        with self._changed:
            self._memory.output, self._memory.state = output, None
            self._send(protocol.OpenOutput(output))

    def refresh_outputs(self) -> None:
        """Ask for the list of outputs now; otherwise it comes whenever it changes."""
        self._probes.hurry()
        self._send(protocol.Refresh())

    def set_program(self, program: int | None, bank: int | None = None, channel: int = 0) -> None:
        """Choose the sound of a channel, 0..127, now and whenever the output is opened again."""
        with self._changed:
            command = protocol.Program(channel, program, bank)
            self._memory.programs[channel] = command
            self._send(command)

    def poll(self) -> list[Any]:
        """Return what happened since the last call, in order.

        Anchor, Sounding, Dropped, Cancelled, Outputs, OutputState, AudioDevice, Replaced, Trouble.
        """
        events = []
        while self._events:
            events.append(self._events.popleft())
        return events

    # ---- the player's keeper

    def _send(self, command: protocol.Command) -> None:
        with self._changed:
            if self._child is not None:
                self._child.send(command)

    def _hear(self, child: Child, report: Any) -> None:
        """Take a report (thread: the child's reader)."""
        with self._changed:
            if child is not self._child:
                return
            self._memory.hear(report)
            match report:
                case protocol.Beat():
                    self._level = report.level
                case protocol.Entering():
                    pass
                case protocol.ApiLost(api):
                    self._lost_apis.append(api)
                case _:
                    if isinstance(report, Outputs):
                        self._outputs = report.outputs
                    if isinstance(report, Cancelled) and report.token in self._answers:
                        self._answers[report.token] = report
                        self._changed.notify_all()
                    self._events.append(report)

    def _watch(self) -> None:
        looked_s = now_s()
        while not self._closing.wait(WATCH_S):
            at_s = now_s()
            try:
                self._look(at_s, slept=at_s - looked_s > ASLEEP_S)
            except OSError as error:  # no more processes, no room for their pipes
                self._events.append(Trouble(f"The player cannot be started: {error}."))
                self._closing.wait(REST_S)
            looked_s = at_s

    def _look(self, at_s: float, *, slept: bool) -> None:
        """Look after the player and the MIDI APIs; ``slept``: this thread itself was held up."""
        child = self._child
        assert child is not None
        if slept:
            child.excuse(at_s)
        if child.ended or child.silent(at_s):
            self._replace(child, at_s)
        while self._lost_apis:
            self._probes.exclude(self._lost_apis.popleft(), at_s)
        for answer in self._probes.watch(at_s):
            self._send(answer)

    def _replace(self, old: Child, at_s: float) -> None:
        """Kill what is left of a player and let another go on in its place."""
        hung = not old.ended
        last_words = old.end(0.0 if hung else 0.5)
        suspect = old.inside
        if not suspect and (hung or (old.process.returncode or 0) not in (0, 1, -9, -15)):
            suspect = self._memory.output.api
        if suspect in self._probes.admitted:
            self._probes.exclude(suspect, at_s)
        else:
            suspect = ""
        what = "stopped answering" if hung else "ended unexpectedly"
        inside = f" inside {suspect.upper()}" if suspect else ""
        if len(self._deaths) == MOST_DEATHS and at_s - self._deaths[0] < DEATHS_WITHIN_S:
            self._events.append(Trouble(f"The player keeps failing ({last_words or what})."))
            self._closing.wait(REST_S)
        self._deaths.append(at_s)
        with self._changed:
            for (channel, pitch), note_id in self._memory.sounding.items():
                self._events.append(Sounding(pitch, False, note_id, at_s, 0.0, channel))
            self._child = Child(self._hear, null=self._null)
            for api in sorted(self._probes.admitted):
                self._child.send(protocol.Admit(api))
            for command in self._memory.briefing(lost=bool(suspect)):
                self._child.send(command)
        self._events.append(Replaced(f"The player {what}{inside} and was replaced."))


def _check(bpm: float) -> None:
    if not 1.0 <= bpm <= 100_000.0:
        raise ValueError(f"bpm must be in 1..100000, got {bpm}")
