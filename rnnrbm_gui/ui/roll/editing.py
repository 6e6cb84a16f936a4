"""The roll with its edit commands and its keys."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QWidget

from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import PPQ
from rnnrbm_gui.ui.roll import commands
from rnnrbm_gui.ui.roll.tools import Tool, spoken
from rnnrbm_gui.ui.roll.view import RollView
from rnnrbm_gui.ui.roll.viewport import cell_of

Key = Qt.Key
TOOL_KEYS = {
    Key.Key_1: Tool.DRAW, Key.Key_D: Tool.DRAW,
    Key.Key_2: Tool.ERASE, Key.Key_E: Tool.ERASE,
    Key.Key_3: Tool.SELECT, Key.Key_S: Tool.SELECT,
}  # fmt: skip
ZOOM_KEYS = {Key.Key_Plus: 1.25, Key.Key_Equal: 1.25, Key.Key_Minus: 0.8}
OCTAVE = 12


class EditableRoll(RollView):
    """A roll whose notes can be chosen and edited by command.

    Signals:
        edited(str, Score): the name of one finished step, and the score after it.
        selection_changed(object): the frozenset of chosen notes.
        auditioned(int, bool): a pitch is to be heard, or to fall silent; always in pairs.
        tool_changed(str): "draw", "erase" or "select".
        status(str): what is under the mouse or was just chosen, in words; empty for nothing.
    """

    edited = Signal(str, object)
    selection_changed = Signal(object)
    auditioned = Signal(int, bool)
    tool_changed = Signal(str)
    status = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tool = Tool.DRAW
        self.last_length, self.last_velocity, self.last_pitch = PPQ, 80, 60
        self._clip: tuple[Note, ...] = ()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Piano roll")
        self.setAccessibleDescription(
            "Notes over time and pitch. Control and arrow keys go from note to note, arrow keys "
            "move the chosen notes, Insert adds one at the playhead, Delete takes them out."
        )

    def set_tool(self, tool: str) -> None:
        """Let the left mouse button draw, erase or select.

        Raises:
            ValueError: there is no such tool.
        """
        if Tool(tool) is not self.tool:
            self.tool = Tool(tool)
            self.update()
            self.tool_changed.emit(str(self.tool))

    def set_score(self, score: Score) -> None:
        """Show these drawn and kept notes; what is gone is no longer chosen."""
        before = self.selection
        super().set_score(score)
        if self.selection != before:
            self.selection_changed.emit(self.selection)

    def select(self, notes: frozenset[Note]) -> None:
        """Choose these notes of the score and no others."""
        changed = notes ^ self.selection
        if changed:
            self.selection = notes
            self._soil(min(note.on for note in changed), max(note.off for note in changed))
            self.selection_changed.emit(notes)

    def commit(self, name: str, score: Score, chosen: frozenset[Note]) -> None:
        """Take a finished edit over and say so; an edit that changes nothing is none."""
        changed, before = score != self.score, self.selection
        if changed:
            super().set_score(score)
            self.selection = before  # select() compares with it, to say what is no longer chosen
        self.select(chosen)
        if changed:
            self.edited.emit(name, score)

    def audition(self, pitch: int | None) -> None:
        """Let one pitch be heard, or none."""
        if pitch == self._heard:
            return
        if self._heard is not None:
            self.auditioned.emit(self._heard, False)
        self._heard = pitch
        if pitch is not None:
            self.auditioned.emit(pitch, True)
        self._light()

    # Commands of the edit menu

    def select_all(self) -> None:
        """Choose every drawn note."""
        self.select(frozenset(self.score.notes))

    def select_none(self) -> None:
        """Choose nothing."""
        self.select(frozenset())

    def invert_selection(self) -> None:
        """Choose what was not chosen."""
        self.select(frozenset(self.score.notes) - self.selection)

    def delete_selection(self) -> None:
        """Take the chosen notes out."""
        if self.selection:
            self.commit("Delete notes", self.score.without(self.selection), frozenset())

    def copy(self) -> None:
        """Remember the chosen notes for ``paste``."""
        if self.selection:
            self._clip = tuple(sorted(self.selection))
            self.status.emit(f"Copied {_count(len(self._clip))}")

    def cut(self) -> None:
        """Remember the chosen notes and take them out."""
        if self.selection:
            self.copy()
            self.commit("Cut notes", self.score.without(self.selection), frozenset())

    def paste(self) -> None:
        """Put what was copied at the playhead, on the grid."""
        if self._clip:
            tick = cell_of(self.playhead + self.snap / 2, self.snap)
            self.commit("Paste notes", *commands.paste(self.score, self._clip, tick))
            self._reveal()

    def duplicate(self) -> None:
        """Repeat the chosen notes right after themselves."""
        if self.selection:
            edit = commands.duplicate(self.score, self.selection, self.snap)
            self.commit("Duplicate notes", *edit)
            self._reveal()

    def nudge(self, ticks: int, semitones: int) -> None:
        """Move the chosen notes."""
        if self.selection:
            edit = commands.nudge(self.score, self.selection, ticks, semitones)
            self.commit("Move notes", *edit)
            self._reveal()

    def transpose(self, semitones: int) -> None:
        """Move the chosen notes, or all where none is, in pitch."""
        if self._meant():
            self.commit("Transpose", *commands.nudge(self.score, self._meant(), 0, semitones))

    def lengthen(self, ticks: int) -> None:
        """Move the ends of the chosen notes."""
        if self.selection:
            edit = commands.lengthen(self.score, self.selection, ticks)
            self.commit("Change length", *edit)

    def quantise(self) -> None:
        """Bring the chosen notes, or all where none is, onto the grid."""
        if self._meant():
            self.commit("Quantise", *commands.quantise(self.score, self._meant(), self.snap))

    def legato(self) -> None:
        """Let the chosen notes, or all where none is, last until the next one starts."""
        if self._meant():
            self.commit("Legato", *commands.legato(self.score, self._meant()))

    def add_note(self) -> None:
        """Add a note after the chosen ones, or at the playhead; length and pitch as last used."""
        chosen_end = max((note.off for note in self.selection), default=None)
        on = cell_of(self.playhead, self.snap) if chosen_end is None else chosen_end
        note = Note(on, self.last_pitch, on + self.last_length, self.last_velocity)
        self.commit("Draw note", self.score.added(note), frozenset({note}))
        self._reveal()

    def step_selection(self, way: int) -> None:
        """Choose the note after (+1) or before (-1) the chosen one, and say which it is."""
        notes = self.score.notes
        if not notes:
            self.status.emit("No notes")
            return
        edge = (max if way > 0 else min)(self.selection, default=None)
        place = (0 if way > 0 else len(notes) - 1) if edge is None else notes.index(edge) + way
        self.select(frozenset({notes[min(max(place, 0), len(notes) - 1)]}))
        self._reveal()

    def _meant(self) -> frozenset[Note]:
        return self.selection or frozenset(self.score.notes)

    def _reveal(self) -> None:
        """Scroll to what is chosen and say it."""
        if not self.selection:
            return
        first, last = min(n.on for n in self.selection), max(n.off for n in self.selection)
        low, high = min(n.pitch for n in self.selection), max(n.pitch for n in self.selection)
        self.set_view(self.view.revealing(first, last, low, high))
        if len(self.selection) == 1:
            (note,) = self.selection
            self.last_pitch = note.pitch
            self._announce(spoken(note, self.meter))
        else:
            self._announce(f"{_count(len(self.selection))} chosen")

    def _announce(self, words: str) -> None:
        """Say what the keys have done, to the eye and to a screen reader."""
        from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent  # 3 ms at first

        self.status.emit(words)
        if QAccessible.isActive():
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, words))

    def drop(self) -> None:
        """Let go of what the mouse holds, changing nothing; nothing held, choose nothing."""
        self.select_none()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Edit by keys; keys of the window are left to it."""
        key, modifiers = Key(event.key()), event.modifiers() & ~_KEYPAD
        if key == Key.Key_Escape:
            self.drop()
        elif self._busy():
            event.ignore()  # one thing at a time: the mouse holds a note
        elif modifiers == Qt.KeyboardModifier.NoModifier:
            self._plain_key(key, event)
        elif modifiers == Qt.KeyboardModifier.ShiftModifier:
            self._shift_key(key, event)
        elif modifiers == Qt.KeyboardModifier.ControlModifier:
            self._control_key(key, event)
        else:
            event.ignore()

    def _plain_key(self, key: Qt.Key, event: QKeyEvent) -> None:
        moves = {
            Key.Key_Left: (-self.snap, 0),
            Key.Key_Right: (self.snap, 0),
            Key.Key_Up: (0, 1),
            Key.Key_Down: (0, -1),
        }
        if key in TOOL_KEYS:
            self.set_tool(TOOL_KEYS[key])
        elif key in moves and self.selection:
            self.nudge(*moves[key])
        elif key in moves:
            ticks, semitones = moves[key]
            beat = self.view.beat_width
            self.set_view(
                self.view.scrolled(
                    beat * ((ticks > 0) - (ticks < 0)), -semitones * 3 * self.view.key_height
                )
            )
        elif key in (Key.Key_Delete, Key.Key_Backspace):
            self.delete_selection()
        elif key == Key.Key_F:
            self.fit()
        elif key in ZOOM_KEYS:
            self.set_view(self.view.zoomed_time(ZOOM_KEYS[key], self.view.width / 2))
        elif key == Key.Key_Insert:
            self.add_note()
        else:
            event.ignore()

    def _shift_key(self, key: Qt.Key, event: QKeyEvent) -> None:
        if key in (Key.Key_Up, Key.Key_Down):
            self.nudge(0, OCTAVE if key == Key.Key_Up else -OCTAVE)
        elif key in ZOOM_KEYS:  # on many keyboards the plus wants Shift
            self.set_view(self.view.zoomed_time(ZOOM_KEYS[key], self.view.width / 2))
        elif key in (Key.Key_Left, Key.Key_Right):
            self.lengthen(self.snap if key == Key.Key_Right else -self.snap)
        else:
            event.ignore()

    def _control_key(self, key: Qt.Key, event: QKeyEvent) -> None:
        commands_of_keys = {
            Key.Key_A: self.select_all,
            Key.Key_I: self.invert_selection,
            Key.Key_C: self.copy,
            Key.Key_X: self.cut,
            Key.Key_V: self.paste,
            Key.Key_D: self.duplicate,
            Key.Key_Right: lambda: self.step_selection(1),
            Key.Key_Left: lambda: self.step_selection(-1),
        }
        if key in commands_of_keys:
            commands_of_keys[key]()
        else:
            event.ignore()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Fall silent."""
        self.audition(None)
        super().focusOutEvent(event)


def _count(n: int) -> str:
    return "1 note" if n == 1 else f"{n} notes"


_KEYPAD = Qt.KeyboardModifier.KeypadModifier
