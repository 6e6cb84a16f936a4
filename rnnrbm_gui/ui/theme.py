"""The two looks, dark and light, and the style sheet of every widget.

What a widget is, its object name or a property says; the style sheet does the rest::

    QFrame[role="panel"]         a flat panel: transport bar, inspector, status line
    QFrame[role="card"]          a raised box inside a panel
    QFrame[role="message"]       a strip with a message; [level="error"] for a bad one
    QLabel[role="section"]       a muted heading in capitals
    QLabel[role="muted"]         a word beside a value; [role="value"] the value itself
    QLabel[role="title"]         bold; [role="figure"] a large number in the transport
    QPushButton[role="primary"]  the one warm button; [role="quiet"] one without a box
    QToolButton[role="segment"]  one choice of several (checkable); [place="first"|"last"]
    QToolButton[role="round"]    the play button; [role="icon"] a bare icon
    QFrame[role="segments"]      the box about segments
"""

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QFontDatabase, QGuiApplication


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of one look, ``#rrggbb``.

    Text colours stand at 4.5 : 1 or better on the ground they are used on (tested): ``text`` and
    ``muted`` on ground, panel and card; ``warm_text`` and ``cool_text`` on the strips of their
    colour; ``on_warm`` and ``on_cool`` on warm and cool; ``key_text`` on ``key_white``.
    """

    name: str
    ground: str
    panel: str
    card: str
    line: str
    text: str
    muted: str
    warm: str
    warm_edge: str
    warm_text: str
    warm_strip: str
    on_warm: str
    cool: str
    cool_edge: str
    cool_text: str
    cool_strip: str
    on_cool: str
    danger: str
    good: str
    row_white: str
    row_black: str
    row_beyond: str
    grid_fine: str
    grid_beat: str
    grid_bar: str
    key_white: str
    key_black: str
    key_line: str
    key_text: str
    playhead: str
    groove: str
    hover: str


DARK = Theme(
    name="dark",
    ground="#15171c",
    panel="#1b1e25",
    card="#20242c",
    line="#2c313c",
    text="#e8eaf0",
    muted="#8f97a7",
    warm="#f2b457",
    warm_edge="#c07f22",
    warm_text="#f2b457",
    warm_strip="#42382e",
    on_warm="#231a0b",
    cool="#5cc8c0",
    cool_edge="#2c8f88",
    cool_text="#6fd3cb",
    cool_strip="#233439",
    on_cool="#06201e",
    danger="#ef7a72",
    good="#56c98a",
    row_white="#1b1e25",
    row_black="#16181e",
    row_beyond="#111317",
    grid_fine="#21252d",
    grid_beat="#282d37",
    grid_bar="#3a404d",
    key_white="#e9e7e2",
    key_black="#22252c",
    key_line="#bdbbb5",
    key_text="#5f626a",
    playhead="#ffffff",
    groove="#3a4150",
    hover="#2a2f39",
)

LIGHT = Theme(
    name="light",
    ground="#f4f3ef",
    panel="#ffffff",
    card="#f7f6f3",
    line="#e2e0da",
    text="#22252b",
    muted="#646a76",
    warm="#e0942a",
    warm_edge="#a7640b",
    warm_text="#8a5106",
    warm_strip="#f9ebd7",
    on_warm="#22180a",
    cool="#1f9a92",
    cool_edge="#0f6d67",
    cool_text="#0c6d66",
    cool_strip="#dff1ef",
    on_cool="#03201e",
    danger="#b8322a",
    good="#2f9a62",
    row_white="#fcfbf8",
    row_black="#f1efe9",
    row_beyond="#e7e5de",
    grid_fine="#efede8",
    grid_beat="#e6e3dc",
    grid_bar="#cfccc3",
    key_white="#ffffff",
    key_black="#2a2d34",
    key_line="#d5d2ca",
    key_text="#646a76",
    playhead="#22252b",
    groove="#cfccc3",
    hover="#efede8",
)


def system_theme() -> Theme:
    """Return the look the desktop asks for; dark where it does not say.

    ``QGuiApplication.styleHints().colorSchemeChanged`` tells when to ask again.
    """
    scheme = QGuiApplication.styleHints().colorScheme()
    return LIGHT if scheme == Qt.ColorScheme.Light else DARK


def app_font(pixels: int = 13, *, bold: bool = False) -> QFont:
    """Return Inter, or the system's font where Inter is not installed."""
    font = QFont(QGuiApplication.font())
    if "Inter" in QFontDatabase.families():
        font.setFamily("Inter")
    font.setPixelSize(pixels)
    font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    return font
