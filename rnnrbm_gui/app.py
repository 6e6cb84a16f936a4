"""Wires the window to the engine and runs Qt's loop."""

import gc
import signal
import sys
from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import QDeadlineTimer, QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from rnnrbm_gui import numpy_later, paths
from rnnrbm_gui.engine.engine import Engine
from rnnrbm_gui.ui.main_window import MainWindow
from rnnrbm_gui.ui.theme import app_font

UNPAINTED_MS = 2000
"""A window that starts minimised never paints; the engine starts all the same."""


def build(*, remember: bool = True) -> tuple[QApplication, MainWindow]:
    """Make the application and its window, not shown yet, and start the player beside.

    To the first sound it is the player and its loudspeaker that take longest.

    Args:
        remember: use and keep settings and the roll of the last start.
    """
    engine = Engine()
    with suppress(OSError):  # tried again, and said, when there is a window
        engine.start_player()
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName("rnnrbm-gui")
    app.setDesktopFileName("rnnrbm-gui")
    app.setFont(app_font())
    app.setWindowIcon(QIcon(str(paths.resources() / "icons" / "rnnrbm-gui.svg")))
    return app, MainWindow(engine, remember=remember)


def begin_to_play(window: MainWindow) -> None:
    """Start all that the first paint did not need, in turns of Qt's loop, so that none is long.

    What was kept is back when this returns, so that nothing one does is undone by it.

    Args:
        window: has painted.
    """
    turns = [window.take_up, numpy_later.load, window.start_engine, _settle]

    def turn() -> None:
        if turns and not window.closed:
            try:
                turns.pop(0)()
            finally:  # what one does meanwhile comes before the next
                QTimer.singleShot(0, window, turn)

    turn()


def _settle() -> None:
    gc.freeze()  # a collection over Qt's objects would cost 80 ms of the beat
    gc.enable()


def run_window(open_first: Path | None = None) -> int:
    """Show the window until it is closed; return the exit code.

    The window paints first; the player, the model and the kernel start right after.
    """
    app, window = build()
    sys.excepthook = window.show_stumble
    # Python runs a signal's handler between byte codes: the bridge's timer gives it the chance.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: QTimer.singleShot(0, window, window.close))

    unpainted = QDeadlineTimer(UNPAINTED_MS)

    def begin() -> None:
        if not window.canvas.paint_ms and not unpainted.hasExpired():
            QTimer.singleShot(2, begin)
            return
        begin_to_play(window)
        if open_first:
            window.files.open(open_first)

    window.show()
    QTimer.singleShot(0, begin)
    return app.exec()
