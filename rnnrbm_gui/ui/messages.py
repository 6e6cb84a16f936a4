"""The one door for messages to the user: a strip over the roll, guarded against floods."""

from time import monotonic

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

SHOWN_MS = 8_000
SAME_AGAIN_S = 5.0


class MessageStrip(QFrame):
    """A sentence over the roll that goes away by itself, or when it is dismissed."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("role", "message")
        self._label = QLabel(wordWrap=True)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        close = QToolButton()
        close.setText("✕")
        close.setToolTip("Dismiss this message")
        close.setProperty("role", "icon")
        close.setAccessibleName("Dismiss this message")
        close.clicked.connect(self.hide)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 8, 8, 8)
        row.addWidget(self._label, 1)
        row.addWidget(close)
        self._timer = QTimer(self, singleShot=True, interval=SHOWN_MS)
        self._timer.timeout.connect(self.hide)
        self._said: dict[str, float] = {}
        self.hide()

    def say(self, sentence: str, *, error: bool = False) -> None:
        """Show a sentence; the same one again within five seconds is not shown twice."""
        now = monotonic()
        recent = now - self._said.get(sentence, -SAME_AGAIN_S) < SAME_AGAIN_S
        self._said = {s: t for s, t in self._said.items() if now - t < SAME_AGAIN_S}
        if recent:
            return
        self._said[sentence] = now
        self.setProperty("level", "error" if error else "info")
        self.style().polish(self)
        self._label.setText(sentence)
        self.setAccessibleName(sentence)
        self.show()
        self.raise_()
        self._timer.start()

    @property
    def sentence(self) -> str:
        """The sentence shown, empty when there is none."""
        return self._label.text() if self.isVisible() else ""
