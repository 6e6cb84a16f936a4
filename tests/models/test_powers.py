"""Powers in every lane against NumPy's."""

import numba as nb
import numpy as np

from rnnrbm_gui.models import kernels, powers_numba, simd


@nb.njit
def exp_of(x: np.ndarray, out: np.ndarray) -> None:
    for i in range(0, x.size, 16):
        simd.store(out, i, powers_numba.exp(simd.load(x, i, 1)))


def test_exponential_is_close_to_the_true_one() -> None:
    x = np.linspace(-80, 80, 400_000, dtype=np.float32)
    out = np.empty_like(x)
    exp_of(x, out)
    error = np.abs(out / np.exp(x.astype(np.float64)) - 1)
    assert error.max() < 2e-6
    assert error[np.abs(x) < 20].max() < 5e-7
    ends = np.repeat(np.array([-np.inf, -1e30, 1e30, np.inf], np.float32), 4)
    exp_of(ends, out[:16])
    assert ((out[:8] > 0) & (out[:8] < 1e-34)).all()
    assert ((out[8:16] > 1e34) & (out[8:16] < np.inf)).all()
    exp_of(np.zeros(16, np.float32), out[:16])
    assert (out[:16] == 1).all()


@nb.njit
def power_of(y: np.ndarray, out: np.ndarray) -> None:
    for i in range(0, y.size, 16):
        simd.store(out, i, powers_numba.power_of_two(simd.load(y, i, 1)))


def test_the_power_of_two_has_the_bits_of_numpys() -> None:
    y = np.linspace(-120, 120, 160_000, dtype=np.float32)
    out = np.empty_like(y)
    power_of(y, out)
    np.testing.assert_array_equal(out.view(np.int32), kernels.power_of_two(y).view(np.int32))


@nb.njit
def rough_power_of(y: np.ndarray, scale: np.float32, out: np.ndarray) -> None:
    for i in range(0, y.size, 16):
        power = powers_numba.roughly_power_of_two(simd.load(y, i, 1), scale)
        simd.store(out, i, power)


def test_the_rough_power_of_two_is_as_close_as_the_draws_take_it_to_be() -> None:
    x = np.linspace(-4e7, 4e7, 1_600_000).round().astype(np.float32)
    scale, out = np.float32(-3e-6), np.empty_like(x)
    rough_power_of(x, scale, out)
    error = out.astype(np.float64) / kernels.power_of_two(x * scale) - 1
    assert 5e-5 < np.abs(error).max() < 1e-4
