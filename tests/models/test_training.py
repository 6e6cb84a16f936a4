from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rnnrbm_gui.models import likelihood
from rnnrbm_gui.models.batches import Share
from rnnrbm_gui.models.gradients import Batch, Unrolled
from rnnrbm_gui.models.sequence_model import SequenceModel
from rnnrbm_gui.models.settings import Settings
from rnnrbm_gui.models.terms import Kind, Memory
from rnnrbm_gui.models.training import Trainer
from tests.models.problems import KINDS, alternating

SMALL = Settings(n_hidden=8, n_recurrent=12, updates=400, batch_size=8, transposed=0, seed=3)


def run(trainer: Trainer, updates: int | None = None) -> Trainer:
    last = trainer.settings.updates if updates is None else updates
    while trainer.update < last:
        trainer.advance()
    return trainer


def trained(settings: Settings) -> SequenceModel:
    return run(Trainer(alternating(20), settings)).model()


def exact(model: SequenceModel) -> float:
    frames = likelihood.frames_of(model, alternating(4))
    return float(likelihood.exact_ll(model, frames).mean())


# Only the first chord of a piece is open: ln 2 over 12 frames. An RBM alone cannot do better than
# ln 2 a frame. All begin at -4.2.
@pytest.mark.parametrize(
    ("kind", "memory", "least", "most"),
    [
        ("rnn-rbm", "tanh", -0.3, 0.0),
        ("rnn-rbm", "gru", -0.3, 0.0),
        ("rnn-rbm", "sigmoid", -0.3, 0.0),
        ("rtrbm", "tanh", -0.3, 0.0),
        ("rbm", "tanh", -1.0, -np.log(2)),
    ],
)
def test_every_kind_and_memory_learns(
    kind: Kind, memory: Memory, least: float, most: float
) -> None:
    settings = replace(SMALL, kind=kind, memory=memory, dropout=0.0, updates=1200, rate=0.03)
    assert least < exact(trained(replace(settings, seed=4))) < most


def test_a_small_rbm_learns_a_known_distribution() -> None:
    """KL(data || model) over all 2^6 frames falls below .02 nats, from .68 of independent keys."""
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.full(8, 1.0))
    kinds = rng.permutation(64)[:8]
    states = (np.arange(64)[:, None] >> np.arange(6) & 1).astype(np.bool_)
    pieces = [states[rng.choice(kinds, 50, p=p)] for _ in range(400)]
    settings = Settings(
        kind="rbm",
        n_hidden=16,
        updates=3000,
        rate=0.02,
        decay=0.0,
        dropout=0.0,
        transposed=0,
        gibbs_steps=(5, 25),
    )
    trainer = run(Trainer(pieces, settings))
    ll = likelihood.exact_ll(trainer.model(), likelihood.frames_of(trainer.model(), [states]))
    assert np.exp(ll).sum() == pytest.approx(1, abs=1e-4)  # the oracle is a distribution
    seen = np.concatenate(pieces)
    counts = np.bincount(seen @ (1 << np.arange(6)), minlength=64) / len(seen)
    there = counts > 0
    kl = float((counts[there] * (np.log(counts[there]) - ll[there])).sum())
    rate = seen.mean(0)
    keys_alone = np.where(states, np.log(rate), np.log(1 - rate)).sum(1)
    assert (counts[there] * (np.log(counts[there]) - keys_alone[there])).sum() > 0.3
    assert 0 <= kl < 0.02


def test_a_seed_gives_one_model() -> None:
    settings = Settings(n_hidden=8, n_recurrent=6, updates=30, batch_size=4, transposed=2, seed=5)
    one, two = trained(settings), trained(settings)
    for name, value in one.parameters().items():
        np.testing.assert_array_equal(value, two.parameters()[name])
    assert (trained(replace(settings, seed=6)).W != one.W).any()


@pytest.mark.parametrize("kind", ["rnn-rbm", "rtrbm", "rbm"])
def test_a_run_goes_on_bit_for_bit(kind: Kind) -> None:
    settings = Settings(
        kind=kind, n_hidden=8, n_recurrent=6, updates=30, batch_size=4, transposed=2, seed=5
    )
    whole = run(Trainer(alternating(20), settings))
    first = run(Trainer(alternating(20), settings), 13)
    second = Trainer(alternating(20), settings)
    second.restore(first.state(), 13)
    run(second)
    for name, value in whole.state().items():
        np.testing.assert_array_equal(value, second.state()[name], err_msg=name)
    other = Trainer(alternating(20), replace(settings, n_hidden=9))
    with pytest.raises(ValueError, match="same kind and sizes"):
        other.restore(first.state(), 13)


def test_pieces_of_unlike_length_and_silence_do_no_harm() -> None:
    rolls = [*alternating(3), np.zeros((1, 10), np.bool_), np.zeros((250, 10), np.bool_)]
    settings = Settings(n_hidden=8, n_recurrent=6, updates=20, transposed=3)
    model = run(Trainer(rolls, settings)).model()
    assert all(np.isfinite(value).all() for value in model.parameters().values())


class Shifted(Trainer):
    """Negative frames that follow from the frames alone."""

    def _negative(self, batch: Batch, run: Unrolled, key: np.uint64, tables: object) -> np.ndarray:
        return np.roll(batch.v, 1, axis=1)


@pytest.mark.parametrize(("kind", "memory"), KINDS)
def test_threads_share_out_the_sequences_of_one_update(kind: Kind, memory: Memory) -> None:
    rolls = [x[: 3 + 5 * i] for i, x in enumerate(alternating(5, 30))]
    settings = replace(SMALL, kind=kind, memory=memory, batch_size=5, dropout=0.0, transposed=2)
    states = []
    for threads in (1, 2, 7):  # of five sequences
        trainer = run(Shifted(rolls, replace(settings, threads=threads)), 30)
        assert trainer.take_tally().frames == 30 * sum(len(roll) for roll in rolls)
        states.append(trainer.state())
    for state in states[1:]:
        for name, value in states[0].items():
            np.testing.assert_allclose(state[name], value, rtol=0, atol=1e-3, err_msg=name)


def test_a_run_on_two_threads_is_one_run() -> None:
    settings = replace(SMALL, threads=2, updates=30)
    one, other = (run(Trainer(alternating(9), settings)).state() for _ in range(2))
    for name, value in one.items():
        np.testing.assert_array_equal(other[name], value, err_msg=name)


class Failing(Trainer):
    """Fails in a part of its next update."""

    where = ""

    def _laid_out(self) -> Any:
        if self.where == "tables":
            raise KeyboardInterrupt
        return super()._laid_out()

    def _learn(self, share: Share, *given: Any, **how: Any) -> float:
        keys = [one.chains_key for one in self._batches.shares(self.update)]
        if self.where == ("first", "other")[keys.index(share.chains_key)]:
            raise KeyboardInterrupt
        return super()._learn(share, *given, **how)


@pytest.mark.parametrize("where", ["tables", "first", "other"])
def test_an_update_that_fails_on_any_thread_says_so_and_the_next_one_is_made(where: str) -> None:
    settings = replace(SMALL, threads=2, batch_size=2, updates=30)
    trainer = run(Failing(alternating(9), settings), 10)
    trainer.where = where
    before = trainer.state()
    with pytest.raises(KeyboardInterrupt):
        trainer.advance()
    assert trainer.whole
    for name, value in before.items():
        np.testing.assert_array_equal(trainer.state()[name], value, err_msg=name)
    trainer.where = ""
    expected = run(Trainer(alternating(9), settings), 20).state()
    for name, value in run(trainer, 20).state().items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)


def test_what_does_not_fit_together_is_refused() -> None:
    rolls = alternating(3)
    with pytest.raises(ValueError, match="as many as a sequence has frames"):
        Trainer(rolls, SMALL, [np.zeros(len(roll) + 1, np.int64) for roll in rolls], 4)
    with pytest.raises(ValueError, match="only an RNN-RBM has echoes"):
        Trainer(rolls, replace(SMALL, kind="rbm", echoes=(4,)))


def test_two_threads_go_back_to_an_update() -> None:
    trainer = run(Trainer(alternating(9), replace(SMALL, threads=2, updates=30)), 10)
    there, once = trainer.state(), run(trainer, 20).state()
    trainer.restore(there, 10)
    for name, value in run(trainer, 20).state().items():
        np.testing.assert_array_equal(value, once[name], err_msg=name)


def test_positions_that_a_model_does_not_have_are_refused() -> None:
    rolls = alternating(3)
    for wrong in (-1, 4):
        positions = [np.full(len(roll), wrong) for roll in rolls]
        with pytest.raises(ValueError, match=r"0\.\.3"):
            Trainer(rolls, SMALL, positions, 4)


def test_music_that_comes_back_is_foretold_from_its_echo() -> None:
    """Chords of chance, each passage played twice: a memory alone cannot hold all eight."""
    rng = np.random.default_rng(3)
    rolls = []
    for _ in range(60):
        passages = rng.random((4, 8, 10)) < 0.4
        rolls.append(np.concatenate([p for p in passages for _ in range(2)]))
    found = []
    for echoes in ((), (8,)):
        settings = replace(SMALL, updates=500, memory="gru", echoes=echoes, transposed=0)
        model = run(Trainer(rolls, settings)).model()
        frames = likelihood.frames_of(model, rolls[:10])
        again = np.tile(np.arange(64) // 8 % 2 == 1, 10)
        found.append(likelihood.exact_ll(model, frames)[again].mean())
    alone, with_echo = found
    assert with_echo > alone + 1


def test_the_position_in_the_bar_is_learned_from() -> None:
    """Where the chord follows from the position alone, a model that is told it foretells it."""
    chords = np.random.default_rng(1).random((4, 10)) < 0.4
    rng = np.random.default_rng(2)
    positions = [rng.integers(0, 4, 30) for _ in range(20)]
    rolls = [chords[x] for x in positions]
    settings = Settings(kind="rtrbm", n_hidden=10, updates=600, dropout=0.0, transposed=0)
    trainer = run(Trainer(rolls, settings, positions, 4))
    model = trainer.model()
    assert model.n_positions == 4
    told = likelihood.frames_of(model, rolls, positions=positions)
    untold = likelihood.frames_of(model, rolls)
    assert likelihood.exact_ll(model, told).mean() > -0.3
    assert likelihood.exact_ll(model, untold).mean() < -2


def test_nothing_to_train_on_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        Trainer([np.zeros((0, 10), np.bool_)], SMALL)


def test_schedules_run_from_end_to_end() -> None:
    settings = Settings(updates=1000, warm_up=100, rate=0.01, last_rate=0.02, gibbs_steps=(1, 15))
    assert settings.rate_at(0) == pytest.approx(0.0001)
    assert settings.rate_at(100) == pytest.approx(0.01, rel=0.05)
    assert settings.rate_at(999) == pytest.approx(0.0002, rel=0.01)
    assert [settings.k_at(update) for update in (0, 375, 750, 999)] == [1, 8, 15, 15]
    assert settings.transposed_at(0) == pytest.approx(10 / 11)
    assert settings.transposed_at(1000) == 0
    assert replace(settings, own_keys=True).transposed_at(1000) == pytest.approx(10 / 11)
