"""The roll under a mouse that presses nothing: cursor, words, lit keys, wheel, tooltips."""

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, Qt
from PySide6.QtGui import (
    QGuiApplication,
    QHelpEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget

from rnnrbm_gui.music.note import is_black, name_of
from rnnrbm_gui.ui.roll import layers, tool_icons
from rnnrbm_gui.ui.roll.editing import EditableRoll
from rnnrbm_gui.ui.roll.forms import Forms
from rnnrbm_gui.ui.roll.layers import BLACK_KEY, KEYBOARD, RULER
from rnnrbm_gui.ui.roll.tools import Hit, Part, Tool, hit, spoken
from rnnrbm_gui.ui.roll.viewport import Viewport, cell_of

SLOP = 4
"""A mouse that moved less than this many pixels has clicked, not dragged."""
NOTCH, NOTCH_PIXELS = 120, 60
"""One click of a wheel, in Qt's eighths of a degree and in pixels scrolled."""
ZOOM = 1.2
"""What one click of the wheel zooms by."""
SHIFT, CTRL, ALT = (
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
)


class PointedRoll(EditableRoll):
    """A roll that shows what a press would do, says what is under the mouse, and scrolls."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._place = QPoint()
        self._words_here = ""
        self._cell = QRect()
        self.setMouseTracking(True)

    def set_view(self, view: Viewport) -> None:
        """Show another part of the roll."""
        super().set_view(view)
        self._cell = QRect()

    def set_tool(self, tool: str) -> None:
        """Let the left mouse button draw, erase or select."""
        super().set_tool(tool)
        self._cell = QRect()

    # Places

    def _spot(self, place: QPoint) -> tuple[float, int]:
        """Return tick and pitch under a place of the widget."""
        return self.view.tick_at(place.x() - KEYBOARD), self.view.pitch_at(place.y() - RULER)

    def _key_at(self, place: QPoint) -> int:
        """Return the pitch of the piano key under a place: black keys lie over white ones."""
        pitch = self.view.pitch_at(place.y() - RULER)
        if place.x() > BLACK_KEY and is_black(pitch):
            upper = place.y() - RULER - self.view.y_of(pitch) < self.view.key_height // 2
            pitch += 1 if upper and pitch < 127 else -1
        return pitch

    def _hit(self, place: QPoint) -> Hit | None:
        return hit(self.score, *self._spot(place), self.view.per_tick)

    def _loop_edge(self, place: QPoint) -> int | None:
        """Return the far end of the loop if its near end is under the mouse."""
        if self._loop is None or place.y() < RULER - 24:
            return None
        for near, far in (self._loop, self._loop[::-1]):
            if abs(self.view.column(near) + KEYBOARD - place.x()) <= SLOP + 1:
                return far
        return None

    # Hovering

    def leaveEvent(self, event: QEvent) -> None:
        """Fall silent, and forget what was under the mouse."""
        self.audition(None)
        self._hover_key(None)
        self._hide_legend(False)
        self._show_cell(None)
        self._say("")
        super().leaveEvent(event)

    def _point_at(self, place: QPoint) -> None:
        """Show in the cursor what a press here would do, and say what is here."""
        in_roll = place.x() >= KEYBOARD and place.y() >= RULER
        found = self._hit(place) if in_roll else None
        inside = self.rect().contains(place)
        here = self._spot(place)[1] if in_roll else self._key_at(place)
        self._hover_key(here if inside and place.y() >= RULER else None)
        self._show_cell(place if inside and in_roll and found is None else None)
        self._hide_legend(inside and self._legend_box.contains(place))
        shape = Qt.CursorShape.ArrowCursor
        if in_roll and self.tool is Tool.ERASE:
            shape = Qt.CursorShape.PointingHandCursor
        elif found is not None:
            edge = found.part is not Part.BODY
            shape = Qt.CursorShape.SizeHorCursor if edge else Qt.CursorShape.SizeAllCursor
        elif in_roll and self.tool is Tool.DRAW:
            shape = Qt.CursorShape.CrossCursor
        elif not in_roll and self._loop_edge(place) is not None:
            shape = Qt.CursorShape.SizeHorCursor
        if self.cursor().shape() != shape:
            self.setCursor(shape)
        self._say(self._words(place, found) if inside else "")

    def _words(self, place: QPoint, found: Hit | None) -> str:
        """Return what is under the mouse in words."""
        if place.y() < RULER:
            tool = tool_icons.tool_at(place)
            return tool_icons.WORDS[tool] if tool else ""
        if place.x() < KEYBOARD:
            return name_of(self._key_at(place))
        if found is not None:
            return spoken(found.note, self.meter)
        tick, pitch = self._spot(place)
        part = self._generated.within(int(tick), int(tick) + 1)
        for note in self._generated.notes[part]:
            if note.pitch == pitch and note.off > tick:
                kind = "played by the model" if note.on < self._sounded else "coming"
                return f"{spoken(note, self.meter)} · {kind}"
        return name_of(pitch)

    def _say(self, words: str) -> None:
        if words != self._words_here:
            self._words_here = words
            self.status.emit(words)

    def _show_cell(self, place: QPoint | None) -> None:
        """Show where the draw tool would put a note."""
        cell = QRect()
        if place is not None and self.tool is Tool.DRAW:
            tick, pitch = self._spot(place)
            on = cell_of(tick, self.snap)
            cell = self._box(on, on + self.last_length, pitch)
        if cell != self._cell:
            for box in (cell, self._cell):
                self.update(box.translated(KEYBOARD, RULER))
            self._cell = cell

    def _hover_key(self, pitch: int | None) -> None:
        if pitch != self._hovered_pitch:
            for key in (pitch, self._hovered_pitch):
                self._update_key(key)
            self._hovered_pitch = pitch

    # Wheel

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll; with Control zoom time, with Control and Shift pitch, at the mouse."""
        way = QPointF(event.pixelDelta())
        if way.isNull() or QGuiApplication.platformName() == "xcb":  # Qt: not to be trusted there
            way = QPointF(event.angleDelta()) * NOTCH_PIXELS / NOTCH
        x, y = event.position().x() - KEYBOARD, event.position().y() - RULER
        turn = way.y() or way.x()
        if event.modifiers() & CTRL:
            factor = ZOOM ** (turn / NOTCH_PIXELS)
            if event.modifiers() & SHIFT:
                self.set_view(self.view.zoomed_pitch(factor, y))
            else:
                self.set_view(self.view.zoomed_time(factor, x))
        elif event.modifiers() & SHIFT:
            self.set_view(self.view.scrolled(-turn, 0))
        else:
            self.set_view(self.view.scrolled(-way.x(), -way.y()))
        if not self._busy():
            self._point_at(event.position().toPoint())
        event.accept()

    def _paint_moving(self, painter: QPainter, forms: Forms) -> None:
        if not self._cell.isEmpty() and not self._busy():
            layers.paint_cell(painter, self._cell, self.theme)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint what has changed."""
        super().paintEvent(event)
        if event.rect().top() < RULER and event.rect().left() < KEYBOARD:
            tool_icons.paint_tools(self, self.theme, self.tool)

    def event(self, event: QEvent) -> bool:
        """Show the tooltips of the tools; zoom by pinching."""
        if isinstance(event, QNativeGestureEvent):
            if event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
                x = event.position().x() - KEYBOARD
                self.set_view(self.view.zoomed_time(1 + event.value(), x))
            return True
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            tool = tool_icons.tool_at(event.pos())
            if tool is not None:
                QToolTip.showText(event.globalPos(), tool_icons.WORDS[tool], self)
            return True
        return super().event(event)
