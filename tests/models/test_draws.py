"""Draws by bounds against the definition, with numbers that fall where bounds leave it open."""

import numba as nb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnrbm_gui.models import draws_numba as draws
from rnnrbm_gui.models import kernels, simd
from rnnrbm_gui.models import layers_numba as layers
from rnnrbm_gui.models.kernels import FARTHEST, HELD, LOG2E, Weights
from rnnrbm_gui.models.tables import ROUNDED

UNIT = 2.0**16
KEYS, HIDDEN = 88, 150
REGISTERS_V, REGISTERS_H, SHAPE = 6, 10, (1, 3, 31)


@nb.njit
def draw_hidden(
    sums: np.ndarray,
    u: np.ndarray,
    scale: np.float32,
    limit: np.float32,
    reach: np.float32,
    on: np.ndarray,
) -> None:
    draws.hidden(sums, u, scale, limit, reach, REGISTERS_H, on)


@nb.njit
def draw_keys(
    up: np.ndarray,
    rough: np.ndarray,
    unit: np.float32,
    bias: np.ndarray,
    rates: np.ndarray,
    held: np.ndarray,
    h_on: np.ndarray,
    u: np.ndarray,
    scale: np.float32,
    mix: np.float32,
    off: np.float32,
    on: np.ndarray,
) -> float:
    sums, nothing = np.zeros(96, np.uint16), np.zeros(96, np.uint16)
    layers.down(nothing, rough, h_on, SHAPE, simd.zeros(3), sums)
    bound = draws.bound(off, scale)
    told = (up, sums, unit, bias, rates, held, h_on)
    draws.keys(told, u, scale, mix, bound, REGISTERS_V, on)
    return bound


def numbers_beside(odds: np.ndarray, steps: int) -> np.ndarray:
    """Return uniforms a few steps away from 1 / odds, as float32."""
    place = np.floor(2.0**23 / odds.astype(np.float64)) + steps
    return ((np.clip(place, 0, 2**23 - 1) + 0.5) * 2.0**-23).astype(np.float32)


def truths(words: np.ndarray, n: int) -> np.ndarray:
    return np.unpackbits(words.view(np.uint8), bitorder="little")[:n].astype(bool)


def assert_hidden(sums: np.ndarray, u: np.ndarray, scale: np.float32, reach: float) -> np.ndarray:
    """Draw hidden units; return what was drawn by definition, too."""
    limit = np.float32(np.floor(FARTHEST / -np.float64(scale)))
    x = np.clip(sums, -np.int64(limit), np.int64(limit)).astype(np.float32)
    on, expected = np.zeros(3, np.uint64), u * (1 + kernels.power_of_two(x * scale)) < 1
    u = u * np.float32(2**32)
    draw_hidden(sums.view(np.uint32), u, scale, limit, np.float32(reach), on)
    np.testing.assert_array_equal(truths(on, HIDDEN), expected[:HIDDEN])
    return expected


STEPS = (-900, -100, -2, -1, 0, 1, 2, 100, 900)
TEMPERATURES = st.sampled_from([0.3, 0.9, 1.0, 4.0])


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0.1, 1.0, 12.0]), TEMPERATURES)
def test_hidden_units_told_by_bounds(seed: int, strength: float, temperature: float) -> None:
    """As far out as they can be, and one unit of a word beside its threshold."""
    rng = np.random.default_rng(seed)
    scale = np.float32(-LOG2E / (UNIT * temperature))
    limit = np.floor(FARTHEST / -np.float64(scale))
    sums = np.clip(rng.normal(size=HIDDEN + 10) * strength * UNIT, -limit, limit).astype(np.int32)
    odds = np.float32(1) + kernels.power_of_two(sums.astype(np.float32) * scale)
    beside = np.arange(HIDDEN + 10) % 64 == rng.integers(0, 22)
    anywhere = numbers_beside(1 / rng.random(HIDDEN + 10), 0)
    fired = []
    for steps in STEPS:
        u = np.where(beside, numbers_beside(odds, steps), anywhere)
        fired.append(assert_hidden(sums, u, scale, np.float32(np.abs(sums).max()))[beside])
    assert strength == 12.0 or (fired[0] & ~fired[-1]).any()


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0.1, 1.0, 12.0]), TEMPERATURES)
def test_hidden_units_beyond_the_limit(seed: int, strength: float, temperature: float) -> None:
    """Of such sums there is no rough power: all are drawn by the definition."""
    rng = np.random.default_rng(seed)
    scale = np.float32(-LOG2E / (UNIT * temperature))
    limit = np.floor(FARTHEST / -np.float64(scale))
    sums = (rng.normal(size=HIDDEN + 10) * strength * UNIT).astype(np.int32)
    wild = rng.permutation(HIDDEN)[:5]
    sums[wild] = [-(2**31), 2**31 - 1, limit + 1, -limit - 1, rng.integers(2**29, 2**31)]
    x = np.clip(sums, -limit, limit).astype(np.float32)
    odds = np.float32(1) + kernels.power_of_two(x * scale)
    for steps in STEPS:
        u, reach = numbers_beside(odds, steps), np.nan if steps > 0 else 2.0**31
        expected = assert_hidden(sums, u, scale, reach)
        assert not expected[wild[[0, 3]]].any()
        assert expected[wild[[1, 2, 4]]].all()


def test_the_hidden_units_bounds_allow_for_the_rough_power() -> None:
    """One unit of each word so near its threshold that the rough power is on the wrong side."""
    rng = np.random.default_rng(4)
    scale, which = np.float32(-LOG2E / UNIT), np.arange(HIDDEN + 10) % 64
    for i in range(600):
        beside = which == i % 22
        y = np.where(beside, rng.uniform(3, 5, HIDDEN + 10), -20)
        sums = np.rint(y / np.float64(scale)).astype(np.int32)
        odds = np.float32(1) + kernels.power_of_two(sums.astype(np.float32) * scale)
        for steps in (-1, 1):
            u = np.where(beside, numbers_beside(odds, steps), np.float32(0.5))
            expected = assert_hidden(sums, u, scale, np.float32(np.abs(sums).max()))
            np.testing.assert_array_equal(expected, ~beside | (steps < 0))


def worst_units(weights: Weights, rng: np.random.Generator) -> np.ndarray:
    """Return the hidden units for which a key's rough sum is farthest off."""
    key, sign = rng.integers(0, KEYS), rng.choice([-1, 1])
    exact = weights.tables.down.view(np.int32)[0, :, :, key].astype(np.int64)
    rough = weights.rough.down.view(np.int16)[0, :, :, key]
    patterns = (sign * (exact - weights.rough.bounds[0] * rough)).argmax(1)
    groups = [np.arange(64 * w, min(64 * w + 64, HIDDEN)) for w in range(3)]
    groups = [units[i : i + 5] for units in groups for i in range(0, len(units), 5)]
    h = np.zeros(HIDDEN, np.bool_)
    for units, pattern in zip(groups, patterns, strict=True):
        h[units] = pattern >> np.arange(len(units)) & 1
    return h


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from([0.02, 0.4, 3.0]),
    st.sampled_from([0.9, 1.0, 4.0]),
    st.sampled_from([0.0, 0.3]),
)
def test_keys(seed: int, strength: float, temperature: float, mix: float) -> None:
    rng = np.random.default_rng(seed)
    scale = np.float32(-LOG2E / (UNIT * temperature))
    W = np.rint(rng.normal(size=(KEYS, HIDDEN)) * strength * UNIT).astype(np.int32)
    weights = Weights(W)
    unit, off, _ = weights.rough.bounds
    bias = np.zeros(96, np.int32)
    bias[:KEYS] = np.rint(rng.normal(size=KEYS) * 3 * UNIT)
    rates, held = np.zeros(96, np.float32), np.full(96, HELD)
    rates[:KEYS] = rng.normal(size=KEYS) * 5
    mask = rng.choice(np.array([0, 0, 0, 0, 1, -1], np.int8), KEYS)
    pull = np.where(np.arange(KEYS) % 11 == 0, 1e6, rng.normal(size=KEYS)).astype("f")
    held[:KEYS] = kernels.held(mask, pull)
    h = worst_units(weights, rng) if seed % 2 else rng.random(HIDDEN) < 0.4
    h_on = np.pad(np.packbits(h, bitorder="little"), (0, 5)).view(np.uint64)
    y = rates[:KEYS] * np.float32(mix) + held[:KEYS]
    y = (bias[:KEYS] + W @ h).astype(np.float32) * scale + y
    odds = np.float32(1) + kernels.power_of_two(np.clip(y, -FARTHEST, FARTHEST))
    off += np.float32(ROUNDED) * np.float32(np.abs(bias).max())
    told = weights.tables.up, weights.rough.down, unit, bias.view(np.uint32), rates, held, h_on
    for steps in (-30_000, -900, -2, -1, 0, 1, 2, 900, 30_000):
        u, on = np.full(96, 0.5, np.float32), np.full(2, 2**64 - 1, np.uint64)
        u[:KEYS] = numbers_beside(odds, steps)
        draw_keys(*told, u * np.float32(2**32), scale, np.float32(mix), off, on)
        expected = u[:KEYS] * odds < 1
        np.testing.assert_array_equal(truths(on, 96), [*expected, *[False] * 8])
        assert expected[mask == 1].all()
        assert not expected[mask == -1].any()


@pytest.mark.parametrize("strength", [0.05, 0.5, 5.0])
def test_rough_sums_are_off_by_no_more_than_they_say(strength: float) -> None:
    rng = np.random.default_rng(3)
    W = np.rint(rng.normal(size=(KEYS, HIDDEN)) * strength * UNIT).astype(np.int32)
    weights = Weights(W)
    unit, off, reach = weights.rough.bounds.astype(np.float64)
    rows = weights.rough.down.view(np.int16)[0].astype(np.int64)
    exact = weights.tables.down.view(np.int32)[0].astype(np.int64)
    # Any sum of one row from each group, the largest and the worst for each key among them.
    some = [rng.integers(0, 32, 31) for _ in range(500)]
    for key in range(KEYS):
        some += [exact[:, :, key].argmax(1), exact[:, :, key].argmin(1)]
        some += [(f * (exact[:, :, key] - unit * rows[:, :, key])).argmax(1) for f in (-1, 1)]
    groups, worst = np.arange(31), 0.0
    for which in some:
        rough, sums = rows[groups, which].sum(0), exact[groups, which].sum(0)
        assert np.abs(rough).max() < 2**15
        worst = max(worst, np.abs(sums - unit * rough).max())
    assert 0.5 * off < worst <= off
    for v in rng.random((300, KEYS)) < 0.5:
        assert np.abs(v @ W).max() <= reach


@pytest.mark.parametrize("sign", [-1, 1])
def test_rough_sums_of_rows_that_are_all_off_by_half_a_unit(sign: int) -> None:
    unit, rng = 2001, np.random.default_rng(7)
    W = np.zeros((2, HIDDEN), np.int32)
    units = np.flatnonzero(np.arange(HIDDEN) % 64 % 5 == 0)  # one to a group
    W[0, units] = rng.multinomial(2**15 - 1 - 31, np.full(31, 1 / 31)) * unit
    W[1, units] = sign * (rng.integers(1, 500, 31) * unit + unit // 2)
    weights = Weights(W)
    found, off, _ = weights.rough.bounds
    assert found == unit
    rows = weights.rough.down.view(np.int16)[0, :, 1, :2].sum(0, np.int64)
    assert rows[0] * unit == W[0].sum()
    assert 0.49 * 31 * unit < abs(rows[1] * unit - W[1].sum()) <= off


def assert_keys(
    weights: Weights, bias: np.ndarray, against: np.ndarray, h: np.ndarray, steps: list[int]
) -> None:
    """Draw keys with numbers beside their thresholds; compare with the definition.

    ``against``: log2 odds without W and biases.
    """
    scale, off = np.float32(-LOG2E / UNIT), weights.rough.bounds[1]
    off += np.float32(ROUNDED) * np.float32(np.abs(bias).max())
    y = (bias + weights.W @ h).astype(np.float32) * scale + against
    odds = np.float32(1) + kernels.power_of_two(np.clip(y, -FARTHEST, FARTHEST))
    all_bias, held = np.pad(bias, (0, 8)).view(np.uint32), np.append(against, np.full(8, HELD))
    h_on = np.pad(np.packbits(h, bitorder="little"), (0, 5)).view(np.uint64)
    told = weights.tables.up, weights.rough.down, weights.rough.bounds[0]
    no_rates = np.zeros(96, np.float32)
    for step in steps:
        u, on = np.full(96, 0.5, np.float32), np.zeros(2, np.uint64)
        u[:KEYS] = numbers_beside(odds, step)
        all_u = u * np.float32(2**32)
        draw_keys(*told, all_bias, no_rates, held, h_on, all_u, scale, np.float32(0), off, on)
        np.testing.assert_array_equal(truths(on, KEYS), u[:KEYS] * odds < 1)


def test_the_keys_bounds_allow_for_the_rough_power() -> None:
    """Without weights and biases nothing else is off."""
    rng = np.random.default_rng(5)
    weights = Weights(np.zeros((KEYS, HIDDEN), np.int32))
    for _ in range(100):
        against = rng.uniform(-1, 5, KEYS).astype(np.float32)
        assert_keys(weights, np.zeros(KEYS, np.int32), against, rng.random(HIDDEN) < 0.4, [-1, 1])


def test_the_keys_bounds_allow_for_large_terms() -> None:
    """What W adds to biases beyond 2^30 float32 rounds away, or to the next 128; fields cancel."""
    rng = np.random.default_rng(6)
    weights = Weights(rng.integers(-2, 3, (KEYS, HIDDEN)).astype(np.int32))
    for _ in range(100):
        bias = (rng.choice([-1, 1], KEYS) * rng.integers(2**30, 1.1 * 2**30, KEYS)).astype(np.int32)
        against = -(bias.astype(np.float32) * np.float32(-LOG2E / UNIT))
        against += rng.uniform(-1, 5, KEYS).astype(np.float32)
        assert_keys(weights, bias, against, rng.random(HIDDEN) < 0.4, [-100, -10, -1, 1, 10, 100])
