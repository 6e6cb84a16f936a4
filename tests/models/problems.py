"""Small training problems with every kind of parameter, in float64; and easy music."""

import numpy as np

from rnnrbm_gui.models.gradients import Batch, Parameters, is_bias, trained
from rnnrbm_gui.models.memory import N_GATES
from rnnrbm_gui.models.terms import Kind, Memory

N_POSITIONS = 3
ECHOES = (2, 4)
KINDS: list[tuple[Kind, Memory]] = [
    ("rnn-rbm", "tanh"),
    ("rnn-rbm", "sigmoid"),
    ("rnn-rbm", "gru"),
    ("rtrbm", "tanh"),
    ("rbm", "tanh"),
]


def random_problem(
    kind: Kind, memory: Memory, told: bool, seed: int = 3, n_hidden: int = 5
) -> tuple[Parameters, Batch, np.ndarray]:
    """Return parameters, sequences and negative frames.

    ``told``: of positions in the bar; then too some notes are hidden from the recurrence, which
    in an RNN-RBM also sees echoes, here of chance.
    """
    rng = np.random.default_rng(seed)
    n_u = {"rnn-rbm": 4, "rtrbm": n_hidden, "rbm": 0}[kind]
    sizes = {"v": 6, "h": n_hidden, "u": n_u, "g": N_GATES[memory] * n_u, "x": N_POSITIONS}
    sizes["s"] = 6 * (1 + len(ECHOES)) if told and kind == "rnn-rbm" else 6
    p = {}
    for name, layers in trained(kind, N_POSITIONS if told else 0).items():
        shape = tuple(sizes[layer] for layer in layers)
        p[name] = rng.normal(size=(3, *shape) if is_bias(layers) else shape) * 0.7
    at = np.array([0, 3, 6, 9, 12, 14, 16, 18])  # two sequences of 7 frames and one of 4
    n_frames = at[-1]
    v = rng.random((n_frames, 6)) < 0.4
    kept = (rng.random((n_frames, n_u)) < 0.75) / 0.75
    x = rng.integers(0, N_POSITIONS, n_frames) if told else None
    shown = v & (rng.random(v.shape) < 0.8) if told else None
    if shown is not None and sizes["s"] > 6:
        shown = np.hstack([shown, rng.random((n_frames, sizes["s"] - 6)) < 0.3])
    batch = Batch(v, at, kept, np.array([0, 2, 2]), rng.random(6), x, shown)
    v_neg = rng.random(v.shape) < 0.4
    return p, batch, v_neg


def sequences(batch: Batch) -> list[np.ndarray]:
    """Return the places of each sequence's frames in the batch."""
    lengths = np.diff(batch.at)
    return [batch.at[:-1][lengths > i] + i for i in range(len(batch.row))]


def alternating(n_pieces: int, n_frames: int = 12) -> list[np.ndarray]:
    """Pieces that go back and forth between two chords: all of it follows from the past."""
    chords = np.zeros((2, 10), np.bool_)
    chords[0, [1, 4, 7]] = chords[1, [2, 5, 9]] = True
    return [chords[(np.arange(n_frames) + piece) % 2] for piece in range(n_pieces)]
