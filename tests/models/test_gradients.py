from dataclasses import replace

import numpy as np
import pytest

from rnnrbm_gui.models import gradients
from rnnrbm_gui.models.gradients import BIASES, TRAINED, Batch
from rnnrbm_gui.models.rnn_rbm import SHAPES, Memory

SIZES = {"v": 6, "h": 5, "u": 4}


def random_problem(rng: np.random.Generator) -> tuple[gradients.Parameters, Batch, np.ndarray]:
    shapes = {name: tuple(SIZES[layer] for layer in SHAPES[name]) for name in TRAINED}
    shapes |= {name: (3, *shapes[name]) for name in BIASES}
    p = {name: rng.normal(size=shape) * 0.7 for name, shape in shapes.items()}
    n_frames, n_sequences = 7, 3
    real = np.ones((n_frames, n_sequences))
    real[4:, 1] = 0  # a shorter sequence, padded
    v = (rng.random((n_frames, n_sequences, SIZES["v"])) < 0.4) * real[..., None]
    kept = (rng.random((n_frames, n_sequences, SIZES["u"])) < 0.75) / 0.75
    batch = Batch(v, real, kept, np.array([0, 2, 2]), rng.random(SIZES["v"]))
    v_neg = (rng.random(v.shape) < 0.4).astype(np.float64)
    return p, batch, v_neg


@pytest.mark.parametrize("memory", ["tanh", "sigmoid"])
@pytest.mark.parametrize("name", TRAINED)
def test_gradient_is_the_slope_by_central_differences(memory: Memory, name: str) -> None:
    p, batch, v_neg = random_problem(np.random.default_rng(3))
    run = gradients.unroll(p, batch, memory)
    found = gradients.gradient(p, batch, run, v_neg, memory)[name]
    expected = np.empty_like(found)
    width = 1e-5
    for place in np.ndindex(found.shape):
        around = []
        for side in (width, -width):
            moved = {key: value.copy() for key, value in p.items()}
            moved[name][place] += side
            around.append(
                gradients.loss(moved, batch, gradients.unroll(moved, batch, memory), v_neg)
            )
        expected[place] = (around[0] - around[1]) / (2 * width)
    assert np.abs(expected).max() > 1e-3  # a slope that is zero everywhere would prove nothing
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("memory", ["tanh", "sigmoid"])
def test_centring_folds_into_plain_biases(memory: Memory) -> None:
    rng = np.random.default_rng(4)
    p, batch, _ = random_problem(rng)
    ones, row = np.ones_like(batch.real), np.zeros(3, np.int64)
    whole = Batch(batch.v, ones, np.ones_like(batch.kept), row, batch.centre)
    run = gradients.unroll(p, whole, memory)
    model = gradients.plain_model(p, whole.centre, np.zeros(SIZES["v"]), memory)
    for i in range(whole.v.shape[1]):
        bv_t, bh_t = model.frame_biases(whole.v[:, i])
        np.testing.assert_allclose(bv_t, run.bv_t[:, i], atol=2e-5)
        np.testing.assert_allclose(bh_t, run.bh_t[:, i], atol=2e-5)


def test_padding_is_not_learned_from() -> None:
    p, batch, v_neg = random_problem(np.random.default_rng(5))
    noise = batch.v.copy()
    noise[batch.real == 0] = 1
    other = replace(batch, v=noise)
    one = gradients.gradient(p, batch, gradients.unroll(p, batch, "tanh"), v_neg, "tanh")
    two = gradients.gradient(p, other, gradients.unroll(p, other, "tanh"), v_neg, "tanh")
    for name in TRAINED:
        np.testing.assert_allclose(one[name], two[name], atol=1e-12)
