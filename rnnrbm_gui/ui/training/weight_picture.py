"""The weights as pictures: warm where one unit calls for another, cool where it forbids it."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox, QSizePolicy, QWidget

from rnnrbm_gui.data.model_file import StoredModel
from rnnrbm_gui.music.note import name_of
from rnnrbm_gui.ui.theme import Theme, app_font
from rnnrbm_gui.ui.training.card import Card

LAYERS = {"v": "keys", "h": "hidden units", "u": "memory"}
KNOWN = {
    "W": ("v", "h", "Keys and hidden units"),
    "Wuv": ("u", "v", "Memory to keys"),
    "Wuh": ("u", "h", "Memory to hidden units"),
    "Wvu": ("v", "u", "Keys to memory"),
    "Wuu": ("u", "u", "Memory to memory"),
}
"""Of the matrices one knows: the layers of rows and columns, and words for the chooser."""

OUTLIERS = 0.002
"""Share of the weights that may lie beyond the ends of the colours."""

LEFT, RIGHT, BOTTOM, TOP = 34, 62, 22, 4


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
        self.picture.show_weights(None, "", "", None)

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
        header = self._stored.header
        low = header.low + header.transpose if rows == "v" else None
        self.value.setText(f"{weights.shape[0]} × {weights.shape[1]}")
        self.picture.show_weights(weights, LAYERS.get(rows, ""), LAYERS.get(columns, ""), low)


class WeightPicture(QWidget):
    """A matrix as a heat map with symmetric limits, lowest row at the bottom, and its scale."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Picture of the weights")
        self._theme: Theme | None = None
        self._weights: NDArray[np.float32] | None = None
        self._rows = self._columns = ""
        self._low: int | None = None
        self._image = QImage()
        self.limit = 0.0

    def show_weights(
        self, weights: NDArray[np.float32] | None, rows: str, columns: str, low: int | None
    ) -> None:
        """Show a matrix; ``low`` is the pitch of row 0 where the rows are keys."""
        self._weights, self._rows, self._columns, self._low = weights, rows, columns, low
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
        box = self.rect().adjusted(LEFT, TOP, -RIGHT, -BOTTOM)
        larger = self._image.width() > box.width() or self._image.height() > box.height()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, larger)
        painter.drawImage(box, self._image)
        self._paint_axes(painter, box, theme)
        self._paint_scale(painter, box, theme)

    def _paint_axes(self, painter: QPainter, box: QRect, theme: Theme) -> None:
        n_rows, n_columns = self._image.height(), self._image.width()
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if self._low is not None:
            for pitch in range(self._low, self._low + n_rows):
                if pitch % 12 == 0:
                    y = box.bottom() - (pitch - self._low + 0.5) / n_rows * box.height()
                    mark = QRectF(0, y - 8, LEFT - 6, 16)
                    painter.drawText(mark, right, name_of(pitch))
        else:
            painter.drawText(QRectF(0, box.top() - 4, LEFT - 6, 16), right, str(n_rows))
            painter.drawText(QRectF(0, box.bottom() - 12, LEFT - 6, 16), right, "1")
        below = QRect(box.left(), box.bottom() + 5, box.width(), 16)
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, "1")
        painter.drawText(below, Qt.AlignmentFlag.AlignRight, str(n_columns))
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, self._columns)

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
