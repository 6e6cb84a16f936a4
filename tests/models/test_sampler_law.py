"""The sampler's distribution: a small RBM's by enumeration, a trained model's by float64 draws.

Each chi-square test rejects a right sampler with probability ALARM, over all of them together in
one suite of some nine thousand; the comparisons with float64 do in one of 120. Since the seeds are
fixed, a false alarm would show at once and always.
"""

import numpy as np
import pytest
from scipy.stats import chi2, norm

from rnnrbm_gui import paths
from rnnrbm_gui.data.model_file import load_model
from rnnrbm_gui.models import kernels, rbm
from rnnrbm_gui.models.exact import STATE_UNIT, UNIT
from rnnrbm_gui.models.rnn_rbm import RnnRbm
from rnnrbm_gui.models.sampler import FrameSampler
from rnnrbm_gui.models.sequence_model import SequenceModel
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


def draws(sampler: FrameSampler, mask: np.ndarray, **how: object) -> np.ndarray:
    """DRAWS takes of the first frame, (DRAWS, n_visible)."""
    state, takes = sampler.first_state(), range(DRAWS)
    return sampler.passage(state, mask[None], takes=takes, frame=0, **how).v[:, 0]


def assert_follows(law: np.ndarray, v: np.ndarray) -> None:
    """Chi-square test of DRAWS frames against a law over all states, rare states pooled."""
    found = np.bincount(v @ (1 << np.arange(N_VISIBLE)), minlength=len(law))
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
@pytest.mark.parametrize("seed", range(12))
def test_law_after_exactly_so_many_steps(
    sampler: FrameSampler, n_steps: int, mask: np.ndarray, seed: int
) -> None:
    start = np.array([1, 0, 0, 1, 1, 0], np.bool_)  # against what the clamped keys are held at
    temperature = (1.0, 0.6, 1.7)[seed % 3]
    how = {"seed": seed, "temperature": temperature, "gibbs_steps": n_steps, "start": start}
    held = (start | (mask == 1)) & (mask != -1)
    law = Exact(sampler, mask, temperature).after(held, n_steps)
    assert_follows(law, draws(sampler, mask, **how))


@pytest.mark.parametrize("mask", [FREE, CLAMPED], ids=["free", "clamped"])
@pytest.mark.parametrize(("temperature", "seed"), [(1.0, 1), (1.0, 12345678901234567890), (0.6, 2)])
def test_long_annealed_draws_follow_the_model(
    sampler: FrameSampler, mask: np.ndarray, temperature: float, seed: int
) -> None:
    how = {"seed": seed, "temperature": temperature, "gibbs_steps": 250}
    assert_follows(Exact(sampler, mask, temperature).law(), draws(sampler, mask, **how))


def test_a_field_is_added_to_the_visible_biases(sampler: FrameSampler) -> None:
    field = np.array([1.5, -1, 0, 0.5, -0.25, 2], np.float32)
    exact = Exact(sampler, FREE, 1.4)
    exact.bv = exact.bv + field / 1.4
    how = {"seed": 5, "temperature": 1.4, "gibbs_steps": 250, "field": field}
    assert_follows(exact.law(), draws(sampler, FREE, **how))


def test_the_test_can_fail(sampler: FrameSampler) -> None:
    """A temperature wrong by a tenth is noticed."""
    with pytest.raises(AssertionError):
        assert_follows(
            Exact(sampler, FREE, 1.1).law(), draws(sampler, FREE, seed=1, gibbs_steps=250)
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
        ({"mask": np.zeros((2, N_VISIBLE), np.int8)}, "mask must have the shape"),
        ({"start": np.zeros(5, np.bool_)}, "start must have the shape"),
    ],
)
def test_wrong_arguments_are_refused(
    sampler: FrameSampler, wrong: dict[str, object], sentence: str
) -> None:
    right = {"mask": FREE, "seed": 1, "take": 0, "frame": 0}
    with pytest.raises(ValueError, match=sentence):
        sampler.draw(sampler.first_state(), **(right | wrong))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"places": np.zeros(3, np.int64)}, "places must be 5, the first of them 0"),
        ({"places": np.arange(1, 6)}, "places must be 5, the first of them 0"),
        ({"takes": range(0, 6, 2)}, "takes must follow one another"),
        ({"takes": range(2**64 - 1, 2**64 + 1)}, "seed, take and frame must be in"),
        ({"frame": 2**64 - 3}, "seed, take and frame must be in"),
        ({"threads": 0}, "threads must be in"),
        ({"masks": np.zeros((), np.int8)}, "mask must have the shape"),
        ({"masks": np.zeros((4, 3), np.int8)}, "mask must have the shape"),
    ],
)
def test_wrong_passages_are_refused(
    sampler: FrameSampler, wrong: dict[str, object], sentence: str
) -> None:
    right = {"masks": np.tile(FREE, (4, 1)), "seed": 1, "takes": range(1), "frame": 0}
    with pytest.raises(ValueError, match=sentence):
        sampler.passage(sampler.first_state(), **(right | wrong))


@pytest.mark.parametrize(("n_takes", "n_frames"), [(3, 0), (0, 3), (0, 0)])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_passage_may_be_empty(
    sampler: FrameSampler, n_takes: int, n_frames: int, threads: int
) -> None:
    masks, takes = np.zeros((n_frames, N_VISIBLE), np.int8), range(n_takes)
    drawn = sampler.passage(
        sampler.first_state(), masks, seed=1, takes=takes, frame=0, threads=threads
    )
    assert drawn.v.shape == (n_takes, n_frames, N_VISIBLE)


@pytest.fixture(scope="module")
def trained() -> FrameSampler:
    return FrameSampler(load_model(paths.models() / "jsb-chorales.safetensors").model)


class Float64:
    """Many chains of a model side by side in NumPy, with draws of its own."""

    def __init__(self, model: SequenceModel, n_chains: int) -> None:
        self.p = {k: x.astype(np.float64) for k, x in model.parameters().items()}
        self.model, self.rng = model, np.random.default_rng(8)
        self.u = np.tile(self.p["u0"], (n_chains, 1))
        self.v = np.zeros((n_chains, model.n_visible))

    def frame(self, n_steps: int) -> np.ndarray:
        """The next frame of each chain, after plain Gibbs steps from the one before."""
        p = self.p
        bv_t, bh_t = p["bv"] + self.u @ p["Wuv"], p["bh"] + self.u @ p["Wuh"]
        for _ in range(n_steps):
            h = self.rng.random(bh_t.shape) < rbm.sigmoid(bh_t + self.v @ p["W"])
            self.v = (self.rng.random(bv_t.shape) < rbm.sigmoid(bv_t + h @ p["W"].T)) * 1.0
        self.u = self.model.next_state(self.u.astype("f"), self.v).astype(np.float64)
        return self.v


def assert_alike(one: np.ndarray, two: np.ndarray) -> None:
    """Two samples of takes, (n_takes, n_keys) means: no key differs, nor the sum, by three sigma.

    Three sigma for all of them together (Bonferroni): a false alarm in 370. Keys that are on in
    fewer than 30 takes of either are left to the sum.
    """
    keys = ((one > 0).sum(0) >= 30) & ((two > 0).sum(0) >= 30)
    assert keys.sum() > 20
    one, two = (np.column_stack([takes[:, keys], takes.sum(1)]) for takes in (one, two))
    spread = np.sqrt(one.var(0) / len(one) + two.var(0) / len(two))
    z = (one.mean(0) - two.mean(0)) / spread
    assert np.abs(z).max() < norm.isf(norm.sf(3) / len(z))


def test_a_trained_models_draws_are_those_of_float64(trained: FrameSampler) -> None:
    """Of 25 steps from silence, 20,000 each: keys, and pairs of keys."""
    v = draws(trained, np.zeros(88, np.int8), seed=3, gibbs_steps=25, start=np.zeros(88, np.bool_))
    reference = Float64(trained.model, DRAWS).frame(25)
    assert_alike(v * 1.0, reference)
    common = np.argsort(v.sum(0))[-8:]
    pairs = np.triu_indices(8, 1)
    both = [x[:, common[pairs[0]]] * x[:, common[pairs[1]]] * 1.0 for x in (v, reference)]
    spread = np.sqrt(sum(x.var(0) for x in both) / DRAWS)
    z = (both[0].mean(0) - both[1].mean(0)) / np.maximum(spread, 1e-9)
    assert np.abs(z).max() < norm.isf(norm.sf(3) / len(z))


def test_two_million_free_running_frames_do_not_drift(trained: FrameSampler) -> None:
    """4,000 takes of 500 frames beside 400 in float64, all states fed back; the last 250 frames."""
    n_frames, n_steps = 500, 3
    free, silence = np.zeros((n_frames, 88), np.int8), np.zeros(88, np.bool_)
    means = []
    for first in range(0, 4000, 100):
        played = trained.passage(
            trained.first_state(),
            free,
            seed=4,
            takes=range(first, first + 100),
            frame=0,
            gibbs_steps=n_steps,
            start=silence,
            threads=2,
        )
        means.append(played.v[:, n_frames // 2 :].mean(1))
    reference = Float64(trained.model, 400)
    frames = [reference.frame(n_steps) for _ in range(n_frames)]
    assert_alike(np.concatenate(means), np.mean(frames[n_frames // 2 :], axis=0))
