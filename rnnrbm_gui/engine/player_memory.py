"""What the app remembers of its player, so that another can take its place."""

from typing import Any

from msgspec import Struct

from rnnrbm_gui.music.timing import PPQ
from rnnrbm_gui.player import protocol
from rnnrbm_gui.player.protocol import (
    BUILT_IN,
    Anchor,
    Dropped,
    OutputId,
    OutputState,
    Sounding,
    TimedNote,
    now_s,
)

FORGET_S = 2.0


class Memory(Struct):
    """What a new player must be told to go on where the old one ended.

    Attributes:
        notes: note id -> (epoch, note) of those unsent or sounding.
        sounding: (channel, pitch) -> note id, None for a clicked key, as reported.
        struck: pitches of clicked keys that are down, as asked for.
    """

    output: OutputId = BUILT_IN
    state: OutputState | None = None
    anchor: Anchor | None = None
    programs: dict[int, protocol.Program] = {}
    notes: dict[int, tuple[int, TimedNote]] = {}
    sounding: dict[tuple[int, int], int | None] = {}
    struck: set[int] = set()

    def owed(self, tick: float) -> tuple[tuple[int, int], ...]:
        """Return every (channel, pitch) that may sound at the receiver at a tick."""
        keys = dict.fromkeys(self.sounding)
        keys.update(dict.fromkeys((0, pitch) for pitch in self.struck))
        due = (note for _, note in self.notes.values() if note.on <= tick)
        keys.update(dict.fromkeys((note.channel, note.pitch) for note in due))
        keys.update(dict.fromkeys(self.state.owed if self.state else ()))
        return tuple(keys)

    def take(self, epoch: int, batch: tuple[TimedNote, ...]) -> None:
        """Keep notes; those that must have ended without a word are forgotten."""
        if self.anchor is not None:
            over = self.anchor.tick_at(now_s() - FORGET_S)
            self.notes = {i: known for i, known in self.notes.items() if known[1].off > over}
        self.notes.update((note.id, (epoch, note)) for note in batch)

    def hear(self, report: Any) -> None:
        """Keep what a report says."""
        match report:
            case Sounding(pitch, True, note_id):
                self.sounding[report.channel, pitch] = note_id
            case Sounding(pitch, False, note_id):
                self.sounding.pop((report.channel, pitch), None)
                if note_id is not None:
                    self.notes.pop(note_id, None)
            case Dropped(note_id):
                self.notes.pop(note_id, None)
            case Anchor() if self.anchor is None or report.epoch >= self.anchor.epoch:
                self.anchor = report
            case OutputState(output) if output == self.output:
                self.state = report

    def briefing(self, *, lost: bool) -> list[protocol.Command]:
        """Return what to tell a new player, and remember that it has nothing sounding yet.

        ``lost``: the output's API does not answer now.
        """
        at_s, anchor = now_s(), self.anchor
        tick = anchor.tick_at(at_s) if anchor else 0.0
        lost = lost or (self.state is not None and self.state.state == "lost")
        told: list[protocol.Command] = [*self.programs.values()]
        told.append(protocol.OpenOutput(self.output, self.owed(tick), lost))
        self.sounding.clear()
        self.struck.clear()
        self.notes = {i: known for i, known in self.notes.items() if known[1].on > tick}
        if anchor is None:
            return told
        started_s = anchor.at_s if anchor.playing else None
        bpm = anchor.ticks_per_s * 60 / PPQ
        told.append(protocol.Play(anchor.tick, anchor.epoch, bpm, started_s))
        if not anchor.playing:
            told.append(protocol.Pause())
        told += [protocol.Schedule(epoch, (note,)) for epoch, note in self.notes.values()]
        return told
