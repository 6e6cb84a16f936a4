"""The piano-roll one draws on: the mouse, the wheel and the tools in the corner."""

from enum import Enum

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, Qt, Signal
from PySide6.QtGui import QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QToolTip, QWidget

from rnnrbm_gui.music.note import name_of
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.ui.roll import layers, tool_icons
from rnnrbm_gui.ui.roll.editing import EditableRoll
from rnnrbm_gui.ui.roll.forms import Forms, Kind
from rnnrbm_gui.ui.roll.layers import BLACK_KEY, KEYBOARD, RULER
from rnnrbm_gui.ui.roll.tools import (
    FREE,
    AddNote,
    Erase,
    Gesture,
    Hit,
    Marquee,
    MoveNotes,
    Part,
    ResizeNotes,
    Tool,
    hit,
    spoken,
)
from rnnrbm_gui.ui.roll.track import columns
from rnnrbm_gui.ui.roll.viewport import snapped

SLOP = 4
"""A mouse that moved less than this many pixels has clicked, not dragged."""
NOTCH = 120
SHIFT, CTRL, ALT = (
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
)
LEFT, RIGHT, MIDDLE = (
    Qt.MouseButton.LeftButton,
    Qt.MouseButton.RightButton,
    Qt.MouseButton.MiddleButton,
)


class Hold(Enum):
    """What the pressed mouse has hold of."""

    NOTHING = 0
    NOTES = 1
    RULER = 2
    KEYS = 3
    PAGE = 4


class RollCanvas(EditableRoll):
    """The piano-roll: shows drawn, played and coming notes, and lets one draw.

    Shift held while drawing, moving or resizing bypasses the snap; Alt-drag duplicates in the
    select tool; the right button erases in every tool; Esc drops what the mouse holds.

    Signals:
        edited(str, Score), selection_changed(object), auditioned(int, bool), tool_changed(str),
        status(str): see ``EditableRoll``.
        seek_requested(int): the tick at which the ruler was clicked.
        loop_changed(object): the loop drawn in the ruler, (first, last) ticks, or None.
    """

    seek_requested = Signal(int)
    loop_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._hold = Hold.NOTHING
        self._button = Qt.MouseButton.NoButton
        self._gesture: Gesture | None = None
        self._press = self._place = QPoint()
        self._dragged = False
        self._loop_before: tuple[int, int] | None = None
        self._loop_anchor = 0
        self._hovered: object = None
        self.setMouseTracking(True)
        self.setAccessibleName("Piano roll")
        self.setAccessibleDescription(
            "Notes over time and pitch. Control and arrow keys go from note to note, arrow keys "
            "move the chosen notes, Insert adds one at the playhead, Delete takes them out."
        )

    def set_score(self, score: Score) -> None:
        """Show these drawn and kept notes; what the mouse holds is dropped if they changed."""
        if self._gesture is not None and score != self.score:
            self._release()
        super().set_score(score)

    def drop(self) -> None:
        """Let go of what the mouse holds, changing nothing; nothing held, choose nothing."""
        if self._hold is Hold.NOTHING:
            super().drop()
            return
        if self._hold is Hold.RULER:
            self.set_loop(self._loop_before)
        if isinstance(self._gesture, Marquee):
            self.select(self._gesture.before & frozenset(self.score.notes))
        self._release()

    def _busy(self) -> bool:
        return self._hold is not Hold.NOTHING

    def _release(self) -> None:
        self._hold, self._gesture, self._dragged = Hold.NOTHING, None, False
        self.audition(None)
        self._show_gesture()
        self._point_at(self._place)

    # Places

    def _spot(self, place: QPoint) -> tuple[float, int]:
        """Return tick and pitch under a place of the widget."""
        return self.view.tick_at(place.x() - KEYBOARD), self.view.pitch_at(place.y() - RULER)

    def _key_at(self, place: QPoint) -> int:
        """Return the pitch of the piano key under a place: black keys lie over white ones."""
        pitch = self.view.pitch_at(place.y() - RULER)
        if place.x() > BLACK_KEY and (pitch % 12) in (1, 3, 6, 8, 10):
            upper = place.y() - RULER - self.view.y_of(pitch) < self.view.key_height // 2
            pitch += 1 if upper and pitch < 127 else -1
        return pitch

    def _hit(self, place: QPoint) -> Hit | None:
        return hit(self.score, *self._spot(place), self.view.per_tick)

    def _grid(self, modifiers: Qt.KeyboardModifier) -> int:
        return FREE if modifiers & SHIFT else self.snap

    # Press, move, release

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of what is under the mouse."""
        if self._busy():
            return
        place, button = event.position().toPoint(), event.button()
        self._place = place
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self._press, self._button, self._dragged = place, button, False
        if button == MIDDLE:
            self._hold = Hold.PAGE
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif place.y() < RULER and place.x() < KEYBOARD:
            tool = tool_icons.tool_at(place)
            if tool is not None and button == LEFT:
                self.set_tool(tool)
        elif place.y() < RULER:
            self._press_ruler(place, button)
        elif place.x() < KEYBOARD:
            if button == LEFT:
                self._hold = Hold.KEYS
                self.audition(self._key_at(place))
        elif button in (LEFT, RIGHT):
            self._gesture = self._begin(place, button, event.modifiers())
            if self._gesture is not None:
                self._hold = Hold.NOTES
                self._show_gesture()

    def _press_ruler(self, place: QPoint, button: Qt.MouseButton) -> None:
        if button == RIGHT and self._loop is not None:
            self.set_loop(None)
            self.loop_changed.emit(None)
        elif button == LEFT:
            self._hold, self._loop_before = Hold.RULER, self._loop
            self._loop_anchor = snapped(self._spot(place)[0], self.snap)
            far = self._loop_edge(place)
            if far is not None:
                self._loop_anchor = far

    def _loop_edge(self, place: QPoint) -> int | None:
        """Return the far end of the loop if its near end is under the mouse."""
        if self._loop is None or place.y() < RULER - 24:
            return None
        for near, far in (self._loop, self._loop[::-1]):
            if abs(self.view.column(near) + KEYBOARD - place.x()) <= SLOP + 1:
                return far
        return None

    def _begin(
        self, place: QPoint, button: Qt.MouseButton, modifiers: Qt.KeyboardModifier
    ) -> Gesture | None:
        """Return the gesture that a press on the roll begins."""
        tick, pitch = self._spot(place)
        found = self._hit(place)
        if button == RIGHT or self.tool is Tool.ERASE:
            return Erase(self.score, tick, pitch)
        if found is not None:
            return self._take(found, tick, modifiers)
        if self.tool is Tool.DRAW:
            self.select_none()
            grid = self._grid(modifiers)
            return AddNote(self.score, tick, pitch, grid, self.last_length, self.last_velocity)
        keep = bool(modifiers & (SHIFT | CTRL))
        before = self.selection if keep else frozenset()
        self.select(before)
        return Marquee(self.score, tick, pitch, before, toggle=bool(modifiers & CTRL))

    def _take(self, found: Hit, tick: float, modifiers: Qt.KeyboardModifier) -> Gesture | None:
        """Return the gesture that a press on a note begins; it also chooses the note."""
        note, part = found
        if self.tool is Tool.SELECT and modifiers & CTRL:
            self.select(self.selection ^ {note})
            return None
        if note not in self.selection:
            add = self.tool is Tool.SELECT and modifiers & SHIFT
            self.select(self.selection | {note} if add else frozenset({note}))
        self.last_length, self.last_velocity = note.duration, note.velocity
        self.last_pitch = note.pitch
        if part is not Part.BODY and not modifiers & ALT:
            return ResizeNotes(self.score, self.selection, note, part)
        return MoveNotes(self.score, self.selection, note, tick, copy=bool(modifiers & ALT))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move what the mouse holds; holding nothing, show what a press would do."""
        self._place = place = event.position().toPoint()
        if not self._dragged and (place - self._press).manhattanLength() >= SLOP:
            self._dragged = self._busy()
        if self._hold is Hold.NOTHING:
            self._point_at(place)
        elif self._hold is Hold.PAGE:
            way = self._press - place
            self._press = place
            self.set_view(self.view.scrolled(way.x(), way.y()))
        elif self._hold is Hold.KEYS:
            self.audition(self._key_at(place))
        elif self._hold is Hold.RULER and self._dragged:
            here = snapped(self._spot(place)[0], self._grid(event.modifiers()))
            first, last = sorted((self._loop_anchor, here))
            if first < last:
                self.set_loop((first, last))
        elif self._gesture is not None and self._dragged:
            self._gesture.move(*self._spot(place), self._grid(event.modifiers()))
            self._show_gesture()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Finish what the mouse held: one gesture, at most one edit."""
        if not self._busy() or event.button() != self._button:
            return
        hold, gesture, dragged = self._hold, self._gesture, self._dragged
        self._release()
        if hold is Hold.RULER:
            if not dragged:
                tick = self._spot(self._press)[0]
                self.seek_requested.emit(snapped(tick, self._grid(event.modifiers())))
            elif self._loop != self._loop_before:
                self.loop_changed.emit(self._loop)
        elif isinstance(gesture, Marquee):
            self.select(gesture.selection)
        elif gesture is not None and (dragged or isinstance(gesture, AddNote | Erase)):
            self._finish(gesture)

    def _finish(self, gesture: Gesture) -> None:
        score = gesture.result()
        if len(gesture.shown) == 1:
            note = gesture.shown[0]
            self.last_length, self.last_pitch = note.duration, note.pitch
        chosen = frozenset(gesture.shown) or self.selection - gesture.lifted
        self.commit(gesture.name, score, chosen & frozenset(score.notes))

    def _show_gesture(self) -> None:
        """Show and sound what the mouse holds."""
        gesture = self._gesture
        lifted = gesture.lifted if gesture is not None else frozenset()
        changed = lifted ^ self._lifted
        if changed:
            self._lifted = lifted
            self._soil(min(note.on for note in changed), max(note.off for note in changed))
        if isinstance(gesture, Marquee):
            self.select(gesture.selection)
        elif gesture is not None:
            self.audition(gesture.heard)
            if len(gesture.shown) == 1:
                self.status.emit(spoken(gesture.shown[0], self.meter))
        self.update(KEYBOARD, RULER, self.view.width, self.view.height)

    def leaveEvent(self, event: QEvent) -> None:
        """Fall silent, and forget what was under the mouse."""
        self.audition(None)
        self._hover_key(None)
        self._say(None)
        super().leaveEvent(event)

    def _point_at(self, place: QPoint) -> None:
        """Show in the cursor what a press here would do, and say what is here."""
        in_roll = place.x() >= KEYBOARD and place.y() >= RULER
        found = self._hit(place) if in_roll else None
        self._hover_key(
            None
            if place.y() < RULER or not self.rect().contains(place)
            else self._spot(place)[1]
            if in_roll
            else self._key_at(place)
        )
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
        self._say(self._words(place, found) if self.rect().contains(place) else None)

    def _words(self, place: QPoint, found: Hit | None) -> str | None:
        if place.y() < RULER:
            tool = tool_icons.tool_at(place)
            return tool_icons.WORDS[tool] if tool else None
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

    def _say(self, words: str | None) -> None:
        if words != self._hovered:
            self._hovered = words
            self.status.emit(words or "")

    def _hover_key(self, pitch: int | None) -> None:
        if pitch != self._hovered_pitch:
            for key in (pitch, self._hovered_pitch):
                self._update_key(key)
            self._hovered_pitch = pitch

    # Wheel

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll; with Control zoom time, with Control and Shift pitch, at the mouse."""
        way = QPointF(event.pixelDelta())
        if way.isNull():
            way = QPointF(event.angleDelta()) / NOTCH * 60
        x, y = event.position().x() - KEYBOARD, event.position().y() - RULER
        turn = way.y() or way.x()
        if event.modifiers() & CTRL:
            factor = 1.2 ** (turn / 60)
            if event.modifiers() & SHIFT:
                self.set_view(self.view.zoomed_pitch(factor, y))
            else:
                self.set_view(self.view.zoomed_time(factor, x))
        elif event.modifiers() & SHIFT:
            self.set_view(self.view.scrolled(-turn, 0))
        else:
            self.set_view(self.view.scrolled(-way.x(), -way.y()))
        event.accept()

    # Painting

    def _paint_moving(self, painter: QPainter, forms: Forms) -> None:
        gesture = self._gesture
        if gesture is None:
            return
        if isinstance(gesture, Marquee):
            if self._dragged:
                first, last, low, high = gesture.corners
                left, right = self.view.column(first), self.view.column(last)
                top = self.view.y_of(high)
                bottom = self.view.y_of(low) + self.view.key_height
                layers.paint_marquee(
                    painter, QRect(left, top, right - left, bottom - top), self.theme
                )
            return
        forms.paint_all(painter, self.view, [(Kind.SELECTED, columns(gesture.shown))])

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint what has changed."""
        super().paintEvent(event)
        if event.rect().top() < RULER and event.rect().left() < KEYBOARD:
            tool_icons.paint_tools(self, self.theme, self.tool)

    def event(self, event: QEvent) -> bool:
        """Show the tooltips of the tools."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            tool = tool_icons.tool_at(event.pos())
            if tool is not None:
                QToolTip.showText(event.globalPos(), tool_icons.WORDS[tool], self)
            return True
        return super().event(event)
