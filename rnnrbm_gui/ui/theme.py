"""The two looks, dark and light, and the style sheet of every widget.

What a widget is, its object name or a property says; the style sheet does the rest::

    QFrame[role="panel"]         a flat panel: transport bar, inspector, status line
    QFrame[role="card"]          a raised box inside a panel
    QFrame[role="drop"]          a place to drop files on; [over="true"] while they hover
    QFrame[role="message"]       a strip with a message; [level="error"] for a bad one
    QLabel[role="section"]       a muted heading in capitals
    QLabel[role="muted"]         a word beside a value; [role="value"] the value itself
    QLabel[role="title"]         bold; [role="figure"] a large number in the transport
    QPushButton[role="primary"]  the one warm button; [role="quiet"] one without a box
    QToolButton[role="segment"]  one choice of several (checkable); [place="first"|"last"]
    QToolButton[role="round"]    the play button; [role="icon"] a bare icon
    QFrame[role="segments"]      the box about segments
"""

from functools import cache

from msgspec import Struct
from msgspec.structs import asdict
from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QFontDatabase, QGuiApplication

from rnnrbm_gui import paths


class Theme(Struct, frozen=True):
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
    if _inter_is_installed():
        font.setFamily("Inter")
    font.setPixelSize(pixels)
    font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    return font


@cache
def _inter_is_installed() -> bool:
    return "Inter" in QFontDatabase.families()


def stylesheet(theme: Theme) -> str:
    """Return the style sheet of the whole app in one look; see the top for what to name."""
    colours = asdict(theme)
    sheet = _SHEET.replace("@icons", (paths.resources() / "icons").as_posix())
    for name in sorted(colours, key=len, reverse=True):
        sheet = sheet.replace(f"@{name}", colours[name])
    return sheet


_SHEET = """
* { font-size: 13px; color: @text; outline: none; }
QMainWindow, QDialog, QMessageBox { background: @panel; }
QDialog { border: 1px solid @line; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QFrame[role="panel"] { background: @panel; border: none; }
QFrame[role="panel"][edge="bottom"] { border-bottom: 1px solid @line; }
QFrame[role="panel"][edge="top"] { border-top: 1px solid @line; }
QFrame[role="panel"][edge="left"] { border-left: 1px solid @line; }
QFrame[role="card"] { background: @card; border: 1px solid @line; border-radius: 8px; }
QFrame[role="message"] {
    background: @warm_strip; border: none; border-left: 3px solid @warm; border-radius: 0;
}
QFrame[role="message"] QLabel { color: @text; }
QFrame[role="message"][level="error"] { border-left: 3px solid @danger; background: @card; }

QFrame[role="drop"] { background: @card; border: 1px dashed @muted; border-radius: 8px; }
QFrame[role="drop"][over="true"] { background: @warm_strip; border: 1px solid @warm; }

QLabel { background: transparent; }
QLabel[role="section"] { color: @muted; font-size: 11px; font-weight: 600; }
QLabel[role="muted"], QLabel[role="value"] { color: @muted; font-size: 12px; }
QLabel[role="title"] { font-weight: 600; }
QLabel[role="figure"] { font-size: 21px; font-weight: 600; }
QLabel[role="caption"] { color: @muted; font-size: 11px; }
QLabel:disabled { color: @muted; }

QPushButton {
    background: @card; border: 1px solid @line; border-radius: 8px;
    padding: 6px 14px; min-height: 18px;
}
QPushButton:hover { background: @hover; }
QPushButton:pressed, QPushButton:checked { background: @line; }
QPushButton:focus { border-color: @warm; }
QPushButton:disabled { color: @muted; background: @panel; }
QPushButton[role="primary"] {
    background: @warm; border-color: @warm; color: @on_warm; font-weight: 600;
}
QPushButton[role="primary"]:hover, QPushButton[role="primary"]:focus { border-color: @text; }
QPushButton[role="primary"]:pressed { background: @warm_edge; }
QPushButton[role="primary"]:disabled { background: @line; border-color: @line; color: @muted; }
QPushButton[role="quiet"] {
    background: transparent; border-color: transparent; color: @muted;
    font-size: 12px; padding: 2px 8px;
}
QPushButton[role="quiet"]:hover { background: @hover; color: @text; }

QFrame[role="segments"] { background: @card; border: 1px solid @line; border-radius: 8px; }
QToolButton { background: transparent; border: none; border-radius: 8px; padding: 5px; }
QToolButton:hover { background: @hover; }
QToolButton:focus { background: @hover; border: 1px solid @warm; padding: 4px; }
QToolButton:disabled { color: @muted; }
QToolButton[role="segment"] { padding: 6px 22px; border-radius: 7px; font-weight: 500; }
QToolButton[role="segment"]:checked { background: @warm; color: @on_warm; font-weight: 600; }
QToolButton[role="segment"]:focus { border: 1px solid @text; padding: 5px 21px; }
QToolButton[role="round"] {
    background: @warm; color: @on_warm; border-radius: 19px; padding: 0;
    min-width: 38px; max-width: 38px; min-height: 38px; max-height: 38px;
}
QToolButton[role="round"]:hover, QToolButton[role="round"]:focus { border: 2px solid @text; }
QToolButton[role="icon"]:checked { background: @warm_strip; color: @warm_text; }
QToolButton::menu-indicator { image: none; }

QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox, QPlainTextEdit {
    background: @card; border: 1px solid @line; border-radius: 8px;
    padding: 5px 10px; min-height: 20px;
    selection-background-color: @warm; selection-color: @on_warm;
}
QLineEdit { padding: 5px 8px; } /* to a line's own, Qt adds two */
QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus { border-color: @warm; }
QLineEdit:disabled, QSpinBox:disabled, QComboBox:disabled { color: @muted; }
QSpinBox[role="figure"], QDoubleSpinBox[role="figure"] {
    background: transparent; border: 1px solid transparent; padding: 0 2px;
    font-size: 21px; font-weight: 600;
}
QDoubleSpinBox[role="figure"]:hover, QDoubleSpinBox[role="figure"]:focus,
QSpinBox[role="figure"]:hover, QSpinBox[role="figure"]:focus,
QComboBox[role="figure"]:hover, QComboBox[role="figure"]:focus { border-color: @line; }
/* Without an origin given here, a spin box without buttons leaves one pixel to its text. */
QSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::up-button, QDoubleSpinBox::down-button {
    subcontrol-origin: margin; width: 0; border: none;
}
QAbstractSpinBox QLineEdit {
    background: transparent; border: none; padding: 0; min-height: 0;
}
QDoubleSpinBox[role="figure"] QLineEdit { font-size: 21px; font-weight: 600; }
QComboBox::drop-down { border: none; width: 26px; }
QComboBox[role="figure"] {
    background: transparent; border: 1px solid transparent; padding: 0 2px;
    font-size: 21px; font-weight: 600;
}
QComboBox[role="figure"]::drop-down { width: 0; }
QComboBox[role="figure"]::down-arrow { border: none; margin: 0; }
QComboBox[role="figure"] QAbstractItemView { font-size: 13px; font-weight: 400; }
QComboBox::down-arrow {
    image: none; width: 0; height: 0; margin-right: 10px;
    border-left: 4px solid @card; border-right: 4px solid @card; border-top: 5px solid @muted;
}
QAbstractItemView {
    background: @card; border: 1px solid @line; border-radius: 8px;
    selection-background-color: @hover; selection-color: @text;
}
QListWidget::item { padding: 5px 8px; }
QListWidget { font-size: 12px; padding: 3px 0; }
QHeaderView::section { background: @panel; border: none; padding: 5px 8px; color: @muted; }
QComboBox { combobox-popup: 0; } /* opens below, in one frame */
QComboBox QAbstractItemView {
    background: @card; border: 1px solid @line; border-radius: 0; padding: 4px; outline: none;
}
QComboBox QAbstractItemView::item { min-height: 28px; padding: 0 6px; border-radius: 6px; }
QComboBox QAbstractItemView::item:selected { background: @warm; color: @on_warm; }

QSlider:horizontal { min-height: 20px; }
QSlider::groove:horizontal { height: 4px; border-radius: 2px; background: @groove; }
QSlider::sub-page:horizontal { height: 4px; border-radius: 2px; background: @warm; }
QSlider[role="bipolar"]::sub-page:horizontal { background: @groove; }
QSlider::handle:horizontal {
    width: 12px; height: 12px; margin: -4px 0; border-radius: 6px; background: @text;
}
QSlider::handle:horizontal:hover, QSlider::handle:horizontal:focus { background: @warm; }
QSlider::sub-page:horizontal:disabled { background: @groove; }
QSlider::handle:horizontal:disabled { background: @muted; }

QCheckBox, QRadioButton { background: transparent; spacing: 8px; }
QCheckBox::indicator {
    width: 14px; height: 14px; border: 1px solid @muted; border-radius: 4px; background: @card;
}
QCheckBox::indicator:checked {
    background: @warm; border-color: @warm_edge; image: url("@icons/check.svg");
}
QCheckBox:focus { color: @warm_text; }
QCheckBox:disabled { color: @muted; }

QMenuBar { background: @panel; border-bottom: 1px solid @line; padding: 1px 6px; }
QMenuBar::item { background: transparent; padding: 5px 10px; border-radius: 6px; }
QMenuBar::item:selected { background: @hover; }
QMenu { background: @card; border: 1px solid @line; border-radius: 8px; padding: 5px; }
QMenu::item { padding: 6px 26px 6px 12px; border-radius: 6px; }
QMenu::indicator { width: 6px; height: 6px; margin-left: 10px; border-radius: 3px; }
QMenu::indicator:checked { background: @warm; }
QMenu::item:selected { background: @hover; }
QMenu::item:disabled { color: @muted; }
QMenu::separator { height: 1px; background: @line; margin: 5px 8px; }
QToolTip { background: @card; color: @text; border: 1px solid @line; padding: 5px 8px; }

QStatusBar { background: @panel; border-top: 1px solid @line; }
QStatusBar QLabel { color: @muted; font-size: 12px; }
QStatusBar::item { border: none; }
QSizeGrip { image: none; width: 0; height: 0; }
QProgressBar { background: @groove; border: none; border-radius: 2px; max-height: 4px; }
QProgressBar::chunk { background: @warm; border-radius: 2px; }
QSplitter::handle { background: @line; }

QScrollArea, QScrollArea > QWidget > QWidget { background: transparent; border: none; }
QScrollBar { background: transparent; border: none; margin: 0; }
QScrollBar:vertical { width: 9px; }
QScrollBar:horizontal { height: 9px; }
QScrollBar::handle { background: @groove; border-radius: 3px; margin: 2px; }
QScrollBar::handle:vertical { min-height: 30px; }
QScrollBar::handle:horizontal { min-width: 30px; }
QScrollBar::handle:hover { background: @muted; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
"""
