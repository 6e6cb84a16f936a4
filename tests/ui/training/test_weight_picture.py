"""The axes of pictures: planes of keys, gates of a memory, decades."""

import numpy as np
import pytest
from PySide6.QtGui import QColor

from rnnrbm_gui.data.model_file import StoredModel
from rnnrbm_gui.data.model_header import ModelHeader
from rnnrbm_gui.ui.theme import DARK
from rnnrbm_gui.ui.training.curves import LogAxis
from rnnrbm_gui.ui.training.weight_picture import (
    BOTTOM,
    GATES,
    LEFT,
    PARTS_LEFT,
    PLANES,
    RIGHT,
    TOP,
    Axis,
    WeightCard,
    axis_of,
)


class Model:
    """Parameters alone, as they are in a gated model of two planes of 13 keys."""

    def parameters(self):
        shapes = {"W": (26, 4), "Wuv": (5, 26), "Wvu": (26, 15), "Wuu": (5, 15), "Wxu": (8, 15)}
        return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}


HEADER = ModelHeader("two planes", 26, 4, 5, memory="gru", planes=2, bars="4/4", low=48)


@pytest.fixture
def card(app):
    card = WeightCard()
    card.set_theme(DARK)
    card.picture.setFixedSize(400, 200)
    card.show_model(StoredModel(Model(), HEADER))
    return card


def test_the_keys_of_both_planes_bear_their_own_names():
    both = axis_of("v", HEADER)
    assert both == Axis("keys", PLANES, 48)
    assert both.marks(26) == [(0, "C3"), (12, "C4"), (13, "C3"), (25, "C4")]
    one = axis_of("v", ModelHeader("one plane", 13, 4, 5, low=36, transpose=12))
    assert one == Axis("keys", (), 48)
    assert one.marks(13) == [(0, "C3"), (12, "C4")]


def test_what_a_memory_sees_is_named_echo_by_echo():
    header = ModelHeader("echoes", 13, 4, 5, low=48, echoes="8 16")
    seen = axis_of("s", header)
    assert seen == Axis("keys", ("now", "−8", "−16"), 48)
    assert seen.marks(39)[-2:] == [(26, "C3"), (38, "C4")]
    assert axis_of("s", ModelHeader("none", 13, 4, 5, low=48)) == Axis("keys", (), 48)
    both = axis_of("s", ModelHeader("two planes", 26, 4, 5, low=48, planes=2, echoes="8"))
    assert both.parts == ("sounding now", "struck now", "sounding −8", "struck −8")


@pytest.mark.parametrize(
    ("name", "rows", "columns", "sizes"),
    [
        ("W", PLANES, (), "2 · 13 × 4"),
        ("Wuv", PLANES, (), "2 · 13 × 5"),
        ("Wvu", PLANES, GATES, "2 · 13 × 3 · 5"),
        ("Wuu", (), GATES, "5 × 3 · 5"),
        ("Wxu", (), GATES, "8 × 3 · 5"),
    ],
)
def test_what_lies_side_by_side_is_named_and_divided(card, name, rows, columns, sizes):
    card.choice.setCurrentIndex(card.choice.findData(name))
    picture = card.picture
    assert (picture.rows.parts, picture.columns.parts) == (rows, columns)
    assert card.value.text() == sizes
    image, divider = picture.grab().toImage(), QColor(DARK.text).rgb()
    right, bottom = image.width() - RIGHT, image.height() - BOTTOM
    across = [image.pixel(right - 9, y) == divider for y in range(TOP, bottom)]
    along = [image.pixel(x, TOP + 9) == divider for x in range(LEFT + PARTS_LEFT, right)]
    assert sum(across) == max(0, len(rows) - 1)
    assert sum(along) == max(0, len(columns) - 1)


def test_a_plain_memory_has_no_gates():
    assert axis_of("g", ModelHeader("plain", 13, 4, 5, memory="tanh")) == Axis("memory")


def test_a_crowded_logarithmic_axis_names_every_tick_it_has_room_for(app):
    axis = LogAxis("left")
    ticks = list(np.log10([0.1, 0.2, 0.3, 0.4, 0.5, 0.9, 1.0]))
    axis.setRange(-1.1, 0.1)
    assert axis.logTickStrings(ticks, 1.0, 1.0) == ["0.1", "0.2", "", "", "0.5", "", "1"]
    axis.setRange(-0.6, -0.3)
    assert axis.logTickStrings(ticks[2:5], 1.0, 1.0) == ["0.3", "0.4", "0.5"]
