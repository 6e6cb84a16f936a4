"""The piano-roll one draws on: what a press, a drag and a release of the mouse do."""

from enum import Enum

from PySide6.QtCore import QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent, QPainter
from PySide6.QtWidgets import QApplication, QWidget

from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.ui.roll import layers, tool_icons
from rnnrbm_gui.ui.roll.forms import Forms, Kind
from rnnrbm_gui.ui.roll.layers import KEYBOARD, RULER
from rnnrbm_gui.ui.roll.pointing import ALT, CTRL, SHIFT, SLOP, PointedRoll
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
    spoken,
)
from rnnrbm_gui.ui.roll.track import columns
from rnnrbm_gui.ui.roll.viewport import snapped

EDGE_MS = 30
"""How often the view scrolls on while the mouse drags over its edge, milliseconds."""
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


class RollCanvas(PointedRoll):
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
        self._press = QPoint()
        self._dragged = False
        self._loop_before: tuple[int, int] | None = None
        self._loop_anchor = 0
        self._chosen_before: frozenset[Note] = frozenset()
        self._edge_timer = QTimer(self, interval=EDGE_MS)
        self._edge_timer.timeout.connect(self._scroll_after_the_mouse)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)

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
        if self._hold is Hold.NOTES:
            self.select(self._chosen_before)
        self._release()

    def _busy(self) -> bool:
        return self._hold is not Hold.NOTHING

    def _release(self) -> None:
        self._edge_timer.stop()
        self._hold, self._gesture, self._dragged = Hold.NOTHING, None, False
        self.audition(None)
        self._show_gesture()
        self._point_at(self._place)
        self._show_cell(None)  # what a press would do is shown when the mouse moves on

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
            self._chosen_before = self.selection
            self._gesture = self._begin(place, button, event.modifiers())
            if self._gesture is not None:
                self._hold = Hold.NOTES
                self._edge_timer.start()
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

    def _scroll_after_the_mouse(self) -> None:
        """Scroll while a note or a marquee is dragged over the edge of the roll."""
        x, y = self._place.x() - KEYBOARD, self._place.y() - RULER
        right = min(x, 0) + max(x - self.view.width, 0)
        down = min(y, 0) + max(y - self.view.height, 0)
        if self._gesture is None or not self._dragged or not (right or down):
            return
        self.set_view(self.view.scrolled(right / 3, down / 3))
        self._gesture.move(*self._spot(self._place), self._grid(QApplication.keyboardModifiers()))
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

    # Painting

    def _paint_moving(self, painter: QPainter, forms: Forms) -> None:
        super()._paint_moving(painter, forms)
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
