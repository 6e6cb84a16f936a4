"""A window with the training window open, and a corpus of two chords."""

import pickle

import pytest

from tests.ui.window import until

LIMIT_S = 60.0
"""A run starts in a process of its own and compiles first; on a busy machine that takes long."""


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "Two chords.pickle"
    pieces = [[(60, 64, 67), (62, 65, 69)] * 6 for _ in range(6)]
    path.write_bytes(pickle.dumps({"train": pieces, "valid": pieces[:2]}))
    return path


@pytest.fixture
def training(opened):
    """Return the training of an opened app, its window shown."""
    main = opened()
    main.training.open()
    return main.training


@pytest.fixture
def chosen(training, corpus):
    """Return the training with a corpus read and a small, endless plan."""
    training.window.corpus.choose(corpus)
    until(lambda: not training._reader.busy, "the corpus", LIMIT_S)
    form = training.window.form
    form.updates.setValue(10**6)
    form.n_hidden.setValue(8)
    form.n_recurrent.setValue(5)
    return training
