from dataclasses import replace

import numpy as np
import pytest

from rnnrbm_gui.models import (
    gradients,
    products_numba,
    recurrence_numba,
    sums_numba,
    unrolled_numba,
)
from rnnrbm_gui.models import memory as memories
from rnnrbm_gui.models.echoes import seen
from rnnrbm_gui.models.gradients import Batch, trained
from rnnrbm_gui.models.memory import N_GATES
from rnnrbm_gui.models.terms import MEMORIES, Kind, Memory
from tests.models.problems import ECHOES, KINDS, N_POSITIONS, random_problem, sequences

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
        kept=np.ones_like(batch.kept),
        row=np.zeros(3, np.int64),
        shown=None,
    )
    echoes = ECHOES if told and kind == "rnn-rbm" else ()
    if echoes:
        shown = np.empty((len(whole.v), 6 * (1 + len(echoes))), np.bool_)
        for places in sequences(whole):
            shown[places] = seen(whole.v[places], echoes)
        whole = replace(whole, shown=shown)
    run = gradients.unroll(kind, p, whole, memory)
    model = gradients.plain_model(kind, p, whole.centre, np.zeros(6), memory, echoes)
    for places in sequences(whole):
        x = None if whole.x is None else whole.x[places]
        bv_t, bh_t = model.frame_biases(whole.v[places], x)
        np.testing.assert_allclose(bv_t, run.bv_t[places], atol=2e-5)
        np.testing.assert_allclose(bh_t, run.bh_t[places], atol=2e-5)


def test_an_rnn_rbm_with_the_rtrbms_ties_has_its_biases_energies_and_gradients() -> None:
    """Wvu = W, Wuu = Wuh, bu = bh, f = sigmoid: two code paths, one model (chain rule by hand)."""
    p, batch, v_neg = random_problem("rtrbm", "tanh", True)
    centred = batch.centre @ p["W"]
    tied = {**p, "Wvu": p["W"], "Wuu": p["Wuh"], "bu": p["bh"] - centred, "Wxu": p["Wxh"]}
    own = gradients.unroll("rtrbm", p, batch, "tanh")
    other = gradients.unroll("rnn-rbm", tied, batch, "sigmoid")
    assert own.steps is not None
    assert other.steps is not None
    np.testing.assert_allclose(other.steps.after, own.steps.after, rtol=1e-13)
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
def test_sequences_side_by_side_do_not_meet(kind: Kind, memory: Memory) -> None:
    """The gradient of a batch is that of its sequences alone, each by its share of the frames."""
    p, batch, v_neg = random_problem(kind, memory, True, seed=5)
    run = gradients.unroll(kind, p, batch, memory)
    together = gradients.gradient(kind, p, batch, run, v_neg, memory)
    apart = {name: np.zeros_like(value) for name, value in p.items()}
    assert batch.x is not None
    assert batch.shown is not None
    for i, places in enumerate(sequences(batch)):
        alone = Batch(
            batch.v[places],
            np.arange(len(places) + 1),
            batch.kept[places],
            batch.row[i : i + 1],
            batch.centre,
            batch.x[places],
            batch.shown[places],
        )
        run = gradients.unroll(kind, p, alone, memory)
        found = gradients.gradient(kind, p, alone, run, v_neg[places], memory)
        for name in p:
            apart[name] += found[name] * len(places) / len(batch.v)
    for name in p:
        np.testing.assert_allclose(together[name], apart[name], atol=1e-12)


@pytest.mark.parametrize(("kind", "memory"), KINDS)
@pytest.mark.parametrize("n_hidden", [1, 16, 19])
def test_compiled_sums_are_those_of_numpy(kind: Kind, memory: Memory, n_hidden: int) -> None:
    """The trainer runs in float32, partly in vector registers, whatever their number."""
    p, batch, v_neg = random_problem(kind, memory, True, seed=6, n_hidden=n_hidden)
    single = {name: value.astype(np.float32) for name, value in p.items()}
    few = replace(batch, kept=batch.kept.astype(np.float32), centre=batch.centre.astype(np.float32))
    run, run_few = (gradients.unroll(kind, *pair, memory) for pair in ((p, batch), (single, few)))
    grad = gradients.gradient(kind, p, batch, run, v_neg, memory)
    found = gradients.gradient(kind, single, few, run_few, v_neg, memory)
    for name, value in grad.items():
        assert found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], value, atol=2e-6, err_msg=name)


@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("n_recurrent", [1, 48, 61])
def test_a_compiled_run_and_its_way_back_are_those_of_numpy(
    memory: Memory, n_recurrent: int
) -> None:
    """To float32's precision over 15 times, of 9 sequences that end at different ones."""
    rng, n_gates = np.random.default_rng(6), N_GATES[memory]
    at = np.cumsum([0, *[9] * 5, *[7] * 3, *[2] * 6, 1])
    a = rng.normal(size=(at[-1], n_gates * n_recurrent))
    Wuu = rng.normal(size=(n_recurrent, n_gates * n_recurrent)) / n_recurrent**0.5
    u0, d_read = rng.normal(size=(9, n_recurrent)), rng.normal(size=(at[-1], n_recurrent))
    kept = (rng.random(d_read.shape) < 0.7) / 0.7

    steps = memories.run(memory, a, Wuu, u0, kept, at)
    found = memories.back(memory, steps, d_read, Wuu, kept, at)
    exact = [steps.before, steps.after, steps.read, *steps.gates, *found]
    a, Wuu, u0, kept, d_read = (x.astype(np.float32) for x in (a, Wuu, u0, kept, d_read))
    room, nothing = memories.room(memory, d_read.shape, np.float32), np.zeros((0, 0), np.float32)
    gates, code = room.gates or (nothing,) * 4, recurrence_numba.CODES[memory]
    middle, states = np.float32(memories.MIDDLE[memory]), (room.before, room.after)
    unrolled_numba.run(code, a, Wuu, u0, kept, at, middle, *states, room.read, *gates)
    d_a = np.empty_like(a)
    d_m = np.empty_like(a) if memory == "gru" else d_a
    d_u = np.zeros_like(u0)
    unrolled_numba.back(code, Wuu, kept, at, *states, *gates, d_read, d_a, d_m, d_u)
    compiled = [*states, room.read, *room.gates, d_a, d_m, d_u]
    assert len(exact) == len(compiled) == (10 if memory == "gru" else 6)
    for one, two in zip(exact, compiled, strict=True):
        assert two.dtype == np.float32
        np.testing.assert_allclose(two, one, atol=3e-5)


def test_what_reaches_a_state_through_the_keys_leaves_padding_alone() -> None:
    """Beyond the padding of the last row lies what is somebody else's."""
    rng = np.random.default_rng(1)
    d_v, Wuv = rng.integers(-1, 2, (9, 12), np.int8), rng.normal(size=(5, 12)).astype(np.float32)
    d_read = np.zeros((9, 64), np.float32)
    sums_numba.add_read(d_v, Wuv, np.float32(0.5), d_read)
    np.testing.assert_allclose(d_read[:, :5], d_v @ Wuv.T / 2, atol=1e-5)
    assert not d_read[:, 5:].any()


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (64, 4, 63, 65), (130, 7, 70, 3), (65, 9, 3, 70)])
def test_columns_of_many_frames_are_multiplied(sizes: tuple[int, int, int, int]) -> None:
    rng, n_frames = np.random.default_rng(1), sizes[0]
    x, d, e = (rng.normal(size=(n_frames, n)).astype(np.float32) for n in sizes[1:])
    x_d, x_e = (np.empty((x.shape[1], y.shape[1]), np.float32) for y in (d, e))
    products_numba.of_columns(x, d, e, x_d, x_e)
    for found, other in ((x_d, d), (x_e, e)):
        expected = x.T.astype(np.float64) @ other
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (7, 4, 63, 65), (130, 7, 70, 3), (66, 9, 64, 64)])
def test_frames_are_multiplied_with_two_matrices_side_by_side(
    sizes: tuple[int, int, int, int],
) -> None:
    """Laid out whole and, as a way back needs it, turned."""
    rng, n_frames = np.random.default_rng(1), sizes[0]
    x, W, other = (
        rng.normal(size=shape).astype(np.float32)
        for shape in ((n_frames, sizes[1]), (sizes[1], sizes[2]), (sizes[3], sizes[1]))
    )
    blocks = products_numba.blocks(sizes[1], sizes[2] + sizes[3])
    products_numba.put(W, 0, blocks)
    products_numba.put(other.T, sizes[2], blocks)
    found = products_numba.of_frames(x, blocks)
    assert found.ctypes.data % 64 == 0
    expected = x.astype(np.float64) @ np.hstack([W, other.T])
    np.testing.assert_allclose(found[:, : expected.shape[1]], expected, rtol=0, atol=1e-4)
    assert not found[:, expected.shape[1] :].any()
