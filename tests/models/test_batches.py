from dataclasses import replace

import numpy as np
import pytest

from rnnrbm_gui.models import batches, batches_numba
from rnnrbm_gui.models.batches import Batches
from rnnrbm_gui.models.gradients import Batch
from rnnrbm_gui.models.settings import Settings
from rnnrbm_gui.models.training import Trainer
from tests.models.problems import alternating, sequences

SMALL = Settings(n_hidden=8, n_recurrent=12, updates=400, batch_size=8, transposed=0, seed=3)


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


@pytest.mark.parametrize("semitones", [-11, -4, -1, 0, 2, 10, 25])
@pytest.mark.parametrize("planes", [1, 2])
def test_transposing_moves_keys_and_drops_what_falls_off(semitones: int, planes: int) -> None:
    roll = np.random.default_rng(1).random((5, planes, 10)) < 0.5
    moved = batches.transposed(roll.reshape(5, -1), semitones, planes).reshape(roll.shape)
    for key in range(10):
        before = key - semitones
        expected = roll[..., before] if 0 <= before < 10 else np.zeros((5, planes), np.bool_)
        np.testing.assert_array_equal(moved[..., key], expected)
