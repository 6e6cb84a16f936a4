"""A real run in the training window, and the music it is taken into."""

from collections import Counter

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QSpinBox

from rnnrbm_gui import paths
from rnnrbm_gui.data.midi_file import MidiTrack, write_midi
from rnnrbm_gui.data.model_file import load_model
from rnnrbm_gui.data.model_header import read_header
from rnnrbm_gui.engine.checkpoint import path_beside
from rnnrbm_gui.engine.training_events import Checked, Plan
from rnnrbm_gui.engine.training_report import time_left
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import PPQ, Meter
from rnnrbm_gui.player.protocol import Sounding
from rnnrbm_gui.ui.model_shelf import learning_path
from rnnrbm_gui.ui.theme import DARK, LIGHT
from rnnrbm_gui.ui.training.stage import Stage
from tests.ui.training.conftest import LIMIT_S
from tests.ui.window import until


def key(window, key, *modifiers):
    held = Qt.KeyboardModifier.NoModifier
    for modifier in modifiers:
        held |= modifier
    QTest.keyClick(window, key, held)


CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def buttons(window):
    enabled = (window.start.isEnabled(), window.pause.isEnabled(), window.stop.isEnabled())
    return enabled, window.pause.text()


def checked_of(training):
    """Return every check that reaches the window from now on."""
    found, show = [], training.window.show_events

    def kept(events):
        found.extend(event for event in events if isinstance(event, Checked))
        show(events)

    training.window.show_events = kept
    return found


def test_a_run_from_start_to_stop_heard_and_taken_into_the_music(chosen):
    training, window, main = chosen, chosen.window, chosen._main
    assert buttons(window) == ((True, False, False), "Pause")
    assert not window.sample.play_now.isEnabled()
    checks = checked_of(training)
    key(window, Qt.Key.Key_Return, CTRL)
    assert window.stage is Stage.STARTING
    assert buttons(window)[0] == (False, False, True)
    assert not window.form.isEnabled()
    until(lambda: window.stage is Stage.LEARNING, "the first updates", LIMIT_S)
    assert buttons(window)[0] == (False, True, True)
    until(lambda: window.sample.sample, "the first sample", LIMIT_S)

    # The curves hold what the events said.
    x, y = window.likelihood.valid.getData()
    assert list(x) == [check.update for check in checks]
    assert list(y) == [check.valid_ll for check in checks]
    assert list(window.likelihood.train.getData()[1]) == [check.train_ll for check in checks]
    best = max(checks, key=lambda check: check.valid_ll)
    assert window.likelihood.best.getData()[1][0] == best.valid_ll
    until(lambda: len(window.objective.raw.getData()[0]) > 2, "some of its course", LIMIT_S)
    assert set(window.gradients.lines) == set(training._course.gradient_norms)
    assert window.weights.picture._weights.shape == (88, 8)
    assert window.weights.picture.limit > 0
    window.weights.choice.setCurrentIndex(window.weights.choice.findData("Wuv"))
    assert window.weights.picture._weights.shape == (88, 5)

    # Pausing stands still, in words too; the shortcut is the same button.
    key(window, Qt.Key.Key_P, CTRL)
    assert window.stage is Stage.PAUSED
    assert window.pause.text() == "Go on"
    assert "paused" in window.line.text()
    assert "paused" in main.status.training.text()
    window.pause.click()
    assert window.stage is Stage.LEARNING

    # The sample is heard while it learns; every note gets its off.
    heard = Counter()
    before = main._listener.handlers[Sounding]

    def sounding(event):
        heard[event.on] += 1
        before(event)

    main.bridge.handle(Sounding, sounding)
    key(window, Qt.Key.Key_L, CTRL)
    until(lambda: heard[True] >= 4 and window.sample.roll._tick, "the sample")
    assert window.sample.listen.text() == "Silence"
    assert training._trainer.busy
    key(window, Qt.Key.Key_Escape)
    until(lambda: not window.sample.listening, "the end of it", 5.0)
    until(lambda: heard[True] == heard[False], "every off", 5.0)
    window.sample.listen.click()
    until(lambda: main.engine.listened_to() is not None, "the sample again")
    window.close()  # hides it: listening ends, training goes on
    until(lambda: heard[True] == heard[False] and not window.sample.listening, "silence", 5.0)
    assert training._trainer.busy
    assert main.status.training.isVisibleTo(main.status)
    assert "Training Two chords" in main.status.training.text()

    # What it has learned so far goes on with the music, which begins where it had not.
    main.activateWindow()
    until(main.isActiveWindow, "the main window")
    key(main, Qt.Key.Key_L, CTRL, SHIFT)
    until(lambda: main.model_path == learning_path() and main.engine.playing, "the music")
    assert main.panel.model.currentText().startswith("Two chords, ")
    assert load_model(learning_path()).model.n_hidden == 8
    bpm = main.tempo.bpm
    main.tempo.set(bpm + 30)
    training.play_now()
    until(lambda: main.session.sounded > 960, "music from it")
    assert main.tempo.bpm == bpm + 30  # a running music keeps its tempo
    assert main.engine.playing
    names = [main.panel.model.itemText(i) for i in range(main.panel.model.count())]
    assert sum(name.startswith("Two chords, ") for name in names) == 1

    main.status.training.click()
    until(window.isActiveWindow, "the training window")
    key(window, Qt.Key.Key_E, CTRL)
    assert buttons(window)[0] == (False, False, False)
    until(lambda: window.stage is Stage.RESTING, "the end", LIMIT_S)
    assert "best model so far is kept as “Two chords”" in window.line.text()
    assert read_header(paths.own_models() / "Two chords.safetensors").n_hidden == 8
    assert not main.status.training.text()
    assert "Two chords" in [main.panel.model.itemText(i) for i in range(main.panel.model.count())]
    assert not training._poll.isActive()
    # Start goes on with it, unless one does not want to: then it is said that it is replaced.
    assert window.form.resume.isChecked()
    window.form.resume.setChecked(False)
    assert "will be replaced" in window.form.note.text()
    window.form.resume.setChecked(True)
    assert window.form.plan(window.corpus.reading).resume
    assert not window.form.note.text()
    # Without where it stood there is nothing to go on from, though the model is there.
    path_beside(window.form.path).unlink()
    window.start.click()
    until(lambda: window.messages.sentence, "the sentence", LIMIT_S)
    assert "start again to begin anew" in window.messages.sentence
    assert "--" not in window.messages.sentence
    assert not window.form.resume.isEnabled()
    assert not window.form.plan(window.corpus.reading).resume
    assert "will be replaced" in window.form.note.text()


def test_a_run_to_its_end_is_listed_and_played(chosen):
    training, window, main = chosen, chosen.window, chosen._main
    window.form.updates.setValue(30)
    window.form.out.setText("Mine")
    window.start.click()
    until(lambda: "Mine" in window.line.text() and not training._trainer.busy, "the end", LIMIT_S)
    assert "has learned all it was to" in window.line.text()
    window.sample.play_now.click()
    assert "plays now, in the main window" in window.messages.sentence
    mine = paths.own_models() / "Mine.safetensors"
    until(lambda: main.model_path == mine and main.engine.playing, "the model")


def test_quitting_ends_the_run_and_its_process(chosen):
    chosen.start()
    trainer = chosen._trainer
    process = trainer._run.process
    chosen._main.close()
    assert process.poll() is not None
    assert not trainer.busy


def test_a_folder_dropped_in_is_told_file_by_file(training, tmp_path):
    folder = tmp_path / "My tunes"
    folder.mkdir()
    for i in range(3):
        notes = [Note(n * PPQ, 60 + i + n % 5, (n + 1) * PPQ) for n in range(16)]
        write_midi(folder / f"{i}.mid", [MidiTrack("", Score.of(notes))], bpm=90.0, meter=Meter())
    (folder / "broken.mid").write_bytes(b"")
    files = QMimeData()
    files.setUrls([QUrl.fromLocalFile(str(folder))])
    copy, left, none = (
        Qt.DropAction.CopyAction,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    training._main.dropEvent(QDropEvent(QPointF(5, 5), copy, files, left, none))
    window, corpus = training.window, training.window.corpus
    assert corpus.cancel.isVisible()
    assert "Reading My tunes" in window.line.text()
    until(lambda: not training._reader.busy, "the report", LIMIT_S)
    assert corpus.name.text() == "My tunes"
    assert corpus.about.text() == "2 pieces to learn from, 1 piece to measure on; 48 frames."
    lines = [corpus.report.item(i).text() for i in range(corpus.report.count())]
    assert lines[0].startswith("3 of 4 MIDI files were kept")
    assert lines[1].startswith("✕  “broken.mid” was left out: it")
    assert [line[0] for line in lines[2:]] == ["✓"] * 3
    assert window.form.out.text() == "My tunes"
    # Another grid reads it anew; another folder on this window takes its place.
    corpus.grid.setCurrentIndex(4)
    corpus.grid.activated.emit(4)
    until(lambda: not training._reader.busy, "the other grid", LIMIT_S)
    assert corpus.about.text().endswith("192 frames.")
    plan = window.form.plan(corpus.reading)
    assert plan == Plan(
        folder, paths.own_models() / "My tunes.safetensors", frames_per_beat=4, name="My tunes"
    )
    window.dropEvent(QDropEvent(QPointF(5, 5), copy, files, left, none))
    corpus.cancel.click()
    assert not training._reader.busy
    assert "cancelled" in corpus.about.text()


def test_what_cannot_be_read_or_written_is_a_sentence(training, tmp_path, corpus):
    window = training.window
    missing = tmp_path / "missing.pickle"
    window.corpus.choose(missing)
    until(lambda: "missing.pickle" in window.messages.sentence, "the sentence", LIMIT_S)
    assert "missing.pickle" in window.corpus.about.text()
    assert not window.start.isEnabled()
    (tmp_path / "file").write_bytes(b"")
    window.corpus.choose(corpus)
    window.form.out.setText(str(tmp_path / "file" / "model"))
    window.start.click()
    until(lambda: "cannot be made" in window.messages.sentence, "the sentence")
    assert window.stage is Stage.RESTING
    training.play_now()
    assert "Nothing is in training" in training._main.status.words


def test_an_overfit_is_said_and_stays(training):
    window = training.window
    window.warn("It has begun to over-fit.")
    assert window.strip.isVisible()
    assert window.warning.text() == "It has begun to over-fit."
    window.warn("")
    assert not window.strip.isVisible()


def test_both_themes_and_every_control_has_a_name_and_a_tooltip(training):
    window = training.window
    for name, theme in (("light", LIGHT), ("dark", DARK)):
        training._main.choose_theme(name)
        ground = window.grab().toImage().pixelColor(window.right.x() + 4, window.right.y() + 4)
        assert ground.name() == theme.ground
    kinds = (QAbstractButton, QComboBox, QSpinBox)
    for control in (control for kind in kinds for control in window.findChildren(kind)):
        if control.isVisible() and control.window() is window:
            assert control.toolTip(), control.accessibleName()
            assert control.accessibleName() or control.text()
    assert window.form.out.accessibleName()
    assert window.form.out.toolTip()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "5 s"), (42, "40 s"), (70, "1 min"), (3600, "1 h 0 min"), (5000, "1 h 23 min")],
)
def test_spans_of_time_in_words(seconds, words):
    assert time_left(seconds) == words
