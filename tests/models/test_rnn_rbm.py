import math

import numpy as np
import pytest

from rnnrbm_gui.errors import ModelError
from rnnrbm_gui.models.exact import EXACT, STATE_UNIT, UNIT, InOrder
from rnnrbm_gui.models.playable import Playable
from rnnrbm_gui.models.rnn_rbm import RnnRbm
from rnnrbm_gui.models.sequence_model import base_rates
from rnnrbm_gui.models.terms import MEMORIES, Memory
from tests.shapes import SHAPES

SIZES = {"v": 20, "h": 15, "u": 12}


ECHOES = (2, 5)


def arrays(strength: float = 0.5) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {
        name: (rng.normal(size=tuple(SIZES[layer] for layer in layers)) * strength).astype("f")
        for name, layers in SHAPES.items()
    }


def gated(strength: float = 0.5) -> dict[str, np.ndarray]:
    """The parameters of a gated model that is told 4 positions in the bar and has two echoes."""
    rng = np.random.default_rng(6)
    sizes = {**SIZES, "g": 3 * SIZES["u"], "x": 4, "s": 3 * SIZES["v"]}
    return {
        name: (rng.normal(size=tuple(sizes[layer] for layer in layers)) * strength).astype("f")
        for name, layers in RnnRbm.SHAPES.items()
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


@pytest.mark.parametrize("memory", MEMORIES)
def test_recalling_multiplies_what_the_biases_read_and_nothing_else(memory: Memory) -> None:
    gru = memory == "gru"
    plain = RnnRbm(**(gated() if gru else arrays()), memory=memory, echoes=ECHOES if gru else ())
    bold = plain.recalling(1.5)
    u = np.random.default_rng(3).random(12).astype(np.float32)
    read = u.astype(np.float64) - (0.5 if memory == "sigmoid" else 0)  # as training centres it
    one, other = plain.biases(plain, u, 0), bold.biases(bold, u, 0)
    for was, now, weights in zip(one, other, (plain.Wuv, plain.Wuh), strict=True):
        np.testing.assert_allclose(now - was, 0.5 * read @ weights, atol=2e-6)
    v = np.random.default_rng(4).random(len(plain.Wvu)) < 0.5
    np.testing.assert_array_equal(plain.next_state(u, v), bold.next_state(u, v))
    np.testing.assert_allclose(bold.recalling(1 / 1.5).Wuh, plain.Wuh, rtol=1e-6)
    assert plain.recalling(1.0) is plain


def test_a_gated_memory_follows_its_equations() -> None:
    """Unit by unit, in plain Python: z, r and c of Cho et al. 2014, reset after the product."""
    given = gated()
    p = {name: value.astype(np.float64) for name, value in given.items()}
    rng = np.random.default_rng(2)
    roll, x = rng.random((6, 20)) < 0.3, rng.integers(0, 4, 6)
    bv_t, bh_t = RnnRbm(**given, memory="gru", echoes=ECHOES).frame_biases(roll, x)

    def sigmoid(a: float) -> float:
        return 1 / (1 + math.exp(-a))

    u, n = list(p["u0"]), 12
    for t, v in enumerate(roll):
        np.testing.assert_allclose(bv_t[t], p["bv"] + u @ p["Wuv"] + p["Wxv"][x[t]], atol=1e-5)
        np.testing.assert_allclose(bh_t[t], p["bh"] + u @ p["Wuh"] + p["Wxh"][x[t]], atol=1e-5)
        a = p["bu"] + v @ p["Wvu"][:20] + p["Wxu"][x[t]]
        for place, echo in enumerate(ECHOES, 1):
            if t + 1 - echo >= 0:
                a += roll[t + 1 - echo] @ p["Wvu"][20 * place : 20 * place + 20]
        m = u @ p["Wuu"]
        after = []
        for i in range(n):
            z, r = sigmoid(a[i] + m[i]), sigmoid(a[n + i] + m[n + i])
            c = math.tanh(a[2 * n + i] + r * m[2 * n + i])
            after.append((1 - z) * u[i] + z * c)
        u = after


@pytest.mark.parametrize("memory", ["tanh", "sigmoid"])
def test_the_whole_number_form_follows_the_model(memory: Memory) -> None:
    model = RnnRbm(**arrays(), memory=memory)
    playable = Playable.of(model)
    roll = np.random.default_rng(3).random((200, 20)) < 0.3
    bv_t, bh_t = model.frame_biases(roll)
    state = playable.first_state()
    for t, v in enumerate(roll):
        expected = [*bv_t[t], *bh_t[t]]
        np.testing.assert_allclose(state.biases / UNIT, expected, atol=3e-3)
        state = playable.advance(state, v)


def test_the_whole_number_form_follows_a_gated_model_told_its_place_in_the_bar() -> None:
    model = RnnRbm(**gated(), memory="gru", echoes=ECHOES)
    playable = Playable.of(model)
    rng = np.random.default_rng(3)
    roll, x = rng.random((200, 20)) < 0.3, rng.integers(0, 4, 201)
    bv_t, bh_t = model.frame_biases(roll, x[:-1])
    state = playable.first_state(int(x[0]))
    for t, v in enumerate(roll):
        expected = [*bv_t[t], *bh_t[t]]
        np.testing.assert_allclose(state.biases / UNIT, expected, atol=3e-3)
        np.testing.assert_array_equal(state.u * STATE_UNIT, np.rint(state.u * STATE_UNIT))
        state = playable.advance(state, v, int(x[t + 1]))


def test_sums_in_order_are_those_of_a_loop() -> None:
    """Rounded to float32 after each product and each sum, from the first row to the last."""
    rng = np.random.default_rng(3)
    x, matrix = rng.normal(size=30).astype("f"), rng.normal(size=(30, 7)).astype("f")
    expected = []
    for column in matrix.T:
        total = np.float32(0)
        for a, b in zip(x, column, strict=True):
            total = np.float32(total + np.float32(a * b))
        expected.append(total)
    np.testing.assert_array_equal(x @ InOrder(matrix), expected)
    assert (x[::-1] @ InOrder(matrix[::-1]) != expected).any()
    np.testing.assert_array_equal(np.zeros(0, "f") @ InOrder(np.zeros((0, 4), "f")), np.zeros(4))


@pytest.mark.parametrize("name", ["tanh", "sigmoid"])
def test_exact_arithmetic_squashes_to_the_nearest_unit(name: str) -> None:
    x = np.linspace(-60, 60, 100_001)
    true = np.tanh(x) if name == "tanh" else 1 / (1 + np.exp(-x))
    found = getattr(EXACT, name)(x).astype(np.float64)
    assert np.abs(found - true).max() <= 0.5001 / STATE_UNIT
    np.testing.assert_array_equal(found * STATE_UNIT, np.rint(found * STATE_UNIT))


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
