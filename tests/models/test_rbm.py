import numpy as np
import pytest

from rnnrbm_gui.models import rbm


# Weak weights are summed as products of exponentials, strong ones are not.
@pytest.mark.parametrize("strength", [1.0, 60.0])
@pytest.mark.parametrize("n_hidden", [1, 13])
def test_exact_log_z_agrees_with_the_sum_over_visible_states(
    strength: float, n_hidden: int
) -> None:
    rng = np.random.default_rng(1)
    W, bv, bh = (strength * rng.normal(size=size) for size in ((11, n_hidden), (11,), (n_hidden,)))
    by_visible = np.logaddexp.reduce(-rbm.free_energy(W, bv, bh, rbm.states(11)))
    assert rbm.exact_log_z(W, bv, bh) == pytest.approx(by_visible, rel=1e-12)


def test_free_energy_is_the_log_sum_over_hidden_states() -> None:
    rng = np.random.default_rng(2)
    W, bv, bh = rng.normal(size=(4, 3)), rng.normal(size=4), rng.normal(size=3)
    for v in rbm.states(4):
        energies = [-bv @ v - bh @ h - v @ W @ h for h in rbm.states(3)]
        assert rbm.free_energy(W, bv, bh, v) == pytest.approx(
            -np.logaddexp.reduce(-np.array(energies))
        )


def test_conditionals_are_those_of_the_energy() -> None:
    rng = np.random.default_rng(3)
    W, bv, bh = rng.normal(size=(3, 2)), rng.normal(size=3), rng.normal(size=2)

    def weight(v: np.ndarray, h: np.ndarray) -> float:
        return float(np.exp(bv @ v + bh @ h + v @ W @ h))

    v, h = np.array([1.0, 0.0, 1.0]), np.array([0.0, 1.0])
    for j in range(2):
        total = sum(weight(v, h2) for h2 in rbm.states(2))
        on = sum(weight(v, h2) for h2 in rbm.states(2) if h2[j])
        assert rbm.mean_h(W, bh, v)[j] == pytest.approx(on / total)
    for i in range(3):
        total = sum(weight(v2, h) for v2 in rbm.states(3))
        on = sum(weight(v2, h) for v2 in rbm.states(3) if v2[i])
        assert rbm.mean_v(W, bv, h)[i] == pytest.approx(on / total)


def test_sigmoid_and_softplus_hold_at_the_ends() -> None:
    x = np.array([-1000.0, 0.0, 1000.0])
    np.testing.assert_allclose(rbm.sigmoid(x), [0, 0.5, 1])
    np.testing.assert_allclose(rbm.softplus(x), [0, np.log(2), 1000])


def test_too_many_hidden_units_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 20"):
        rbm.exact_log_z(np.zeros((2, 21)), np.zeros(2), np.zeros(21))
