from dataclasses import replace

import numpy as np
import pytest

from rnnrbm_gui.models import batches, batches_numba, likelihood
from rnnrbm_gui.models.batches import Batches
from rnnrbm_gui.models.gradients import Batch, Unrolled
from rnnrbm_gui.models.kinds import Kind
from rnnrbm_gui.models.memory import Memory
from rnnrbm_gui.models.sequence_model import SequenceModel
from rnnrbm_gui.models.settings import Settings
from rnnrbm_gui.models.training import Trainer
from tests.models.problems import KINDS, sequences

SMALL = Settings(n_hidden=8, n_recurrent=12, updates=400, batch_size=8, transposed=0, seed=3)


def alternating(n_pieces: int, n_frames: int = 12) -> list[np.ndarray]:
    """Pieces that go back and forth between two chords: all of it follows from the past."""
    chords = np.zeros((2, 10), np.bool_)
    chords[0, [1, 4, 7]] = chords[1, [2, 5, 9]] = True
    return [chords[(np.arange(n_frames) + piece) % 2] for piece in range(n_pieces)]


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


def together(batches: Batches, update: int) -> Batch:
    """Return what the only thread learns from in an update."""
    [share] = batches.shares(update)
    return batches.together(share)[0]


def test_every_piece_has_its_turns_in_every_round() -> None:
    """The course of an epoch, whatever the batch size: each piece once, a long one more often."""
    rolls = [*alternating(5, 4), *alternating(1, 17), *alternating(1, 10)]
    settings = replace(SMALL, batch_size=3, most_frames=8)
    batches = Batches(rolls, settings, None)
    drawn = [which for update in range(16) for which in batches._chosen(update)]
    rounds = np.reshape(drawn, (6, 8))
    expected = np.tile([0, 1, 2, 3, 4, 5, 5, 6], (6, 1))
    np.testing.assert_array_equal(np.sort(rounds, 1), expected)
    assert (rounds[0] != rounds[1]).any()
    trainer = Trainer(rolls, settings)
    trainer.update = 15
    assert trainer.epoch == 15 * 3 / 8


def test_threads_have_as_many_frames_within_a_cut_and_the_one_who_deals_the_fewest() -> None:
    rolls = [x[: 2 + 3 * i] for i, x in enumerate(alternating(9, 30))]
    batches = Batches(rolls, replace(SMALL, batch_size=9, threads=4, transposed=2), None)
    for update in range(5):
        shares = batches.shares(update)
        sizes = [share.n_frames for share in shares]
        assert sizes == sorted(sizes)
        assert sizes[-1] - sizes[0] <= 26  # the longest
        cuts = np.concatenate([share.cuts for share in shares])
        assert sorted(cuts[:, 0]) == list(range(9))
        for share in shares:
            lengths = share.cuts[:, 2] - share.cuts[:, 1]
            assert lengths.sum() == share.n_frames == len(batches.together(share)[0].v)
            assert sorted(lengths, reverse=True) == list(lengths)


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


def test_two_threads_go_back_to_an_update() -> None:
    trainer = run(Trainer(alternating(9), replace(SMALL, threads=2, updates=30)), 10)
    there, once = trainer.state(), run(trainer, 20).state()
    trainer.restore(there, 10)
    for name, value in run(trainer, 20).state().items():
        np.testing.assert_array_equal(value, once[name], err_msg=name)


def test_cuts_begin_anywhere_alike_and_are_moved_alike() -> None:
    """Of 4,000 keys: five sigma of each count, one false alarm in 60,000."""
    lengths, n = np.array([5, 9, 30]), 4000
    keys = np.random.default_rng(1).integers(0, 2**64, n, np.uint64)
    drawn = np.array(
        [batches_numba.cut(np.array([0, 2, 1]), lengths, 8, 0.4, 4, key) for key in keys]
    )
    assert (drawn[:, :, 0] == [2, 1, 0]).all()  # the longest first, in the order given
    assert (drawn[:, :, 2] - drawn[:, :, 1] == [8, 8, 5]).all()

    def check(found: np.ndarray, shares: list[float]) -> None:
        counts, expected = np.bincount(found, minlength=len(shares)), n * np.array(shares)
        assert len(counts) == len(shares)
        assert (np.abs(counts - expected) <= 5 * np.sqrt(expected * (1 - np.array(shares)))).all()

    check(drawn[:, 0, 1], [1 / 23] * 23)
    check(drawn[:, 1, 1], [1 / 2] * 2)
    for i in range(3):
        check(drawn[:, i, 3], [0.6, *[0.1] * 4])
    check(drawn[:, 0, 3] * 5 + drawn[:, 1, 3], np.outer(*2 * [[0.6, *[0.1] * 4]]).ravel().tolist())
    unmoved = batches_numba.cut(np.array([0]), lengths, 8, 1.0, 0, keys[0])
    np.testing.assert_array_equal(unmoved, [[0, 0, 5, 0]])


@pytest.mark.parametrize("planes", [1, 2])
@pytest.mark.parametrize("n", [1, 2, 7])
def test_a_frame_is_placed_as_transposed_and_nowhere_else(n: int, planes: int) -> None:
    rng = np.random.default_rng(1)
    frame = rng.random(n * planes) < 0.7
    for semitones in range(-12, 13):
        around = np.zeros((3, n * planes), np.bool_)
        batches_numba.place(frame, semitones, planes, around[1])
        expected = np.zeros_like(around)
        expected[1] = batches.transposed(frame, semitones, planes)
        np.testing.assert_array_equal(around, expected)


def test_positions_that_a_model_does_not_have_are_refused() -> None:
    rolls = alternating(3)
    for wrong in (-1, 4):
        positions = [np.full(len(roll), wrong) for roll in rolls]
        with pytest.raises(ValueError, match=r"0\.\.3"):
            Trainer(rolls, SMALL, positions, 4)


def test_dropout_hides_its_share_of_every_unit_and_every_frame() -> None:
    n_frames, n, rate = 4000, 37, 0.3
    kept = batches_numba.dropout(n_frames, n, rate, np.uint64(5))
    assert set(np.unique(kept)) == {0, np.float32(1 / 0.7)}
    hidden = kept == 0
    spread = np.sqrt(rate * (1 - rate))
    for axis in (0, 1):
        z = (hidden.mean(axis) - rate) / spread * np.sqrt(hidden.shape[axis])
        assert np.abs(z).max() < 5  # one false alarm in 400
        assert abs((z**2).mean() - 1) < 5 * np.sqrt(2 / z.size)
    beside = (hidden[:, 1:] & hidden[:, :-1]).mean(), (hidden[1:] & hidden[:-1]).mean()
    np.testing.assert_allclose(beside, rate**2, atol=5 * rate / np.sqrt(kept.size))
    other = batches_numba.dropout(n_frames, n, rate, np.uint64(6)) == 0
    np.testing.assert_allclose((other & hidden).mean(), rate**2, atol=5 * rate / np.sqrt(kept.size))


def test_the_recurrence_sees_some_frames_held_on_and_some_notes_not_at_all() -> None:
    """What it sees in a frame's place, sequence by sequence; what is to be learned stays as it is.

    Of two planes, keys that sound and keys that are struck, a frame held on has the first alone.
    """
    rng = np.random.default_rng(1)
    rolls = [np.hstack([x, x & (rng.random(x.shape) < 0.5)]) for x in alternating(8, 40)]
    settings = replace(SMALL, batch_size=8, planes=2, held=0.2)
    batch = together(Batches(rolls, settings, None), 0)
    assert batch.shown is not None
    shown, n_keys = batch.shown, 10
    n_held = 0
    for places in sequences(batch):
        sounding = np.vstack([np.zeros(n_keys), batch.v[places, :n_keys]]).astype(np.bool_)
        for t, place in enumerate(places):
            if (shown[place] != batch.v[place]).any():
                np.testing.assert_array_equal(shown[place, :n_keys], sounding[t])
                assert not shown[place, n_keys:].any()
                n_held += 1
    assert abs(n_held / 320 - 0.2) < 5 * np.sqrt(0.2 * 0.8 / 320)  # five sigma
    batch = together(Batches(rolls, replace(settings, held=0.0, unseen=0.3), None), 0)
    assert batch.shown is not None
    assert not (batch.shown & ~batch.v).any()
    n_notes = batch.v.sum()
    assert abs(batch.shown.sum() / n_notes - 0.7) < 5 * np.sqrt(0.21 / n_notes)


def test_a_batch_shows_each_frame_with_its_echoes_of_the_whole_piece() -> None:
    """Transposed as the frame is, and from before where the sequence was cut."""
    rng = np.random.default_rng(1)
    rolls = [rng.random((n, 10)) < 0.3 for n in (60, 35, 8)]
    settings = replace(SMALL, batch_size=3, most_frames=20, echoes=(4, 30), transposed=3)
    found = 0
    for update in range(6):
        batch = together(Batches(rolls, settings, None), update)
        assert batch.shown is not None
        for places, row in zip(sequences(batch), batch.row, strict=True):
            shift = batches.semitones(int(row))
            moved = [batches.transposed(roll, shift) for roll in rolls]
            cuts = [(m, t) for m in moved for t in range(len(m)) if len(m[t:]) >= len(places)]
            here = [c for c in cuts if (c[0][c[1] :][: len(places)] == batch.v[places]).all()]
            assert len(here) == 1
            [(piece, first)] = here
            for t, place in enumerate(places, first):
                for i, echo in enumerate((1, 4, 30)):
                    keys = batch.shown[place, 10 * i : 10 * i + 10]
                    expected = piece[t + 1 - echo] if t + 1 >= echo else np.zeros(10)
                    np.testing.assert_array_equal(keys, expected)
                    found += t + 1 - echo in range(first)
    assert found > 100


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


@pytest.mark.parametrize("semitones", [-11, -4, -1, 0, 2, 10, 25])
@pytest.mark.parametrize("planes", [1, 2])
def test_transposing_moves_keys_and_drops_what_falls_off(semitones: int, planes: int) -> None:
    roll = np.random.default_rng(1).random((5, planes, 10)) < 0.5
    moved = batches.transposed(roll.reshape(5, -1), semitones, planes).reshape(roll.shape)
    for key in range(10):
        before = key - semitones
        expected = roll[..., before] if 0 <= before < 10 else np.zeros((5, planes), np.bool_)
        np.testing.assert_array_equal(moved[..., key], expected)


def test_schedules_run_from_end_to_end() -> None:
    settings = Settings(updates=1000, warm_up=100, rate=0.01, last_rate=0.02, gibbs_steps=(1, 15))
    assert settings.rate_at(0) == pytest.approx(0.0001)
    assert settings.rate_at(100) == pytest.approx(0.01, rel=0.05)
    assert settings.rate_at(999) == pytest.approx(0.0002, rel=0.01)
    assert [settings.k_at(update) for update in (0, 375, 750, 999)] == [1, 8, 15, 15]
    assert settings.transposed_at(0) == pytest.approx(10 / 11)
    assert settings.transposed_at(1000) == 0
    assert replace(settings, own_keys=True).transposed_at(1000) == pytest.approx(10 / 11)
