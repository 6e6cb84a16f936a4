import numpy as np
import pytest

from rnnrbm_gui.errors import ModelError
from rnnrbm_gui.models import rbm
from rnnrbm_gui.models.rtrbm import Rtrbm
from rnnrbm_gui.models.sampler import FrameSampler
from rnnrbm_gui.models.static_rbm import StaticRbm

SIZES = {"v": 20, "h": 15, "x": 4}


def random_rtrbm(*, told: bool = False) -> Rtrbm:
    rng = np.random.default_rng(1)
    return Rtrbm(
        **{
            name: (rng.normal(size=tuple(SIZES[layer] for layer in layers)) * 0.5).astype("f")
            for name, layers in Rtrbm.SHAPES.items()
            if told or "x" not in layers
        }
    )


def test_the_state_is_the_rbms_own_mean_h() -> None:
    model = random_rtrbm()
    roll = np.random.default_rng(4).random((6, 20)) < 0.3
    found = model.frame_biases(roll)
    u = model.u0
    for t, v in enumerate(roll):
        bv_t, bh_t = model.bv + u @ model.Wuv, model.bh + u @ model.Wuh
        np.testing.assert_allclose(found[0][t], bv_t, atol=1e-5)
        np.testing.assert_allclose(found[1][t], bh_t, atol=1e-5)
        u = rbm.mean_h(model.W, bh_t, v)


@pytest.mark.parametrize("told", [False, True])
def test_the_untied_rnn_rbm_gives_its_numbers_and_its_music(told: bool) -> None:
    """Biases and free energies to rounding, samples from one seed bit for bit."""
    model = random_rtrbm(told=told)
    other = model.untied()
    rng = np.random.default_rng(5)
    roll, x = rng.random((40, 20)) < 0.3, rng.integers(0, 4, 41)
    mine, its = model.frame_biases(roll, x[:-1]), other.frame_biases(roll, x[:-1])
    np.testing.assert_allclose(mine[0], its[0], atol=1e-5)
    np.testing.assert_allclose(mine[1], its[1], atol=1e-5)
    np.testing.assert_allclose(
        model.free_energy(roll, x[:-1]), other.free_energy(roll, x[:-1]), atol=1e-4
    )
    samplers = [FrameSampler(model), FrameSampler(other)]
    states = [sampler.first_state(int(x[0])) for sampler in samplers]
    free = np.zeros(20, np.int8)
    played = 0
    for frame in range(40):
        one, two = (
            sampler.draw(state, free, seed=3, take=0, frame=frame, gibbs_steps=20)
            for sampler, state in zip(samplers, states, strict=True)
        )
        np.testing.assert_array_equal(one.v, two.v)
        np.testing.assert_array_equal(one.mean_v, two.mean_v)
        played += int(one.v.sum())
        states = [
            sampler.advance(state, one.v, int(x[frame + 1]))
            for sampler, state in zip(samplers, states, strict=True)
        ]
    assert 40 < played < 760


def test_an_rbm_alone_forgets() -> None:
    rng = np.random.default_rng(2)
    given = {
        name: rng.normal(size=tuple(SIZES[layer] for layer in layers)).astype("f")
        for name, layers in StaticRbm.SHAPES.items()
        if "x" not in layers
    }
    model = StaticRbm(**given)
    assert model.n_recurrent == 0
    roll = rng.random((5, 20)) < 0.5
    bv_t, bh_t = model.frame_biases(roll)
    np.testing.assert_array_equal(bv_t, np.tile(given["bv"], (5, 1)))
    np.testing.assert_array_equal(bh_t, np.tile(given["bh"], (5, 1)))
    sampler = FrameSampler(model)
    state = sampler.first_state()
    after = sampler.advance(state, roll[0])
    np.testing.assert_array_equal(after.biases, state.biases)
    assert set(model.parameters()) == set(given)


def test_shapes_that_do_not_fit_are_refused() -> None:
    model = random_rtrbm()
    with pytest.raises(ModelError, match="Wuh must have the shape"):
        Rtrbm(**(model.parameters() | {"Wuh": model.Wuh[:, :-1]}))
    with pytest.raises(ModelError, match="must have 1"):
        Rtrbm(**(model.parameters() | {"u0": np.zeros(0, np.float32)}))
