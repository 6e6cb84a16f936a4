import re

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication
from PySide6.QtWidgets import QDoubleSpinBox, QLabel, QPushButton, QSpinBox

from rnnrbm_gui.ui.theme import DARK, LIGHT, app_font, stylesheet, system_theme

THEMES = pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
TEXTS = [
    *((ink, ground) for ink in ("text", "muted") for ground in ("ground", "panel", "card")),
    ("text", "hover"),
    ("text", "warm_strip"),
    ("warm_text", "warm_strip"),
    ("warm_text", "panel"),
    ("cool_text", "cool_strip"),
    ("cool_text", "panel"),
    ("on_warm", "warm"),
    ("on_cool", "cool"),
    ("key_text", "key_white"),
    ("muted", "row_white"),
    ("muted", "row_black"),
    ("danger", "card"),
]


def luminance(colour: str) -> float:
    """WCAG 2.1, relative luminance."""

    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.1, contrast ratio, 1..21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_knows_its_ends():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@THEMES
@pytest.mark.parametrize(("ink", "ground"), TEXTS)
def test_text_can_be_read(theme, ink, ground):
    assert contrast(getattr(theme, ink), getattr(theme, ground)) >= 4.5


@THEMES
def test_lines_and_notes_stand_off_their_ground(theme):
    for colour in (theme.warm_edge, theme.cool, theme.playhead):
        assert contrast(colour, theme.row_white) >= 3


@THEMES
def test_the_style_sheet_knows_every_colour(theme):
    sheet = stylesheet(theme)
    assert "@" not in sheet
    assert sheet.count("{") == sheet.count("}")
    for colour in set(re.findall(r"#\w+", sheet)):
        assert QColor(colour).isValid(), colour


@THEMES
def test_the_style_sheet_is_applied(app, theme):
    button = QPushButton("Re-roll")
    button.setProperty("role", "primary")
    section = QLabel("MODEL")
    section.setProperty("role", "section")
    for widget in (button, section):
        widget.setStyleSheet(stylesheet(theme))
        widget.resize(120, 40)
    assert button.grab().toImage().pixelColor(20, 8).name() == theme.warm
    section.ensurePolished()
    assert section.palette().text().color().name() == theme.muted


def test_the_system_says_which_theme(app):
    hints = QGuiApplication.styleHints()
    hints.setColorScheme(Qt.ColorScheme.Light)
    try:
        asked = hints.colorScheme()
        assert system_theme() is (LIGHT if asked == Qt.ColorScheme.Light else DARK)
    finally:
        hints.unsetColorScheme()


def test_the_font_has_the_size_asked_for(app):
    assert app_font(17).pixelSize() == 17
    assert app_font(13, bold=True).weight() > app_font(13).weight()


@pytest.mark.parametrize("box_class", [QSpinBox, QDoubleSpinBox])
def test_a_spin_box_without_buttons_shows_its_figure(app, box_class):
    box = box_class()
    box.setStyleSheet(stylesheet(DARK))
    box.setProperty("role", "figure")
    box.setButtonSymbols(box_class.ButtonSymbols.NoButtons)
    box.resize(64, 32)
    box.show()
    assert box.lineEdit().width() > 50
    box.close()
