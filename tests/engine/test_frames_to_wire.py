"""From frames to the wire: whatever the frames and whenever it stops, ons and offs balance."""

from collections import Counter
from math import inf

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rnnrbm_gui.engine.generator import IDLE_WAIT_S
from rnnrbm_gui.engine.hand_over import HandOver
from rnnrbm_gui.engine.timeline import Loop
from rnnrbm_gui.engine.voices import Voices
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.roll import Articulation, Grid
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import Meter, ticks_per_second
from rnnrbm_gui.player.schedule import Scheduler

GRID = Grid(1, 60, 5)
BPM = 120.0


class Wire:
    """The client of a scheduler in this process, with a clock that the test moves."""

    def __init__(self):
        self.scheduler, self.now_s, self.strokes = Scheduler(), 0.0, []
        self.begun_s = self.begun_tick = None

    def play(self, tick, epoch, bpm):
        self.begun_s, self.begun_tick = self.now_s, tick
        self.strokes += self.scheduler.play(tick, epoch, bpm, self.now_s)

    def pause(self):
        self.strokes += self.scheduler.pause(self.now_s)

    def schedule(self, epoch, notes):
        self.scheduler.schedule(epoch, tuple(notes), self.now_s)

    def cancel(self, epoch, from_tick):
        self.strokes += self.scheduler.cancel(epoch, from_tick, self.now_s)
        return self.scheduler.last_tick(self.now_s)

    def tick_now(self):
        if self.begun_s is None:
            return None
        return self.begun_tick + (self.now_s - self.begun_s) * ticks_per_second(BPM)

    def until(self, now_s):
        self.now_s = now_s
        self.strokes += self.scheduler.advance(now_s)


class Roll:
    """Generated and drawn notes that do not change."""

    drawn_to = inf

    def __init__(self, voices, drawn):
        self.voices, self.drawn = voices, drawn

    def starting(self, first, last):
        generated = self.voices.starting(first, last, self.drawn)
        return [(n, True) for n in self.drawn.starting(first, last)] + [
            (n, False) for n in generated
        ]

    def at(self, on, pitch, *, drawn):
        found = [n for n, is_drawn in self.starting(on, on + 1) if is_drawn == drawn]
        return next((n for n in found if n.pitch == pitch), None)

    def arrive(self, roll_tick):
        pass


DRAWN = st.lists(
    st.builds(
        lambda on, length, pitch: Note(on, pitch, on + length),
        st.integers(0, 5000),
        st.integers(1, 3000),
        st.integers(58, 66),
    ),
    max_size=6,
).map(Score.of)


@given(
    st.integers(0, 16).flatmap(lambda n: arrays.arrays(np.bool_, (n, 5))),
    st.sampled_from(Articulation),
    DRAWN,
    st.one_of(st.none(), st.tuples(st.integers(0, 3000), st.integers(1, 3000))),
    st.lists(st.floats(0.001, 0.4), max_size=25),
    st.floats(0.0, 0.4),
    st.booleans(),
)
def test_whatever_the_frames_and_whenever_it_stops(
    frames, articulation, drawn, loop, waits, last_wait, interrupted
):
    voices = Voices(GRID, articulation, Meter())
    for row in frames:
        voices.append(row)
    wire = Wire()
    hand_over = HandOver(wire, Roll(voices, drawn))
    hand_over.loop = Loop(loop[0], loop[0] + loop[1]) if loop else None
    hand_over.begin(0, BPM, [])
    for wait in waits:
        wire.until(wire.now_s + wait)
        hand_over.advance()
        if interrupted:
            hand_over.interrupt(0.06)
            hand_over.advance()
    wire.until(wire.now_s + last_wait)
    hand_over.end()
    held = Counter()
    for stroke in wire.strokes:
        held[stroke.pitch] += 1 if stroke.velocity else -1
        assert held[stroke.pitch] in (0, 1)
    assert not +held
    if not loop:
        # Calling back and giving again neither loses nor doubles what has begun by now.
        tick, struck = wire.tick_now(), Counter(s.pitch for s in wire.strokes if s.velocity)
        notes = [note for note, _ in Roll(voices, drawn).starting(0, 10**6)]
        assert Counter(n.pitch for n in notes if n.on < tick - 1e-6) <= struck
        assert struck <= Counter(n.pitch for n in notes if n.on < tick + 1e-6)


def test_notes_reach_the_player_at_least_three_tenths_of_a_second_ahead():
    voices = Voices(GRID, Articulation.RESTRIKE, Meter())
    for _ in range(40):
        voices.append(np.ones(5, np.bool_))
    wire, ahead_s = Wire(), []

    def note_how_early(epoch, notes):
        due = [wire.begun_s + (n.on - wire.begun_tick) / ticks_per_second(BPM) for n in notes]
        ahead_s.extend(due_s - wire.now_s for due_s in due if due_s > 0.45)
        Wire.schedule(wire, epoch, notes)

    wire.schedule = note_how_early
    hand_over = HandOver(wire, Roll(voices, Score()))
    hand_over.begin(0, BPM, [])
    for _ in range(200):
        wire.until(wire.now_s + IDLE_WAIT_S)
        hand_over.advance()
    assert len(ahead_s) > 70
    assert min(ahead_s) >= 0.3
