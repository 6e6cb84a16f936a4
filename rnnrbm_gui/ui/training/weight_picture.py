"""The weights as pictures: warm where one unit calls for another, cool where it forbids it."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox, QSizePolicy, QWidget

from rnnrbm_gui.data.model_file import StoredModel
from rnnrbm_gui.data.model_header import ModelHeader
from rnnrbm_gui.music.note import name_of
from rnnrbm_gui.ui.theme import Theme, app_font
from rnnrbm_gui.ui.training.card import Card

LAYERS = {
    "v": "keys",
    "s": "keys",
    "h": "hidden units",
    "u": "memory",
    "g": "memory",
    "x": "place in the bar",
}
KNOWN = {
    "W": ("v", "h", "Keys and hidden units"),
    "Wuv": ("u", "v", "Memory to keys"),
    "Wuh": ("u", "h", "Memory to hidden units"),
    "Wvu": ("s", "g", "Keys to memory"),
    "Wuu": ("u", "g", "Memory to memory"),
    "Wxv": ("x", "v", "Bar to keys"),
    "Wxh": ("x", "h", "Bar to hidden units"),
    "Wxu": ("x", "g", "Bar to memory"),
}
"""Of the matrices one knows: the layers of rows and columns, and words for the chooser.

Layer s is what the memory sees, the keys and their echoes; layer g what goes into it: of a gated
one, all its gates side by side.
"""

PLANES = ("sounding", "struck")
GATES = ("update gate", "reset gate", "candidate")

OUTLIERS = 0.002
"""Share of the weights that may lie beyond the ends of the colours."""

LEFT, RIGHT, BOTTOM, TOP = 34, 62, 22, 4
PARTS_LEFT = 16
"""What the names of the rows' parts, which stand upright, take further at the left."""

LEAST_APART = 12
"""Pixels from one pitch name to the next."""


class Axis(Struct, frozen=True):
    """What the rows or the columns of a picture are.

    Attributes:
        words: the layer they belong to.
        parts: what lies side by side there, of equal sizes; empty where it is one thing.
        low: the pitch of the first of each part where they are keys.
    """

    words: str = ""
    parts: tuple[str, ...] = ()
    low: int | None = None

    def marks(self, size: int) -> list[tuple[int, str]]:
        """Return the places in 0..``size`` that bear a pitch name: each C, part by part."""
        if self.low is None:
            return []
        n_keys = size // max(1, len(self.parts))
        pitches = (self.low + place % n_keys for place in range(size))
        return [(place, name_of(pitch)) for place, pitch in enumerate(pitches) if pitch % 12 == 0]


def axis_of(layer: str, header: ModelHeader) -> Axis:
    """Return what a layer of a model is."""
    if layer in ("v", "s"):
        echoes = header.echoes.split() if layer == "s" else []
        times = ["now", *(f"−{echo}" for echo in echoes)] if echoes else [""]
        planes = PLANES if header.planes == 2 else ("",)
        parts = tuple(f"{plane} {time}".strip() for time in times for plane in planes)
        return Axis(LAYERS[layer], parts if len(parts) > 1 else (), header.low + header.transpose)
    gated = layer == "g" and header.memory == "gru"
    return Axis(LAYERS.get(layer, ""), GATES if gated else ())


class WeightCard(Card):
    """A picture of one matrix of the model last checked, and a choice of which."""

    def __init__(self) -> None:
        super().__init__(
            "Weights",
            "What the model has learned to put together: warm calls for it, cool forbids it.\n"
            "The parameters of the averaged model, a row for each key",
        )
        self._stored: StoredModel | None = None
        self.choice = QComboBox()
        self.choice.setAccessibleName("Which weights")
        self.choice.setToolTip("Which of the model's matrices is shown")
        self.choice.setMinimumWidth(190)
        self.choice.hide()
        self.choice.currentIndexChanged.connect(self._show)
        self.picture = WeightPicture()
        self.header.addWidget(self.choice)
        self.body.addWidget(self.picture, 1)

    def show_model(self, stored: StoredModel) -> None:
        """Show the weights of another model, the same matrix as before where it has it."""
        self._stored = stored
        self.choice.show()
        names = [name for name, value in stored.model.parameters().items() if np.ndim(value) == 2]
        before = [self.choice.itemData(i) for i in range(self.choice.count())]
        if names != before:
            self.choice.blockSignals(True)
            self.choice.clear()
            for name in names:
                words = f"{KNOWN[name][2]} ({name})" if name in KNOWN else name
                self.choice.addItem(words, name)
            self.choice.blockSignals(False)
        self._show()

    def clear(self) -> None:
        """Show nothing."""
        self._stored = None
        self.choice.hide()
        self.value.setText("")
        self.picture.show_weights(None)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of a theme."""
        self.picture.set_theme(theme)

    def _show(self) -> None:
        name = self.choice.currentData()
        if self._stored is None or name is None:
            return
        weights = np.asarray(self._stored.model.parameters()[name], np.float32)
        rows, columns = KNOWN[name][:2] if name in KNOWN else ("", "")
        if columns == "v":  # keys stand upright, as on the roll
            weights, rows, columns = weights.T, columns, rows
        axes = [axis_of(layer, self._stored.header) for layer in (rows, columns)]
        sizes = (
            f"{len(axis.parts)} · {size // len(axis.parts)}" if axis.parts else f"{size}"
            for axis, size in zip(axes, weights.shape, strict=True)
        )
        self.value.setText(" × ".join(sizes))
        self.picture.show_weights(weights, *axes)


class WeightPicture(QWidget):
    """A matrix as a heat map with symmetric limits, lowest row at the bottom, and its scale."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Picture of the weights")
        self._theme: Theme | None = None
        self._weights: NDArray[np.float32] | None = None
        self.rows = self.columns = Axis()
        self._image = QImage()
        self.limit = 0.0

    def show_weights(
        self,
        weights: NDArray[np.float32] | None,
        rows: Axis | None = None,
        columns: Axis | None = None,
    ) -> None:
        """Show a matrix, and what its rows and columns are; nothing for None."""
        self._weights = weights
        self.rows, self.columns = rows or Axis(), columns or Axis()
        if weights is None:
            self.limit = 0.0
        else:
            self.limit = max(1e-6, float(np.quantile(np.abs(weights), 1 - OUTLIERS)))
        self._colour()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of a theme."""
        self._theme = theme
        self._colour()

    def _colour(self) -> None:
        if self._weights is not None and self._theme is not None:
            share = np.clip(self._weights[::-1] / self.limit, -1, 1)
            self._image = _image(share, self._theme)
        self.update()

    # -- Qt's own ----------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """Ask for little: the layout gives more."""
        return QSize(240, 130)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the picture, its axes and the scale of its colours."""
        if self._theme is None:
            return
        theme, painter = self._theme, QPainter(self)
        painter.setFont(app_font(11))
        painter.setPen(QColor(theme.muted))
        if self._weights is None:
            words = "The weights appear at the first check."
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, words)
            return
        left = LEFT + (PARTS_LEFT if self.rows.parts else 0)
        box = self.rect().adjusted(left, TOP, -RIGHT, -BOTTOM)
        larger = self._image.width() > box.width() or self._image.height() > box.height()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, larger)
        painter.drawImage(box, self._image)
        self._paint_axes(painter, box, theme)
        self._paint_scale(painter, box, theme)

    def _paint_axes(self, painter: QPainter, box: QRect, theme: Theme) -> None:
        n_rows, n_columns = self._image.height(), self._image.width()
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        before = box.left() - 6
        if self.rows.low is not None:
            last = np.inf
            for row, name in self.rows.marks(n_rows):
                y = box.bottom() - (row + 0.5) / n_rows * box.height()
                if last - y >= LEAST_APART:  # two planes meet between two keys
                    painter.drawText(QRectF(0, y - 8, before, 16), right, name)
                    last = y
        else:
            painter.drawText(QRectF(0, box.top() - 4, before, 16), right, str(n_rows))
            painter.drawText(QRectF(0, box.bottom() - 12, before, 16), right, "1")
        below = QRect(box.left(), box.bottom() + 5, box.width(), 16)
        if self.columns.parts:
            self._paint_parts(painter, below, self.columns.parts)
        else:
            painter.drawText(below, Qt.AlignmentFlag.AlignLeft, "1")
            painter.drawText(below, Qt.AlignmentFlag.AlignRight, str(n_columns))
            painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, self.columns.words)
        painter.save()  # the names of the rows' parts are read from below, the first the lowest
        painter.translate(0, box.bottom())
        painter.rotate(-90)
        self._paint_parts(painter, QRect(0, 0, box.height(), PARTS_LEFT), self.rows.parts)
        painter.restore()
        painter.setPen(QColor(theme.text))
        for i in range(1, len(self.columns.parts)):
            x = box.left() + round(i / len(self.columns.parts) * box.width())
            painter.drawLine(x, box.top(), x, box.bottom())
        for i in range(1, len(self.rows.parts)):
            y = box.bottom() - round(i / len(self.rows.parts) * box.height())
            painter.drawLine(box.left(), y, box.right(), y)
        painter.setPen(QColor(theme.muted))

    def _paint_parts(self, painter: QPainter, along: QRect, parts: tuple[str, ...]) -> None:
        for i, words in enumerate(parts):
            width = along.width() / len(parts)
            place = QRectF(along.left() + i * width, along.top(), width, along.height())
            painter.drawText(place, Qt.AlignmentFlag.AlignHCenter, words)

    def _paint_scale(self, painter: QPainter, box: QRect, theme: Theme) -> None:
        ramp = _image(np.linspace(1, -1, 65, dtype=np.float32)[:, None], theme)
        bar = QRect(box.right() + 14, box.top(), 8, box.height())
        painter.drawImage(bar, ramp)
        limit = f"{self.limit:.2g}"
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        for words, y in (
            (f"+{limit}", bar.top() + 5),
            ("0", bar.center().y()),
            (f"−{limit}", bar.bottom() - 5),
        ):
            painter.drawText(QRect(bar.right() + 5, y - 8, RIGHT, 16), left, words)


def _image(share: NDArray[np.float32], theme: Theme) -> QImage:
    """Return shares in -1..1 as an image: cool, the ground, warm."""
    ends = [_rgb(colour) for colour in (theme.cool, theme.ground, theme.warm)]
    cool, ground, warm = ends
    strength = np.abs(share)[..., None]
    mixed = ground + (np.where(share[..., None] > 0, warm, cool) - ground) * strength
    rgb = np.rint(mixed).astype(np.uint32)
    pixels = (0xFF << 24) | (rgb[..., 0] << 16) | (rgb[..., 1] << 8) | rgb[..., 2]
    height, width = pixels.shape
    coded = np.ascontiguousarray(pixels, np.uint32)
    image = QImage(coded.data, width, height, 4 * width, QImage.Format.Format_RGB32)
    return image.copy()  # the array goes


def _rgb(colour: str) -> NDArray[np.float32]:
    c = QColor(colour)
    return np.array([c.red(), c.green(), c.blue()], np.float32)
