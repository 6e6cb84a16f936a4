"""The menus: every command by name, with its shortcut, in one place."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QGridLayout, QLabel, QMenu, QVBoxLayout

from rnnrbm_gui.engine.choices import Mode
from rnnrbm_gui.music.timing import PPQ

if TYPE_CHECKING:
    from rnnrbm_gui.ui.main_window import MainWindow

SNAPS = (
    ("Bar", 4 * PPQ),
    ("1/2", 2 * PPQ),
    ("1/4", PPQ),
    ("1/8", PPQ // 2),
    ("1/16", PPQ // 4),
    ("1/32", PPQ // 8),
    ("1/4 triplet", PPQ * 2 // 3),
    ("1/8 triplet", PPQ // 3),
    ("1/16 triplet", PPQ // 6),
)
MOUSE_HELP = (
    ("Draw a note; drag sets its length", "Left button"),
    ("Move a note, resize at its edges", "Drag it"),
    ("Erase", "Right button"),
    ("Leave the grid", "Shift while dragging"),
    ("Zoom time / pitch", "Ctrl+wheel / Ctrl+Shift+wheel"),
    ("Scroll pitch / time", "Wheel / Shift+wheel"),
    ("Move the playhead / mark a loop", "Click / drag in the ruler"),
    ("Draw, erase, select", "D E S or 1 2 3"),
    ("Move chosen notes", "Arrows, Shift+Up/Down an octave"),
    ("Go from note to note, add one", "Ctrl+arrows, Insert"),
    ("Duplicate", "Alt while dragging"),
    ("Select: add / toggle", "Shift / Ctrl with the select tool"),
    ("Pan", "Middle button"),
)


class Menus:
    """Builds the menu bar of a window and keeps the actions whose words change."""

    def __init__(self, window: "MainWindow") -> None:
        self._window = window
        canvas, session = window.canvas, window.session
        bar = window.menuBar()
        menu = bar.addMenu("&File")
        self._add(menu, "&New roll", window.files.new, "Ctrl+N")
        self._add(menu, "&Open MIDI file…", window.files.ask_open, QKeySequence.StandardKey.Open)
        self._add(menu, "&Save as MIDI…", window.files.ask_save, QKeySequence.StandardKey.Save)
        menu.addSeparator()
        self._add(menu, "&Quit", window.close, "Ctrl+Q")

        menu = bar.addMenu("&Edit")
        self._undo = self._add(menu, "Undo", window.steps.undo, QKeySequence.StandardKey.Undo)
        self._redo = self._add(menu, "Redo", window.steps.redo, "Ctrl+Shift+Z", "Ctrl+Y")
        menu.addSeparator()
        # The canvas answers these keys itself, so that a text field keeps its own.
        for words, keys, call in (
            ("Cut", "Ctrl+X", canvas.cut),
            ("Copy", "Ctrl+C", canvas.copy),
            ("Paste at the playhead", "Ctrl+V", canvas.paste),
            ("Duplicate after", "Ctrl+D", canvas.duplicate),
            ("Delete", "Del", canvas.delete_selection),
            ("Select all", "Ctrl+A", canvas.select_all),
            ("Invert selection", "Ctrl+I", canvas.invert_selection),
        ):
            self._add(menu, f"{words}\t{keys}", call)
        menu.addSeparator()
        self._add(menu, "Quantise to the grid", canvas.quantise)
        self._add(menu, "Legato", canvas.legato)
        self._add(menu, "Octave up", lambda: canvas.transpose(12))
        self._add(menu, "Octave down", lambda: canvas.transpose(-12))
        menu.addSeparator()
        self._add(menu, "Keep what was played", window.keep, "Ctrl+K")

        menu = bar.addMenu("&Play")
        self._add(menu, "Play / pause", window.toggle_play, "Space")
        self._add(menu, "Stop", window.engine.stop)
        self._add(menu, "Back to start", lambda: window.seek(0), "Home")
        self._add(menu, "Loop", window.transport.loop.toggle, "L")
        self._add(menu, "Re-roll", window.panel.draw_seed, "R")
        menu.addSeparator()
        modes, self._modes = QActionGroup(window), {}
        for i, mode in enumerate(Mode, start=1):
            action = self._add(menu, mode.value, lambda m=mode: window.set_mode(m), f"Alt+{i}")
            action.setCheckable(True)
            modes.addAction(action)
            self._modes[mode] = action
        menu.addSeparator()
        self._add(menu, "Panic: silence everything", window.panic, "Ctrl+.")

        menu = bar.addMenu("&Model")
        self._add(menu, "&Open a model…", window.files.ask_model)
        self._add(menu, "&Train a model…", lambda: window.training.open(), "Ctrl+T")
        self._add(
            menu, "Play the one in training", lambda: window.training.play_now(), "Ctrl+Shift+L"
        )

        menu = bar.addMenu("&View")
        self._add(menu, "Show all notes\tF", canvas.fit)
        follow = self._add(menu, "Follow the playhead", window.set_following)
        follow.setCheckable(True)
        follow.setChecked(window.settings.following)
        legend = self._add(menu, "Legend", lambda: canvas.set_legend(legend.isChecked()))
        legend.setCheckable(True)
        legend.setChecked(True)
        self._snap_menu(menu.addMenu("Grid"))
        self._theme_menu(menu.addMenu("Theme"))

        menu = bar.addMenu("&Help")
        self._add(menu, "All shortcuts", self.show_shortcuts, "?", "F1")
        session.changed.connect(self.refresh)
        self.refresh()

    def _add(
        self,
        menu: QMenu,
        words: str,
        call: Callable[..., object],
        *keys: str | QKeySequence.StandardKey,
    ) -> QAction:
        action = QAction(words, self._window)
        action.setShortcuts([QKeySequence(key) for key in keys])
        action.triggered.connect(lambda *_: call())
        menu.addAction(action)
        return action

    def _snap_menu(self, menu: QMenu) -> None:
        group = QActionGroup(self._window)
        for words, ticks in SNAPS:
            action = self._add(menu, words, lambda t=ticks: self._window.set_snap(t))
            action.setCheckable(True)
            action.setChecked(ticks == self._window.settings.snap)
            group.addAction(action)

    def _theme_menu(self, menu: QMenu) -> None:
        group = QActionGroup(self._window)
        for words in ("System", "Dark", "Light"):
            name = words.lower()
            action = self._add(menu, words, lambda n=name: self._window.choose_theme(n))
            action.setCheckable(True)
            action.setChecked(name == self._window.settings.theme)
            group.addAction(action)

    def show_mode(self, mode: Mode) -> None:
        """Mark the mode."""
        self._modes[mode].setChecked(True)

    def refresh(self) -> None:
        """Name the steps that undo and redo would take."""
        for action, verb, name in (
            (self._undo, "Undo", self._window.session.undo_name),
            (self._redo, "Redo", self._window.session.redo_name),
        ):
            action.setText(f"{verb} {name}" if name else verb)
            action.setEnabled(name is not None)

    def show_shortcuts(self) -> None:
        """Show every shortcut on one page."""
        from PySide6.QtWidgets import QDialog, QDialogButtonBox  # 1 ms that no start waits for

        dialog = QDialog(self._window)
        dialog.setWindowTitle("All shortcuts")
        grid = QGridLayout()
        grid.setHorizontalSpacing(28)
        grid.setVerticalSpacing(5)
        rows = [
            (_words_of(action), _keys_of(action))
            for menu in self._window.menuBar().findChildren(QMenu)
            for action in menu.actions()
            if _keys_of(action)
        ]
        half = (len(rows) + len(MOUSE_HELP)) // 2 + 1
        left = [*MOUSE_HELP, *rows[: max(0, half - len(MOUSE_HELP))]]
        for column, lines in ((0, left), (2, rows[max(0, half - len(MOUSE_HELP)) :])):
            for row, (words, keys) in enumerate(lines):
                grid.addWidget(QLabel(words), row, column)
                label = QLabel(keys)
                label.setProperty("role", "muted")
                grid.addWidget(label, row, column + 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(dialog.reject)
        layout = QVBoxLayout(dialog)
        layout.setContentsMargins(24, 20, 24, 16)
        layout.setSpacing(16)
        layout.addLayout(grid)
        layout.addWidget(buttons)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()


def _words_of(action: QAction) -> str:
    """Return what a command is called, without the step that undo would take."""
    words = action.text().split("\t")[0].replace("&", "").rstrip("…")
    return words.split()[0] if words.startswith(("Undo", "Redo")) else words


def _keys_of(action: QAction) -> str:
    typed = action.text().partition("\t")[2]
    return typed or ", ".join(key.toString() for key in action.shortcuts())
