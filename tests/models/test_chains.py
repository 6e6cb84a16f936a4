"""The chains for training and measuring: their law by chi-square, their bits by a plain twin.

Every chi-square test rejects right chains with probability ALARM, each choice of a key or a
temperature apart: over all of them, one false alarm in ten thousand suites; since the seeds are
fixed, it would show at once and always.
"""

import numba as nb
import numpy as np
import pytest
from scipy.stats import chi2

from rnnrbm_gui.models import chains, chains_numba, randomness, rbm, simd
from rnnrbm_gui.models.chains import ChainTables
from rnnrbm_gui.models.tables import Rough, Tables

ALARM = 1e-6
SHAPES = [(5, 6), (16, 31), (17, 32), (88, 150), (176, 600)]
N_KEYS, N_UNITS = 5, 6


class Inner:
    """A machine of any size of which 5 keys and 6 hidden units are wired, the rest alone.

    So the law of the wired keys can be enumerated, wherever they sit in the registers.
    """

    def __init__(self, n_visible: int, n_hidden: int, seed: int = 1) -> None:
        rng = np.random.default_rng(seed)
        self.keys, self.units = (
            np.sort([0, n - 1, *1 + rng.permutation(n - 2)[: k - 2]])  # the ends among them
            for n, k in ((n_visible, N_KEYS), (n_hidden, N_UNITS))
        )
        self.W = np.zeros((n_visible, n_hidden), np.float32)
        self.W[np.ix_(self.keys, self.units)] = rng.normal(size=(N_KEYS, N_UNITS)) * 1.3
        self.bv = rng.normal(size=n_visible).astype(np.float32)
        self.bh = rng.normal(size=n_hidden).astype(np.float32)
        self.start = rng.random(n_visible) < 0.5
        self.tables = chains.tables(self.W)
        self.small = (
            self.W[np.ix_(self.keys, self.units)].astype(np.float64),
            self.bv[self.keys].astype(np.float64),
            self.bh[self.units].astype(np.float64),
        )
        self.states = rbm.states(N_KEYS)

    def after(self, n_steps: int) -> np.ndarray:
        """Law of the wired keys after exactly n_steps from ``start``, (2^5,)."""
        W, bv, bh = self.small
        h = rbm.states(N_UNITS)
        p_h, p_v = rbm.mean_h(W, bh, self.states), rbm.mean_v(W, bv, h)
        to_h = np.where(h[None] == 1, p_h[:, None], 1 - p_h[:, None]).prod(2)
        to_v = np.where(self.states[None] == 1, p_v[:, None], 1 - p_v[:, None]).prod(2)
        law = (self.states == self.start[self.keys]).all(1).astype(np.float64)
        for _ in range(n_steps):
            law = law @ to_h @ to_v
        return law

    def law(self) -> np.ndarray:
        """Law of the wired keys in the long run."""
        weight = np.exp(-rbm.free_energy(*self.small, self.states))
        return weight / weight.sum()

    def log_z(self) -> float:
        energies = rbm.free_energy(*self.small, self.states)
        alone = np.delete(self.bv, self.keys), np.delete(self.bh, self.units)
        return float(
            np.log(np.exp(-energies).sum())
            + sum(rbm.softplus(x.astype(np.float64)).sum() for x in alone)
        )

    def many(self, n_chains: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Biases and starts of chains that are all alike."""
        return tuple(np.repeat(x[None], n_chains, 0) for x in (self.bv, self.bh, self.start))

    def assert_follows(self, law: np.ndarray, v: np.ndarray) -> None:
        """Chi-square test of many chains' ends: the wired keys together, the others one by one."""
        found = np.bincount(v[:, self.keys] @ (1 << np.arange(N_KEYS)), minlength=len(law))
        expected = law * len(v)
        often = expected >= 10
        assert often.sum() >= 6
        statistic = ((found - expected) ** 2 / expected)[often].sum()
        rest = expected[~often].sum()
        if rest >= 10:
            statistic += (found[~often].sum() - rest) ** 2 / rest
        # Without the rare states' cell the statistic is the smaller: the test stays one at ALARM.
        assert chi2.sf(statistic, often.sum() - 1 + (rest >= 10)) > ALARM
        others = np.delete(np.arange(len(self.bv)), self.keys)
        p = rbm.sigmoid(self.bv[others].astype(np.float64))
        z = (v[:, others].mean(0) - p) / np.sqrt(p * (1 - p) / len(v))
        assert chi2.sf((z**2).sum(), max(len(others), 1)) > ALARM


@pytest.mark.parametrize("n_steps", [1, 2, 3, 25])
@pytest.mark.parametrize("seed", [1, 2**64 - 1])
@pytest.mark.parametrize(("n_visible", "n_hidden"), SHAPES)
def test_law_after_exactly_so_many_steps(
    n_visible: int, n_hidden: int, seed: int, n_steps: int
) -> None:
    inner = Inner(n_visible, n_hidden)
    bv_t, bh_t, v = inner.many(20_000)
    chains.gibbs_chains(inner.tables, bv_t, bh_t, v, n_steps, seed)
    inner.assert_follows(inner.after(n_steps), v)


def test_the_test_can_fail() -> None:
    """Biases wrong by a fifth are noticed."""
    inner = Inner(88, 150)
    bv_t, bh_t, v = inner.many(20_000)
    chains.gibbs_chains(inner.tables, bv_t, bh_t * np.float32(1.2), v, 25, 1)
    with pytest.raises(AssertionError):
        inner.assert_follows(inner.after(25), v)


@pytest.mark.parametrize("n_temperatures", [2, 40])
@pytest.mark.parametrize(("n_visible", "n_hidden"), SHAPES)
def test_weights_along_the_temperatures_give_z_both_ways(
    n_visible: int, n_hidden: int, n_temperatures: int
) -> None:
    """E[w] = Z / Z_start and, from draws of the machine, E[w] = Z_start / Z: within 5 errors.

    That is one false alarm in a million for each of the estimates.
    """
    inner = Inner(n_visible, n_hidden)
    rng = np.random.default_rng(4)
    start = inner.bv.copy()  # as it is but for the wired keys, that two temperatures be enough
    start[inner.keys] += rng.normal(size=N_KEYS).astype("f") * np.float32(0.3)
    inner.bh[np.delete(np.arange(n_hidden), inner.units)] /= n_hidden
    logits = start.astype(np.float64)
    log_z_start = n_hidden * np.log(2) + rbm.softplus(logits).sum()
    betas = np.linspace(0, 1, n_temperatures)
    v = rng.random((20_000 if n_hidden < 500 else 5_000, n_visible)) < rbm.sigmoid(logits)
    there = chains.annealed_chains(inner.tables, start, inner.bv, inner.bh, v, betas, 1)
    bv_t, bh_t, _ = inner.many(len(v))
    chains.gibbs_chains(inner.tables, bv_t, bh_t, v, 50, 2)
    inner.assert_follows(inner.law(), v)
    back = betas[::-1].copy()
    back_again = chains.annealed_chains(inner.tables, start, inner.bv, inner.bh, v, back, 3)
    step = inner.log_z() - log_z_start
    for log_weight, expected in ((there, step), (back_again, -step)):
        ratio = np.exp(log_weight - expected)
        assert abs(ratio.mean() - 1) < 5 * ratio.std() / np.sqrt(len(v)) < 0.3
    p = rbm.sigmoid(logits)  # where the way back ends: near the machine of independent keys
    assert n_temperatures == 2 or np.abs(v.mean(0) - p).max() < 0.05


def uniforms(seed: int, chain: int, step: int, n_visible: int, n_hidden: int) -> tuple:
    """The numbers of one step of one chain, for the hidden units and for the keys."""
    rows_h, rows_v = -(-n_hidden // 16) * 16, -(-n_visible // 16) * 16
    key = randomness.mix(seed ^ randomness.mix(chain))
    [u] = randomness.uniforms(key, range(step, step + 1), randomness.words(rows_h + rows_v))
    return u[:n_hidden], u[rows_h : rows_h + n_visible]


class Plain:
    """The plain twin of one chain, in float64; ``near``: how narrowly its narrowest draw fell."""

    def __init__(self, W: np.ndarray, seed: int, chain: int) -> None:
        self.W, self.seed, self.chain, self.near = W.astype(np.float64), seed, chain, 1.0

    def _fired(self, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        drawn = u * (1 + np.exp(-x))
        self.near = min(self.near, np.abs(drawn - 1).min())
        return drawn < 1

    def gibbs(self, bv: np.ndarray, bh: np.ndarray, v: np.ndarray, n_steps: int) -> np.ndarray:
        for step in range(n_steps):
            for_h, for_v = uniforms(self.seed, self.chain, step, *self.W.shape)
            h = self._fired(bh + v @ self.W, for_h)
            v = self._fired(bv + self.W @ h, for_v)
        return v

    def annealed(
        self, start: np.ndarray, bv: np.ndarray, bh: np.ndarray, v: np.ndarray, betas: np.ndarray
    ) -> tuple[np.ndarray, float]:
        total = 0.0
        for k in range(1, len(betas)):
            a, new, old = bh + v @ self.W, betas[k], betas[k - 1]
            total += (new - old) * (v @ (bv - start))
            total += (rbm.softplus(new * a) - rbm.softplus(old * a)).sum()
            for_h, for_v = uniforms(self.seed, self.chain, k, *self.W.shape)
            h = self._fired(new * a, for_h)
            v = self._fired((1 - new) * start + new * (bv + self.W @ h), for_v)
        return v, total


def random_machine(n_visible: int, n_hidden: int, n_chains: int) -> tuple[np.ndarray, ...]:
    """A dense machine, with biases and start of each chain."""
    rng = np.random.default_rng(n_visible * n_hidden)
    W = (rng.normal(size=(n_visible, n_hidden)) * 2 / np.sqrt(n_hidden)).astype("f")
    bv_t = (rng.normal(size=(n_chains, n_visible)) - 1).astype("f")
    bh_t = rng.normal(size=(n_chains, n_hidden)).astype("f")
    return W, bv_t, bh_t, rng.random((n_chains, n_visible)) < 0.2


NEAR = 1e-5
"""Nearer than this to 1, rounding to float32 may decide a draw."""


@pytest.mark.parametrize(("n_visible", "n_hidden"), [*SHAPES, (1, 1), (88, 300), (92, 4096)])
def test_each_draw_is_that_of_the_plain_twin(n_visible: int, n_hidden: int) -> None:
    W, bv_t, bh_t, v = random_machine(n_visible, n_hidden, 100)
    found = v.copy()
    chains.gibbs_chains(chains.tables(W), bv_t, bh_t, found, 3, 11)
    compared = 0
    for chain in range(100):
        twin = Plain(W, 11, chain)
        expected = twin.gibbs(bv_t[chain], bh_t[chain], v[chain], 3)
        if twin.near > NEAR:
            np.testing.assert_array_equal(found[chain], expected)
            compared += 1
    assert compared > 50


@pytest.mark.parametrize("n_temperatures", [2, 12])
@pytest.mark.parametrize("direction", [1, -1], ids=["forward", "reverse"])
@pytest.mark.parametrize(("n_visible", "n_hidden"), [*SHAPES, (1, 1), (88, 300), (92, 4096)])
def test_each_weight_is_that_of_the_plain_twin(
    n_visible: int, n_hidden: int, direction: int, n_temperatures: int
) -> None:
    n_chains = 20 if n_hidden > 1000 else 60
    W, bv_t, bh_t, v = random_machine(n_visible, n_hidden, n_chains)
    bv, bh = bv_t[0], bh_t[0] * np.float32(4)  # some far from 0: factors of 2 and of 1
    start = bv_t[1]
    betas = np.linspace(0, 1, n_temperatures)[::direction].copy()
    found = v.copy()
    log_weight = chains.annealed_chains(chains.tables(W), start, bv, bh, found, betas, 12)
    compared = 0
    for chain in range(n_chains):
        twin = Plain(W, 12, chain)
        expected, weight = twin.annealed(start, bv, bh, v[chain], betas)
        if twin.near > NEAR:
            np.testing.assert_array_equal(found[chain], expected)
            assert log_weight[chain] == pytest.approx(weight, rel=3e-6, abs=1e-4)
            compared += 1
    assert compared >= 3


def by_exact_sums(tables: ChainTables) -> ChainTables:
    """The same tables, with bounds that tell nothing."""
    useless = np.full_like(tables.rough.bounds, np.inf)
    return ChainTables(tables.exact, Rough(tables.rough.down, useless))


@pytest.mark.parametrize("layer", ["hidden", "keys"])
def test_draws_beside_their_thresholds(layer: str) -> None:
    """Nearer than the rough power of two is to the exact one.

    One unit a chain, for where one is open the others are drawn exactly, too. Each hidden unit
    shows by a key.
    """
    n_visible, n_hidden, n_chains = 88, 150, 2000
    W = np.zeros((n_visible, n_hidden), np.float32)
    bv_t = np.full((n_chains, n_visible), -1, np.float32)  # small, or bounds allow for rounding
    bh_t = np.full((n_chains, n_hidden), -1, np.float32)
    if layer == "hidden":
        W[np.diag_indices(n_visible)], bv_t[:] = 40, -20
    rng, each = np.random.default_rng(6), np.arange(n_chains)
    unit = rng.integers(0, n_visible, n_chains)
    drawn = [uniforms(5, i, 0, n_visible, n_hidden)[layer == "keys"] for i in range(n_chains)]
    u = np.array(drawn)[each, unit].astype(np.float64)
    beside = rng.uniform(2e-6, 8e-6, n_chains) * rng.choice([-1, 1], n_chains)
    (bh_t if layer == "hidden" else bv_t)[each, unit] = np.log(u / (1 - u)) + beside
    found, expected = np.zeros((2, n_chains, n_visible), np.bool_)
    tables = chains.tables(W)
    chains.gibbs_chains(tables, bv_t, bh_t, found, 1, 5)
    chains.gibbs_chains(by_exact_sums(tables), bv_t, bh_t, expected, 1, 5)
    np.testing.assert_array_equal(found, expected)
    told = u < 0.5  # float32 is too coarse for low odds
    np.testing.assert_array_equal(expected[each, unit][told], beside[told] > 0)


def test_bounds_grow_with_the_number_of_terms() -> None:
    """What a group adds to a bias beyond 8 float32 rounds away, and so all that thousands add.

    Keys that would fire by the true sum, and by float32's do not.
    """
    n_visible, n_hidden = 32, 16384
    lost = 0.97 * 2.0**-21  # a bias of 8..16 has places of 2^-20
    of_unit = np.where(np.arange(n_hidden) % 64 < 60, lost / 5, lost / 4).astype(np.float32)
    tables = chains.tables(np.tile(of_unit, (n_visible, 1)))
    exact, bh = by_exact_sums(tables), np.full((1, n_hidden), 50, np.float32)
    words, n_keys = tables.exact.words[n_hidden:], 0
    for seed in range(4000):
        key = randomness.mix(seed ^ randomness.mix(0))
        [u] = randomness.uniforms(key, range(1), words).astype(np.float64)
        threshold = np.log(u / (1 - u))
        near = (threshold > -8.7) & (threshold < -8.001)
        if near.any():
            bv = np.where(near, threshold - 1e-5, -8).astype(np.float32)[None]
            found, expected = np.zeros((2, 1, n_visible), np.bool_)
            chains.gibbs_chains(tables, bv, bh, found, 1, seed)
            chains.gibbs_chains(exact, bv, bh, expected, 1, seed)
            np.testing.assert_array_equal(found, expected)
            assert not expected[0, near].any()
            n_keys += 1
    assert n_keys > 5


@nb.njit(error_model="numpy")
def widest(x: np.ndarray, n: int) -> float:
    return chains_numba.widest(x, n)


@pytest.mark.parametrize("n", [1, 2, 7, 88])
def test_what_is_no_number_is_wider_than_any(n: int) -> None:
    x = np.random.default_rng(n).normal(size=n + 1).astype(np.float32)
    x[n] = np.nan
    assert widest(x, n) == np.abs(x[:n]).max()
    for number in (-np.inf, np.nan):
        for i in range(n):
            y = x.copy()
            y[i], y[i // 2] = np.inf, number
            np.testing.assert_equal(widest(y, n), np.abs(number))


def test_biases_that_are_no_numbers_are_nothing_to_other_chains() -> None:
    """Their units never fire, the others' draws are those of exact sums."""
    W, bv_t, bh_t, v = random_machine(88, 150, 40)
    wild_v, wild_h, expected = bv_t.copy(), bh_t.copy(), v.copy()
    wild_v[3, 7] = wild_v[4, 0] = wild_h[5, 149] = wild_h[4, 2] = np.nan
    wild_v[6, 80], wild_h[7, 1], wild_h[8, 1] = np.inf, np.inf, -np.inf
    tables, found, exact = chains.tables(W), v.copy(), v.copy()
    chains.gibbs_chains(tables, wild_v, wild_h, found, 20, 7)
    chains.gibbs_chains(by_exact_sums(tables), wild_v, wild_h, exact, 20, 7)
    np.testing.assert_array_equal(found, exact)
    assert not found[3, 7]
    assert not found[4, 0]
    assert found[6, 80]
    chains.gibbs_chains(tables, bv_t, bh_t, expected, 20, 7)
    tame = np.delete(np.arange(40), [3, 4, 5, 6, 7, 8])
    np.testing.assert_array_equal(found[tame], expected[tame])
    for x in (wild_v, wild_h):
        x[~np.isfinite(x)] = np.where(x[~np.isfinite(x)] > 0, 99, -99)
    chains.gibbs_chains(tables, wild_v, wild_h, v, 20, 7)
    np.testing.assert_array_equal(found, v)


@pytest.mark.parametrize("most", [1, 2, 3, 6, 16])
def test_blocks_do_not_change_the_bits(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    W, bv_t, bh_t, v = random_machine(70, 100, 50)
    expected, found = v.copy(), v.copy()
    chains.gibbs_chains(chains.tables(W), bv_t, bh_t, expected, 5, 1)
    monkeypatch.setattr(simd, "most_registers", lambda: most)
    tables = chains.tables(W)
    assert tables.exact.up.shape[2] <= 16 * most
    chains.gibbs_chains(tables, bv_t, bh_t, found, 5, 1)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan, 3e38, 1e36, 1e-30, 1e-42, 0])
@pytest.mark.parametrize("everywhere", [False, True])
def test_tables_of_any_numbers(number: float, everywhere: bool) -> None:
    """No warning; bounds that hold, or of which nothing is told; and both twins alike."""
    W, bv_t, bh_t, v = random_machine(20, 65, 30)
    W[...] *= np.float32(0.01)
    W[:] = np.where(everywhere | (np.arange(W.size) == 7).reshape(W.shape), number, W)
    tables = chains.tables(W)
    exact, rough = tables
    with np.errstate(all="ignore"):
        twin = Tables.of(W, exact.down.shape[3], exact.up.shape[2])
    for one, two in zip(rough, Rough.of(twin.down, W), strict=True):
        np.testing.assert_array_equal(one, two)
    unit, off, reach = rough.bounds
    if np.isfinite(reach):
        assert 0 < unit <= off
        sums = unit * np.float64(rough.down.view(np.int16))
        assert np.abs(exact.down - sums).max() <= off / exact.down.shape[1]
    else:
        assert np.isinf(rough.bounds).all()
        assert not rough.down.any()
    assert np.isfinite(reach) == (abs(number) < 1e37 or (number == 3e38 and not everywhere))
    found, expected = v.copy(), v.copy()
    chains.gibbs_chains(tables, bv_t, bh_t, found, 3, 1)
    chains.gibbs_chains(by_exact_sums(tables), bv_t, bh_t, expected, 3, 1)
    np.testing.assert_array_equal(found, expected)


def test_read_only_arrays_will_do() -> None:
    W, bv_t, bh_t, v = random_machine(20, 10, 4)
    found = v.copy()
    chains.gibbs_chains(chains.tables(W), bv_t, bh_t, v, 2, 1)
    for x in (W, bv_t, bh_t):
        x.setflags(write=False)
    chains.gibbs_chains(chains.tables(W), bv_t, bh_t, found, 2, 1)
    np.testing.assert_array_equal(found, v)


def test_arguments_that_do_not_fit_are_refused() -> None:
    W, bv_t, bh_t, v = random_machine(20, 10, 4)
    tables = chains.tables(W)
    with pytest.raises(ValueError, match=r"bh_t must be float32 \(4, 10\) in C order"):
        chains.gibbs_chains(tables, bv_t, bh_t[:, :9], v, 1, 1)
    with pytest.raises(ValueError, match="bv_t must be float32"):
        chains.gibbs_chains(tables, bv_t.astype(np.float64), bh_t, v, 1, 1)
    with pytest.raises(ValueError, match="v must be bool"):
        chains.gibbs_chains(tables, bv_t, bh_t, np.asfortranarray(v), 1, 1)
    with pytest.raises(ValueError, match="start must be float32"):
        chains.annealed_chains(tables, bv_t, bv_t[0], bh_t[0], v, np.linspace(0, 1, 3), 1)
