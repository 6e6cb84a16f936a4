import numpy as np
import pytest

from rnnrbm_gui.models import likelihood
from rnnrbm_gui.models.rnn_rbm import SHAPES, RnnRbm


def random_model(n_visible: int, n_hidden: int, n_recurrent: int, strength: float) -> RnnRbm:
    rng = np.random.default_rng(7)
    sizes = {"v": n_visible, "h": n_hidden, "u": n_recurrent}
    arrays = {
        name: (rng.normal(size=tuple(sizes[layer] for layer in layers)) * strength).astype("f")
        for name, layers in SHAPES.items()
    }
    return RnnRbm(**arrays)


def test_a_model_of_nothing_gives_88_ln_2() -> None:
    zeros = {
        name: np.zeros(tuple({"v": 88, "h": 10, "u": 3}[layer] for layer in layers), np.float32)
        for name, layers in SHAPES.items()
    }
    roll = np.random.default_rng(1).random((5, 88)) < 0.1
    found = likelihood.measure(RnnRbm(**zeros), [roll], n_chains=5, n_temperatures=10)
    assert found.ll_forward == pytest.approx(-88 * np.log(2), abs=1e-5)
    assert found.ll_reverse == pytest.approx(-88 * np.log(2), abs=1e-5)


@pytest.mark.parametrize("n_hidden", [5, 12, 20])
def test_ais_agrees_with_enumeration_both_ways(n_hidden: int) -> None:
    model = random_model(24, n_hidden, 6, 0.6)
    rolls = [np.random.default_rng(2).random((n, 24)) < 0.3 for n in (4, 3)]
    frames = likelihood.frames_of(model, rolls)
    exact = likelihood.exact_ll(model, frames)
    found = likelihood.measure(model, rolls, n_chains=300, n_temperatures=1000)
    assert found.n_frames == found.n_all == 7
    assert found.ll_forward == pytest.approx(exact.mean(), abs=0.01)
    assert found.ll_reverse == pytest.approx(exact.mean(), abs=0.01)
    assert abs(found.ll_forward - exact.mean()) < 5 * found.error
    assert found.ll == min(found.ll_forward, found.ll_reverse)


def test_pieces_weigh_alike_in_the_mean_over_pieces() -> None:
    model = random_model(10, 4, 3, 0.5)
    rolls = [np.random.default_rng(2).random((n, 10)) < 0.5 for n in (40, 2)]
    exact = likelihood.exact_ll(model, likelihood.frames_of(model, rolls))
    found = likelihood.measure(model, rolls, n_chains=200, n_temperatures=300)
    assert found.ll_pieces == pytest.approx((exact[:40].mean() + exact[40:].mean()) / 2, abs=0.01)


def test_thinned_frames_keep_their_own_past() -> None:
    model = random_model(10, 4, 3, 0.5)
    roll = np.random.default_rng(2).random((50, 10)) < 0.5
    everything = likelihood.frames_of(model, [roll])
    some = likelihood.frames_of(model, [roll], most_frames=5)
    places = [0, 12, 24, 37, 49]
    np.testing.assert_array_equal(some.v, roll[places])
    np.testing.assert_array_equal(some.bv_t, everything.bv_t[places])
    assert some.n_all == 50


def test_the_same_seed_gives_the_same_figures() -> None:
    model = random_model(10, 4, 3, 0.5)
    roll = np.random.default_rng(2).random((6, 10)) < 0.5
    one = likelihood.measure(model, [roll], n_chains=5, n_temperatures=20, seed=3)
    assert one == likelihood.measure(model, [roll], n_chains=5, n_temperatures=20, seed=3)
    assert one != likelihood.measure(model, [roll], n_chains=5, n_temperatures=20, seed=4)
