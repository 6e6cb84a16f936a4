from dataclasses import replace

import numpy as np
import pytest

from rnnrbm_gui.models import accuracy, likelihood, rbm
from rnnrbm_gui.models.rnn_rbm import RnnRbm
from tests.shapes import SHAPES


def a_model(n_visible: int, n_hidden: int, n_recurrent: int, strength: float) -> RnnRbm:
    rng = np.random.default_rng(11)
    sizes = {"v": n_visible, "h": n_hidden, "u": n_recurrent}
    return RnnRbm(
        **{
            name: (rng.normal(size=tuple(sizes[layer] for layer in layers)) * strength).astype("f")
            for name, layers in SHAPES.items()
        }
    )


def test_ratios_counted_by_hand() -> None:
    true = np.array([[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 0]], np.bool_)
    drawn = np.array([[1, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1], [1, 1, 1, 0]], np.bool_)
    # TP 1 0 0 3, TP + FP + FN 3 0 1 3: ratios 1/3, 1 (both empty), 0, 1
    assert accuracy.ratio_of_sums(true, drawn) == pytest.approx(4 / 7)
    assert accuracy.mean_of_ratios(true, drawn) == pytest.approx((1 / 3 + 1 + 0 + 1) / 4)
    nothing = np.zeros((2, 4), np.bool_)
    assert accuracy.ratio_of_sums(nothing, nothing) == 1.0


def test_expected_accuracy_agrees_with_enumeration() -> None:
    model = a_model(6, 4, 3, 0.8)
    density = np.linspace(0, 0.9, 30)[:, None]  # so that the two averages differ
    roll = np.random.default_rng(3).random((30, 6)) < density
    frames = likelihood.frames_of(model, [roll[:20], roll[20:]])
    all_v = rbm.states(6)
    common, either, ratio = 0.0, 0.0, []
    for v, bv, bh in zip(frames.v, frames.bv_t, frames.bh_t, strict=True):
        p = np.exp(-rbm.free_energy(model.W, bv, bh, all_v))
        p /= p.sum()
        tp, tp_fp_fn = (all_v.astype(bool) & v).sum(1), (all_v.astype(bool) | v).sum(1)
        common += float(p @ tp)
        either += float(p @ tp_fp_fn)
        ratio.append(p @ np.where(tp_fp_fn > 0, tp / np.maximum(tp_fp_fn, 1), 1.0))
    found = accuracy.measure(model, frames, n_draws=2000)
    assert found.expected_sums == pytest.approx(100 * common / either, abs=0.5)
    assert found.expected_frames == pytest.approx(100 * np.mean(ratio), abs=0.5)
    assert abs(common / either - np.mean(ratio)) > 0.01  # twice what is allowed
    assert (found.n_draws, found.n_frames) == (2000, 30)


def test_the_most_probable_frame_is_found_on_small_models() -> None:
    model = a_model(8, 5, 3, 0.7)
    roll = np.random.default_rng(3).random((40, 8)) < 0.4
    frames = likelihood.frames_of(model, [roll])
    all_v = rbm.states(8)
    best = np.array(
        [
            all_v[rbm.free_energy(model.W, bv, bh, all_v).argmin()]
            for bv, bh in zip(frames.bv_t, frames.bh_t, strict=True)
        ],
        np.bool_,
    )
    drawn = accuracy.draws(model, frames, slice(None), 8, 1, 0)
    found = accuracy.most_probable(model, frames.bv_t, frames.bh_t, drawn)
    assert (found == best).all(1).mean() > 0.9  # mean field finds the top, but not always
    figures = accuracy.measure(model, replace(frames, v=best))
    assert figures.map_frames > 95 > figures.expected_frames


def test_chains_start_at_the_frame_before() -> None:
    # Weights so strong that nothing changes in 50 steps: what is drawn is where it began.
    n = 5
    shapes = {name: tuple({"v": n, "h": n, "u": 2}[x] for x in s) for name, s in SHAPES.items()}
    arrays = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    arrays["W"] = np.float32(60) * np.eye(n, dtype=np.float32)
    arrays["bv"] = arrays["bh"] = np.full(n, -30, np.float32)
    model = RnnRbm(**arrays)
    roll = np.random.default_rng(3).random((9, n)) < 0.5
    frames = likelihood.frames_of(model, [roll[:4], roll[4:]])
    drawn = accuracy.draws(model, frames, slice(2, 7), 3, 1, 0)
    silence = np.zeros(n, np.bool_)
    for found, expected in zip(drawn, [roll[1], roll[2], silence, roll[4], roll[5]], strict=True):
        np.testing.assert_array_equal(found, np.tile(expected, (3, 1)))


def test_the_same_seed_gives_the_same_figures_whatever_the_threads() -> None:
    model = a_model(8, 5, 3, 0.7)
    roll = np.random.default_rng(3).random((200, 8)) < 0.4
    frames = likelihood.frames_of(model, [roll])
    told: list[float] = []
    one = accuracy.measure(model, frames, tell=told.append)
    assert one == accuracy.measure(model, frames, n_threads=3)
    assert one != accuracy.measure(model, frames, seed=2)
    assert told == sorted(told)
    assert told[-1] == 1.0
