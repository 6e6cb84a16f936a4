"""A canvas on the screen, a hand that moves the mouse over it, and a listener to what it says."""

from time import monotonic

import pytest
from PySide6.QtCore import QEvent, QEventLoop, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from rnnrbm_gui.music.timing import PPQ
from rnnrbm_gui.ui.roll.canvas import RollCanvas
from rnnrbm_gui.ui.roll.layers import KEYBOARD, RULER

LEFT, NO_BUTTON = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
NONE = Qt.KeyboardModifier.NoModifier


class Hand:
    """Moves the mouse over a canvas, in beats and pitches or in pixels."""

    def __init__(self, canvas):
        self.canvas = canvas

    def at(self, beat, pitch):
        view = self.canvas.view
        x = KEYBOARD + round(view.x_of(beat * PPQ))
        return QPoint(x, RULER + view.y_of(pitch) + view.key_height // 2)

    def press(self, place, button=LEFT, modifier=NONE):
        QTest.mousePress(self.canvas, button, modifier, place)

    def release(self, place, button=LEFT, modifier=NONE):
        QTest.mouseRelease(self.canvas, button, modifier, place)

    def click(self, place, button=LEFT, modifier=NONE):
        QTest.mouseClick(self.canvas, button, modifier, place)

    def drag(self, start, *stops, button=LEFT, modifier=NONE, during=None):
        self.press(start, button, modifier)
        for stop in stops:
            self.move(stop, button, modifier if during is None else during)
        self.release(stops[-1], button)

    def hover(self, place):
        self.move(place, NO_BUTTON)

    def move(self, place, button=LEFT, modifier=NONE):
        position, glob = QPointF(place), self.canvas.mapToGlobal(QPointF(place))
        kind = QEvent.Type.MouseMove
        event = QMouseEvent(kind, position, glob, NO_BUTTON, button, modifier)
        QApplication.sendEvent(self.canvas, event)

    def wheel(self, place, dx, dy, modifier=NONE, pixels=None):
        position, glob = QPointF(place), self.canvas.mapToGlobal(QPointF(place))
        event = QWheelEvent(
            position, glob, pixels or QPoint(), QPoint(dx, dy),
            NO_BUTTON, modifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(self.canvas, event)

    def key(self, key, modifier=NONE):
        QTest.keyClick(self.canvas, key, modifier)

    def until(self, condition, seconds=5):
        """Let Qt work until something is true."""
        deadline = monotonic() + seconds
        while not condition():
            assert monotonic() < deadline
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 50)


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


@pytest.fixture
def canvas(app):
    canvas = RollCanvas()
    canvas.resize(1000, 600)
    canvas.show()
    app.processEvents()
    yield canvas
    canvas.close()
    canvas.deleteLater()


@pytest.fixture
def hand(canvas):
    return Hand(canvas)


@pytest.fixture
def said(canvas):
    return Listener(canvas)
