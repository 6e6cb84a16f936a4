from dataclasses import replace

import numpy as np
import pytest

from rnnrbm_gui.models import gradients
from rnnrbm_gui.models.gradients import trained
from rnnrbm_gui.models.kinds import Kind
from rnnrbm_gui.models.memory import Memory
from tests.models.problems import KINDS, N_POSITIONS, random_problem

CASES = [
    (kind, memory, told, name)
    for kind, memory in KINDS
    for told in (False, True)
    for name in trained(kind, N_POSITIONS if told else 0)
]


@pytest.mark.parametrize(("kind", "memory", "told", "name"), CASES)
def test_gradient_is_the_slope_by_central_differences(
    kind: Kind, memory: Memory, told: bool, name: str
) -> None:
    p, batch, v_neg = random_problem(kind, memory, told)
    run = gradients.unroll(kind, p, batch, memory)
    found = gradients.gradient(kind, p, batch, run, v_neg, memory)
    assert set(found) == set(p)
    expected = np.empty_like(found[name])
    width = 1e-5
    for place in np.ndindex(expected.shape):
        around = []
        for side in (width, -width):
            moved = {key: value.copy() for key, value in p.items()}
            moved[name][place] += side
            run = gradients.unroll(kind, moved, batch, memory)
            around.append(gradients.loss(moved, batch, run, v_neg))
        expected[place] = (around[0] - around[1]) / (2 * width)
    assert np.abs(expected).max() > 1e-3  # a slope that is zero everywhere would prove nothing
    np.testing.assert_allclose(found[name], expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("kind", "memory"), KINDS)
@pytest.mark.parametrize("told", [False, True])
def test_centring_folds_into_plain_biases(kind: Kind, memory: Memory, told: bool) -> None:
    """The kept model gives the biases that training had: one recurrence serves both."""
    p, batch, _ = random_problem(kind, memory, told, seed=4)
    whole = replace(
        batch,
        real=np.ones_like(batch.real),
        kept=np.ones_like(batch.kept),
        row=np.zeros(3, np.int64),
        shown=None,
    )
    run = gradients.unroll(kind, p, whole, memory)
    model = gradients.plain_model(kind, p, whole.centre, np.zeros(6), memory)
    for i in range(whole.v.shape[1]):
        x = None if whole.x is None else whole.x[:, i]
        bv_t, bh_t = model.frame_biases(whole.v[:, i], x)
        np.testing.assert_allclose(bv_t, run.bv_t[:, i], atol=2e-5)
        np.testing.assert_allclose(bh_t, run.bh_t[:, i], atol=2e-5)


def test_an_rnn_rbm_with_the_rtrbms_ties_has_its_biases_energies_and_gradients() -> None:
    """Wvu = W, Wuu = Wuh, bu = bh, f = sigmoid: two code paths, one model (chain rule by hand)."""
    p, batch, v_neg = random_problem("rtrbm", "tanh", True)
    centred = batch.centre @ p["W"]
    tied = {**p, "Wvu": p["W"], "Wuu": p["Wuh"], "bu": p["bh"] - centred, "Wxu": p["Wxh"]}
    own = gradients.unroll("rtrbm", p, batch, "tanh")
    other = gradients.unroll("rnn-rbm", tied, batch, "sigmoid")
    np.testing.assert_allclose(other.steps.u, own.steps.u, rtol=1e-13)
    np.testing.assert_allclose(other.bv_t, own.bv_t, rtol=1e-12)
    np.testing.assert_allclose(other.bh_t, own.bh_t, rtol=1e-12)
    assert gradients.loss(tied, batch, other, v_neg) == pytest.approx(
        gradients.loss(p, batch, own, v_neg), rel=1e-12
    )
    mine = gradients.gradient("rtrbm", p, batch, own, v_neg, "tanh")
    free = gradients.gradient("rnn-rbm", tied, batch, other, v_neg, "sigmoid")
    folded = {
        "W": free["W"] + free["Wvu"] - np.outer(batch.centre, free["bu"].sum(0)),
        "Wuh": free["Wuh"] + free["Wuu"],
        "bh": free["bh"] + free["bu"],
        "Wxh": free["Wxh"] + free["Wxu"],
    }
    for name in p:
        expected = folded.get(name, free[name])
        np.testing.assert_allclose(mine[name], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("kind", "memory"), KINDS)
def test_padding_is_not_learned_from(kind: Kind, memory: Memory) -> None:
    p, batch, v_neg = random_problem(kind, memory, False, seed=5)
    noise = batch.v.copy()
    noise[batch.real == 0] = 1
    one, two = (
        gradients.gradient(kind, p, b, gradients.unroll(kind, p, b, memory), v_neg, memory)
        for b in (batch, replace(batch, v=noise))
    )
    for name in p:
        np.testing.assert_allclose(one[name], two[name], atol=1e-12)
