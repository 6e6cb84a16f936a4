"""The line under the roll: what is happening, in words."""

from collections import deque

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton

from rnnrbm_gui.engine.engine import Engine
from rnnrbm_gui.ui.session import Session

RESTING_HELP = "Space play/pause   ·   D draw   E erase   S select   ·   ? all shortcuts"
WAITING = "The music waits for the model   ·   less mixing is faster"
REFRESH_MS = 500
HOVERED_MS, NEWS_MS = 4000, 6000


class StatusLine(QFrame):
    """Says what is under the mouse, what plays and how well, or what one can do.

    Attributes:
        output: name of the output.
        unheard: a sentence where nothing can be heard, empty otherwise.
    """

    def __init__(self, engine: Engine, session: Session) -> None:
        super().__init__()
        self._engine, self._session = engine, session
        self.setProperty("role", "panel")
        self.setProperty("edge", "top")
        self.setFixedHeight(30)
        self._label = QLabel(RESTING_HELP)
        self._label.setProperty("role", "muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 16, 0)
        self.training = QPushButton()
        self.training.setProperty("role", "quiet")
        self.training.setToolTip("Training goes on; show its window  (Ctrl+T)")
        self.training.hide()
        row.addWidget(self._label, 1)
        row.addWidget(self.training)
        self.output = ""
        self.unheard = ""
        self._hovered = ""
        self._news = ""
        self._forget = QTimer(self, singleShot=True)
        self._forget.timeout.connect(self._forget_words)
        self._lateness_ms: deque[float] = deque(maxlen=100)
        self._clock = QTimer(self, interval=REFRESH_MS)
        self._clock.timeout.connect(self.refresh)

    def say(self, words: str) -> None:
        """Say what has just happened, for a while; nothing under the mouse takes its place."""
        self._news = words
        self._forget.start(NEWS_MS)
        self.refresh()

    def hover(self, words: str) -> None:
        """Say what is under the mouse, or what was done there, for a while."""
        self._hovered = words
        if not self._news:
            self._forget.start(HOVERED_MS)
        self.refresh()

    def did(self, words: str) -> None:
        """Say what was done, in the place of all that was said before it."""
        self._news = ""
        self.hover(words)

    def set_training(self, words: str) -> None:
        """Say how far training is, at the end of the line; nothing where there is none."""
        self.training.setText(words)
        self.training.setVisible(bool(words))

    def _forget_words(self) -> None:
        self._news = self._hovered = ""
        self.refresh()

    def sent(self, lateness_ms: float) -> None:
        """Take in how late a note was sent."""
        self._lateness_ms.append(lateness_ms)

    def set_playing(self, playing: bool) -> None:
        """Follow the playing, or rest."""
        self._lateness_ms.clear()
        if playing:
            self._clock.start()
        else:
            self._clock.stop()
        self.refresh()

    def refresh(self) -> None:
        """Say what is happening now."""
        if self._news or self._hovered:
            words = self._news or self._hovered
        elif self._engine.playing:
            words = self._playing_words()
        elif self._engine.waiting:
            words = WAITING
        else:
            words = self.unheard or RESTING_HELP
        self._label.setText(words)

    @property
    def words(self) -> str:
        """What the line says."""
        return self._label.text()

    def _playing_words(self) -> str:
        ahead = self._session.generated_end - self._engine.position()
        bars = max(0, round(ahead / self._session.meter.bar_ticks))
        words = [
            self.unheard or f"Playing to {self.output}",
            f"{bars} bar{'s' * (bars != 1)} ahead",
        ]
        if self._lateness_ms:
            words.append(f"timing within {max(self._lateness_ms):.1f} ms")
        return "   ·   ".join(words)
