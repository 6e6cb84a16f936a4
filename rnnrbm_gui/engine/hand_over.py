"""Giving notes to the player a moment before they sound, and taking them back.

Keeps what the player has been given: where on the roll each note came from, so that an edit can
move the end of a note that already sounds; how the play ticks lie on the roll; how far the giving
has come.
"""

from collections.abc import Sequence
from itertools import count
from math import ceil
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from rnnrbm_gui.engine.player_client import PlayerClient, TimedNote
from rnnrbm_gui.engine.timeline import Loop, Piece, Timeline
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.timing import ticks_per_second

HANDED_AHEAD_S = 0.45
"""Notes reach the player this long before they sound; at least 0.3 s is what it is promised."""

LATE_S = 0.03
"""Notes this late can still be given; the player strikes none that comes over 0.05 s late."""

Part = tuple[Note, bool]
"""A note on the roll, and whether it was drawn."""


class Roll(Protocol):
    """What there is to play, in roll ticks."""

    @property
    def drawn_to(self) -> float:
        """The roll tick up to which it is known what there is to play."""

    def starting(self, first: int, last: int) -> list[Part]:
        """Return the notes with ``first <= on < last``."""

    def at(self, on: int, pitch: int, *, drawn: bool) -> Note | None:
        """Return the note that begins there as it is now, None if it is gone."""

    def arrive(self, roll_tick: int) -> None:
        """Hear that the playhead jumps to this tick."""


class Given(Struct):
    """A note that the player has, and where on the roll it came from."""

    timed: TimedNote
    piece: Piece
    roll_on: int
    drawn: bool


class HandOver:
    """The engine's side of the notes on their way to the player.

    Thread: the generator thread, but for ``roll_now`` and ``listened_to``.

    Attributes:
        loop: the stretch of the roll that repeats, None where there is none.
        until: the roll tick at which playing ends by itself, None to play on.
        given_to: the play tick up to which the player has been given all notes.
    """

    def __init__(self, client: PlayerClient, roll: Roll) -> None:
        self._client, self._roll = client, roll
        self.loop: Loop | None = None
        self.until: int | None = None
        self._timeline = Timeline()
        self._given: dict[int, Given] = {}
        self.given_to = 0
        self._epoch = 0
        self._listened: tuple[int, int] | None = None  # the epoch of loose notes, and their end
        self._next_id = 0
        self._bpm = 0.0

    def heard(self) -> tuple[float, float]:
        """Return the roll tick and the play tick that sound now, 0 before a note was given."""
        now = self._now()
        return (0.0, 0.0) if now is None else (max(0.0, self._timeline.roll(now)), now)

    def roll_now(self) -> float | None:
        """Return the roll tick that sounds now, None before the first note was given."""
        now = self._now()
        return None if now is None else self._timeline.roll(now)

    def _now(self) -> float | None:
        """Return the play tick that sounds now: nothing does beyond what is given."""
        now = self._client.tick_now()
        return None if now is None else min(now, self.given_to)

    def wanted(self, tick: int, ahead_s: float, bpm: float) -> int:
        """Return the roll tick up to which there must be music to play on from ``tick`` so long."""
        last = tick + ceil(ahead_s * ticks_per_second(bpm))
        if self.loop and tick < self.loop.last:
            last = min(last, self.loop.last)
        return last if self.until is None else min(last, self.until)

    def overdue(self) -> int | None:
        """Return the roll tick to which notes are given if that is past, else None."""
        now = self._client.tick_now()
        if now is None or now < self.given_to + LATE_S * ticks_per_second(self._bpm):
            return None
        return round(self._timeline.piece_at(self.given_to).roll(self.given_to))

    def listened_to(self) -> float | None:
        """Return the tick reached in notes apart from the roll, None when none are heard."""
        listened, now = self._listened, self._client.tick_now()
        if listened is None or now is None or listened[0] != self._epoch or now >= listened[1]:
            return None
        return max(0.0, now)

    def listen(self, notes: Sequence[Note], bpm: float) -> None:
        """Let the player sound notes apart from the roll, from their tick 0 on, at once."""
        self._epoch += 1
        self._given.clear()
        self._client.play(0, self._epoch, bpm)
        ids = count(self._next_id)
        timed = [TimedNote(next(ids), n.on, n.off, n.pitch, n.velocity) for n in notes]
        self._next_id += len(timed)
        self._client.schedule(self._epoch, timed)
        self._listened = (self._epoch, max((note.off for note in notes), default=0))

    def begin(self, tick: int, bpm: float, held: Sequence[Part]) -> None:
        """Start the player at a roll tick; ``held`` notes began before it and are struck there."""
        self._epoch += 1
        self._bpm = bpm
        self._given.clear()
        self._timeline, self.given_to = Timeline((Piece(tick, tick),)), tick
        self._client.play(tick, self._epoch, bpm)
        self._give(self._timeline.pieces[0], held)
        self.advance()

    def tempo(self, bpm: float) -> None:
        """Go on at another tempo; notes keep their ticks."""
        self._bpm = bpm
        self._client.tempo(bpm)

    def end(self) -> None:
        """Silence; the clock stops."""
        self._listened = None
        self._client.pause()
        self._given.clear()

    def interrupt(self, freeze_s: float) -> tuple[float, float]:
        """Take back what has not sounded.

        Returns:
            The roll tick up to which notes have been sent, and the one from which on notes can
            still be changed in time, ``freeze_s`` later.
        """
        now = ceil(self._client.tick_now() or 0)
        self._epoch += 1
        last_sent = self._client.cancel(self._epoch, now)
        cut = min(self.given_to, max(now, -1 if last_sent is None else last_sent + 1))
        kept = tuple(piece for piece in self._timeline.pieces if piece.play_first <= cut)
        self._timeline = Timeline(kept or self._timeline.pieces[:1])
        self._given = {i: given for i, given in self._given.items() if given.timed.on < cut}
        self.given_to = cut
        sent = self._timeline.roll(cut)
        soon = sent + freeze_s * ticks_per_second(self._bpm)
        if self.loop and sent < self.loop.last <= soon:
            soon += self.loop.first - self.loop.last
        return sent, soon

    def advance(self, ahead_s: float = HANDED_AHEAD_S) -> None:
        """Give the player every note that begins within the next moment, as far as it is known.

        None where they are overdue: they would be dropped.
        """
        now = self._client.tick_now()
        if now is None or self.overdue() is not None:
            return
        horizon = ceil(now + ahead_s * ticks_per_second(self._bpm))
        while self.given_to < horizon:
            piece = self._timeline.piece_at(self.given_to)
            first, last = round(piece.roll(self.given_to)), round(piece.roll(horizon))
            loop = self.loop if self.loop and first < self.loop.last else None
            if loop:
                last = min(last, loop.last)
            if self.until is not None:
                last = min(last, self.until)
            last = int(min(last, self._roll.drawn_to))
            if first >= last:
                break
            self._give(piece, self._roll.starting(first, last))
            self.given_to = piece.play(last)
            if loop and last == loop.last:
                self._timeline = self._timeline.jumping(self.given_to, loop.first)
                self._roll.arrive(loop.first)
        self._given = {i: given for i, given in self._given.items() if given.timed.off > now}
        if any(not given.drawn and given.timed.off < horizon for given in self._given.values()):
            self.mend()

    def mend(self) -> None:
        """Move the ends of notes already given that have since grown, shrunk or gone."""
        now = ceil(self._client.tick_now() or 0)
        latest = self._timeline.pieces[-1]
        mended = []
        for given in self._given.values():
            timed, piece = given.timed, given.piece
            if piece != latest or timed.off <= now:
                continue
            source = self._roll.at(given.roll_on, timed.pitch, drawn=given.drawn)
            off = piece.play(self._clipped(piece, source.off)) if source else now
            off = max(off, timed.on + 1)
            if off != timed.off:
                given.timed = replace(timed, off=off)
                mended.append(given.timed)
        if mended:
            self._client.schedule(self._epoch, mended)

    def _give(self, piece: Piece, parts: Sequence[Part]) -> None:
        timed = []
        for note, drawn in parts:
            on = max(note.on, piece.roll_first)
            off = self._clipped(piece, note.off)
            if off <= on:
                continue
            one = TimedNote(
                self._next_id, piece.play(on), piece.play(off), note.pitch, note.velocity
            )
            self._next_id += 1
            self._given[one.id] = Given(one, piece, note.on, drawn)
            timed.append(one)
        if timed:
            self._client.schedule(self._epoch, timed)

    def _clipped(self, piece: Piece, roll_off: int) -> int:
        """Let no note sound on past the end of the loop, or of what is to be played."""
        if self.until is not None:
            roll_off = min(roll_off, self.until)
        if self.loop and piece.roll_first < self.loop.last:
            return min(roll_off, self.loop.last)
        return roll_off
