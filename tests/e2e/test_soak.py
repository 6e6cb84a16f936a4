"""Half an hour of music in seconds: a clock of our own, the real generator, the real scheduler.

Only the pipe between them and the waiting are left out. Every note that is handed over must come
out as one on and one off, at its time, unless it is taken back before; and memory must not grow.
"""

import gc
import queue
import random
import sys
from collections.abc import Callable

import psutil
import pytest

from rnnrbm_gui import paths
from rnnrbm_gui.engine import events
from rnnrbm_gui.engine.choices import Mode, Sampling
from rnnrbm_gui.engine.generator import Generator
from rnnrbm_gui.engine.timeline import Loop
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.roll import Articulation
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import PPQ
from rnnrbm_gui.player.protocol import TimedNote
from rnnrbm_gui.player.schedule import Scheduler, Stroke

BPM = 84.0
MINUTE_S = 60.0
BAR = 4 * PPQ


class Desk:
    """The player without its process: the real scheduler at a time that we turn on by hand.

    It keeps its own account: ``waiting`` are the notes that must still be struck.

    Attributes:
        sent: play ticks and pitches of all ons, as they were asked for.
        latest_s: how late the latest stroke was.
    """

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.scheduler = Scheduler()
        self.waiting: dict[int, TimedNote] = {}
        self.sounding: dict[int, TimedNote] = {}
        self.pitches: dict[int, int] = {}  # sounding pitch -> note id
        self.n_ons = self.n_offs = 0
        self.sent: list[tuple[int, int]] = []

    def wait(self, duration_s: float) -> None:
        """Let time pass, in steps as fine as the strokes are."""
        end_s = self.now_s + duration_s
        while (due_s := self.scheduler.next_due_s()) is not None and due_s <= end_s:
            self.now_s = max(self.now_s, due_s)
            self._hear(self.scheduler.advance(self.now_s))
        self.now_s = end_s
        assert not self.scheduler.dropped, "a note was handed over too late"
        now = self.tick_now()
        overdue = [note for note in self.waiting.values() if note.on < now]
        assert not overdue, "handed over and never struck"

    def _hear(self, strokes: list[Stroke]) -> None:
        for stroke in strokes:
            assert stroke.note_id is not None
            if stroke.velocity:
                note = self.waiting.pop(stroke.note_id)
                assert stroke.pitch == note.pitch
                assert stroke.pitch not in self.pitches, "struck twice without an off"
                anchor = self.scheduler.anchor
                asked_s = anchor.at_s + (note.on - anchor.tick) / anchor.ticks_per_s
                assert abs(stroke.due_s - asked_s) < 1e-6
                assert 0 <= self.now_s - stroke.due_s < 0.05
                self.pitches[stroke.pitch] = note.id
                self.sounding[note.id] = note
                self.sent.append((note.on, note.pitch))
                self.n_ons += 1
            else:
                assert self.pitches.pop(stroke.pitch) == stroke.note_id
                del self.sounding[stroke.note_id]
                self.n_offs += 1

    # ---- what the generator asks of its client

    def tick_now(self) -> float:
        return self.scheduler.anchor.tick_at(self.now_s)

    def play(self, tick: float, epoch: int, bpm: float) -> None:
        self._hear(self.scheduler.play(tick, epoch, bpm, self.now_s))
        self.waiting.clear()

    def pause(self) -> None:
        self._hear(self.scheduler.pause(self.now_s))
        self.waiting.clear()
        assert not self.sounding, "a pause is silent"

    def tempo(self, bpm: float) -> None:
        self._hear(self.scheduler.tempo(bpm, self.now_s))

    def schedule(self, epoch: int, notes: list[TimedNote]) -> None:
        for note in notes:
            if note.id in self.sounding:
                self.sounding[note.id] = note
            else:
                self.waiting[note.id] = note
        self.scheduler.schedule(epoch, tuple(notes), self.now_s)

    def cancel(self, epoch: int, from_tick: int) -> int:
        self._hear(self.scheduler.cancel(epoch, from_tick, self.now_s))
        self.waiting = {i: note for i, note in self.waiting.items() if note.on < from_tick}
        return self.scheduler.last_tick(self.now_s)


class Turning:
    """Stands in for the generator's ``Event``: instead of waiting, it turns the clock on."""

    def __init__(self, desk: Desk, meanwhile: Callable[[], None]) -> None:
        self._desk, self._meanwhile = desk, meanwhile

    def set(self) -> None: ...

    def clear(self) -> None: ...

    def wait(self, timeout: float | None) -> None:
        self._desk.wait(0.04 if timeout is None else timeout)
        self._meanwhile()


class Stage:
    """A generator that runs in this thread, on the desk's time, and what it has told."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.told: queue.SimpleQueue[object] = queue.SimpleQueue()
        self.generator = Generator(self.desk, self.told)  # type: ignore[arg-type]
        self.notes: list[Note] = []
        self.end = 0
        generator = self.generator
        generator.post(lambda: generator.load(paths.models() / "jsb-chorales.safetensors"))
        generator.post(lambda: generator.set_bpm(BPM))
        generator.post(lambda: generator.set_sampling(Sampling(seed=1, gibbs_steps=1)))

    def run(self, duration_s: float, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Let so much time pass; ``meanwhile`` is called every time the generator waits."""
        end_s = self.desk.now_s + duration_s

        def turn() -> None:
            self.listen()
            meanwhile()
            if self.desk.now_s >= end_s:
                self.generator.stop_thread()

        self.generator._closing = False
        self.generator._wake = Turning(self.desk, turn)  # type: ignore[assignment]
        self.generator.run()

    def listen(self) -> None:
        """Take over what the generator has told, as the window does."""
        while not self.told.empty():
            match self.told.get_nowait():
                case events.Generated() as told:
                    self.notes = [n for n in self.notes if n.on < told.from_tick] + [*told.notes]
                    self.end = told.end_tick
                case events.Truncated(tick):
                    self.notes = [n for n in self.notes if n.on < tick]
                    self.end = tick
                case events.Trouble(sentence):
                    pytest.fail(sentence)


class Visitor:
    """Someone who does something every few seconds."""

    def __init__(self, stage: Stage, seed: int, *, first: int = 0, last: int = 10**9) -> None:
        self.stage, self.chance = stage, random.Random(seed)
        self.first, self.last = first, last
        self.score = Score()
        self.due_s = stage.desk.now_s + 2
        self.done: dict[str, int] = {}

    def __call__(self) -> None:
        """Do something if it is time."""
        if self.stage.desk.now_s >= self.due_s:
            self.due_s = self.stage.desk.now_s + self.chance.uniform(0.5, 12)
            deeds = [self.edit] * 5 + [self.seek, self.tempo, self.knobs, self.mode, self.rest]
            deed = self.chance.choice(deeds)
            self.done[deed.__name__] = self.done.get(deed.__name__, 0) + 1
            self.stage.generator.post(deed)

    def _tick(self) -> int:
        return self.chance.randrange(self.first, min(self.last, max(self.stage.end, BAR)))

    def edit(self) -> None:
        here = int(self.stage.generator.position())
        on = max(0, here + self.chance.randrange(-2 * BAR, 4 * BAR)) // 120 * 120
        note = Note(on, self.chance.randrange(40, 84), on + 120 * self.chance.randrange(1, 12))
        kept = [n for n in self.score if self.chance.random() > 0.2 and n.off > here - 8 * BAR]
        self.score = Score.of([*kept, note])
        self.stage.generator.set_score(self.score)

    def seek(self) -> None:
        self.stage.generator.seek(self._tick())

    def tempo(self) -> None:
        self.stage.generator.set_bpm(self.chance.choice([60.0, BPM, 133.0, 300.0]))

    def knobs(self) -> None:
        sampling = Sampling(self.chance.randrange(2**32), self.chance.choice([0.8, 1.0, 1.3]), 1)
        self.stage.generator.set_sampling(sampling)
        articulation = self.chance.choice(list(Articulation))
        self.stage.generator.set_articulation(articulation)

    def mode(self) -> None:
        self.stage.generator.set_mode(self.chance.choice(list(Mode)))

    def rest(self) -> None:
        self.chance.choice([self.stage.generator.pause, self.stage.generator.stop])()
        assert not self.stage.desk.sounding
        self.stage.generator.post(self.stage.generator.play)


def test_half_an_hour_undisturbed_is_heard_note_for_note() -> None:
    stage = Stage()
    stage.generator.post(stage.generator.play)
    stage.run(30 * MINUTE_S)
    bars = 30 * BPM / 4
    played_to = int(stage.generator.position())
    assert played_to > (bars - 1) * BAR
    heard = sorted(stage.desk.sent)
    on_the_roll = sorted((note.on, note.pitch) for note in stage.notes if note.on < played_to)
    assert [note for note in heard if note[0] < played_to] == on_the_roll
    assert len(heard) > 4000
    stage.generator.pause()
    assert stage.desk.n_ons == stage.desk.n_offs == len(heard)


def test_half_an_hour_with_someone_at_the_knobs_loses_no_note() -> None:
    stage = Stage()
    visitor = Visitor(stage, seed=2)
    stage.generator.post(stage.generator.play)
    stage.run(30 * MINUTE_S, visitor)
    assert set(visitor.done) == {"edit", "seek", "tempo", "knobs", "mode", "rest"}
    stage.run(20)
    stage.generator.pause()
    assert stage.desk.n_ons == stage.desk.n_offs > 4000
    assert not stage.desk.pitches


def test_half_an_hour_in_a_loop_takes_no_more_memory() -> None:
    stage = Stage()
    visitor = Visitor(stage, seed=3, first=0, last=8 * BAR)
    visitor.seek = visitor.edit  # type: ignore[method-assign]
    stage.generator.post(lambda: stage.generator.set_loop(Loop(0, 8 * BAR)))
    stage.generator.post(stage.generator.play)

    def forget() -> None:
        visitor()
        stage.desk.sent.clear()

    def in_use() -> int:
        gc.collect()
        return sys.getallocatedblocks()

    stage.run(6 * MINUTE_S, forget)
    before, process = in_use(), psutil.Process()
    resident = process.memory_info().rss
    for _ in range(4):
        stage.run(6 * MINUTE_S, forget)
        # A note is some ten objects: this is less than one kept for every twentieth that was heard.
        assert in_use() - before < 3000
    assert process.memory_info().rss - resident < 15e6
    assert stage.desk.n_ons > 4000
