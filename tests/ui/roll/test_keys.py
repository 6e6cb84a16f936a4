"""The keys and the edit commands on a real canvas."""

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import (
    QAccessible,
    QKeyEvent,
)

from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import PPQ
from rnnrbm_gui.ui.roll.tool_icons import BOXES
from rnnrbm_gui.ui.roll.tools import Tool

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


def test_keys_pick_tools_and_so_does_the_corner(canvas, said, hand):
    for key, tool in ((Key.Key_2, "erase"), (Key.Key_S, "select"), (Key.Key_D, "draw")):
        hand.key(key)
        assert canvas.tool == tool
    for tool in (Tool.ERASE, Tool.SELECT, Tool.DRAW):
        hand.click(BOXES[tool].center())
    assert said.tools == ["erase", "select", "draw"] * 2
    with pytest.raises(ValueError, match="glue"):
        canvas.set_tool("glue")


def test_arrows_nudge(canvas, said, hand):
    canvas.select(frozenset({SCORE.notes[1]}))
    for key, modifier, expected in (
        (Key.Key_Right, NONE, Note(3 * PPQ, 64, 5 * PPQ)),
        (Key.Key_Up, NONE, Note(3 * PPQ, 65, 5 * PPQ)),
        (Key.Key_Down, SHIFT, Note(3 * PPQ, 53, 5 * PPQ)),
        (Key.Key_Right, SHIFT, Note(3 * PPQ, 53, 6 * PPQ)),
        (Key.Key_Left, NONE, Note(2 * PPQ, 53, 5 * PPQ)),
    ):
        hand.key(key, modifier)
        assert canvas.selection == {expected}
        assert expected in canvas.score.notes
    assert len(said.edits) == 5
    assert said.words[-1] == "F3 · bar 1.3 · 3 beats"


def test_the_edit_keys(canvas, said, hand):
    hand.key(Key.Key_A, CTRL)
    assert canvas.selection == set(SCORE)
    canvas.select(frozenset({SCORE.notes[0]}))
    hand.key(Key.Key_I, CTRL)
    assert canvas.selection == set(SCORE.notes[1:])
    hand.key(Key.Key_X, CTRL)
    assert canvas.score.notes == SCORE.notes[:1]
    canvas.set_playhead(8.2 * PPQ)
    hand.key(Key.Key_V, CTRL)
    assert [n.on // PPQ for n in canvas.score] == [0, 8, 12]
    assert canvas.score.notes[2].velocity == 50
    hand.key(Key.Key_D, CTRL)
    assert [n.on // PPQ for n in canvas.score] == [0, 8, 12, 13, 17]
    hand.key(Key.Key_Delete)
    assert [n.on // PPQ for n in canvas.score] == [0, 8, 12]
    assert [name for name, _ in said.edits] == [
        "Cut notes", "Paste notes", "Duplicate notes", "Delete notes",
    ]  # fmt: skip


def test_editing_with_keys_alone(canvas, said, hand):
    hand.key(Key.Key_Right, CTRL)
    hand.key(Key.Key_Right, CTRL)
    assert canvas.selection == {SCORE.notes[1]}
    assert said.words[-1] == "E4 · bar 1.3 · 2 beats"
    hand.key(Key.Key_Left, CTRL)
    assert canvas.selection == {SCORE.notes[0]}
    canvas.set_playhead(9 * PPQ)
    hand.key(Key.Key_Insert)
    assert said.edits[-1][0] == "Draw note"
    first = SCORE.notes[0]
    added = Note(first.off, 60, first.off + first.duration)
    assert canvas.selection == {added}  # after the chosen one
    canvas.select_none()
    hand.key(Key.Key_Insert)
    assert canvas.selection == {Note(9 * PPQ, 60, 9 * PPQ + first.duration)}


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


def test_a_screen_reader_is_told(canvas, said, hand):
    QAccessible.setActive(True)
    try:
        hand.key(Key.Key_A, CTRL)
        hand.key(Key.Key_Right)
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


def test_zooming_by_keys_keeps_the_middle(canvas, hand):
    canvas.set_view(canvas.view.zoomed_time(3, 0).scrolled(500, 0))
    middle = canvas.view.width / 2
    tick, before = canvas.view.tick_at(middle), canvas.view.beat_width
    hand.key(Key.Key_Plus, SHIFT)
    assert canvas.view.beat_width == pytest.approx(1.25 * before)
    assert canvas.view.tick_at(middle) == pytest.approx(tick, abs=1 / canvas.view.per_tick)
    hand.key(Key.Key_Minus)
    assert canvas.view.beat_width == pytest.approx(before)
