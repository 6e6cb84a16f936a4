"""A model slower than its own music: the music waits for it, and no note is passed over unheard."""

import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from rnnrbm_gui import paths
from rnnrbm_gui.engine import events
from rnnrbm_gui.engine.answer import Answer
from rnnrbm_gui.engine.choices import Mode, Sampling
from rnnrbm_gui.engine.engine import Engine
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import Meter
from rnnrbm_gui.player.protocol import Dropped, Sounding
from tests.live import wait_until

MODEL = paths.models() / "jsb-chorales.safetensors"
FRAME = 480
"""Of that model: 0.2 s at 300 bpm."""
TAKES_S = 0.3


class Slow:
    """An engine whose model takes its time for a frame; what it plays, and what sounds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hurry, own = threading.Event(), Answer.extend

        def extend(answer: Answer, sampling: Sampling) -> int:
            self.hurry.wait(TAKES_S)
            return own(answer, sampling)

        monkeypatch.setattr(Answer, "extend", extend)
        self.notes: list[Note] = []
        self.struck: Counter[int] = Counter()
        self.waits: list[float] = []
        self.engine = Engine(audio="null")
        self.engine.set_mode(Mode.FREE)
        self.engine.set_sampling(Sampling(seed=1, gibbs_steps=40))
        self.engine.set_bpm(300)

    def hear(self) -> None:
        for event in self.engine.poll():
            match event:
                case events.Generated():
                    kept = [note for note in self.notes if note.on < event.from_tick]
                    self.notes = [*kept, *event.notes]
                case events.Truncated(tick):
                    self.notes = [note for note in self.notes if note.on < tick]
                case Sounding(pitch=pitch, on=True):
                    self.struck[pitch] += 1
                case Dropped():
                    pytest.fail("a note was given too late")
                case events.Trouble(sentence):
                    pytest.fail(sentence)

        if self.engine.waiting and self.struck:
            self.waits.append(self.engine.position())

    def reaches(self, tick: int) -> None:
        def so() -> bool:
            self.hear()
            return self.engine.position() >= tick

        wait_until(so, 20, f"{tick}, not {self.engine.position()}")

    def check(self, drawn: Score, tick: int) -> None:
        """Fail unless all that begins before a tick has been struck, some of it twice, perhaps."""
        due = Counter(note.pitch for note in [*self.notes, *drawn] if note.on < tick)
        assert due.total() > 10
        assert due <= self.struck


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    slow = Slow(monkeypatch)
    yield slow
    slow.hurry.set()
    slow.engine.close()


def test_the_music_waits_for_a_model_that_is_slower(slow: Slow) -> None:
    slow.engine.start(MODEL)
    slow.engine.play()
    slow.reaches(12 * FRAME)
    assert slow.waits == sorted(slow.waits)
    assert len(set(slow.waits)) == 1  # and then for more than the next frame
    slow.check(Score(), 11 * FRAME)


def test_an_edit_while_the_model_is_slow_loses_no_note(slow: Slow) -> None:
    slow.engine.start(MODEL)
    slow.engine.play()
    drawn = Score()
    for edit in range(7):  # further ahead than a frame takes; from there on all is drawn anew
        slow.reaches(edit * FRAME + FRAME // 2)
        drawn = drawn.added(Note((edit + 3) * FRAME, 84 + edit, (edit + 4) * FRAME))
        slow.engine.set_score(drawn)
    slow.reaches(11 * FRAME)
    slow.check(drawn, 10 * FRAME)


def test_bars_may_be_short(slow: Slow) -> None:
    """Eight of 1/16 are two frames, .4 s."""
    slow.hurry.set()
    slow.engine.set_meter(Meter(1, 16))
    slow.engine.start(MODEL)
    slow.engine.play()
    slow.reaches(4 * FRAME)
