import numpy as np
import pytest

from rnnrbm_gui.models import echoes
from rnnrbm_gui.models.terms import check_echoes


@pytest.mark.parametrize("of", [(), (2,), (3, 4, 11), (2, 40)])
def test_a_frame_is_seen_with_what_stood_before_the_next_one(of: tuple[int, ...]) -> None:
    roll = np.random.default_rng(1).random((20, 7)) < 0.4
    whole = echoes.seen(roll, of)
    past = echoes.silence(of, 7)
    for t, v in enumerate(roll):
        back = [t, *(t + 1 - echo for echo in of)]
        expected = np.concatenate([roll[i] if i >= 0 else np.zeros(7, np.bool_) for i in back])
        np.testing.assert_array_equal(whole[t], expected)
        np.testing.assert_array_equal(echoes.seen_now(past, v, of), expected)
        past = echoes.after(past, v[None])
    for first, last in ((0, 20), (5, 9), (12, 20), (7, 7)):
        np.testing.assert_array_equal(echoes.seen(roll, of, first, last), whole[first:last])


@pytest.mark.parametrize("of", [(1,), (2, 2), (4, 3), (1025,), (-3, 5)])
def test_echoes_out_of_order_or_range_are_refused(of: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="echoes must grow and be in"):
        check_echoes(of)
