"""The whole window, offscreen, over a real engine, a real player and the null device."""

import json
import os
import signal
import sys
from itertools import pairwise

import mido
import pytest
from PySide6.QtCore import QDeadlineTimer, QEventLoop, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from rnnrbm_gui import paths
from rnnrbm_gui.data.midi_file import MidiTrack, write_midi
from rnnrbm_gui.data.project_file import load_project
from rnnrbm_gui.engine.constraints import Mode
from rnnrbm_gui.engine.engine import Engine
from rnnrbm_gui.engine.events import Passage
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.roll import Articulation
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import Meter
from rnnrbm_gui.ui.files import last_path
from rnnrbm_gui.ui.main_window import HINT, MainWindow
from rnnrbm_gui.ui.roll.layers import KEYBOARD, RULER
from rnnrbm_gui.ui.sampler_panel import ARTICULATION_WORDS
from rnnrbm_gui.ui.settings import Settings, load_settings, settings_path
from rnnrbm_gui.ui.theme import DARK, LIGHT

MELODY = Score.of(
    [Note(i * 480, pitch, i * 480 + 480) for i, pitch in enumerate((67, 69, 71, 72, 74, 72))]
)


@pytest.fixture(autouse=True)
def _own_folders(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "config", lambda: tmp_path / "config")
    monkeypatch.setattr(paths, "state", lambda: tmp_path / "state")


@pytest.fixture
def opened(app):
    """Return a function that opens a window as a start of the app does."""
    windows = []

    def open_window():
        window = MainWindow(Engine(audio="null"))
        windows.append(window)
        window.show()
        window.start_engine()
        until(lambda: window.canvas.generated, "the look-ahead")
        return window

    yield open_window
    for window in windows:
        window.close()
        window.deleteLater()


def until(is_so, what, limit_s=15.0):
    """Run the event loop until a condition holds; fail at the deadline."""
    deadline = QDeadlineTimer(int(limit_s * 1000))
    while not is_so():
        assert not deadline.hasExpired(), f"waited in vain for {what}"
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)


def place(window, tick, pitch):
    view = window.canvas.view
    return QPoint(KEYBOARD + view.column(tick) + 3, RULER + view.y_of(pitch) + view.key_height // 2)


def test_a_newcomer_hears_something_good_at_once(opened):
    window = opened()
    assert window.canvas._hint == HINT
    QTest.keyClick(window, Qt.Key.Key_Space)
    until(lambda: window.engine.playing, "playing")
    until(lambda: window.session.sounded > 480, "a beat of music")
    assert window.canvas._hint is None
    until(lambda: "bars ahead" in window.status.words, "the status line")
    QTest.keyClick(window, Qt.Key.Key_Space)
    until(lambda: not window.engine.playing, "the pause")
    until(lambda: not window.canvas._sounding, "dark keys")


def test_drawing_with_the_mouse_is_one_step_and_is_harmonised(opened):
    window = opened()
    first = place(window, 960, 72)
    QTest.mousePress(window.canvas, Qt.MouseButton.LeftButton, pos=first)
    QTest.mouseMove(window.canvas, place(window, 960 + 900, 72))
    QTest.mouseRelease(window.canvas, Qt.MouseButton.LeftButton, pos=place(window, 1860, 72))
    [note] = window.session.score.notes
    assert (note.on, note.pitch) == (960, 72)
    assert note.duration > 480
    assert window.menus._undo.text() == f"Undo {window.session.undo_name}"
    # Under the melody note, and not above it, the model fills in.
    until(
        lambda: (
            [n for n in window.canvas.generated if 960 <= n.on < 1440]
            and all(n.pitch < 72 for n in window.canvas.generated if 960 <= n.on < 1440)
        ),
        "harmony under the note",
    )
    QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not len(window.session.score)
    QTest.keyClick(
        window,
        Qt.Key.Key_Z,
        Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
    )
    assert window.session.score.notes == (note,)


def test_the_roll_and_the_knobs_are_there_at_the_next_start(opened):
    window = opened()
    window.session.commit("Draw", MELODY)
    window.set_mode(Mode.CONTINUE)
    window.set_bpm(300)
    window.panel.temperature.slider.setValue(120)
    window.choose_theme("light")
    window.toggle_play()
    until(lambda: window.session.sounded > 6 * 480 + 960, "the passage and two beats")
    window.engine.stop()
    until(lambda: not window.engine.playing, "the stop")
    played = [note for note in window.session.heard()[0] if note.on < 8 * 480]
    assert played
    window.close()
    again = opened()
    until(lambda: again.session.score == MELODY, "the drawn notes")
    until(lambda: again.session.sounded > 6 * 480, "what had been played")
    assert [n for n in again.canvas.generated if n.on < 8 * 480] == played
    assert again.mode is Mode.CONTINUE
    assert again.bpm == 300
    assert again.panel.sampling.temperature == 1.2
    assert again.canvas.theme == LIGHT


def test_a_crash_loses_nothing(opened):
    window = opened()
    window.session.commit("Draw", MELODY)
    window.files._save_running()
    # What a killed app leaves behind: its autosave, under the name of a process that is gone.
    left = window.files.autosave_path.with_name("running-gone.rnnrbm")
    window.files.autosave_path.rename(left)
    window.session.commit("New roll", Score())
    window.close()
    last_path().unlink(missing_ok=True)
    again = opened()
    until(lambda: again.session.score == MELODY, "the recovered notes")
    assert "is back" in again.messages.sentence
    assert not left.exists()


def test_open_and_save_midi(opened, tmp_path):
    window = opened()
    source = tmp_path / "seed.mid"
    window.session.commit("Draw", MELODY)
    window.set_bpm(96)
    window.set_meter(Meter(3, 4))
    window.files.save(source)
    assert "Saved 6 drawn and" in window.messages.sentence
    file = mido.MidiFile(source)
    assert [track.name for track in file.tracks] == ["seed", "Drawn", "RNN-RBM"]
    [tempo] = [m.tempo for track in file.tracks for m in track if m.type == "set_tempo"]
    assert round(mido.tempo2bpm(tempo)) == 96
    window.files.new()
    window.set_meter(Meter())
    window.files.open(source)
    until(lambda: len(window.session.score) >= 6, "the opened notes")
    assert set(MELODY.notes) <= set(window.session.score.notes)
    assert window.session.meter == Meter(3, 4)
    assert window.transport.meter.currentText() == "3/4"


def test_a_broken_file_is_a_sentence_not_a_crash(opened, tmp_path):
    window = opened()
    bad = tmp_path / "bad.mid"
    bad.write_bytes(b"MThd but no more")
    window.files.open(bad)
    until(lambda: "bad.mid" in window.messages.sentence, "the sentence")
    assert not len(window.session.score)
    window.files.save(tmp_path / "no such folder" / "x.mid")
    assert "x.mid" in window.messages.sentence


def test_keep_makes_played_notes_mine_and_undo_gives_them_back(opened):
    window = opened()
    window.keep()
    assert "Nothing to keep" in window.status.words
    window.set_bpm(300)
    window.toggle_play()
    until(lambda: window.session.sounded > 1920, "a bar of music")
    window.toggle_play()
    until(lambda: not window.engine.playing, "the pause")
    played = window.session.heard()[0]
    window.keep()
    assert len(window.session.score) >= len(played) - 4
    assert window.mode is Mode.CONTINUE
    window.session.undo()
    assert not len(window.session.score)


def test_re_roll_draws_what_is_coming_anew_and_a_typed_seed_repeats_it(opened):
    window = opened()
    far = lambda: {n for n in window.canvas.generated if n.on < 8 * 1920}  # noqa: E731
    until(lambda: window.session.generated_end >= 8 * 1920, "eight bars")
    before = far()
    seed = window.panel.sampling.seed
    window.panel.draw_seed()
    assert window.panel.sampling.seed != seed
    until(lambda: window.session.generated_end >= 8 * 1920 and far() != before, "another take")
    window.panel.seed.setText(str(seed))
    window.panel.seed.editingFinished.emit()
    until(lambda: window.session.generated_end >= 8 * 1920 and far() == before, "the first take")


def test_loop_and_ruler(opened):
    window = opened()
    window.set_bpm(300)
    window.set_loop((0, 960))
    assert window.transport.loop.isChecked()
    window.toggle_play()
    positions = []

    def wrapped():
        positions.append(window.engine.position())
        return any(b < a - 400 for a, b in pairwise(positions))

    until(wrapped, "the loop to come round")
    assert max(positions) < 960 + 200
    window.transport.loop.click()
    assert window.loop is None
    window.engine.stop()
    until(lambda: not window.engine.playing, "the stop")
    assert window.engine.position() == 0


def test_themes_and_every_control_has_a_name_and_a_tooltip(opened):
    window = opened()
    for name, theme in (("light", LIGHT), ("dark", DARK)):
        window.choose_theme(name)
        assert window.canvas.theme == theme
    transport, panel = window.transport, window.panel
    for control in (
        *(transport.rewind, transport.play, transport.stop, transport.loop, transport.output),
        *(transport.bpm, transport.meter, panel.model, panel.articulation, panel.seed),
        *transport._modes.buttons(),
    ):
        assert control.toolTip()
        assert control.accessibleName() or control.text()


def test_the_page_of_shortcuts_lists_what_the_menus_offer(opened):
    window = opened()
    window.menus.show_shortcuts()
    dialog = QApplication.activeModalWidget()
    words = [label.text() for label in dialog.findChildren(type(window.status._label))]
    for line in ("Play / pause", "Space", "Ctrl+K", "Panic: silence everything", "Right button"):
        assert line in words
    dialog.close()


def test_the_wheel_on_the_tempo_changes_it_live(opened):
    window = opened()
    before = window.bpm
    spot = QPointF(10, 10)
    turn = QWheelEvent(
        spot,
        window.transport.bpm.mapToGlobal(spot),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(window.transport.bpm, turn)
    assert window.bpm == before + 1


@pytest.mark.parametrize(
    "broken", ["", "{", "[]", '{"bpm": "fast", "mode": "Dance", "seed": -4, "output": [1]}']
)
def test_broken_settings_fall_back_to_the_defaults(broken):
    settings_path().parent.mkdir(parents=True)
    settings_path().write_text(broken, "utf-8")
    loaded = load_settings()
    assert loaded.mode == Settings().mode
    assert loaded.bpm == 0.0
    assert loaded.sampling() == Settings().sampling()


def test_settings_know_every_articulation():
    settings_path().parent.mkdir(parents=True)
    for articulation in Articulation:
        settings_path().write_text(json.dumps({"articulation": articulation.value}), "utf-8")
        assert load_settings().articulation == articulation.value


def test_return_commits_a_number_and_gives_the_keys_back_to_the_roll(opened):
    window = opened()
    for field, typed in ((window.panel.seed, "77"), (window.transport.bpm.lineEdit(), "101")):
        field.setFocus()
        field.selectAll()
        QTest.keyClicks(field, typed)
        QTest.keyClick(field, Qt.Key.Key_Return)
        assert window.canvas.hasFocus()
    assert window.panel.sampling.seed == 77
    assert window.bpm == 101
    QTest.keyClick(window.canvas, Qt.Key.Key_Space)
    until(lambda: window.engine.playing, "playing")


def test_home_moves_the_playhead_one_sees(opened):
    window = opened()
    window.seek(4 * 480)
    assert window.transport.position.text() == "2.1"
    QTest.keyClick(window.canvas, Qt.Key.Key_Home)
    assert window.canvas.playhead == 0
    assert window.transport.position.text() == "1.1"
    until(lambda: window.engine.position() == 0, "the engine to follow")


def test_every_choice_can_be_chosen_and_kept(opened):
    window = opened()
    panel = window.panel
    assert panel.model.count() == len({panel.model.itemText(i) for i in range(panel.model.count())})
    for i, articulation in enumerate(ARTICULATION_WORDS):
        panel.articulation.setCurrentIndex(i)
        panel.articulation.activated.emit(i)
        assert window.articulation is articulation
        window.files._save_running()
        assert not window.messages.sentence
    for i in range(panel.model.count()):
        panel.model.setCurrentIndex(i)
        panel.model.activated.emit(i)
        until(lambda i=i: window.model_path == panel._paths[i], "the other model")
        assert panel.model.currentIndex() == i
    window.session.commit("Draw", MELODY)
    window.close()
    again = opened()
    until(lambda: again.session.score == MELODY, "the drawn notes")
    assert again.articulation is list(ARTICULATION_WORDS)[-1]
    assert again.model_path == window.model_path


def test_undo_of_keep_gives_the_take_and_the_mode_back(opened):
    window = opened()
    window.set_bpm(300)
    window.toggle_play()
    until(lambda: window.session.sounded > 1920, "a bar of music")
    window.engine.stop()
    until(lambda: not window.engine.playing, "the stop")
    played, n_frames = window.session.heard()
    window.keep()
    QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert window.mode is Mode.HARMONISE
    until(lambda: window.session.heard() == (played, n_frames), "what was played")


def test_leaving_before_the_model_has_loaded_loses_nothing(opened):
    window = opened()
    window.set_bpm(300)
    window.toggle_play()
    until(lambda: window.session.sounded > 1920, "a bar of music")
    window.close()
    kept = load_project(last_path())
    assert len(kept.generated)
    early = MainWindow(Engine(audio="null"))
    early.show()
    early.start_engine()
    early.close()
    assert load_project(last_path()).generated == kept.generated


def test_a_crash_in_many_instances_deletes_none_of_their_rolls(opened):
    window = opened()
    window.session.commit("Draw", MELODY)
    window.files._save_running()
    folder = window.files.autosave_path.parent
    for name in ("running-a.rnnrbm", "running-b.rnnrbm"):
        (folder / name).write_bytes(window.files.autosave_path.read_bytes())
    (folder / "running-c.rnnrbm").write_bytes(b"half a fi")
    window.close()
    again = opened()
    until(lambda: again.session.score == MELODY, "one of them")
    left = {path.name for path in folder.glob("running-*.rnnrbm")}
    assert {"running-c.rnnrbm", again.files.autosave_path.name} <= left
    assert len(left & {"running-a.rnnrbm", "running-b.rnnrbm"}) == 1


def test_a_new_roll_is_empty_and_tells_what_to_do(opened):
    window = opened()
    window.set_bpm(300)
    window.session.commit("Draw", MELODY)
    window.toggle_play()
    until(lambda: window.session.sounded > 1920, "a bar of music")
    window.files.new()
    until(lambda: window.canvas._hint == HINT and not window.session.sounded, "the hint")
    assert not len(window.session.score)


def test_two_files_opened_in_a_row_are_both_read(opened, tmp_path):
    window = opened()
    for name, pitch in (("a.mid", 60), ("b.mid", 64)):
        score = Score.of([Note(0, pitch, 480)])
        write_midi(tmp_path / name, [MidiTrack("x", score)], bpm=92.6, meter=Meter())
        window.files.open(tmp_path / name)
    until(lambda: not window.files._reading, "both files")
    assert not window.files._poll.isActive()
    assert [note.pitch for note in window.session.score] in ([60], [64])
    assert window.bpm == pytest.approx(92.6, abs=0.01)


def test_the_loop_button_brings_the_marked_bars_back(opened):
    window = opened()
    window.set_loop((960, 1920))
    window.transport.loop.click()
    assert window.loop is None
    window.transport.loop.click()
    assert (window.loop.first, window.loop.last) == (960, 1920)


def test_panic_is_a_button_that_silences_at_once(opened):
    window = opened()
    window.toggle_play()
    until(lambda: window.canvas._sounding, "sounding keys")
    QTest.mouseClick(window.transport.panic, Qt.MouseButton.LeftButton)
    until(lambda: not window.engine.playing and not window.canvas._sounding, "silence", 2.0)


def test_one_event_that_cannot_be_shown_does_not_take_others_along(opened, monkeypatch):
    window, said = opened(), []
    monkeypatch.setattr(sys, "excepthook", window.show_stumble)

    def stumble(_event):
        said.append(1)
        raise RuntimeError("a fault nobody foresaw")

    window.bridge.handle(Passage, stumble)
    window.session.commit("Draw", MELODY)
    until(lambda: said, "the stumble")
    until(lambda: "a fault nobody foresaw" in window.messages.sentence, "the sentence")
    until(lambda: window.session.generated_end > 6 * 1920, "the other events")
    assert "RuntimeError" in (paths.state() / "errors.log").read_text("utf-8")


def test_a_dead_player_is_replaced_and_said_in_the_status_line(opened):
    window = opened()
    window.toggle_play()
    until(lambda: window.canvas._sounding, "sounding keys")
    os.kill(window.engine.client._child.process.pid, signal.SIGKILL)
    until(lambda: "was replaced" in window.status.words, "the sentence", 2.0)
    before = window.engine.position()
    until(lambda: window.engine.position() > before + 480, "the roll to go on")
    assert "was replaced" in window.status.words  # long enough to be read
