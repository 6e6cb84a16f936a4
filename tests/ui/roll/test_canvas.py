"""The mouse on a real canvas."""

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import (
    QFocusEvent,
    QHelpEvent,
    QNativeGestureEvent,
    QPointingDevice,
)
from PySide6.QtWidgets import QApplication, QToolTip

from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import PPQ, Meter
from rnnrbm_gui.ui.roll.layers import KEYBOARD
from rnnrbm_gui.ui.roll.tool_icons import BOXES
from rnnrbm_gui.ui.roll.tools import Tool

LEFT, RIGHT, MIDDLE = (
    Qt.MouseButton.LeftButton,
    Qt.MouseButton.RightButton,
    Qt.MouseButton.MiddleButton,
)
NONE, SHIFT, CTRL, ALT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
)
Key = Qt.Key
SCORE = Score.of([Note(0, 60, PPQ), Note(2 * PPQ, 64, 4 * PPQ), Note(6 * PPQ, 67, 7 * PPQ, 50)])


@pytest.fixture(autouse=True)
def _three_notes(canvas):
    canvas.set_score(SCORE)
    canvas.fit()


def test_a_click_draws_a_note_that_sounds_while_the_mouse_is_down(canvas, said, hand):
    hand.press(hand.at(9.3, 72))
    assert said.heard == [(72, True)]
    assert said.edits == []
    hand.release(hand.at(9.3, 72))
    assert said.heard == [(72, True), (72, False)]
    ((name, score),) = said.edits
    assert name == "Draw note"
    assert set(score) - set(SCORE) == {Note(9 * PPQ, 72, 10 * PPQ)}
    assert canvas.score is score


def test_a_drag_sets_the_length_and_the_next_note_takes_it_over(canvas, said, hand):
    hand.drag(hand.at(9.3, 72), hand.at(11.5, 72))
    hand.drag(hand.at(13.3, 70), hand.at(13.3, 70))
    new = sorted(set(said.edits[-1][1]) - set(SCORE))
    assert new == [Note(9 * PPQ, 72, 12 * PPQ), Note(13 * PPQ, 70, 16 * PPQ)]


def test_shift_bypasses_the_snap(canvas, said, hand):
    hand.drag(hand.at(9.3, 72), hand.at(10.6, 72), during=SHIFT)
    (new,) = set(said.edits[0][1]) - set(SCORE)
    assert new.on == 9 * PPQ
    assert new.off % PPQ != 0
    assert abs(new.off - 10.6 * PPQ) < 30


def test_a_note_moves_in_time_and_pitch(canvas, said, hand):
    hand.drag(hand.at(3, 64), hand.at(4, 65), hand.at(4.1, 66))
    ((name, score),) = said.edits
    assert name == "Move notes"
    assert score == SCORE.replaced([SCORE.notes[1]], [Note(3 * PPQ, 66, 5 * PPQ)])
    assert said.heard == [(64, True), (64, False), (65, True), (65, False), (66, True), (66, False)]


def test_both_edges_resize_and_the_cursor_says_so(canvas, said, hand):
    end, start = hand.at(4, 64) - QPoint(2, 0), hand.at(2, 64) + QPoint(2, 0)
    hand.hover(end)
    assert canvas.cursor().shape() == Qt.CursorShape.SizeHorCursor
    hand.drag(end, hand.at(5, 64))
    hand.drag(start, hand.at(1, 64))
    assert [name for name, _ in said.edits] == ["Change length"] * 2
    assert canvas.score.notes[1] == Note(PPQ, 64, 5 * PPQ)
    hand.hover(hand.at(3, 64))
    assert canvas.cursor().shape() == Qt.CursorShape.SizeAllCursor


@pytest.mark.parametrize("tool", list(Tool))
def test_the_right_button_erases_in_every_tool(canvas, said, tool, hand):
    canvas.set_tool(tool)
    hand.drag(hand.at(0.2, 60), hand.at(3, 64), button=RIGHT)
    ((name, score),) = said.edits
    assert name == "Erase notes"
    assert score.notes == SCORE.notes[2:]


def test_a_click_with_the_eraser(canvas, said, hand):
    canvas.set_tool("erase")
    hand.click(hand.at(6.5, 67))
    hand.click(hand.at(6.5, 67))
    ((_, score),) = said.edits
    assert score.notes == SCORE.notes[:2]


def test_the_marquee_then_shift_then_control(canvas, said, hand):
    canvas.set_tool("select")
    low, middle, high = SCORE.notes
    hand.drag(hand.at(5, 70), hand.at(0.5, 62))
    assert canvas.selection == {middle}
    hand.drag(hand.at(1.5, 58), hand.at(0.5, 61), modifier=SHIFT)
    assert canvas.selection == {low, middle}
    hand.drag(hand.at(8, 68), hand.at(2.5, 63), modifier=CTRL)
    assert canvas.selection == {low, high}
    hand.click(hand.at(6.5, 67), LEFT, CTRL)
    assert canvas.selection == {low}
    assert said.edits == []


def test_the_selection_moves_together_and_alt_copies_it(canvas, said, hand):
    canvas.set_tool("select")
    canvas.select_all()
    hand.drag(hand.at(3, 64), hand.at(4, 65))
    assert [n.on // PPQ for n in canvas.score] == [1, 3, 7]
    assert [n.pitch for n in canvas.score] == [61, 65, 68]
    hand.drag(hand.at(4, 65), hand.at(14, 65), modifier=ALT)
    assert [name for name, _ in said.edits] == ["Move notes", "Duplicate notes"]
    assert [n.on // PPQ for n in canvas.score] == [1, 3, 7, 11, 13, 17]
    assert canvas.selection == set(canvas.score.notes[3:])


def test_escape_drops_the_gesture(canvas, said, hand):
    for start, stop in (
        (hand.at(9, 70), hand.at(12, 70)),
        (hand.at(3, 64), hand.at(8, 70)),
    ):
        hand.press(start)
        hand.move(stop)
        hand.key(Key.Key_Escape)
        assert said.silent()
        hand.move(start)
        hand.release(stop)
    assert said.edits == []
    assert canvas.score is SCORE


def test_a_score_from_elsewhere_drops_the_gesture(canvas, said, hand):
    hand.press(hand.at(3, 64))
    hand.move(hand.at(6, 70))
    canvas.set_score(Score())
    hand.release(hand.at(6, 70))
    assert said.edits == []
    assert said.silent()
    assert canvas.score == Score()


def test_a_click_in_the_ruler_seeks_and_a_drag_loops(canvas, said, hand):
    hand.click(QPoint(hand.at(4.9, 60).x(), 30))
    assert said.seeks == [5 * PPQ]
    hand.drag(QPoint(hand.at(8.1, 60).x(), 30), QPoint(hand.at(3.9, 60).x(), 30))
    assert said.loops == [(4 * PPQ, 8 * PPQ)]
    hand.drag(QPoint(hand.at(8, 60).x(), 30), QPoint(hand.at(10, 60).x(), 30))
    assert said.loops[-1] == (4 * PPQ, 10 * PPQ)
    hand.click(QPoint(hand.at(5, 60).x(), 30), RIGHT)
    assert said.loops[-1] is None
    assert said.seeks == [5 * PPQ]


def test_escape_puts_the_loop_back(canvas, said, hand):
    canvas.set_loop((0, 960))
    hand.press(QPoint(hand.at(4, 60).x(), 30))
    hand.move(QPoint(hand.at(9, 60).x(), 30))
    hand.key(Key.Key_Escape)
    hand.release(QPoint(hand.at(9, 60).x(), 30))
    assert said.loops == []
    assert said.seeks == []


def test_piano_keys_sound_and_fall_silent(canvas, said, hand):
    def y(pitch):
        return hand.at(0, pitch).y()

    hand.drag(QPoint(20, y(60)), QPoint(20, y(61)), QPoint(20, y(62)))
    assert said.heard[::2] == [(60, True), (61, True), (62, True)]
    assert said.silent()
    # right of a black key the white one beside it is under the mouse
    hand.click(QPoint(70, y(61) - canvas.view.key_height // 2 + 1))
    assert said.heard[-1] == (62, False)


@pytest.mark.parametrize("how", ["focus", "leave", "escape"])
def test_no_pitch_stays_on(canvas, said, how, hand):
    hand.press(QPoint(20, hand.at(0, 60).y()))
    assert said.heard == [(60, True)]
    if how == "focus":
        QApplication.sendEvent(canvas, QFocusEvent(QEvent.Type.FocusOut))
    elif how == "leave":
        QApplication.sendEvent(canvas, QEvent(QEvent.Type.Leave))
    else:
        hand.key(Key.Key_Escape)
    assert said.heard == [(60, True), (60, False)]
    hand.release(QPoint(20, hand.at(0, 60).y()))
    assert said.silent()


def test_hovering_names_notes(canvas, said, hand):
    canvas.set_generated([Note(0, 50, PPQ), Note(4 * PPQ, 50, 5 * PPQ)], 0)
    canvas.set_sounded(PPQ)
    for beat, pitch, words in (
        (3, 64, "E4 · bar 1.3 · 2 beats"),
        (0.5, 50, "D3 · bar 1.1 · 1 beat · played by the model"),
        (4.5, 50, "D3 · bar 2.1 · 1 beat · coming"),
        (8, 61, "C♯4"),
    ):
        hand.hover(hand.at(beat, pitch))
        assert said.words[-1] == words
    canvas.set_meter(Meter(6, 8))  # where an eighth is a beat
    hand.hover(hand.at(4.5, 50))
    assert said.words[-1] == "D3 · bar 2.3 · 2 beats · coming"
    QApplication.sendEvent(canvas, QEvent(QEvent.Type.Leave))
    assert said.words[-1] == ""


def test_where_a_note_would_come_is_shown_only_when_the_mouse_moves_on(canvas, hand):
    before = len(canvas.score)
    hand.hover(hand.at(0.5, 70))
    assert not canvas._cell.isEmpty()
    hand.drag(hand.at(0.5, 70), hand.at(2, 70), hand.at(3.9, 70))
    assert len(canvas.score) == before + 1
    assert canvas._cell.isEmpty()
    hand.hover(hand.at(5, 72))
    assert not canvas._cell.isEmpty()


def test_gestures_do_not_touch_generated_notes(canvas, said, hand):
    generated = [Note(0, 50, PPQ), Note(4 * PPQ, 50, 5 * PPQ)]
    canvas.set_generated(generated, 0)
    hand.drag(hand.at(0.2, 50), hand.at(9, 50), button=RIGHT)
    hand.drag(hand.at(4.2, 50), hand.at(9, 50))
    assert list(canvas.generated) == generated
    assert [name for name, _ in said.edits] == ["Draw note"]


def test_the_wheel(canvas, hand):
    place = QPoint(500, 300)
    tick = canvas.view.tick_at(500 - KEYBOARD)
    beat, key = canvas.view.beat_width, canvas.view.key_height
    hand.wheel(place, 0, 120, CTRL)
    assert canvas.view.beat_width > beat
    assert abs(canvas.view.x_of(tick) - (500 - KEYBOARD)) < 1
    hand.wheel(place, 0, 120, CTRL | SHIFT)
    assert canvas.view.key_height > key
    before = canvas.view
    hand.wheel(place, 0, -120)
    assert (canvas.view.left, canvas.view.top) == (before.left, before.top + 60)
    hand.wheel(place, 0, -120, SHIFT)
    assert (canvas.view.left, canvas.view.top) == (before.left + 60, before.top + 60)
    hand.wheel(place, -120, 0)
    assert canvas.view.left == before.left + 120
    hand.wheel(place, 0, 0, pixels=QPoint(-7, 5))
    assert (canvas.view.left, canvas.view.top) == (before.left + 127, before.top + 55)


def test_the_middle_button_pans_and_f_fits(canvas, hand):
    fitted = canvas.view
    hand.wheel(QPoint(500, 300), 0, 240, CTRL)
    before = canvas.view
    hand.drag(QPoint(500, 300), QPoint(470, 310), QPoint(440, 330), button=MIDDLE)
    assert (canvas.view.left, canvas.view.top) == (before.left + 60, before.top - 30)
    hand.key(Key.Key_F)
    assert canvas.view == fitted


def test_the_page_turns_with_the_playhead_but_not_under_the_hand(canvas, hand):
    far = 100 * PPQ
    canvas.set_playhead(far)
    assert 0 < canvas.view.x_of(far) < canvas.view.width / 2
    page = canvas.view
    hand.press(QPoint(500, 300))
    canvas.set_playhead(300 * PPQ)
    assert canvas.view == page
    hand.release(QPoint(500, 300))
    canvas.set_following(False)
    canvas.set_playhead(400 * PPQ)
    assert canvas.view == page


def test_escape_gives_the_selection_back(canvas, hand):
    canvas.set_tool("select")
    canvas.select(frozenset(SCORE.notes[:1]))
    hand.press(hand.at(5, 70))
    hand.move(hand.at(2, 62))
    assert canvas.selection == {SCORE.notes[1]}
    hand.key(Key.Key_Escape)
    assert canvas.selection == {SCORE.notes[0]}
    hand.release(hand.at(2, 62))
    assert canvas.selection == {SCORE.notes[0]}
    hand.key(Key.Key_Escape)  # holding nothing, it lets go of the selection
    assert canvas.selection == frozenset()


def test_the_view_scrolls_after_a_note_dragged_over_its_edge(canvas, said, hand):
    hand.press(hand.at(3, 64))
    outside = QPoint(canvas.width() + 90, hand.at(3, 64).y())
    hand.move(outside)
    hand.until(lambda: canvas.view.left > 100)
    hand.release(outside)
    ((_, score),) = said.edits
    assert max(note.on for note in score) > canvas.view.tick_at(canvas.view.width) - 2 * PPQ
    left = canvas.view.left
    QApplication.processEvents()
    assert canvas.view.left == left


def test_the_legend_gives_way_to_the_mouse(canvas, hand):
    canvas.repaint()
    place = canvas._legend_box.center()
    shown = canvas.grab(canvas._legend_box).toImage()
    hand.hover(place)
    hidden = canvas.grab(canvas._legend_box).toImage()
    assert shown != hidden
    hand.hover(QPoint(300, 200))
    assert canvas.grab(canvas._legend_box).toImage() == shown


def test_the_tools_have_tooltips(canvas):
    for tool, box in BOXES.items():
        place = box.center()
        QApplication.sendEvent(
            canvas, QHelpEvent(QEvent.Type.ToolTip, place, canvas.mapToGlobal(place))
        )
        assert QToolTip.text().startswith(tool.capitalize())


def test_pinching_zooms_time(canvas):
    before = canvas.view.beat_width
    place = QPointF(500, 300)
    event = QNativeGestureEvent(
        Qt.NativeGestureType.ZoomNativeGesture, QPointingDevice.primaryPointingDevice(), 2,
        place, place, canvas.mapToGlobal(place), 0.1, QPointF(),
    )  # fmt: skip
    QApplication.sendEvent(canvas, event)
    assert canvas.view.beat_width == pytest.approx(1.1 * before)
