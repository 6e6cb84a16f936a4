"""Any sequence of gestures and keys on a real canvas."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import Qt

from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import PPQ
from rnnrbm_gui.ui.roll.tools import Tool

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
NONE, SHIFT, CTRL, ALT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
)
Key = Qt.Key
SCORE = Score.of([Note(0, 60, PPQ), Note(2 * PPQ, 64, 4 * PPQ), Note(6 * PPQ, 67, 7 * PPQ, 50)])
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
def test_any_sequence_of_gestures(canvas, hand, said, sequence):
    """The score stays valid, a gesture is at most one edit, Escape changes nothing."""
    canvas.select_none()
    canvas.set_score(SCORE)
    canvas.set_view(canvas.view.fitted(0, 16 * PPQ, 48, 76))
    for kind, start, stops, modifier, key, escape in sequence:
        n_edits, before = len(said.edits), canvas.score
        if kind == "key":
            hand.key(key, modifier)
        elif kind == "tool":
            canvas.set_tool(list(Tool)[start[1] % 3])
        else:
            button = LEFT if kind == "left" else RIGHT
            hand.press(hand.at(*start), button, modifier)
            for stop in stops:
                hand.move(hand.at(*stop), button, modifier)
            if escape:
                hand.key(Key.Key_Escape)
            hand.release(hand.at(*(stops or [start])[-1]), button, modifier)
            if escape:
                assert canvas.score is before
        new = said.edits[n_edits:]
        assert len(new) <= 1
        assert (canvas.score != before) == bool(new)
        assert said.silent()
        assert canvas.selection <= set(canvas.score)
        assert Score.of(canvas.score) == canvas.score
        assert list(canvas.score) == canvas._drawn.notes
