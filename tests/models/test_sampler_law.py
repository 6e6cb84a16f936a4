"""The sampler's distribution against exact enumeration of a small RBM, by chi-square.

Each test rejects a right sampler with probability ALARM: over all of them together, one false
alarm in some twenty thousand suites; since the seeds are fixed, it would show at once and always.
"""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import chi2

from rnnrbm_gui.models import kernels, rbm
from rnnrbm_gui.models.exact import STATE_UNIT, UNIT
from rnnrbm_gui.models.rnn_rbm import RnnRbm
from rnnrbm_gui.models.sampler import Frame, FrameSampler
from tests.shapes import SHAPES

ALARM = 1e-6
N_VISIBLE, N_HIDDEN = 6, 5
DRAWS = 20_000
FREE = np.zeros(N_VISIBLE, np.int8)
CLAMPED = np.array([0, 1, 0, -1, 0, 0], np.int8)


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    kernels.compile_kernel()  # its bits are the plain one's: tests/models/test_kernels.py


@pytest.fixture(scope="module")
def sampler() -> FrameSampler:
    rng = np.random.default_rng(11)
    sizes = {"v": N_VISIBLE, "h": N_HIDDEN, "u": 3}
    arrays = {
        name: rng.normal(size=tuple(sizes[layer] for layer in layers)).astype("f")
        for name, layers in SHAPES.items()
    }
    return FrameSampler(RnnRbm(**arrays))


class Exact:
    """The RBM that the sampler's first frame is drawn from, enumerated in float64."""

    def __init__(self, sampler: FrameSampler, mask: np.ndarray, temperature: float) -> None:
        model = sampler.model
        u = np.rint(model.u0.astype(np.float64) * STATE_UNIT) / STATE_UNIT
        rounded = {k: np.rint(x * UNIT) / UNIT for k, x in model.parameters().items()}
        self.W = rounded["W"] / temperature
        self.bv = (rounded["bv"] + u @ rounded["Wuv"]) / temperature
        self.bh = (rounded["bh"] + u @ rounded["Wuh"]) / temperature
        self.v = rbm.states(N_VISIBLE)
        self.allowed = ((mask == 0) | (self.v == (mask == 1))).all(1)
        self.mask = mask

    def law(self) -> np.ndarray:
        """P(v | what is held), (2^n_visible,)."""
        weight = np.exp(-rbm.free_energy(self.W, self.bv, self.bh, self.v)) * self.allowed
        return weight / weight.sum()

    def after(self, start: np.ndarray, n_steps: int) -> np.ndarray:
        """Law of v after exactly n_steps of h then v, from a fixed start."""
        h = rbm.states(N_HIDDEN)
        p_h = rbm.mean_h(self.W, self.bh, self.v)  # (2^n_visible, n_hidden)
        to_h = np.where(h[None] == 1, p_h[:, None], 1 - p_h[:, None]).prod(2)
        p_v = rbm.mean_v(self.W, self.bv, h)
        p_v = np.where(self.mask == 1, 1.0, np.where(self.mask == -1, 0.0, p_v))
        to_v = np.where(self.v[None] == 1, p_v[:, None], 1 - p_v[:, None]).prod(2)
        law = (self.v == start).all(1).astype(np.float64)
        for _ in range(n_steps):
            law = law @ to_h @ to_v
        return law


def assert_follows(law: np.ndarray, draw: Callable[[int], Frame]) -> None:
    """Chi-square test of DRAWS frames against a law over all states, rare states pooled."""
    bits = 1 << np.arange(N_VISIBLE)
    found = np.bincount([int(draw(i).v @ bits) for i in range(DRAWS)], minlength=len(law))
    assert found[law == 0].sum() == 0
    expected = law * DRAWS
    often = expected >= 10
    found_in = [*found[often], found[~often].sum()]
    expected_in = [*expected[often], max(expected[~often].sum(), 1e-300)]
    if expected_in[-1] < 10:  # too rare even together: they join the last cell that is not
        found_in[-2:] = [sum(found_in[-2:])]
        expected_in[-2:] = [sum(expected_in[-2:])]
    assert len(found_in) >= 4  # else there is nothing to test
    statistic = ((np.array(found_in) - expected_in) ** 2 / expected_in).sum()
    assert chi2.sf(statistic, len(found_in) - 1) > ALARM


@pytest.mark.parametrize("n_steps", [1, 2, 3, 25])
@pytest.mark.parametrize("mask", [FREE, CLAMPED], ids=["free", "clamped"])
@pytest.mark.parametrize(("temperature", "seed"), [(1.0, 1), (0.6, 2), (1.7, 3)])
def test_law_after_exactly_so_many_steps(
    sampler: FrameSampler, n_steps: int, mask: np.ndarray, temperature: float, seed: int
) -> None:
    start = np.array([1, 1, 0, 0, 1, 0], np.bool_)  # agrees with the clamped keys
    state = sampler.first_state()
    assert_follows(
        Exact(sampler, mask, temperature).after(start, n_steps),
        lambda i: sampler.draw(
            state,
            mask,
            seed=seed,
            take=0,
            frame=i,
            temperature=temperature,
            gibbs_steps=n_steps,
            start=start,
        ),
    )


@pytest.mark.parametrize("mask", [FREE, CLAMPED], ids=["free", "clamped"])
@pytest.mark.parametrize(("temperature", "seed"), [(1.0, 1), (1.0, 12345678901234567890), (0.6, 2)])
def test_long_annealed_draws_follow_the_model(
    sampler: FrameSampler, mask: np.ndarray, temperature: float, seed: int
) -> None:
    state = sampler.first_state()
    assert_follows(
        Exact(sampler, mask, temperature).law(),
        lambda i: sampler.draw(
            state, mask, seed=seed, take=1, frame=i, temperature=temperature, gibbs_steps=250
        ),
    )


def test_a_field_is_added_to_the_visible_biases(sampler: FrameSampler) -> None:
    field = np.array([1.5, -1, 0, 0.5, -0.25, 2], np.float32)
    exact = Exact(sampler, FREE, 1.4)
    exact.bv = exact.bv + field / 1.4
    state = sampler.first_state()
    assert_follows(
        exact.law(),
        lambda i: sampler.draw(
            state, FREE, seed=5, take=1, frame=i, temperature=1.4, gibbs_steps=250, field=field
        ),
    )


def test_the_test_can_fail(sampler: FrameSampler) -> None:
    """A temperature wrong by a tenth is noticed."""
    state = sampler.first_state()
    with pytest.raises(AssertionError):
        assert_follows(
            Exact(sampler, FREE, 1.1).law(),
            lambda i: sampler.draw(state, FREE, seed=1, take=0, frame=i, gibbs_steps=250),
        )


def test_mean_v_is_the_probability_of_each_key(sampler: FrameSampler) -> None:
    state, exact = sampler.first_state(), Exact(sampler, FREE, 1.0)
    expected = exact.law() @ exact.v
    found = sampler.draw(state, FREE, seed=1, take=0, frame=0, gibbs_steps=100_000).mean_v
    np.testing.assert_allclose(found, expected, atol=0.02)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"temperature": 0.0}, "temperature must be in"),
        ({"temperature": float("nan")}, "temperature must be in"),
        ({"gibbs_steps": 0}, "gibbs_steps must be in"),
        ({"mask": np.zeros(5, np.int8)}, "mask must have the shape"),
        ({"field": np.full(N_VISIBLE, np.nan, np.float32)}, "field must hold"),
        ({"field": np.zeros(N_VISIBLE)}, "field must have the shape"),
        ({"seed": -1}, "seed, take and frame must be in"),
        ({"take": 2**64}, "seed, take and frame must be in"),
    ],
)
def test_wrong_arguments_are_refused(
    sampler: FrameSampler, wrong: dict[str, object], sentence: str
) -> None:
    right = {"mask": FREE, "seed": 1, "take": 0, "frame": 0}
    with pytest.raises(ValueError, match=sentence):
        sampler.draw(sampler.first_state(), **(right | wrong))
