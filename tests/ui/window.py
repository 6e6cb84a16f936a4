"""What the tests of the whole window share."""

from PySide6.QtCore import QDeadlineTimer, QEventLoop, QPoint
from PySide6.QtWidgets import QApplication

from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.ui.roll.layers import KEYBOARD, RULER

MELODY = Score.of(
    [Note(i * 480, pitch, i * 480 + 480) for i, pitch in enumerate((67, 69, 71, 72, 74, 72))]
)


def until(is_so, what, limit_s=15.0):
    """Run the event loop until a condition holds; fail at the deadline."""
    deadline = QDeadlineTimer(int(limit_s * 1000))
    while not is_so():
        assert not deadline.hasExpired(), f"waited in vain for {what}"
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)


def place(window, tick, pitch):
    view = window.canvas.view
    return QPoint(KEYBOARD + view.column(tick) + 3, RULER + view.y_of(pitch) + view.key_height // 2)
