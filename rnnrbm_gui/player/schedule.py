"""The clock and what sounds: a pure machine that is told what time it is.

It holds the one promise everything rests on: every note-on it gives out is followed by exactly one
note-off, whatever is asked of it in between.
"""

import heapq
from collections import deque
from itertools import count

from msgspec import Struct
from msgspec.structs import replace

from rnnrbm_gui.music.timing import ticks_per_second
from rnnrbm_gui.player.protocol import Anchor, Dropped, TimedNote

TOO_LATE_S = 0.05
"""A note that arrives later than this after its onset is not struck any more."""

OFF, ON = 0, 1  # in this order: at one tick offs go before ons

Key = tuple[int, int]
"""(channel, pitch): what can sound only once."""


class Stroke(Struct, frozen=True):
    """A note-on (velocity 1..127) or note-off (velocity 0), due at ``due_s``."""

    due_s: float
    channel: int
    pitch: int
    velocity: int
    note_id: int | None


class _Held(Struct):
    """A sounding note; ``off`` is None while a clicked key is down."""

    note_id: int | None
    off: int | None


class Scheduler:
    """Ticks to seconds, and notes to strokes in the order in which they are sent."""

    def __init__(self) -> None:
        self.anchor = Anchor(0.0, 0.0, ticks_per_second(120.0), False, 0)
        self.dropped: list[Dropped] = []
        self._unsent: dict[int, tuple[int, TimedNote]] = {}  # note id -> epoch, note
        self._held: dict[Key, _Held] = {}
        self._key_of: dict[int, Key] = {}  # of each sounding note id
        self._finished: deque[int] = deque(maxlen=256)
        self._queue: list[tuple[int, int, int, int]] = []  # (tick, OFF or ON, order, note id)
        self._order = count()

    @property
    def sounding(self) -> tuple[Key, ...]:
        """The (channel, pitch) that sound now."""
        return tuple(self._held)

    def play(self, tick: float, epoch: int, bpm: float, now_s: float) -> list[Stroke]:
        """Start the clock at a tick; return the offs of what sounded before."""
        strokes = self.all_off(now_s)
        self._unsent = {i: known for i, known in self._unsent.items() if known[0] >= epoch}
        self._finished.clear()
        self.anchor = Anchor(tick, now_s, ticks_per_second(bpm), True, epoch)
        return strokes

    def pause(self, now_s: float) -> list[Stroke]:
        """Stop the clock and forget what is unsent; return the offs of what sounds."""
        strokes = [*self.advance(now_s), *self.all_off(now_s)]
        self._unsent.clear()
        self._queue.clear()
        self.anchor = replace(self._anchored(now_s), playing=False)
        return strokes

    def tempo(self, bpm: float, now_s: float) -> list[Stroke]:
        """Go on at another tempo; return what was due before."""
        strokes = self.advance(now_s)
        self.anchor = replace(self._anchored(now_s), ticks_per_s=ticks_per_second(bpm))
        return strokes

    def schedule(self, epoch: int, notes: tuple[TimedNote, ...], now_s: float) -> None:
        """Take notes; one with a known id replaces it, or moves its end where it sounds."""
        if epoch < self.anchor.epoch:
            return
        for note in notes:
            key = self._key_of.get(note.id)
            if key is not None:
                self._held[key].off = note.off
                self._push(note.off, OFF, note.id)
            elif note.id in self._finished:
                continue
            elif (late_s := self._late_s(note, now_s)) > TOO_LATE_S:
                self._unsent.pop(note.id, None)
                self.dropped.append(Dropped(note.id, late_s * 1e3))
            else:
                self._unsent[note.id] = (epoch, note)
                self._push(note.on, ON, note.id)

    def cancel(self, epoch: int, from_tick: int, now_s: float) -> list[Stroke]:
        """Forget unsent notes with ``on >= from_tick``; return what was due before.

        What sounds keeps its off. ``last_tick`` then tells how far the notes have been sent.
        """
        strokes = self.advance(now_s)
        self._unsent = {i: known for i, known in self._unsent.items() if known[1].on < from_tick}
        self.anchor = replace(self.anchor, epoch=max(epoch, self.anchor.epoch))
        return strokes

    def last_tick(self, now_s: float) -> int:
        """Return the tick up to which everything has been sent."""
        return int(self.anchor.tick_at(now_s))

    def strike(self, pitch: int, velocity: int, now_s: float) -> list[Stroke]:
        """Return the strokes of a clicked key going down."""
        strokes = self._off((0, pitch), now_s)
        self._held[0, pitch] = _Held(None, None)
        return [*strokes, Stroke(now_s, 0, pitch, velocity, None)]

    def release(self, pitch: int, now_s: float) -> list[Stroke]:
        """Return the off of a clicked key, nothing if a scheduled note has taken its pitch over."""
        held = self._held.get((0, pitch))
        return self._off((0, pitch), now_s) if held is not None and held.off is None else []

    def all_off(self, now_s: float) -> list[Stroke]:
        """Return the offs of everything that sounds."""
        return [stroke for key in list(self._held) for stroke in self._off(key, now_s)]

    def advance(self, now_s: float) -> list[Stroke]:
        """Return the strokes due by now, in the order in which they must be sent."""
        strokes: list[Stroke] = []
        while self._queue and (due_s := self._due_s(self._queue[0][0])) <= now_s:
            if not self.anchor.playing:
                break
            tick, what, _, note_id = heapq.heappop(self._queue)
            if what == OFF:
                key = self._key_of.get(note_id)
                if key is not None and self._held[key].off == tick:
                    strokes += self._off(key, due_s)
            elif note_id in self._unsent and self._unsent[note_id][1].on == tick:
                _, note = self._unsent.pop(note_id)
                self._push(note.off, OFF, note_id)
                strokes += self._on(note, due_s)
        return strokes

    def next_due_s(self) -> float | None:
        """Return when ``advance`` has something to do next, None when nothing is waiting."""
        if not self._queue or not self.anchor.playing:
            return None
        return self._due_s(self._queue[0][0])

    def _on(self, note: TimedNote, due_s: float) -> list[Stroke]:
        key = (note.channel, note.pitch)
        strokes = self._off(key, due_s)
        self._held[key] = _Held(note.id, note.off)
        self._key_of[note.id] = key
        return [*strokes, Stroke(due_s, *key, note.velocity, note.id)]

    def _off(self, key: Key, due_s: float) -> list[Stroke]:
        held = self._held.pop(key, None)
        if held is None:
            return []
        if held.note_id is not None:
            del self._key_of[held.note_id]
            self._finished.append(held.note_id)
        return [Stroke(due_s, *key, 0, held.note_id)]

    def _push(self, tick: int, what: int, note_id: int) -> None:
        heapq.heappush(self._queue, (tick, what, next(self._order), note_id))

    def _late_s(self, note: TimedNote, now_s: float) -> float:
        return now_s - self._due_s(note.on) if self.anchor.playing else 0.0

    def _due_s(self, tick: int) -> float:
        return self.anchor.at_s + (tick - self.anchor.tick) / self.anchor.ticks_per_s

    def _anchored(self, now_s: float) -> Anchor:
        return replace(self.anchor, tick=self.anchor.tick_at(now_s), at_s=now_s)
