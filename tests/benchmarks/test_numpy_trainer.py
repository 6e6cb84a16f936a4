"""The peer in NumPy does the trainer's work: from the same frames the same gradient."""

import numpy as np
import pytest

from rnnrbm_gui.models import gradients
from rnnrbm_gui.models.gradients import Batch, Parameters
from rnnrbm_gui.models.settings import Settings
from rnnrbm_gui.models.terms import Kind, Memory
from rnnrbm_gui.models.training import Trainer
from tests.benchmarks.music import synthetic_music
from tests.benchmarks.numpy_trainer import in_numpy


@pytest.mark.parametrize(
    ("kind", "memory"),
    [
        ("rnn-rbm", "tanh"),
        ("rnn-rbm", "sigmoid"),
        ("rnn-rbm", "gru"),
        ("rtrbm", "tanh"),
        ("rbm", "tanh"),
    ],
)
def test_the_peer_in_numpy_has_the_trainers_gradients(kind: Kind, memory: Memory) -> None:
    settings = Settings(kind=kind, memory=memory, n_hidden=30, n_recurrent=20)
    trainer = Trainer(synthetic_music(20, 40, 80), settings)
    for _ in range(20):
        trainer.advance()
    [share] = trainer._batches.shares(trainer.update)
    batch, key = trainer._batches.together(share)
    p = trainer._p
    run = gradients.unroll(kind, p, batch, memory)
    v_neg = trainer._negative(batch, run, key, trainer._laid_out())

    def gradient(batch: Batch) -> Parameters:
        run = gradients.unroll(kind, p, batch, memory)
        return gradients.gradient(kind, p, batch, run, v_neg, memory)

    ours = gradient(batch)
    with in_numpy():
        peers = gradient(batch)
    for name, grad in ours.items():
        np.testing.assert_allclose(peers[name], grad, rtol=1e-3, atol=1e-4 * np.abs(grad).max())
