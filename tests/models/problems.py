"""Small training problems with every kind of parameter, in float64."""

import numpy as np

from rnnrbm_gui.models.gradients import Batch, Parameters, is_bias, trained
from rnnrbm_gui.models.kinds import Kind
from rnnrbm_gui.models.memory import N_GATES, Memory

N_POSITIONS = 3
KINDS: list[tuple[Kind, Memory]] = [
    ("rnn-rbm", "tanh"),
    ("rnn-rbm", "sigmoid"),
    ("rnn-rbm", "gru"),
    ("rtrbm", "tanh"),
    ("rbm", "tanh"),
]


def random_problem(
    kind: Kind, memory: Memory, told: bool, seed: int = 3
) -> tuple[Parameters, Batch, np.ndarray]:
    """Return parameters, sequences and negative frames.

    ``told``: of positions in the bar; then too some notes are hidden from the recurrence.
    """
    rng = np.random.default_rng(seed)
    n_u = {"rnn-rbm": 4, "rtrbm": 5, "rbm": 0}[kind]
    sizes = {"v": 6, "h": 5, "u": n_u, "g": N_GATES[memory] * n_u, "x": N_POSITIONS}
    p = {}
    for name, layers in trained(kind, N_POSITIONS if told else 0).items():
        shape = tuple(sizes[layer] for layer in layers)
        p[name] = rng.normal(size=(3, *shape) if is_bias(layers) else shape) * 0.7
    n_frames, n_sequences = 7, 3
    real = np.ones((n_frames, n_sequences))
    real[4:, 1] = 0  # a shorter sequence, padded
    v = (rng.random((n_frames, n_sequences, 6)) < 0.4) * real[..., None]
    kept = (rng.random((n_frames, n_sequences, n_u)) < 0.75) / 0.75
    x = rng.integers(0, N_POSITIONS, (n_frames, n_sequences)) if told else None
    shown = v * (rng.random(v.shape) < 0.8) if told else None
    batch = Batch(v, real, kept, np.array([0, 2, 2]), rng.random(6), x, shown)
    v_neg = (rng.random(v.shape) < 0.4).astype(np.float64)
    return p, batch, v_neg
