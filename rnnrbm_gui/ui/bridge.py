"""Drains what the engine and the player report into the window: one timer, one update a tick.

Workers never touch Qt; this is the only place where their events arrive. The timer beats every
33 ms while something moves, a picture for two of a screen's, and ten times a second while nothing
does: twice as many take 2 % of a core more.
"""

import sys
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

from rnnrbm_gui.engine.engine import Engine

MOVING_MS, RESTING_MS = 33, 100


class Bridge(QObject):
    """Pulls events and announces them on the GUI thread.

    Signals:
        moved(float): the playhead, in roll ticks, once a beat of the timer while playing.
    """

    moved = Signal(float)

    def __init__(
        self, engine: Engine, handlers: dict[type, Callable[[object], None]], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._engine, self._handlers = engine, handlers
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.drain)

    def handle(self, kind: type, handler: Callable[[object], None]) -> None:
        """Hand events of a kind to another handler from now on."""
        self._handlers[kind] = handler

    def start(self) -> None:
        """Begin to drain."""
        self._timer.start(MOVING_MS)

    def stop(self) -> None:
        """Drain no more."""
        self._timer.stop()

    def drain(self) -> None:
        """Hand every waiting event to its handler, then say where the playhead is."""
        events = self._engine.poll()
        for event in events:
            handler = self._handlers.get(type(event))
            if handler is None:
                continue
            try:
                handler(event)
            except Exception:
                # One event that cannot be shown must not take the ones behind it along.
                sys.excepthook(*sys.exc_info())
        moving = self._engine.playing
        if moving:
            self.moved.emit(self._engine.position())
        wanted = MOVING_MS if moving or events else RESTING_MS
        if self._timer.interval() != wanted:
            self._timer.setInterval(wanted)
