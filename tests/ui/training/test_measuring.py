"""What the window shows beside the course of a run: reading scores, measuring, failing."""

from pathlib import Path

import pytest

from rnnrbm_gui.engine.checkpoint import path_beside
from rnnrbm_gui.engine.trainer_events import Failed, Stopped
from rnnrbm_gui.engine.training_events import Course, Measuring, Plan
from rnnrbm_gui.ui.training.stage import Stage

PLAN = Plan(Path("/music/Jsb16thSeparated.json"), Path("/models/mine.safetensors"))


class Script:
    """A trainer that tells what it is given, and notes what it is asked."""

    def __init__(self) -> None:
        self.busy, self.paused, self.asked, self.events = False, False, [], []

    def start(self, job):
        self.busy = True

    def pause(self):
        self.paused = True

    def resume(self):
        self.paused = False

    def stop(self):
        self.asked.append("stop")

    def poll(self):
        events, self.events = self.events, []
        self.busy = not any(isinstance(event, Stopped | Failed) for event in events)
        return events

    def drop(self):
        self.busy = False

    close = drop


@pytest.fixture
def told(training, tmp_path):
    """Return a training that has begun, and a function that tells it events."""
    training._reader, training._trainer = Script(), Script()
    training.window.corpus.choose(tmp_path / "Tunes.pickle")
    training._reader.busy = False
    training.start()

    def tell(*events):
        training._trainer.events += events
        training.poll()

    return training, tell


def course(update=400):
    return Course(update, 1000, 3.0, 0.1, {"W": 1.0}, 900.0, 20.0, 30.0)


def test_after_an_early_stop_the_measuring_is_shown_and_can_be_stopped(told):
    training, tell = told
    window = training.window
    tell(course())
    assert window.stage is Stage.LEARNING
    tell(course(401), Measuring("likelihood: 12%, 80 s left", 0.12))
    assert window.stage is Stage.MEASURING
    assert "likelihood: 12%, 80 s left" in window.line.text()
    assert window.progress.value() == pytest.approx(0.12 * window.progress.maximum())
    assert "80 s left" in training._main.status.training.text()
    assert not window.pause.isEnabled()
    training.pause(True)
    assert not training._trainer.paused
    tell(Measuring(""))
    assert window.stage is Stage.MEASURING
    assert window.line.text() == "Measuring the best model …"
    assert window.progress.maximum() == 0  # it is not known how far, but nothing stands still
    window.stop.click()
    assert training._trainer.asked == ["stop"]
    tell(Measuring("accuracy: 5%, 9 s left"))
    assert window.stage is Stage.STOPPING
    tell(Stopped(PLAN.out))
    assert window.stage is Stage.RESTING
    assert "kept as “mine”" in window.line.text()


def test_a_pause_asked_for_at_the_very_end_does_not_hold_the_run_for_ever(told):
    training, tell = told
    window = training.window
    tell(course(999))
    training.pause(True)
    tell(course(1000))
    assert window.stage is Stage.PAUSED
    assert window.pause.isEnabled()
    tell(Measuring("likelihood: 12%, 80 s left"))
    assert window.stage is Stage.MEASURING
    assert not training._trainer.paused


def test_the_reading_of_scores_is_shown_before_the_first_update(told):
    training, tell = told
    window = training.window
    tell(Measuring("Reading the scores of the chorales: 25 of 433."))
    assert window.stage is Stage.STARTING
    assert window.line.text() == "Reading the scores of the chorales: 25 of 433."
    assert not window.pause.isEnabled()
    assert window.stop.isEnabled()
    tell(course())
    assert window.stage is Stage.LEARNING


def test_a_checkpoint_of_another_run_is_said_in_the_windows_words(told):
    training, tell = told
    out = training._plan.out
    path_beside(out).parent.mkdir(exist_ok=True)
    path_beside(out).write_bytes(b"")
    out.write_bytes(b"")
    tell(Failed("“x” is of a run with other settings: train anew without --resume."))
    said = training.window.messages.sentence
    assert said.startswith("“Tunes” was begun with other settings or other music")
    assert training.window.form.resume.text() in said
    assert "--" not in said


def test_a_model_that_is_gone_is_said_in_the_windows_words(told):
    training, tell = told
    path_beside(training._plan.out).parent.mkdir(exist_ok=True)
    path_beside(training._plan.out).write_bytes(b"")
    tell(Failed("“x” goes on from the model, which is gone: train anew without --resume."))
    assert training.window.messages.sentence.startswith("The model “Tunes” is gone")


def test_a_stopped_run_is_proposed_and_a_typed_name_is_left_alone(training, corpus):
    window, form = training.window, training.window.form
    training._reader = Script()
    window.corpus.choose(corpus)
    name = form.out.text()
    form.path.parent.mkdir(exist_ok=True)
    form.path.write_bytes(b"")
    form.propose(name)
    assert form.out.text() == f"{name} 2"  # a finished model is not replaced
    assert not form.resume.isChecked()
    form.out.setText(name)
    path_beside(form.path).write_bytes(b"")
    form.propose(name)
    assert form.out.text() == name
    assert form.resume.isChecked()
    form.out.setText("My own")
    window.corpus.chosen.emit(window.corpus.reading)  # the same corpus on another grid
    assert form.out.text() == "My own"
    form.out.setText("x" * 300)  # no file can be called so
    assert not form.note.isVisible()
    for words, said in (("songs/mine", "has no “/” in it"), ("", "has no name yet")):
        form.out.setText(words)
        window.start.click()
        assert said in window.messages.sentence
        assert window.stage is Stage.RESTING


def test_to_go_on_is_offered_where_a_run_stood_and_not_where_a_model_is(training):
    form = training.window.form
    form.out.setText("mine")
    form.path.parent.mkdir(exist_ok=True)
    form.path.write_bytes(b"")
    form.refresh()
    assert not form.resume.isVisible()
    assert "will be replaced" in form.note.text()
    path_beside(form.path).write_bytes(b"")
    form.refresh()
    assert form.resume.isVisible()


def test_onsets_are_offered_for_the_chorales_at_sixteenths(training, tmp_path, monkeypatch):
    training._reader = Script()
    corpus, form = training.window.corpus, training.window.form
    sixteenths = tmp_path / "Jsb16thSeparated.json"
    monkeypatch.setattr("rnnrbm_gui.ui.training.corpus_chooser.find_spec", lambda name: object())
    corpus.choose(sixteenths)
    assert corpus.onsets.isVisible()
    assert "minute" in corpus.onsets.toolTip()
    corpus.onsets.setChecked(True)
    started = []
    monkeypatch.setattr(training, "_begin", lambda trainer, job: started.append(job))
    training.start()
    assert started[-1] == Plan(sixteenths, form.path, onsets=True, name=form.path.stem)
    training.window.set_stage(Stage.LEARNING)
    assert not corpus.onsets.isEnabled()
    training.window.set_stage(Stage.RESTING)
    assert corpus.onsets.isEnabled()
    corpus.choose(tmp_path / "Nottingham.json")
    assert not corpus.onsets.isVisible()
    training.start()
    assert not started[-1].onsets
    # Where the scores are not, it is said how to get them.
    monkeypatch.setattr("rnnrbm_gui.ui.training.corpus_chooser.find_spec", lambda name: None)
    corpus.choose(sixteenths)
    assert corpus.onsets.isVisible()
    assert not corpus.onsets.isEnabled()
    assert 'pip install "rnnrbm-gui[scores]"' in corpus.onsets.toolTip()


def test_the_text_of_all_fields_begins_at_the_same_place(training):
    form = training.window.form
    form.out.setText("mine")

    def text_begins(line, field):
        line.home(False)
        return line.mapTo(field, line.cursorRect().topLeft()).x()

    wanted = text_begins(form.out, form.out)
    for field in (form.n_hidden, form.n_recurrent, form.updates, form.seed):
        assert text_begins(field.lineEdit(), field) == wanted > 0
