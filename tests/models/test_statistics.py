import numpy as np
import pytest

from rnnrbm_gui.models.sampler import FrameSampler
from rnnrbm_gui.models.statistics import RollStatistics, samples
from rnnrbm_gui.models.terms import DEFAULT_TEMPERATURE
from tests.small_models import small_model


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


def test_samples_have_every_plane_and_follow_the_place_in_the_bar() -> None:
    sampler = FrameSampler(small_model(n_keys=10).model)
    positions = np.arange(3, 15) % 8
    pieces = samples(sampler, 3, 12, seed=4, gibbs_steps=5, positions=positions)
    assert [piece.shape for piece in pieces] == [(12, 20)] * 3
    state = sampler.first_state(3)
    for frame, v in enumerate(pieces[1]):
        drawn = sampler.draw(
            state,
            np.zeros(20, np.int8),
            seed=4,
            take=1,
            frame=frame,
            gibbs_steps=5,
            temperature=DEFAULT_TEMPERATURE,
        )
        assert (drawn.v == v).all()
        state = sampler.advance(state, v, int(positions[(frame + 1) % 12]))
    untold = samples(sampler, 3, 12, seed=4, gibbs_steps=5)
    assert any((a != b).any() for a, b in zip(pieces, untold, strict=True))
