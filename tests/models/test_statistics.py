import numpy as np
import pytest

from rnnrbm_gui.models.statistics import RollStatistics


def test_statistics_of_a_roll_counted_by_hand() -> None:
    roll = np.zeros((4, 12), np.bool_)
    roll[0, [0, 4]] = True
    roll[1, [0, 5, 7]] = True  # one of three held
    roll[2, [0, 5]] = True  # both held
    roll[3, :10] = True  # two of ten held
    found = RollStatistics.of([roll, roll[:1]])  # a second piece is no neighbour of the first
    assert found.held == pytest.approx(5 / 15)
    assert found.notes == pytest.approx(19 / 5)
    assert found.frames_with == pytest.approx((0, 0, 0.6, 0.2, 0, 0, 0, 0, 0.2))
