"""The three kinds of notes, told apart by colour and by form.

Drawn notes are full and warm, with a dark edge where they start and their name. Played notes are
cool capsules with a light thread through the middle. Coming notes are translucent with a dashed
outline. In greys the corners, the thread and the dashes remain.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter, QPen, QPixmap, QPolygonF

from rnnrbm_gui.music.note import name_of
from rnnrbm_gui.ui.roll.track import Piece
from rnnrbm_gui.ui.roll.viewport import N_PITCHES, Viewport
from rnnrbm_gui.ui.theme import Theme, app_font

WIDEST_SPRITE = 640
LABEL_WIDTH, LABEL_HEIGHT = 30, 12
MOST_SPRITES = 1500
"""More notes than this in one painting and they are painted as plain bars, all at once."""


class Kind(IntEnum):
    """What a note on the roll is."""

    COMING = 0
    PLAYED = 1
    DRAWN = 2
    SELECTED = 3


Batches = list[tuple[Kind, Piece]]
"""Notes by kind, in the order of painting."""


class Forms:
    """Paints notes of one theme and key height; equal notes are painted once and copied.

    Args:
        theme: the colours.
        key_height: pixels of a row.
        ratio: device pixels to a pixel.
    """

    def __init__(self, theme: Theme, key_height: int, ratio: float) -> None:
        self.theme, self.key_height, self.ratio = theme, key_height, ratio
        self.height = max(2, key_height - (2 if key_height > 7 else 1))
        self.font = app_font(max(8, min(11, self.height - 3)), bold=True)
        self._sprites: dict[tuple[int, int, int], QPixmap] = {}
        self._glints: dict[tuple[bool, int], QPixmap] = {}
        self._hand: QPixmap | None = None

    def paint_all(self, painter: QPainter, view: Viewport, batches: Batches) -> None:
        """Paint notes of several kinds, the last on top; very many as plain bars."""
        if sum(len(piece.ons) for _, piece in batches) > MOST_SPRITES:
            self.paint_bars(painter, view, batches)
        else:
            for kind, piece in batches:
                self.paint(painter, view, kind, piece)

    def paint(self, painter: QPainter, view: Viewport, kind: Kind, piece: Piece) -> None:
        """Paint the notes of one kind; those outside the view should be culled before."""
        lefts, widths = _spans(view, piece)
        tops = (N_PITCHES - 1 - piece.pitches) * view.key_height - view.top + 1
        rows = zip(
            lefts.tolist(), tops.tolist(), widths.tolist(), piece.pitches.tolist(), strict=True
        )
        for left, top, width, pitch in rows:
            if width > WIDEST_SPRITE:
                self.paint_one(painter, kind, QRect(left, top, width, self.height), pitch)
                continue
            key = (kind, width, pitch if kind >= Kind.DRAWN and width >= LABEL_WIDTH else -1)
            sprite = self._sprites.get(key)
            if sprite is None:
                sprite = self._sprites[key] = self._sprite(kind, width, pitch)
            painter.drawPixmap(left, top, sprite)

    def paint_bars(self, painter: QPainter, view: Viewport, batches: Batches) -> None:
        """Paint any number of notes as plain bars, by way of an image with a row for each pitch.

        The ends of the notes are counted up and down in each row; where the running sum is
        positive, a note sounds. The painter then stretches the rows to the height of the keys.
        """
        width, (low, high) = view.width, view.pitches
        pixels = np.zeros((high + 1 - low, width), np.uint32)
        for kind, piece in batches:
            seen = (piece.pitches >= low) & (piece.pitches <= high)
            if not seen.any():
                continue
            lefts, widths = _spans(view, Piece(*(column[seen] for column in piece)))
            rows = high - piece.pitches[seen]
            count = np.zeros((high + 1 - low, width + 1), np.int16)
            np.add.at(count, (rows, np.clip(lefts, 0, width)), 1)
            np.add.at(count, (rows, np.clip(lefts + widths, 0, width)), -1)
            sounds = count.cumsum(axis=1, dtype=np.int16)[:, :width] > 0
            pixels[sounds] = _premultiplied(self.bar_colour(kind))
        coded = QImage.Format.Format_ARGB32_Premultiplied
        image = QImage(pixels.data, width, len(pixels), width * 4, coded)
        box = QRect(0, view.y_of(high), width, len(pixels) * view.key_height)
        painter.drawImage(box, image)

    def bar_colour(self, kind: Kind) -> QColor:
        """Return the colour of a note too small for a form."""
        if kind is Kind.SELECTED:
            return QColor(self.theme.playhead)
        colour = QColor(self.theme.warm if kind is Kind.DRAWN else self.theme.cool)
        if kind is Kind.COMING:
            colour.setAlphaF(0.4)
        return colour

    def paint_one(self, painter: QPainter, kind: Kind, rect: QRect, pitch: int | None) -> None:
        """Paint one note into a rectangle, with its name where there is room for it."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(rect)
        if rect.width() < 5 or rect.height() < 5:
            painter.fillRect(rect, self.bar_colour(kind))
        elif kind is Kind.COMING:
            self._paint_coming(painter, box)
        elif kind is Kind.PLAYED:
            self._paint_played(painter, box)
        else:
            self._paint_drawn(painter, box, kind is Kind.SELECTED)
            roomy = rect.width() >= LABEL_WIDTH and rect.height() >= LABEL_HEIGHT
            if pitch is not None and roomy:
                painter.setFont(self.font)
                painter.setPen(QColor(self.theme.on_warm))
                text = rect.adjusted(8, 0, -2, 0)
                painter.drawText(text, Qt.AlignmentFlag.AlignVCenter, name_of(pitch))
        painter.restore()

    def paint_glint(self, painter: QPainter, kind: Kind, row: QRect) -> None:
        """Lift a note that sounds out of the others; ``row`` is its box, a whole key high."""
        width = max(row.width() - 1, 2)
        if width > WIDEST_SPRITE:
            painter.save()
            painter.translate(row.left(), row.top() + 1)
            self._paint_glint(painter, kind, width)
            painter.restore()
            return
        round_ = kind is Kind.PLAYED
        sprite = self._glints.get((round_, width))
        if sprite is None:
            sprite = self.blank(width, self.height)
            on_sprite = QPainter(sprite)
            self._paint_glint(on_sprite, kind, width)
            on_sprite.end()
            self._glints[round_, width] = sprite
        painter.drawPixmap(row.left(), row.top() + 1, sprite)

    def _paint_glint(self, painter: QPainter, kind: Kind, width: int) -> None:
        glint = QColor(self.theme.playhead)
        glint.setAlphaF(0.34)
        radius = min(self.height, width) / 2 if kind is Kind.PLAYED else 3
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(glint)
        painter.drawRoundedRect(QRectF(0, 0, width, self.height), radius, radius)

    def paint_playhead(self, painter: QPainter, x: int, top: int, bottom: int) -> None:
        """Paint the playhead: its hand above ``top``, its line and a shade behind it below."""
        colour = QColor(self.theme.playhead)
        if self._hand is None:
            self._hand = self.blank(12, 10)
            on_hand = QPainter(self._hand)
            on_hand.setRenderHint(QPainter.RenderHint.Antialiasing)
            on_hand.setPen(Qt.PenStyle.NoPen)
            on_hand.setBrush(colour)
            corners = ((0, 0), (12, 0), (12, 4), (6, 10), (0, 4))
            on_hand.drawPolygon(QPolygonF([QPointF(*corner) for corner in corners]))
            on_hand.end()
        painter.fillRect(x - 1, top - 6, 2, bottom - top + 6, colour)
        painter.drawPixmap(x - 6, top - 12, self._hand)
        colour.setAlphaF(0.10)
        painter.fillRect(x - 8, top, 8, bottom - top, colour)

    def _paint_coming(self, painter: QPainter, box: QRectF) -> None:
        veil = QColor(self.theme.row_white)  # or the glow behind it would turn it olive
        veil.setAlphaF(0.6)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(veil)
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
        fill = QColor(self.theme.cool)
        fill.setAlphaF(0.34)
        pen = QPen(QColor(self.theme.cool), 1)
        pen.setDashPattern([3, 2])
        painter.setPen(pen)
        painter.setBrush(fill)
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)

    def _paint_played(self, painter: QPainter, box: QRectF) -> None:
        radius = min(box.height(), box.width()) / 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self.theme.cool_edge))
        painter.drawRoundedRect(box, radius, radius)
        painter.setBrush(QColor(self.theme.cool))
        painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), radius - 1, radius - 1)
        if box.height() >= 8 and box.width() >= 14:
            thread = QRectF(box.left() + radius, box.center().y() - 1, box.width() - 2 * radius, 2)
            light = QColor("#ffffff")
            light.setAlphaF(0.62)
            painter.setBrush(light)
            painter.drawRoundedRect(thread, 1, 1)

    def _paint_drawn(self, painter: QPainter, box: QRectF, selected: bool) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self.theme.warm_edge))
        painter.drawRoundedRect(box, 3, 3)
        edge = min(4.0, box.width() / 3)
        painter.setBrush(QColor(self.theme.warm))
        painter.drawRoundedRect(box.adjusted(edge, 0, 0, 0), 2, 2)
        if selected:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(self.theme.playhead), 2))
            painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), 3, 3)

    def _sprite(self, kind: Kind, width: int, pitch: int) -> QPixmap:
        sprite = self.blank(width, self.height)
        painter = QPainter(sprite)
        self.paint_one(painter, kind, QRect(0, 0, width, self.height), pitch)
        painter.end()
        return sprite

    def blank(self, width: int, height: int) -> QPixmap:
        """Return a transparent sprite of so many pixels of the page."""
        sprite = QPixmap(round(width * self.ratio), round(height * self.ratio))
        sprite.setDevicePixelRatio(self.ratio)
        sprite.fill(Qt.GlobalColor.transparent)
        return sprite


def _premultiplied(colour: QColor) -> int:
    """Return a colour as Qt's raster engine keeps it, its channels scaled by alpha."""
    alpha = colour.alpha()
    red, green, blue = (
        channel * alpha // 255 for channel in (colour.red(), colour.green(), colour.blue())
    )
    return alpha << 24 | red << 16 | green << 8 | blue


def _spans(view: Viewport, piece: Piece) -> tuple[np.ndarray, np.ndarray]:
    """Return the left pixel and the width of each note; a pixel of air between neighbours."""
    scale = view.per_tick
    lefts = np.rint(piece.ons * scale).astype(np.int64) - view.left
    rights = np.rint(piece.offs * scale).astype(np.int64) - view.left
    widths = rights - lefts
    return lefts, np.maximum(np.where(widths > 3, widths - 1, widths), 2)


LEGEND = (
    (Kind.DRAWN, "drawn"),
    (Kind.PLAYED, "played by the model"),
    (Kind.COMING, "coming"),
    (None, "likely"),
)
"""What is on the roll; None stands for the glow behind what is coming."""


def legend(theme: Theme, ratio: float) -> QPixmap:
    """Return a picture of what is on the roll with its name."""
    forms, font = Forms(theme, 12, ratio), app_font(11)
    metrics = QFontMetrics(font)
    widths = [26 + 6 + metrics.horizontalAdvance(word) + 16 for _, word in LEGEND]
    box = QRect(0, 0, sum(widths) + 6, 26)
    sprite = forms.blank(box.width(), box.height())
    painter = QPainter(sprite)
    painter.setFont(font)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    ground = QColor(theme.panel)
    ground.setAlphaF(0.94)
    painter.setPen(QPen(QColor(theme.line), 1))
    painter.setBrush(ground)
    painter.drawRoundedRect(QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
    x = box.left() + 12
    for (kind, word), width in zip(LEGEND, widths, strict=True):
        place = QRect(x, box.center().y() - 4, 26, forms.height)
        if kind is None:
            glow = QColor(theme.warm)
            glow.setAlphaF(0.4)
            painter.fillRect(place, glow)
        else:
            forms.paint_one(painter, kind, place, None)
        painter.setPen(QColor(theme.muted))
        text = QRect(x + 32, box.top(), width, box.height())
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter, word)
        x += width
    painter.end()
    return sprite
