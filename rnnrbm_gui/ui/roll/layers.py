"""What lies under and beside the notes: ground, glow, keyboard, ruler. Each is one function.

A painter passed in counts from the top left corner of the layer's own area; ``Viewport`` says
where ticks and pitches lie in it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter, QPen

from rnnrbm_gui.music.note import is_black, name_of
from rnnrbm_gui.music.timing import Meter
from rnnrbm_gui.ui.roll.viewport import Lines, Viewport
from rnnrbm_gui.ui.theme import Theme, app_font

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEYBOARD = 76
"""Width of the keyboard column, pixels."""
RULER = 48
"""Height of the ruler above the roll, pixels: the strip, then the bar numbers."""
STRIP_TOP, STRIP_HEIGHT = 6, 13
BLACK_KEY = 46


def paint_ground(
    painter: QPainter,
    view: Viewport,
    theme: Theme,
    meter: Meter,
    snap: int,
    model_range: tuple[int, int],
) -> None:
    """Paint the rows of the keys, the octave lines and the time grid."""
    low, high = view.pitches
    white, black, beyond = (QColor(c) for c in (theme.row_white, theme.row_black, theme.row_beyond))
    painter.fillRect(0, 0, view.width, view.height, QColor(theme.ground))
    for pitch in range(low, high + 1):
        row = black if is_black(pitch) else white
        if not model_range[0] <= pitch <= model_range[1]:
            row = beyond
        painter.fillRect(0, view.y_of(pitch), view.width, view.key_height, row)
    fine, beat, bar = (QColor(c) for c in (theme.grid_fine, theme.grid_beat, theme.grid_bar))
    for pitch in range(low, high + 1):
        if pitch % 12 in (0, 5):
            line = beat if pitch % 12 == 0 else fine
            painter.fillRect(0, view.y_of(pitch) + view.key_height - 1, view.width, 1, line)
    lines = Lines.of(view, meter, snap)
    for every, colour in ((lines.fine, fine), (lines.beat, beat), (lines.bar, bar)):
        if every is not None:
            for tick in _multiples(view, every):
                painter.fillRect(view.column(tick), 0, 1, view.height, colour)


def paint_glow(
    painter: QPainter,
    view: Viewport,
    theme: Theme,
    from_tick: int,
    frame_ticks: int,
    low: int,
    probabilities: NDArray[np.float32],
) -> None:
    """Paint how likely each key is: warm light behind what is coming.

    Args:
        painter: on the note area.
        view: where ticks and pitches lie.
        theme: the colours.
        from_tick: where the first frame begins.
        frame_ticks: ticks of a frame.
        low: pitch of the first key.
        probabilities: (n_frames, n_keys), 0..1.
    """
    n_frames, n_keys = probabilities.shape
    if not n_frames:
        return
    p = np.clip(probabilities.T[::-1], 0.0, 1.0)  # (n_keys, n_frames), highest key on top
    strength = 0.42 if theme.name == "dark" else 0.5
    alpha = (255 * strength * np.where(p > 0.02, p**0.75, 0.0)).astype(np.uint32)
    colour = QColor(theme.warm).rgb() & 0xFFFFFF
    pixels = np.ascontiguousarray((alpha << 24) | np.uint32(colour))
    image = QImage(pixels.data, n_frames, n_keys, 4 * n_frames, QImage.Format.Format_ARGB32)
    left, right = view.column(from_tick), view.column(from_tick + n_frames * frame_ticks)
    top = view.y_of(low + n_keys - 1)
    painter.drawImage(QRect(left, top, right - left, n_keys * view.key_height), image)


def paint_keyboard(
    painter: QPainter, view: Viewport, theme: Theme, lit: dict[int, str], hovered: int | None
) -> None:
    """Paint the piano keys; ``lit`` gives the colour of each that sounds."""
    low, high = max(view.pitches[0] - 1, 0), min(view.pitches[1] + 1, 127)
    painter.fillRect(0, 0, KEYBOARD, view.height, QColor(theme.key_white))
    line = QColor(theme.key_line)
    painter.setFont(app_font(max(9, min(11, view.key_height - 3))))
    for pitch in range(low, high + 1):
        if is_black(pitch):
            continue
        key = key_rect(view, pitch)
        if pitch in lit:
            painter.fillRect(key, QColor(lit[pitch]))
        elif pitch == hovered:
            painter.fillRect(key, _mixed(theme.key_white, theme.key_black, 0.09))
        painter.fillRect(key.left(), key.bottom(), KEYBOARD, 1, line)
        if pitch % 12 == 0 or view.key_height >= 13:
            painter.setPen(QColor(theme.on_cool if pitch in lit else theme.key_text))
            row = QRect(0, view.y_of(pitch) - 6, KEYBOARD - 8, view.key_height + 12)
            painter.drawText(row, _RIGHT, name_of(pitch))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    for pitch in range(low, high + 1):
        if is_black(pitch):
            black = QRectF(-4, view.y_of(pitch) + 0.5, BLACK_KEY + 4, view.key_height - 1)
            lift = 0.25 if pitch == hovered else 0.0
            painter.setBrush(
                QColor(lit.get(pitch, ""))
                if pitch in lit
                else _mixed(theme.key_black, theme.key_white, lift)
            )
            painter.drawRoundedRect(black, 3, 3)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.fillRect(KEYBOARD - 1, 0, 1, view.height, QColor(theme.line))


def key_rect(view: Viewport, pitch: int) -> QRect:
    """Return the box of a key on the keyboard; white keys reach under half their neighbours."""
    y, tall = view.y_of(pitch), view.key_height
    if is_black(pitch):
        return QRect(0, y, BLACK_KEY, tall)
    above = tall // 2 if pitch < 127 and is_black(pitch + 1) else 0
    below = tall - tall // 2 if pitch and is_black(pitch - 1) else 0
    return QRect(0, y - above, KEYBOARD, tall + above + below)


def paint_ruler(painter: QPainter, view: Viewport, theme: Theme, meter: Meter, snap: int) -> None:
    """Paint the bar numbers and their ticks; the strips come on top of it."""
    painter.fillRect(0, 0, view.width, RULER, QColor(theme.panel))
    lines = Lines.of(view, meter, snap)
    if lines.beat and lines.beat * view.per_tick >= 24:
        for tick in _multiples(view, lines.beat):
            painter.fillRect(view.column(tick), RULER - 6, 1, 5, QColor(theme.grid_bar))
    painter.setFont(app_font(12))
    painter.setPen(QColor(theme.muted))
    for tick in _multiples(view, lines.bar):
        x = view.column(tick)
        painter.fillRect(x, RULER - 22, 1, 22, QColor(theme.grid_bar))
        box = QRect(x + 6, RULER - 24, 60, 20)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, str(tick // meter.bar_ticks + 1))
    painter.fillRect(0, RULER - 1, view.width, 1, QColor(theme.grid_bar))


def paint_strip(
    painter: QPainter, left: int, right: int, ground: str, ink: str, label: str
) -> None:
    """Paint a named stretch of time in the ruler."""
    if right <= left:
        return
    box = QRectF(left, STRIP_TOP, right - left, STRIP_HEIGHT)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(ground))
    painter.drawRoundedRect(box, 3, 3)
    painter.setFont(app_font(10, bold=True))
    painter.setPen(QColor(ink))
    text = QRectF(max(left, 0) + 8, STRIP_TOP, min(right, 10_000) - max(left, 0) - 12, STRIP_HEIGHT)
    if text.width() > 12:
        words = _elided(painter, label, int(text.width()))
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter, words)
    painter.restore()


def _elided(painter: QPainter, label: str, width: int) -> str:
    """Return a strip's label, cut to a width; cutting is slow, and mostly there is room."""
    if width >= _width(label):
        return label
    return painter.fontMetrics().elidedText(label, Qt.TextElideMode.ElideRight, width)


@cache
def _width(label: str) -> int:
    """Return how wide a strip's label is, pixels."""
    return QFontMetrics(app_font(10, bold=True)).horizontalAdvance(label) + 1


def paint_loop(painter: QPainter, view: Viewport, theme: Theme, loop: tuple[int, int]) -> None:
    """Paint the loop as a bar with two feet at the foot of the ruler."""
    left, right = view.column(loop[0]), view.column(loop[1])
    colour = QColor(theme.muted)
    colour.setAlphaF(0.18)
    painter.fillRect(left, RULER - 24, right - left, 23, colour)
    painter.fillRect(left, RULER - 3, right - left, 3, QColor(theme.muted))
    for x in (left, right - 2):
        painter.fillRect(x, RULER - 24, 2, 24, QColor(theme.muted))


def paint_hint(painter: QPainter, area: QRect, theme: Theme, hint: str) -> None:
    """Paint what a newcomer can do on a card in mid-roll; the first line is larger."""
    first, *others = hint.split("\n")
    heights = [32, *(22 for _ in others)]
    y = area.center().y() - sum(heights) // 2
    card = QRect(0, 0, 460, sum(heights) + 36)
    card.moveCenter(area.center())
    ground = QColor(theme.panel)
    ground.setAlphaF(0.94)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(theme.line), 1))
    painter.setBrush(ground)
    painter.drawRoundedRect(QRectF(card).adjusted(0.5, 0.5, -0.5, -0.5), 10, 10)
    for line, height in zip((first, *others), heights, strict=True):
        large = line is first
        painter.setFont(app_font(18 if large else 13, bold=large))
        painter.setPen(QColor(theme.text if large else theme.muted))
        painter.drawText(QRect(area.left(), y, area.width(), height), _MIDDLE, line)
        y += height


def paint_place(painter: QPainter, view: Viewport, theme: Theme, end_tick: int) -> None:
    """Paint two thin bars at the edges: which part of all there is is in view."""
    colour = QColor(theme.muted)
    colour.setAlphaF(0.45)
    whole = max(end_tick * view.per_tick, view.left + view.width)
    if whole > view.width:
        left, length = view.left / whole * view.width, view.width / whole * view.width
        painter.fillRect(QRectF(left + 2, view.height - 4, max(length - 4, 12), 3), colour)
    whole = 128 * view.key_height
    top, length = view.top / whole * view.height, view.height / whole * view.height
    painter.fillRect(QRectF(view.width - 4, top + 2, 3, max(length - 4, 12)), colour)


def paint_cell(painter: QPainter, cell: QRect, theme: Theme) -> None:
    """Paint where a note would come if one pressed here: a breath of the drawn notes' colour."""
    colour = QColor(theme.warm)
    colour.setAlphaF(0.16)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(colour)
    colour.setAlphaF(0.45)
    painter.setPen(QPen(colour, 1))
    painter.drawRoundedRect(QRectF(cell).adjusted(0.5, 1.5, -1.5, -1.5), 3, 3)
    painter.restore()


def paint_marquee(painter: QPainter, box: QRect, theme: Theme) -> None:
    """Paint the rectangle that is being drawn to select notes."""
    fill = QColor(theme.text)
    fill.setAlphaF(0.10)
    painter.setPen(QPen(QColor(theme.text), 1, Qt.PenStyle.DashLine))
    painter.setBrush(fill)
    painter.drawRect(box)


def _multiples(view: Viewport, every: int) -> range:
    first, last = view.ticks
    return range(first // every * every, last + 1, every)


def _mixed(a: str, b: str, share: float) -> QColor:
    """Return the colour a share of the way from ``a`` to ``b``."""
    one, other = QColor(a), QColor(b)
    return QColor.fromRgbF(
        one.redF() + (other.redF() - one.redF()) * share,
        one.greenF() + (other.greenF() - one.greenF()) * share,
        one.blueF() + (other.blueF() - one.blueF()) * share,
    )


_RIGHT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
_MIDDLE = Qt.AlignmentFlag.AlignCenter
