"""A titled box: the frame of every picture in the training window."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget


class Card(QFrame):
    """A title, a value that changes, room for controls, and a body."""

    def __init__(self, title: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.setAccessibleName(title)
        name = label(title, "title")
        name.setToolTip(tip)
        self.value = label("", "value")
        self.header = QHBoxLayout()
        self.header.setSpacing(8)
        self.header.addWidget(name)
        self.header.addSpacing(4)
        self.header.addWidget(self.value)
        self.header.addStretch(1)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(14, 10, 14, 10)
        self.body.setSpacing(6)
        self.body.addLayout(self.header)


def label(text: str, role: str, *, wrap: bool = False) -> QLabel:
    """Return a label of a role of the style sheet."""
    made = QLabel(text, wordWrap=wrap)
    made.setProperty("role", role)
    made.setTextFormat(Qt.TextFormat.PlainText)
    return made
