"""A real training run in a real process, on a corpus of two chords."""

import os
import pickle
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from msgspec.structs import replace

from rnnrbm_gui.data.midi_file import MidiTrack, write_midi
from rnnrbm_gui.data.model_file import load_model
from rnnrbm_gui.engine.trainer import Trainer
from rnnrbm_gui.engine.trainer_events import CorpusFound, Failed, Reading, Sampled, Stopped
from rnnrbm_gui.engine.training_events import Checked, Course, Plan, Remark, Trained
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import PPQ, Meter
from tests.live import wait_until

ENDLESS = 10**6
LIMIT_S = 60.0
"""A process starts in two seconds; on a busy machine in many."""


class Heard:
    """A trainer and all it has told."""

    def __init__(self) -> None:
        self.trainer = Trainer()
        self.events: list[object] = []

    def of(self, kind: type) -> list:
        self.events += self.trainer.poll()
        return [event for event in self.events if type(event) is kind]

    def wait(self, kind: type, n: int = 1) -> list:
        return wait_until(
            lambda: found if len(found := self.of(kind)) >= n else None, LIMIT_S, kind.__name__
        )

    def wait_for_end(self) -> object:
        wait_until(lambda: self.of(object) or not self.trainer.busy, LIMIT_S, "the end")
        ends = [e for e in self.events if isinstance(e, Trained | CorpusFound | Stopped | Failed)]
        assert len(ends) == 1
        assert self.events[-1] is ends[0]
        return ends[0]


@pytest.fixture
def heard():
    before = set(psutil.Process().children())
    heard = Heard()
    yield heard
    heard.trainer.close()
    heard.trainer.close()
    since = set(psutil.Process().children()) - before
    assert not [child for child in since if child.status() != "zombie"]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    path = tmp_path / "Two chords.pickle"
    pieces = [[(60, 64, 67), (62, 65, 69)] * 6 for _ in range(6)]
    path.write_bytes(pickle.dumps({"train": pieces, "valid": pieces[:2]}))
    out = tmp_path / "two.safetensors"
    return Plan(path, out, updates=ENDLESS, n_hidden=8, n_recurrent=5)


def quick(plan: Plan, updates: int) -> Plan:
    return Plan(plan.data, plan.out, updates=updates, n_hidden=8, n_recurrent=5)


def test_a_run_tells_its_course_samples_what_it_plays_and_writes_the_model(heard, plan):
    heard.trainer.start(quick(plan, 40))
    assert heard.trainer.job == quick(plan, 40)
    with pytest.raises(RuntimeError, match="one run at a time"):
        heard.trainer.start(plan)
    trained = heard.wait_for_end()
    assert isinstance(trained, Trained)
    assert load_model(trained.path).header == trained.header
    assert any("Two chords" in remark.words for remark in heard.of(Remark))
    courses = heard.of(Course)
    assert courses[-1].update == courses[-1].updates == 40
    assert all(course.gradient_norms["W"] >= 0 for course in courses)
    checked, sampled = heard.of(Checked), heard.of(Sampled)
    assert [one.update for one in sampled] == [one.update for one in checked]
    assert sampled[-1].end_tick == 8 * 4 * PPQ
    assert all(0 <= note.on < note.off <= sampled[-1].end_tick for note in sampled[-1].notes)
    assert checked[-1].stored.model.n_hidden == 8
    assert not heard.trainer.busy


def test_pause_stands_still_and_stop_keeps_the_best(heard, plan):
    trainer = heard.trainer
    trainer.start(plan)
    heard.wait(Sampled)
    process = psutil.Process(trainer.pid)
    if hasattr(os, "nice"):
        assert process.nice() > psutil.Process().nice()
    trainer.pause()
    assert trainer.paused

    pause = threading.Event()

    def rests() -> bool:
        before = process.cpu_times().user
        pause.wait(0.3)
        return process.cpu_times().user == before

    wait_until(rests, LIMIT_S, "the standstill")
    n = len(heard.of(Course))
    trainer.resume()
    heard.wait(Course, n + 3)
    trainer.pause()  # a paused run can be stopped too
    trainer.stop()
    end = heard.wait_for_end()
    assert end == Stopped(plan.out)
    assert "best model so far is kept as “two”" in end.sentence
    assert load_model(plan.out).header.n_hidden == 8
    assert not process.is_running()


def test_a_resumed_run_stopped_before_a_new_best_keeps_the_old_one(heard, plan):
    heard.trainer.start(plan)
    heard.wait(Sampled)
    heard.trainer.stop()
    assert heard.wait_for_end() == Stopped(plan.out)
    heard.events.clear()
    heard.trainer.start(replace(plan, resume=True))
    heard.trainer.stop()
    assert heard.wait_for_end() == Stopped(plan.out)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_killed_run_is_told_and_ctrl_c_is_not_its_business(heard, plan):
    heard.trainer.start(plan)
    heard.wait(Remark)
    os.kill(heard.trainer.pid, signal.SIGINT)
    heard.wait(Course)
    os.kill(heard.trainer.pid, signal.SIGKILL)
    end = heard.wait_for_end()
    assert isinstance(end, Failed)
    assert "ended unexpectedly (signal 9: perhaps the memory ran out)" in end.sentence


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_run_that_does_not_answer_is_killed_when_it_is_to_stop(heard, plan, monkeypatch):
    monkeypatch.setattr("rnnrbm_gui.engine.trainer.STOP_S", 0.1)
    heard.trainer.start(plan)
    heard.wait(Remark)
    os.kill(heard.trainer.pid, signal.SIGSTOP)
    heard.trainer.stop()
    assert isinstance(heard.wait_for_end(), Stopped)


def test_what_is_wrong_comes_as_a_sentence(heard, plan, tmp_path):
    heard.trainer.start(Plan(tmp_path / "none.pickle", plan.out))
    end = heard.wait_for_end()
    assert isinstance(end, Failed)
    assert "none.pickle" in end.sentence
    heard.events.clear()
    heard.trainer.start(Plan(plan.data, plan.out, n_hidden=0))  # the next one is not hurt
    assert "n_hidden must be in" in heard.wait_for_end().sentence


def test_a_folder_is_read_and_each_file_told(heard, tmp_path):
    for i in range(3):
        notes = [Note(n * PPQ, 60 + i + n % 5, (n + 1) * PPQ) for n in range(16)]
        write_midi(tmp_path / f"{i}.mid", [MidiTrack("", Score.of(notes))], bpm=90.0, meter=Meter())
    (tmp_path / "broken.mid").write_bytes(b"")
    heard.trainer.start(Reading(tmp_path))
    found = heard.wait_for_end()
    assert found.parts == (("train", 2, 32), ("valid", 1, 16))
    assert [piece.file for piece in found.pieces if piece.why_not] == ["broken.mid"]
    assert {str(piece) for piece in found.pieces} < set(found.remarks)


ORPHAN = """
import sys
from pathlib import Path
from rnnrbm_gui.engine.trainer import Trainer
from rnnrbm_gui.engine.training_events import Plan
trainer = Trainer()
trainer.start(Plan(Path(sys.argv[1]), Path(sys.argv[2]), updates=10**6, n_hidden=8, n_recurrent=5))
while not trainer.poll():
    pass
print(trainer.pid, flush=True)
sys.stdin.read()
"""


def test_it_ends_when_the_app_is_gone(plan):
    app = subprocess.Popen(
        [sys.executable, "-c", ORPHAN, plan.data, plan.out],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    child = psutil.Process(int(app.stdout.readline()))
    app.kill()
    app.communicate()
    wait_until(
        lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 10, "its end"
    )
