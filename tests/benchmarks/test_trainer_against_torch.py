"""The trainer against one in PyTorch that shares no gradient, kernel or random number with it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip(
    "torch", reason='needs PyTorch: python -m pip install ".[bench]"', exc_type=ImportError
)

from rnnrbm_gui.models import descent, gradients, likelihood  # noqa: E402
from rnnrbm_gui.models.gradients import Batch  # noqa: E402
from rnnrbm_gui.models.settings import Settings  # noqa: E402
from rnnrbm_gui.models.terms import Kind, Memory  # noqa: E402
from rnnrbm_gui.models.training import Trainer  # noqa: E402
from tests.benchmarks.agreement import difference  # noqa: E402
from tests.benchmarks.music import synthetic_music  # noqa: E402
from tests.benchmarks.torch_trainer import (  # noqa: E402
    CentredModel,
    TorchBatch,
    TorchTrainer,
)
from tests.models.problems import KINDS, random_problem, sequences  # noqa: E402

DOUBLE = torch.float64


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Products as small as these are slower on more, by far where the machine is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def padded(values: np.ndarray, batch: Batch) -> torch.Tensor:
    """Values of a batch's frames as PyTorch has them: (n_times, n_sequences, ...)."""
    parts = [torch.tensor(values[places]) for places in sequences(batch)]
    return torch.nn.utils.rnn.pad_sequence(parts)


def in_torch(batch: Batch) -> TorchBatch:
    v, kept, shown = (padded(x, batch).double() for x in (batch.v, batch.kept, batch.seen))
    x = None if batch.x is None else padded(batch.x, batch)
    real = padded(np.ones(len(batch.v), np.bool_), batch)
    return TorchBatch(v, real, kept, torch.tensor(batch.row), x, shown)


@pytest.mark.parametrize(("kind", "memory"), KINDS)
@pytest.mark.parametrize("told", [False, True])
def test_autograd_finds_the_same_loss_and_gradient(kind: Kind, memory: Memory, told: bool) -> None:
    p, batch, v_neg = random_problem(kind, memory, told)
    run = gradients.unroll(kind, p, batch, memory)
    found = gradients.gradient(kind, p, batch, run, v_neg, memory)
    tensors = {name: torch.tensor(value) for name, value in p.items()}
    net = CentredModel(kind, memory, tensors, torch.tensor(batch.centre))
    bv_t, bh_t = net(in_torch(batch))
    for i, places in enumerate(sequences(batch)):
        for own, other in ((run.bv_t, bv_t), (run.bh_t, bh_t)):
            expected = other[: len(places), i].detach()
            np.testing.assert_allclose(own[places], expected, rtol=0, atol=1e-12)
    loss = net.loss(in_torch(batch), bv_t, bh_t, padded(v_neg, batch).double())
    assert gradients.loss(p, batch, run, v_neg) == pytest.approx(loss.item(), abs=1e-12)
    loss.backward()
    assert set(found) == set(net.p)
    for name, parameter in net.p.items():
        assert np.abs(found[name]).max() > 1e-3  # or agreement would prove nothing
        np.testing.assert_allclose(found[name], parameter.grad, rtol=0, atol=1e-9, err_msg=name)


def test_adamw_moves_as_torchs_does() -> None:
    """Clipped and not, decayed and not: the same moves to float32's rounding."""
    rng = np.random.default_rng(1)
    n, rate, decay, clip = 500, 0.01, 0.2, 5.0
    for own_decay in (decay, 0.0):
        p = rng.normal(size=n).astype(np.float32)
        mean, square, average = np.zeros_like(p), np.zeros_like(p), p.copy()
        other = torch.nn.Parameter(torch.tensor(p, dtype=DOUBLE))
        optimizer = torch.optim.AdamW([other], lr=rate, weight_decay=own_decay)
        clipped = []
        for update in range(20):
            scale = 10.0 ** rng.uniform(-3, 1)
            grad = (rng.normal(size=n) * scale).astype(np.float32)
            norm = float(np.sqrt(np.square(grad.astype(np.float64)).sum()))
            shrink, pace = min(1.0, clip / (norm + 1e-12)), rate / (1 + update)
            clipped.append(shrink < 1)
            descent.adamw(
                p, grad, mean, square, average, np.float32(shrink), pace, own_decay, 0.9, update
            )
            other.grad = torch.tensor(grad, dtype=DOUBLE)
            torch.nn.utils.clip_grad_norm_([other], clip)
            optimizer.param_groups[0]["lr"] = pace
            optimizer.step()
            np.testing.assert_allclose(p, other.detach(), rtol=1e-6, atol=1e-6)
        assert 0 < sum(clipped) < 20


@pytest.mark.parametrize(("kind", "memory"), KINDS)
def test_the_same_draws_make_the_same_models(
    kind: Kind, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given the trainer's batches and negative frames, PyTorch moves to the same parameters.

    So schedules, clipping, the choice of what decays and the average are the same, not only alike.
    """
    rolls = synthetic_music(12, 5, 30, n_keys=14)
    settings = Settings(
        kind=kind,
        memory=memory,
        n_hidden=9,
        n_recurrent=7,
        updates=60,
        batch_size=5,
        most_frames=20,
        rate=0.02,
        warm_up=10,
        decay=0.3,
        clip=0.45,
        gibbs_steps=(1, 4),
        transposed=2,
    )
    drawn: list[tuple[Batch, np.ndarray]] = []
    norms: list[float] = []
    by_hand = gradients.gradient

    def overheard(kind: Kind, p: Any, batch: Batch, run: Any, v_neg: Any, *more: Any) -> Any:
        drawn.append((batch, v_neg))
        found = by_hand(kind, p, batch, run, v_neg, *more)
        norms.append(float(np.sqrt(sum(np.square(g).sum() for g in found.values()))))
        return found

    monkeypatch.setattr(gradients, "gradient", overheard)
    trainer = Trainer(rolls, settings)
    names = [name.removeprefix("p.") for name in trainer.state() if name.startswith("p.")]
    start = {name: trainer.state()[f"p.{name}"] for name in names}
    other = TorchTrainer(rolls, settings, start, DOUBLE)
    while not trainer.done:
        trainer.advance()
        batch, v_neg = drawn[-1]
        other.replay(in_torch(batch), padded(v_neg, batch).double())
    assert min(norms) < settings.clip < max(norms)
    state, off = trainer.state(), {}
    for name in names:
        assert np.abs(state[f"p.{name}"] - start[name]).max() > 0.02
        for part, expected in (("p", other.net.p[name].detach()), ("average", other.average[name])):
            off[part, name] = np.abs(state[f"{part}.{name}"] - expected.numpy()).ravel()
    # Where a gradient cancels to nothing, Adam makes moves of float32's rounding: PyTorch in
    # float32 is as far off at the same few places.
    all_off = np.concatenate(list(off.values()))
    assert np.quantile(all_off, 0.97) < 1e-4, off
    assert all_off.max() < settings.rate / 10, off
    one, two = trainer.model(), other.model()
    for name, value in one.parameters().items():
        np.testing.assert_allclose(value, two.parameters()[name], rtol=0, atol=2e-3, err_msg=name)


LEARNING = Settings(
    n_hidden=9,
    n_recurrent=9,
    updates=250,
    batch_size=8,
    most_frames=16,
    rate=0.02,
    warm_up=25,
    gibbs_steps=(1, 10),
    transposed=1,
    average=0.99,
)


def test_both_trainers_learn_as_much_from_equal_updates() -> None:
    """The mean of several seeds' LL, exact, of music not trained on: equal within their noise.

    Here each trainer cuts, transposes, drops out and draws for itself. One kind of model will do:
    none of that depends on the kind, and what does is compared number by number above.
    """
    rolls = synthetic_music(60, 10, 40, n_keys=24)
    train, held_out = rolls[:40], rolls[40:]

    def lls(maker: type[Trainer] | type[TorchTrainer]) -> list[float]:
        found = []
        for seed in range(20):
            trainer = maker(train, replace(LEARNING, seed=seed))
            while trainer.update < LEARNING.updates:
                trainer.advance()
            model = trainer.model()
            frames = likelihood.frames_of(model, held_out, 150)
            found.append(float(likelihood.exact_ll(model, frames).mean()))
        return found

    between = difference(lls(Trainer), lls(TorchTrainer))
    # Without dropout, transposition or random cuts one of them would be .08 to .14 off.
    assert between.error < 0.03
    assert abs(between.value) < 3 * between.error
