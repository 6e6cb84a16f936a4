"""The whole window, offscreen, over a real engine, a real player and the null device."""

import os
import signal
import sys
from itertools import pairwise

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog

from rnnrbm_gui import paths
from rnnrbm_gui.data.project_file import load_project
from rnnrbm_gui.engine.choices import Mode
from rnnrbm_gui.engine.events import Passage
from rnnrbm_gui.music.timing import Meter
from rnnrbm_gui.ui.main_window import HINT
from rnnrbm_gui.ui.sampler_panel import ARTICULATION_WORDS
from rnnrbm_gui.ui.theme import DARK, LIGHT
from tests.small_models import small_file, small_model
from tests.ui.window import MELODY, place, until

pytestmark = pytest.mark.usefixtures("own_folders")


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
    assert window.menus._undo.text() == f"Undo {window.session.undo_name}" == "Undo Draw note"
    assert "C5" in window.status.words
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
    assert window.status.words == "Undone: Draw note"
    QTest.keyClick(
        window,
        Qt.Key.Key_Z,
        Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
    )
    assert window.session.score.notes == (note,)
    assert window.status.words == "Redone: Draw note"
    window.files._edited.timeout.emit()  # five seconds later
    assert load_project(window.files.autosave_path).drawn == window.session.score


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
    window.tempo.set(300)
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
    before = window.tempo.bpm
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
    assert window.tempo.bpm == before + 1


def test_return_commits_a_number_and_gives_the_keys_back_to_the_roll(opened):
    window = opened()
    for field, typed in ((window.panel.seed, "77"), (window.transport.bpm.lineEdit(), "101")):
        field.setFocus()
        field.selectAll()
        QTest.keyClicks(field, typed)
        QTest.keyClick(field, Qt.Key.Key_Return)
        assert window.canvas.hasFocus()
    assert window.panel.sampling.seed == 77
    assert window.tempo.bpm == 101
    QTest.keyClick(window.canvas, Qt.Key.Key_Space)
    until(lambda: window.engine.playing, "playing")


@pytest.mark.parametrize(
    ("typed", "taken"), [("350", 300), ("9999", 300), ("1", 20), ("92.6", 92.6), ("92,6", 92.6)]
)
def test_a_tempo_beyond_the_range_becomes_the_nearest(opened, typed, taken):
    window = opened()
    field = window.transport.bpm.lineEdit()
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, typed)
    assert field.text() == typed
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert window.tempo.bpm == taken
    assert float(field.text()) == taken
    field.clear()
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert window.tempo.bpm == taken  # as it was


def test_enter_presses_the_button_that_has_the_focus(opened):
    window = opened()
    seed = window.panel.sampling.seed
    window.panel.reroll.setFocus()
    QTest.keyClick(window.panel.reroll, Qt.Key.Key_Return)
    assert window.panel.sampling.seed != seed
    window.transport.loop.setFocus()
    QTest.keyClick(window.transport.loop, Qt.Key.Key_Enter)
    assert window.loop is not None


def test_by_keys_one_may_go_on_choosing_a_model(opened):
    window = opened()
    box = window.panel.model
    box.setFocus()
    first = window.model_path
    for _ in range(2):
        QTest.keyClick(box, Qt.Key.Key_Down)
        assert box.hasFocus()
    until(lambda: window.model_path == window.panel._paths[2] != first, "the third model")


def test_a_model_file_is_opened_from_the_menu(opened, tmp_path, monkeypatch):
    path = small_file(tmp_path)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *asked: (str(path), ""))
    window = opened()
    window.files.ask_model()
    until(lambda: window.model_path == path, "the model")
    assert window.panel.model.currentText() == small_model().header.name


def test_bar_and_beat_follow_the_metre(opened):
    window = opened()
    window.seek(32 * 480)
    assert window.transport.position.text() == "9.1"
    window.set_meter(Meter(5, 4))
    assert window.transport.position.text() == "7.3"


def test_the_menu_marks_the_mode(opened):
    window = opened()
    for mode in Mode:
        window.set_mode(mode)
        marked = [m for m, action in window.menus._modes.items() if action.isChecked()]
        assert marked == [mode]


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
