import numpy as np

from rnnrbm_gui.music.bars import Bars
from rnnrbm_gui.music.timing import PPQ, Meter

SIXTEENTHS = Bars.of("4/4 3/4", 4)


def test_places_of_all_metres_lie_in_a_row() -> None:
    assert SIXTEENTHS.n_positions == 16 + 12
    found = [
        SIXTEENTHS.place(meter, position)
        for meter in (Meter(4, 4), Meter(3, 4))
        for position in range(meter.numerator * 4)
    ]
    assert found == list(range(28))
    assert str(SIXTEENTHS) == "4/4 3/4"


def test_an_unknown_metre_is_taken_for_one_with_as_long_a_bar_or_for_the_first() -> None:
    assert SIXTEENTHS.place(Meter(6, 8), 5) == 16 + 5
    assert SIXTEENTHS.place(Meter(5, 4), 18) == 2


def test_ticks_of_the_time_line_have_the_places_of_their_frames() -> None:
    assert SIXTEENTHS.place_at(Meter(3, 4), 3 * PPQ) == 16
    assert SIXTEENTHS.place_at(Meter(4, 4), 4 * PPQ + PPQ // 2) == 2
    np.testing.assert_array_equal(SIXTEENTHS.places(Meter(3, 4), np.array([11, 0])), [27, 16])


def test_a_model_that_is_not_told_has_one_place() -> None:
    none = Bars.of("", 1)
    assert (none.n_positions, none.place_at(Meter(), 999)) == (0, 0)
