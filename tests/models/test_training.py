from dataclasses import replace

import numpy as np
import pytest

from rnnrbm_gui.models import likelihood, training
from rnnrbm_gui.models.rnn_rbm import Memory, RnnRbm
from rnnrbm_gui.models.training import Settings

SMALL = Settings(
    n_hidden=8, n_recurrent=12, updates=400, batch_size=8, check_every=100, transposed=0, seed=3
)


def alternating(n_pieces: int, n_frames: int = 12) -> list[np.ndarray]:
    """Pieces that go back and forth between two chords: all of it follows from the past."""
    chords = np.zeros((2, 10), np.bool_)
    chords[0, [1, 4, 7]] = chords[1, [2, 5, 9]] = True
    return [chords[(np.arange(n_frames) + piece) % 2] for piece in range(n_pieces)]


def trained(settings: Settings) -> list[RnnRbm]:
    return [progress.model for progress in training.train(alternating(20), settings)]


def exact(model: RnnRbm) -> float:
    frames = likelihood.frames_of(model, alternating(4))
    return float(likelihood.exact_ll(model, frames).mean())


def test_training_learns_what_follows_what() -> None:
    models = trained(SMALL)
    assert len(models) == 4
    # Only the first chord of a piece is open: ln 2 over 12 frames. Keys alone would give -6.3.
    assert exact(models[-1]) > -0.5


# The sigmoid's state starts out nearly constant, so it learns slowly; -4.2 is where both begin.
@pytest.mark.parametrize(("memory", "least"), [("tanh", -0.5), ("sigmoid", -2.5)])
def test_either_memory_learns(memory: Memory, least: float) -> None:
    assert exact(trained(replace(SMALL, updates=1200, rate=0.03, memory=memory))[-1]) > least


def test_a_seed_gives_one_model() -> None:
    settings = Settings(n_hidden=8, n_recurrent=6, updates=30, batch_size=4, transposed=2, seed=5)
    one, two = trained(settings)[-1], trained(settings)[-1]
    for name, value in one.parameters().items():
        np.testing.assert_array_equal(value, two.parameters()[name])
    other = Settings(n_hidden=8, n_recurrent=6, updates=30, batch_size=4, transposed=2, seed=6)
    assert (trained(other)[-1].W != one.W).any()


def test_pieces_of_unlike_length_and_silence_do_no_harm() -> None:
    rolls = [*alternating(3), np.zeros((1, 10), np.bool_), np.zeros((250, 10), np.bool_)]
    settings = Settings(n_hidden=8, n_recurrent=6, updates=20, transposed=3)
    *_, last = training.train(rolls, settings)
    assert last.update == 20
    assert all(np.isfinite(value).all() for value in last.model.parameters().values())


def test_nothing_to_train_on_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        next(training.train([np.zeros((0, 10), np.bool_)], SMALL))


@pytest.mark.parametrize("semitones", [-4, -1, 0, 2, 10])
def test_transposing_moves_keys_and_drops_what_falls_off(semitones: int) -> None:
    roll = np.random.default_rng(1).random((5, 10)) < 0.5
    moved = training.shifted(roll, semitones)
    for key in range(10):
        before = key - semitones
        expected = roll[:, before] if 0 <= before < 10 else np.zeros(5, np.bool_)
        np.testing.assert_array_equal(moved[:, key], expected)


def test_schedules_run_from_end_to_end() -> None:
    settings = Settings(updates=1000, warm_up=100, rate=0.01, last_rate=0.02, gibbs_steps=(1, 15))
    assert settings.rate_at(0) == pytest.approx(0.0001)
    assert settings.rate_at(100) == pytest.approx(0.01, rel=0.05)
    assert settings.rate_at(999) == pytest.approx(0.0002, rel=0.01)
    assert [settings.k_at(update) for update in (0, 375, 750, 999)] == [1, 8, 15, 15]
    assert settings.transposed_at(0) == pytest.approx(10 / 11)
    assert settings.transposed_at(1000) == 0
