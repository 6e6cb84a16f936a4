"""The three tools in the corner above the keyboard: pencil, eraser, arrow."""

from PySide6.QtCore import QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QColor, QPaintDevice, QPainter, QPainterPath, QPen

from rnnrbm_gui.ui.roll.layers import KEYBOARD, RULER
from rnnrbm_gui.ui.roll.tools import Tool
from rnnrbm_gui.ui.theme import Theme

SIZE = 24
WORDS = {
    Tool.DRAW: "Draw notes (D)",
    Tool.ERASE: "Erase notes (E)",
    Tool.SELECT: "Select notes (S)",
}
BOXES = {tool: QRect(2 + i * SIZE, (RULER - SIZE) // 2, SIZE, SIZE) for i, tool in enumerate(WORDS)}


def tool_at(place: QPoint) -> Tool | None:
    """Return the tool whose icon is at a place of the canvas."""
    return next((tool for tool, box in BOXES.items() if box.contains(place)), None)


def paint_tools(device: QPaintDevice, theme: Theme, chosen: Tool) -> None:
    """Paint the icons into the corner, the chosen one warm."""
    painter = QPainter(device)
    painter.fillRect(0, 0, KEYBOARD, RULER - 1, QColor(theme.panel))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for tool, box in BOXES.items():
        if tool is chosen:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.warm_strip))
            painter.drawRoundedRect(box, 6, 6)
        colour = QColor(theme.warm_text if tool is chosen else theme.muted)
        pen = QPen(colour, 1.4)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        painter.setBrush(colour if tool is Tool.SELECT else Qt.BrushStyle.NoBrush)
        painter.save()
        painter.translate(box.topLeft())
        painter.drawPath(_PATHS[tool])
        painter.restore()
    painter.end()


def _path(*points: tuple[float, float], closed: bool = True) -> QPainterPath:
    path = QPainterPath(QPointF(*points[0]))
    for point in points[1:]:
        path.lineTo(QPointF(*point))
    if closed:
        path.closeSubpath()
    return path


_PENCIL = _path((6, 18), (7, 14.2), (15, 6.2), (17.8, 9), (9.8, 17))
_PENCIL.addPath(_path((12.9, 8.3), (15.7, 11.1), closed=False))
_ERASER = _path((5.5, 13.5), (12.5, 6.5), (17.5, 11.5), (12, 17), (9, 17))
_ERASER.addPath(_path((9, 10), (14, 15), closed=False))
_PATHS = {
    Tool.DRAW: _PENCIL,
    Tool.ERASE: _ERASER,
    Tool.SELECT: _path(
        (8, 5.5), (17, 13), (12.8, 13.4), (15, 17.6), (13, 18.5), (11, 14.4), (8, 17)
    ),
}
