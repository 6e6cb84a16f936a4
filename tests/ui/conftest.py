"""One application for all tests of the window; a Qt warning or a lost exception fails the test."""

import os
import sys

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest
from PySide6.QtCore import QEvent, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

from rnnrbm_gui import paths
from rnnrbm_gui.engine.engine import Engine
from rnnrbm_gui.ui.main_window import MainWindow
from rnnrbm_gui.ui.theme import app_font
from tests.ui.window import until

# The offscreen platform says what a window manager would have done; no fault of ours.
HARMLESS = (
    "This plugin does not support propagateSizeHints()",
    "This plugin does not support raise()",
)


@pytest.fixture(scope="session")
def app():
    application = QApplication.instance() or QApplication(["rnnrbm-gui"])
    application.setFont(app_font())
    return application


@pytest.fixture(autouse=True)
def _qt_is_quiet(app, monkeypatch):
    """Fail on what Qt says and on exceptions in slots and events, which Qt swallows."""
    said = []
    before = qInstallMessageHandler(
        lambda _kind, _context, text: None if text in HARMLESS else said.append(text)
    )
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: said.append(repr(error)))
    yield
    app.processEvents()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    qInstallMessageHandler(before)
    assert said == []


@pytest.fixture
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "config", lambda: tmp_path / "config")
    monkeypatch.setattr(paths, "state", lambda: tmp_path / "state")
    monkeypatch.setattr(paths, "own_models", lambda: tmp_path / "models")


@pytest.fixture
def opened(app, own_folders):
    """Return a function that opens a window as a start of the app does."""
    windows = []

    def open_window():
        window = MainWindow(Engine(audio="null"))
        windows.append(window)
        window.show()
        window.take_up()
        window.start_engine()
        until(lambda: window.canvas.generated, "the look-ahead")
        return window

    yield open_window
    for window in windows:
        window.close()
        window.deleteLater()
