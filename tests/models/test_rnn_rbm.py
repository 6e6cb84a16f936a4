import numpy as np
import pytest

from rnnrbm_gui.errors import ModelError
from rnnrbm_gui.models import rbm
from rnnrbm_gui.models.playable import STATE_UNIT, UNIT, Playable, squash
from rnnrbm_gui.models.rnn_rbm import SHAPES, Memory, RnnRbm, base_rates

SIZES = {"v": 20, "h": 15, "u": 12}


def arrays(strength: float = 0.5) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {
        name: (rng.normal(size=tuple(SIZES[layer] for layer in layers)) * strength).astype("f")
        for name, layers in SHAPES.items()
    }


@pytest.mark.parametrize("memory", ["tanh", "sigmoid"])
def test_frame_biases_follow_the_equations(memory: Memory) -> None:
    p = {name: value.astype(np.float64) for name, value in arrays().items()}
    roll = np.random.default_rng(2).random((9, 20)) < 0.3
    bv_t, bh_t = RnnRbm(**arrays(), memory=memory).frame_biases(roll)
    u = p["u0"]
    for t, v in enumerate(roll):
        for i in range(20):
            expected = p["bv"][i] + sum(u[k] * p["Wuv"][k, i] for k in range(12))
            assert bv_t[t, i] == pytest.approx(expected, abs=1e-5)
        np.testing.assert_allclose(bh_t[t], p["bh"] + u @ p["Wuh"], atol=1e-5)
        a = p["bu"] + v @ p["Wvu"] + u @ p["Wuu"]
        u = np.tanh(a) if memory == "tanh" else 1 / (1 + np.exp(-a))


def test_with_tied_weights_it_is_the_rtrbm() -> None:
    """f = sigmoid, Wvu = W, Wuu = Wuh, bu = bh: the state is the RBM's own mean_h."""
    p = arrays()
    rng = np.random.default_rng(4)
    p["Wuh"] = (rng.normal(size=(15, 15)) * 0.3).astype("f")
    p["Wuv"] = (rng.normal(size=(15, 20)) * 0.3).astype("f")
    p["u0"] = rng.random(15).astype("f")
    p |= {"Wvu": p["W"], "Wuu": p["Wuh"], "bu": p["bh"]}
    model = RnnRbm(**p, memory="sigmoid")
    u = p["u0"]
    for v in rng.random((6, 20)) < 0.3:
        mean_h = rbm.mean_h(p["W"], p["bh"] + u @ p["Wuh"], v)
        u = model.next_state(u, v)
        np.testing.assert_allclose(u, mean_h, atol=1e-6)


@pytest.mark.parametrize("memory", ["tanh", "sigmoid"])
def test_the_whole_number_form_follows_the_model(memory: Memory) -> None:
    model = RnnRbm(**arrays(), memory=memory)
    playable = Playable.of(model)
    roll = np.random.default_rng(3).random((200, 20)) < 0.3
    bv_t, bh_t = model.frame_biases(roll)
    state = playable.first_state()
    for t, v in enumerate(roll):
        np.testing.assert_allclose(state.bv_t / UNIT, bv_t[t], atol=3e-3)
        np.testing.assert_allclose(state.bh_t / UNIT, bh_t[t], atol=3e-3)
        state = playable.advance(state, v)


def test_the_whole_number_recurrence_is_exact() -> None:
    """The sums of float64 BLAS are those of Python's own integers."""
    playable = Playable.of(RnnRbm(**arrays(30.0)))
    v = np.random.default_rng(3).random(20) < 0.5
    state = playable.first_state()
    n_visible = 20
    for _ in range(3):
        u = [int(x) for x in state.u]
        for i in range(n_visible + 15):
            total = int(playable.bias[i])
            total += sum(u[k] * int(playable.from_u[k, i]) for k in range(12))
            expected = (total + STATE_UNIT // 2) // STATE_UNIT
            found = state.bv_t[i] if i < n_visible else state.bh_t[i - n_visible]
            assert int(found) == expected
        state = playable.advance(state, v)


@pytest.mark.parametrize("is_tanh", [True, False])
def test_squash_is_tanh_or_sigmoid_to_the_nearest_unit(is_tanh: bool) -> None:
    x = np.linspace(-60, 60, 100_001)
    true = np.tanh(x) if is_tanh else 1 / (1 + np.exp(-x))
    found = squash(np.rint(x * 2**30), is_tanh) / STATE_UNIT
    assert np.abs(found - true).max() <= 0.5001 / STATE_UNIT


def test_weights_that_could_overflow_are_refused() -> None:
    with pytest.raises(ModelError, match="must stay under 32767"):
        Playable.of(RnnRbm(**(arrays() | {"W": np.full((20, 15), 5000, np.float32)})))
    with pytest.raises(ModelError, match="into a recurrent unit"):
        Playable.of(RnnRbm(**(arrays() | {"bu": np.full(12, 1e30, np.float32)})))


@pytest.mark.parametrize("name", SHAPES)
def test_wrong_shapes_and_numbers_are_refused(name: str) -> None:
    right = arrays()
    with pytest.raises(ModelError):
        RnnRbm(**(right | {name: right[name][..., :-1]}))
    spoilt = right[name].copy()
    spoilt.flat[0] = np.nan
    with pytest.raises(ModelError, match=f"{name} must hold finite numbers"):
        RnnRbm(**(right | {name: spoilt}))


def test_parameters_cannot_be_changed() -> None:
    given = arrays()
    model = RnnRbm(**given)
    with pytest.raises(ValueError, match="read-only"):
        model.W[0, 0] = 1
    given["bv"][0] = 99
    assert model.bv[0] != 99


def test_base_rates_are_the_logits_of_frequencies() -> None:
    roll = np.zeros((99, 3), np.bool_)
    roll[:50, 1] = True
    roll[:, 2] = True
    rates = 1 / (1 + np.exp(-base_rates([roll[:40], roll[40:]]).astype(np.float64)))
    np.testing.assert_allclose(rates, [0.005, 0.505, 0.995], atol=1e-6)
