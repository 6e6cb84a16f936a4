"""The mouse and the keys on a real canvas."""

from time import monotonic

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QEventLoop, QPoint, QPointF, Qt
from PySide6.QtGui import (
    QAccessible,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPointingDevice,
    QWheelEvent,
)
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip

from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import PPQ
from rnnrbm_gui.ui.roll.canvas import RollCanvas
from rnnrbm_gui.ui.roll.layers import KEYBOARD, RULER
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


class Listener:
    """Everything a canvas said."""

    def __init__(self, canvas):
        self.edits, self.heard, self.seeks, self.loops, self.words = [], [], [], [], []
        self.tools, self.selections = [], []
        canvas.edited.connect(lambda name, score: self.edits.append((name, score)))
        canvas.auditioned.connect(lambda pitch, on: self.heard.append((pitch, on)))
        canvas.seek_requested.connect(self.seeks.append)
        canvas.loop_changed.connect(self.loops.append)
        canvas.status.connect(self.words.append)
        canvas.tool_changed.connect(self.tools.append)
        canvas.selection_changed.connect(self.selections.append)

    def silent(self):
        """Every pitch heard was silenced before the next one."""
        ons, offs = self.heard[::2], self.heard[1::2]
        return [(p, False) for p, _ in ons] == offs and all(on for _, on in ons)


@pytest.fixture(scope="module")
def shared(app):
    canvas = RollCanvas()
    canvas.resize(1000, 600)
    canvas.show()
    app.processEvents()
    yield canvas
    canvas.close()


@pytest.fixture
def canvas(app):
    canvas = RollCanvas()
    canvas.resize(1000, 600)
    canvas.set_score(SCORE)
    canvas.show()
    app.processEvents()
    yield canvas
    canvas.close()
    canvas.deleteLater()


@pytest.fixture
def said(canvas):
    return Listener(canvas)


def at(canvas, beat, pitch):
    x = KEYBOARD + round(canvas.view.x_of(beat * PPQ))
    return QPoint(x, RULER + canvas.view.y_of(pitch) + canvas.view.key_height // 2)


def drag(canvas, start, *stops, button=LEFT, modifier=NONE, during=None):
    QTest.mousePress(canvas, button, modifier, start)
    for stop in stops:
        move(canvas, stop, button, during if during is not None else modifier)
    QTest.mouseRelease(canvas, button, NONE, stops[-1])


def until(condition, seconds=5):
    """Let Qt work until something is true."""
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 50)


def move(canvas, place, button=LEFT, modifier=NONE):
    position = QPointF(place)
    event = QMouseEvent(
        QEvent.Type.MouseMove, position, canvas.mapToGlobal(position), Qt.MouseButton.NoButton,
        button, modifier,
    )  # fmt: skip
    QApplication.sendEvent(canvas, event)


def wheel(canvas, place, dx, dy, modifier=NONE, pixels=None):
    position = QPointF(place)
    event = QWheelEvent(
        position, canvas.mapToGlobal(position), pixels or QPoint(), QPoint(dx, dy),
        Qt.MouseButton.NoButton, modifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(canvas, event)


def test_a_click_draws_a_note_that_sounds_while_the_mouse_is_down(canvas, said):
    QTest.mousePress(canvas, LEFT, NONE, at(canvas, 9.3, 72))
    assert said.heard == [(72, True)]
    assert said.edits == []
    QTest.mouseRelease(canvas, LEFT, NONE, at(canvas, 9.3, 72))
    assert said.heard == [(72, True), (72, False)]
    ((name, score),) = said.edits
    assert name == "Draw note"
    assert set(score) - set(SCORE) == {Note(9 * PPQ, 72, 10 * PPQ)}
    assert canvas.score is score


def test_a_drag_sets_the_length_and_the_next_note_takes_it_over(canvas, said):
    drag(canvas, at(canvas, 9.3, 72), at(canvas, 11.5, 72))
    drag(canvas, at(canvas, 13.3, 70), at(canvas, 13.3, 70))
    new = sorted(set(said.edits[-1][1]) - set(SCORE))
    assert new == [Note(9 * PPQ, 72, 12 * PPQ), Note(13 * PPQ, 70, 16 * PPQ)]


def test_shift_bypasses_the_snap(canvas, said):
    drag(canvas, at(canvas, 9.3, 72), at(canvas, 10.6, 72), during=SHIFT)
    (new,) = set(said.edits[0][1]) - set(SCORE)
    assert new.on == 9 * PPQ
    assert new.off % PPQ != 0
    assert abs(new.off - 10.6 * PPQ) < 30


def test_a_note_moves_in_time_and_pitch(canvas, said):
    drag(canvas, at(canvas, 3, 64), at(canvas, 4, 65), at(canvas, 4.1, 66))
    ((name, score),) = said.edits
    assert name == "Move notes"
    assert score == SCORE.replaced([SCORE.notes[1]], [Note(3 * PPQ, 66, 5 * PPQ)])
    assert said.heard == [(64, True), (64, False), (65, True), (65, False), (66, True), (66, False)]


def test_both_edges_resize_and_the_cursor_says_so(canvas, said):
    end, start = at(canvas, 4, 64) - QPoint(2, 0), at(canvas, 2, 64) + QPoint(2, 0)
    move(canvas, end, Qt.MouseButton.NoButton)
    assert canvas.cursor().shape() == Qt.CursorShape.SizeHorCursor
    drag(canvas, end, at(canvas, 5, 64))
    drag(canvas, start, at(canvas, 1, 64))
    assert [name for name, _ in said.edits] == ["Change length"] * 2
    assert canvas.score.notes[1] == Note(PPQ, 64, 5 * PPQ)
    move(canvas, at(canvas, 3, 64), Qt.MouseButton.NoButton)
    assert canvas.cursor().shape() == Qt.CursorShape.SizeAllCursor


@pytest.mark.parametrize("tool", list(Tool))
def test_the_right_button_erases_in_every_tool(canvas, said, tool):
    canvas.set_tool(tool)
    drag(canvas, at(canvas, 0.2, 60), at(canvas, 3, 64), button=RIGHT)
    ((name, score),) = said.edits
    assert name == "Erase notes"
    assert score.notes == SCORE.notes[2:]


def test_a_click_with_the_eraser(canvas, said):
    canvas.set_tool("erase")
    QTest.mouseClick(canvas, LEFT, NONE, at(canvas, 6.5, 67))
    QTest.mouseClick(canvas, LEFT, NONE, at(canvas, 6.5, 67))
    ((_, score),) = said.edits
    assert score.notes == SCORE.notes[:2]


def test_the_marquee_then_shift_then_control(canvas, said):
    canvas.set_tool("select")
    low, middle, high = SCORE.notes
    drag(canvas, at(canvas, 5, 70), at(canvas, 0.5, 62))
    assert canvas.selection == {middle}
    drag(canvas, at(canvas, 1.5, 58), at(canvas, 0.5, 61), modifier=SHIFT)
    assert canvas.selection == {low, middle}
    drag(canvas, at(canvas, 8, 68), at(canvas, 2.5, 63), modifier=CTRL)
    assert canvas.selection == {low, high}
    QTest.mouseClick(canvas, LEFT, CTRL, at(canvas, 6.5, 67))
    assert canvas.selection == {low}
    assert said.edits == []


def test_the_selection_moves_together_and_alt_copies_it(canvas, said):
    canvas.set_tool("select")
    canvas.select_all()
    drag(canvas, at(canvas, 3, 64), at(canvas, 4, 65))
    assert [n.on // PPQ for n in canvas.score] == [1, 3, 7]
    assert [n.pitch for n in canvas.score] == [61, 65, 68]
    drag(canvas, at(canvas, 4, 65), at(canvas, 14, 65), modifier=ALT)
    assert [name for name, _ in said.edits] == ["Move notes", "Duplicate notes"]
    assert [n.on // PPQ for n in canvas.score] == [1, 3, 7, 11, 13, 17]
    assert canvas.selection == set(canvas.score.notes[3:])


def test_escape_drops_the_gesture(canvas, said):
    for start, stop in (
        (at(canvas, 9, 70), at(canvas, 12, 70)),
        (at(canvas, 3, 64), at(canvas, 8, 70)),
    ):
        QTest.mousePress(canvas, LEFT, NONE, start)
        move(canvas, stop)
        QTest.keyClick(canvas, Key.Key_Escape)
        assert said.silent()
        move(canvas, start)
        QTest.mouseRelease(canvas, LEFT, NONE, stop)
    assert said.edits == []
    assert canvas.score is SCORE


def test_a_score_from_elsewhere_drops_the_gesture(canvas, said):
    QTest.mousePress(canvas, LEFT, NONE, at(canvas, 3, 64))
    move(canvas, at(canvas, 6, 70))
    canvas.set_score(Score())
    QTest.mouseRelease(canvas, LEFT, NONE, at(canvas, 6, 70))
    assert said.edits == []
    assert said.silent()
    assert canvas.score == Score()


def test_keys_pick_tools_and_so_does_the_corner(canvas, said):
    for key, tool in ((Key.Key_2, "erase"), (Key.Key_S, "select"), (Key.Key_D, "draw")):
        QTest.keyClick(canvas, key)
        assert canvas.tool == tool
    for tool in (Tool.ERASE, Tool.SELECT, Tool.DRAW):
        QTest.mouseClick(canvas, LEFT, NONE, BOXES[tool].center())
    assert said.tools == ["erase", "select", "draw"] * 2
    with pytest.raises(ValueError, match="glue"):
        canvas.set_tool("glue")


def test_arrows_nudge(canvas, said):
    canvas.select(frozenset({SCORE.notes[1]}))
    for key, modifier, expected in (
        (Key.Key_Right, NONE, Note(3 * PPQ, 64, 5 * PPQ)),
        (Key.Key_Up, NONE, Note(3 * PPQ, 65, 5 * PPQ)),
        (Key.Key_Down, SHIFT, Note(3 * PPQ, 53, 5 * PPQ)),
        (Key.Key_Right, SHIFT, Note(3 * PPQ, 53, 6 * PPQ)),
        (Key.Key_Left, NONE, Note(2 * PPQ, 53, 5 * PPQ)),
    ):
        QTest.keyClick(canvas, key, modifier)
        assert canvas.selection == {expected}
        assert expected in canvas.score.notes
    assert len(said.edits) == 5
    assert said.words[-1] == "F3 · bar 1.3 · 3 beats"


def test_the_edit_keys(canvas, said):
    QTest.keyClick(canvas, Key.Key_A, CTRL)
    assert canvas.selection == set(SCORE)
    canvas.select(frozenset({SCORE.notes[0]}))
    QTest.keyClick(canvas, Key.Key_I, CTRL)
    assert canvas.selection == set(SCORE.notes[1:])
    QTest.keyClick(canvas, Key.Key_X, CTRL)
    assert canvas.score.notes == SCORE.notes[:1]
    canvas.set_playhead(8.2 * PPQ)
    QTest.keyClick(canvas, Key.Key_V, CTRL)
    assert [n.on // PPQ for n in canvas.score] == [0, 8, 12]
    assert canvas.score.notes[2].velocity == 50
    QTest.keyClick(canvas, Key.Key_D, CTRL)
    assert [n.on // PPQ for n in canvas.score] == [0, 8, 12, 13, 17]
    QTest.keyClick(canvas, Key.Key_Delete)
    assert [n.on // PPQ for n in canvas.score] == [0, 8, 12]
    assert [name for name, _ in said.edits] == [
        "Cut notes", "Paste notes", "Duplicate notes", "Delete notes",
    ]  # fmt: skip


def test_editing_with_keys_alone(canvas, said):
    QTest.keyClick(canvas, Key.Key_Right, CTRL)
    QTest.keyClick(canvas, Key.Key_Right, CTRL)
    assert canvas.selection == {SCORE.notes[1]}
    assert said.words[-1] == "E4 · bar 1.3 · 2 beats"
    QTest.keyClick(canvas, Key.Key_Left, CTRL)
    assert canvas.selection == {SCORE.notes[0]}
    canvas.set_playhead(9 * PPQ)
    QTest.keyClick(canvas, Key.Key_Insert)
    assert said.edits[-1][0] == "Draw note"
    assert canvas.selection == {Note(9 * PPQ, 60, 10 * PPQ)}


def test_commands_without_a_selection_mean_everything(canvas, said):
    canvas.transpose(-12)
    assert [n.pitch for n in canvas.score] == [48, 52, 55]
    canvas.select_none()
    canvas.legato()
    assert [n.off // PPQ for n in canvas.score] == [2, 6, 7]
    canvas.quantise()  # on the grid already: no edit
    assert [name for name, _ in said.edits] == ["Transpose", "Legato"]


def test_keys_of_the_window_are_left_to_it(canvas):
    for key in (Key.Key_Space, Key.Key_Return, Key.Key_R, Key.Key_L):
        event = _key(key)
        canvas.keyPressEvent(event)
        assert not event.isAccepted()


def _key(key):
    return QKeyEvent(QEvent.Type.KeyPress, key, NONE)


def test_a_click_in_the_ruler_seeks_and_a_drag_loops(canvas, said):
    QTest.mouseClick(canvas, LEFT, NONE, QPoint(at(canvas, 4.9, 60).x(), 30))
    assert said.seeks == [5 * PPQ]
    drag(canvas, QPoint(at(canvas, 8.1, 60).x(), 30), QPoint(at(canvas, 3.9, 60).x(), 30))
    assert said.loops == [(4 * PPQ, 8 * PPQ)]
    drag(canvas, QPoint(at(canvas, 8, 60).x(), 30), QPoint(at(canvas, 10, 60).x(), 30))
    assert said.loops[-1] == (4 * PPQ, 10 * PPQ)
    QTest.mouseClick(canvas, RIGHT, NONE, QPoint(at(canvas, 5, 60).x(), 30))
    assert said.loops[-1] is None
    assert said.seeks == [5 * PPQ]


def test_escape_puts_the_loop_back(canvas, said):
    canvas.set_loop((0, 960))
    QTest.mousePress(canvas, LEFT, NONE, QPoint(at(canvas, 4, 60).x(), 30))
    move(canvas, QPoint(at(canvas, 9, 60).x(), 30))
    QTest.keyClick(canvas, Key.Key_Escape)
    QTest.mouseRelease(canvas, LEFT, NONE, QPoint(at(canvas, 9, 60).x(), 30))
    assert said.loops == []
    assert said.seeks == []


def test_piano_keys_sound_and_fall_silent(canvas, said):
    def y(pitch):
        return at(canvas, 0, pitch).y()

    drag(canvas, QPoint(20, y(60)), QPoint(20, y(61)), QPoint(20, y(62)))
    assert said.heard[::2] == [(60, True), (61, True), (62, True)]
    assert said.silent()
    # right of a black key the white one beside it is under the mouse
    QTest.mouseClick(canvas, LEFT, NONE, QPoint(70, y(61) - canvas.view.key_height // 2 + 1))
    assert said.heard[-1] == (62, False)


@pytest.mark.parametrize("how", ["focus", "leave", "escape"])
def test_no_pitch_stays_on(canvas, said, how):
    QTest.mousePress(canvas, LEFT, NONE, QPoint(20, at(canvas, 0, 60).y()))
    assert said.heard == [(60, True)]
    if how == "focus":
        QApplication.sendEvent(canvas, QFocusEvent(QEvent.Type.FocusOut))
    elif how == "leave":
        QApplication.sendEvent(canvas, QEvent(QEvent.Type.Leave))
    else:
        QTest.keyClick(canvas, Key.Key_Escape)
    assert said.heard == [(60, True), (60, False)]
    QTest.mouseRelease(canvas, LEFT, NONE, QPoint(20, at(canvas, 0, 60).y()))
    assert said.silent()


def test_hovering_names_notes(canvas, said):
    canvas.set_generated([Note(0, 50, PPQ), Note(4 * PPQ, 50, 5 * PPQ)], 0)
    canvas.set_sounded(PPQ)
    for beat, pitch, words in (
        (3, 64, "E4 · bar 1.3 · 2 beats"),
        (0.5, 50, "D3 · bar 1.1 · 1 beat · played by the model"),
        (4.5, 50, "D3 · bar 2.1 · 1 beat · coming"),
        (8, 61, "C♯4"),
    ):
        move(canvas, at(canvas, beat, pitch), Qt.MouseButton.NoButton)
        assert said.words[-1] == words
    QApplication.sendEvent(canvas, QEvent(QEvent.Type.Leave))
    assert said.words[-1] == ""


def test_gestures_do_not_touch_generated_notes(canvas, said):
    generated = [Note(0, 50, PPQ), Note(4 * PPQ, 50, 5 * PPQ)]
    canvas.set_generated(generated, 0)
    drag(canvas, at(canvas, 0.2, 50), at(canvas, 9, 50), button=RIGHT)
    drag(canvas, at(canvas, 4.2, 50), at(canvas, 9, 50))
    assert list(canvas.generated) == generated
    assert [name for name, _ in said.edits] == ["Draw note"]


def test_the_wheel(canvas):
    place = QPoint(500, 300)
    tick = canvas.view.tick_at(500 - KEYBOARD)
    beat, key = canvas.view.beat_width, canvas.view.key_height
    wheel(canvas, place, 0, 120, CTRL)
    assert canvas.view.beat_width > beat
    assert abs(canvas.view.x_of(tick) - (500 - KEYBOARD)) < 1
    wheel(canvas, place, 0, 120, CTRL | SHIFT)
    assert canvas.view.key_height > key
    before = canvas.view
    wheel(canvas, place, 0, -120)
    assert (canvas.view.left, canvas.view.top) == (before.left, before.top + 60)
    wheel(canvas, place, 0, -120, SHIFT)
    assert (canvas.view.left, canvas.view.top) == (before.left + 60, before.top + 60)
    wheel(canvas, place, -120, 0)
    assert canvas.view.left == before.left + 120
    wheel(canvas, place, 0, 0, pixels=QPoint(-7, 5))
    assert (canvas.view.left, canvas.view.top) == (before.left + 127, before.top + 55)


def test_the_middle_button_pans_and_f_fits(canvas):
    fitted = canvas.view
    wheel(canvas, QPoint(500, 300), 0, 240, CTRL)
    before = canvas.view
    drag(canvas, QPoint(500, 300), QPoint(470, 310), QPoint(440, 330), button=MIDDLE)
    assert (canvas.view.left, canvas.view.top) == (before.left + 60, before.top - 30)
    QTest.keyClick(canvas, Key.Key_F)
    assert canvas.view == fitted


def test_the_page_turns_with_the_playhead_but_not_under_the_hand(canvas):
    far = 100 * PPQ
    canvas.set_playhead(far)
    assert 0 < canvas.view.x_of(far) < canvas.view.width / 2
    page = canvas.view
    QTest.mousePress(canvas, LEFT, NONE, QPoint(500, 300))
    canvas.set_playhead(300 * PPQ)
    assert canvas.view == page
    QTest.mouseRelease(canvas, LEFT, NONE, QPoint(500, 300))
    canvas.set_following(False)
    canvas.set_playhead(400 * PPQ)
    assert canvas.view == page


KEYS = [Key.Key_Delete, Key.Key_Up, Key.Key_Right, Key.Key_D, Key.Key_A, Key.Key_Escape]
steps = st.tuples(
    st.sampled_from(["left", "left", "right", "key", "tool"]),
    st.tuples(st.integers(0, 16), st.integers(50, 75)),
    st.lists(st.tuples(st.integers(-1, 17), st.integers(45, 80)), max_size=3),
    st.sampled_from([NONE, NONE, SHIFT, CTRL, ALT]),
    st.sampled_from(KEYS),
    st.booleans(),
)  # fmt: skip


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
@given(st.lists(steps, max_size=8))
def test_any_sequence_of_gestures(shared, sequence):
    """The score stays valid, a gesture is at most one edit, Escape changes nothing."""
    canvas = shared
    canvas.select_none()
    canvas.set_score(SCORE)
    canvas.set_view(canvas.view.fitted(0, 16 * PPQ, 48, 76))
    said = Listener(canvas)
    for kind, start, stops, modifier, key, escape in sequence:
        n_edits, before = len(said.edits), canvas.score
        if kind == "key":
            QTest.keyClick(canvas, key, modifier)
        elif kind == "tool":
            canvas.set_tool(list(Tool)[start[1] % 3])
        else:
            button = LEFT if kind == "left" else RIGHT
            QTest.mousePress(canvas, button, modifier, at(canvas, *start))
            for stop in stops:
                move(canvas, at(canvas, *stop), button, modifier)
            if escape:
                QTest.keyClick(canvas, Key.Key_Escape)
            QTest.mouseRelease(canvas, button, modifier, at(canvas, *(stops or [start])[-1]))
            if escape:
                assert canvas.score is before
        new = said.edits[n_edits:]
        assert len(new) <= 1
        assert (canvas.score != before) == bool(new)
        assert said.silent()
        assert canvas.selection <= set(canvas.score)
        assert Score.of(canvas.score) == canvas.score
        assert list(canvas.score) == canvas._drawn.notes
    canvas.edited.disconnect()
    canvas.auditioned.disconnect()


def test_escape_gives_the_selection_back(canvas):
    canvas.set_tool("select")
    canvas.select(frozenset(SCORE.notes[:1]))
    QTest.mousePress(canvas, LEFT, NONE, at(canvas, 5, 70))
    move(canvas, at(canvas, 2, 62))
    assert canvas.selection == {SCORE.notes[1]}
    QTest.keyClick(canvas, Key.Key_Escape)
    assert canvas.selection == {SCORE.notes[0]}
    QTest.mouseRelease(canvas, LEFT, NONE, at(canvas, 2, 62))
    assert canvas.selection == {SCORE.notes[0]}
    QTest.keyClick(canvas, Key.Key_Escape)  # holding nothing, it lets go of the selection
    assert canvas.selection == frozenset()


def test_the_view_scrolls_after_a_note_dragged_over_its_edge(canvas, said):
    QTest.mousePress(canvas, LEFT, NONE, at(canvas, 3, 64))
    outside = QPoint(canvas.width() + 90, at(canvas, 3, 64).y())
    move(canvas, outside)
    until(lambda: canvas.view.left > 100)
    QTest.mouseRelease(canvas, LEFT, NONE, outside)
    ((_, score),) = said.edits
    assert max(note.on for note in score) > canvas.view.tick_at(canvas.view.width) - 2 * PPQ
    left = canvas.view.left
    QApplication.processEvents()
    assert canvas.view.left == left


def test_the_legend_gives_way_to_the_mouse(canvas):
    canvas.repaint()
    place = canvas._legend_box.center()
    shown = canvas.grab(canvas._legend_box).toImage()
    move(canvas, place, Qt.MouseButton.NoButton)
    hidden = canvas.grab(canvas._legend_box).toImage()
    assert shown != hidden
    move(canvas, QPoint(300, 200), Qt.MouseButton.NoButton)
    assert canvas.grab(canvas._legend_box).toImage() == shown


def test_the_tools_have_tooltips(canvas):
    for tool, box in BOXES.items():
        place = box.center()
        QApplication.sendEvent(
            canvas, QHelpEvent(QEvent.Type.ToolTip, place, canvas.mapToGlobal(place))
        )
        assert QToolTip.text().startswith(tool.capitalize())


def test_a_screen_reader_is_told(canvas, said):
    QAccessible.setActive(True)
    try:
        QTest.keyClick(canvas, Key.Key_A, CTRL)
        QTest.keyClick(canvas, Key.Key_Right)
    finally:
        QAccessible.setActive(False)
    assert said.words[-1] == "3 notes chosen"
    description = QAccessible.queryAccessibleInterface(canvas).text(QAccessible.Text.Description)
    assert "Insert" in description


def test_what_is_gone_is_said_to_be_no_longer_chosen(canvas, said):
    canvas.select_all()
    canvas.delete_selection()
    assert said.selections == [frozenset(SCORE), frozenset()]
    canvas.set_score(SCORE)
    canvas.select_all()
    canvas.set_score(Score())
    assert said.selections[2:] == [frozenset(SCORE), frozenset()]


def test_zooming_by_keys_keeps_the_middle(canvas):
    canvas.set_view(canvas.view.zoomed_time(3, 0).scrolled(500, 0))
    middle = canvas.view.width / 2
    tick, before = canvas.view.tick_at(middle), canvas.view.beat_width
    QTest.keyClick(canvas, Key.Key_Plus, SHIFT)
    assert canvas.view.beat_width == pytest.approx(1.25 * before)
    assert canvas.view.tick_at(middle) == pytest.approx(tick, abs=1 / canvas.view.per_tick)
    QTest.keyClick(canvas, Key.Key_Minus)
    assert canvas.view.beat_width == pytest.approx(before)


def test_pinching_zooms_time(canvas):
    before = canvas.view.beat_width
    place = QPointF(500, 300)
    event = QNativeGestureEvent(
        Qt.NativeGestureType.ZoomNativeGesture, QPointingDevice.primaryPointingDevice(), 2,
        place, place, canvas.mapToGlobal(place), 0.1, QPointF(),
    )  # fmt: skip
    QApplication.sendEvent(canvas, event)
    assert canvas.view.beat_width == pytest.approx(1.1 * before)
