"""Music to train on where no corpus is at hand."""

import numpy as np

MAJOR = np.array([0, 2, 4, 5, 7, 9, 11])


def synthetic_music(
    n_pieces: int, shortest: int, longest: int, n_keys: int = 88, seed: int = 1
) -> list[np.ndarray]:
    """Return pieces in four voices, (n_frames, n_keys) each, of a corpus's shape and density.

    Each voice moves to a near note of the chord, or holds; chords follow one another by a table.

    Args:
        n_pieces: how many.
        shortest: frames of a piece at least.
        longest: at most.
        n_keys: keys of a frame; the voices spread over the middle half.
        seed: of the pieces; the table of chords is always the same.
    """
    follows = np.random.default_rng(0).dirichlet(np.full(7, 0.3), 7)
    rng = np.random.default_rng([seed, 7])
    pieces = []
    for _ in range(n_pieces):
        roll = np.zeros((int(rng.integers(shortest, longest + 1)), n_keys), np.bool_)
        voices = np.linspace(0.25, 0.75, 4) * (n_keys - 1)
        chord = int(rng.integers(7))
        for frame in roll:
            if rng.random() < 0.6:
                chord = int(rng.choice(7, p=follows[chord]))
            allowed = MAJOR[(chord + np.array([0, 2, 4])) % 7]
            keys = np.flatnonzero(np.isin(np.arange(n_keys) % 12, allowed))
            moves = rng.random(4) < 0.7
            near = keys[np.abs(keys[:, None] - voices - rng.normal(size=4)).argmin(0)]
            voices = np.where(moves, near, voices)
            frame[voices.round().astype(int)] = True
        pieces.append(roll)
    return pieces
