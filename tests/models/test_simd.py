"""Lanes against NumPy."""

import subprocess
import sys

import numba as nb
import numpy as np
import pytest

from rnnrbm_gui.models import chains_numba, compiling, layers_numba, randomness, simd


@nb.njit
def sum_of_rows(rows: np.ndarray, which: np.ndarray, out: np.ndarray) -> None:
    a = simd.zeros(3) + simd.load(rows, 0, 3)
    for j in which:
        a = a + simd.load(rows, j * simd.size(a), a)
    simd.store(out, 0, a)


def test_a_sum_of_rows() -> None:
    rng = np.random.default_rng(1)
    rows, which = rng.normal(size=(50, 48)).astype("f"), rng.integers(0, 50, 20)
    out = np.zeros(50, np.float32)
    out[48:] = 7
    sum_of_rows(rows, which, out)
    expected = rows[0].copy()
    for j in which:
        expected += rows[j]
    np.testing.assert_array_equal(out, [*expected, 7, 7])


@nb.njit
def floats(x: np.ndarray, y: np.ndarray, out: np.ndarray) -> None:
    a, b = simd.load(x, 0, 2), simd.load(y, 0, 2)
    simd.store(out, 0, a + b)
    simd.store(out, 32, a - b * np.float32(2))
    simd.store(out, 64, 3 - a)
    simd.store(out, 96, simd.choose(a < b, a, -1))
    simd.store(out, 128, simd.choose(a >= 0.5, b, a))
    simd.store(out, 160, simd.multiply_add(a, np.float32(2), b))


def test_arithmetic_lane_by_lane() -> None:
    # Small whole numbers: nothing is rounded, so fused or not is the same.
    x, y = np.random.default_rng(2).integers(-9, 9, (2, 32)).astype("f")
    out = np.zeros((6, 32), np.float32)
    floats(x, y, out)
    one_by_one = [x + y, x - 2 * y, 3 - x, np.where(x < y, x, -1), np.where(x >= 0.5, y, x)]
    np.testing.assert_array_equal(out, [*one_by_one, 2 * x + y])


@nb.njit
def whole(first: np.ndarray, out: np.ndarray) -> None:
    x = simd.load(first, 0, 1)
    x = ((x << 3) ^ (x >> 2)) + ((x & 0xFF) | 5) * 0xED5AD4BB - x
    simd.store(out, 0, simd.as_float(x))


def test_whole_numbers_wrap_at_2_to_the_32() -> None:
    x = (2**32 - 7 + np.arange(16, dtype=np.uint64)) % 2**32
    out = np.zeros(16, np.float32)
    whole(x.astype(np.uint32), out)
    expected = ((x << 3) % 2**32 ^ (x >> 2)) + ((x & 0xFF) | 5) * 0xED5AD4BB - x
    np.testing.assert_array_equal(out.view(np.uint32), expected.astype(np.uint32))


@nb.njit
def across(x: np.ndarray) -> tuple[int, float, float]:
    a = simd.load(x, 0, 1)
    return simd.mask(a >= simd.spread(np.float32(0))), simd.total(a), simd.product(a)


def test_across_the_lanes() -> None:
    x = np.random.default_rng(3).normal(size=16).astype("f") * np.float32(1e6)
    mask, total, product = across(x)
    assert mask == sum(1 << i for i in range(16) if x[i] >= 0)
    assert total == pytest.approx(x.astype(np.float64).sum(), rel=1e-12)
    assert product == pytest.approx(x.astype(np.float64).prod(), rel=1e-12)  # float32 overflows


@nb.njit
def lowest(word: np.uint64) -> int:
    return simd.lowest_bit(word)


@nb.njit
def sixteen_bits(x: np.ndarray, bits: np.uint64, sums: np.ndarray, out: np.ndarray) -> np.uint32:
    total = simd.load(x, 0, 3) + simd.load(x, 96, 3)
    simd.store(sums, 0, total)
    first = simd.load_16_bits(sums, 16)
    simd.store(out, 0, simd.choose(simd.truths(bits), first, np.uint32(7)))
    return simd.whole_total(first)


def test_numbers_of_16_bits_are_read_as_signed_ones() -> None:
    x = np.random.default_rng(5).integers(-16000, 16000, 192).astype(np.int16)
    x[16], x[96 + 16], x[17], x[96 + 17] = -16384, -16384, 16384, 16384  # one wraps
    sums, out, bits = np.zeros(96, np.uint16), np.zeros(16, np.uint32), 0b1011000010110001
    total = sixteen_bits(x.view(np.uint16), np.uint64(bits | 5 << 16), sums, out)
    expected = x[:96] + x[96:]
    assert expected[0 + 16] == expected[1 + 16] == -(2**15)
    np.testing.assert_array_equal(sums.view(np.int16), expected)
    on = [bits >> lane & 1 for lane in range(16)]
    np.testing.assert_array_equal(out.view(np.int32), np.where(on, expected[16:32], 7))
    assert np.int32(np.uint32(total)) == expected[16:32].sum(dtype=np.int32)


def test_lowest_bit() -> None:
    assert [lowest(np.uint64(1 << i | 1 << 63)) for i in range(64)] == list(range(64))


def test_lanes_that_do_not_fit_are_refused() -> None:
    def two_and_three(x: np.ndarray) -> None:
        simd.store(x, 0, simd.load(x, 0, 2) + simd.load(x, 0, 3))

    def bits_of_floats(x: np.ndarray) -> None:
        simd.store(x, 0, simd.load(x, 0, 2) ^ simd.load(x, 0, 2))

    for wrong in (two_and_three, bits_of_floats):
        with pytest.raises(nb.TypingError, match="No implementation of function"):
            nb.njit(wrong)(np.zeros(48, np.float32))


def test_lanes_of_16_bits_are_refused_where_their_number_does_not_fit() -> None:
    def with_a_number(x: np.ndarray) -> None:
        simd.store(x, 0, simd.load(x, 0, 1) + np.uint16(1))

    def chosen(x: np.ndarray) -> None:
        a = simd.load(x, 0, 1)
        simd.store(x, 0, simd.choose(simd.truths(np.uint64(5)), a, a))

    def multiplied(x: np.ndarray) -> None:
        a = simd.load(x, 0, 1)
        simd.store(x, 0, simd.multiply_add(a, a, a))

    for wrong in (with_a_number, chosen, multiplied):
        with pytest.raises(nb.TypingError, match="No implementation of function"):
            nb.njit(wrong)(np.zeros(32, np.uint16))


@nb.njit
def uniforms_of(words: np.ndarray, key: np.uint64, out: np.ndarray) -> None:
    for i in range(0, out.size, 16):
        simd.store(out, i, layers_numba.uniforms(words, i, key))


def test_uniforms_have_the_bits_of_those_for_playing() -> None:
    words, out = randomness.words(4800), np.empty(4800, np.float32)
    for step in range(40):
        key = randomness.frame_key(step % 5, 2, 3)
        uniforms_of(words, np.uint64(randomness.mix(key ^ step)), out)
        np.testing.assert_array_equal(
            out, randomness.uniforms(key, range(step, step + 1), words)[0] * np.float32(2**32)
        )
        assert out.min() > 0
        assert out.max() < layers_numba.UNIFORM_ONE


@nb.njit
def cut(low: np.ndarray, x: np.ndarray, high: np.ndarray, out: np.ndarray) -> None:
    a = simd.between(np.uint32(low[0]), simd.load(x, 0, 1), np.uint32(high[0]))
    simd.store(out, 0, a)


def test_whole_numbers_are_cut_as_signed_ones() -> None:
    x = np.array([-(2**31), -9, -8, -7, -1, 0, 1, 7, 8, 9, 2**31 - 1, 3, 4, 5, 6, 7], np.int32)
    out, low, high = np.zeros(16, np.int32), np.array([-8], np.int32), np.array([8], np.int32)
    cut(*(a.view(np.uint32) for a in (low, x, high, out)))
    np.testing.assert_array_equal(out, np.clip(x, -8, 8))


def test_kernels_kept_on_disk_are_those_of_these_lanes() -> None:
    """Another process finds what this one compiled; a changed simd.py goes by another name."""
    kernel = chains_numba.gibbs_kernel(1, 1)
    assert compiling.STAMP in kernel.py_func.__qualname__
    program = (
        "from rnnrbm_gui.models import chains_numba\n"
        "kernel = chains_numba.gibbs_kernel(1, 1)\n"
        "print(sum(kernel.stats.cache_hits.values()))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"1"
