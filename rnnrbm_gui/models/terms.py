"""The terms in which a model is chosen and played: names, numbers and their bounds, no arrays."""

from collections.abc import Sequence
from typing import Literal, get_args

Kind = Literal["rnn-rbm", "rtrbm", "rbm"]
KIND_NAMES: tuple[Kind, ...] = get_args(Kind)

Memory = Literal["tanh", "sigmoid", "gru"]
MEMORIES: tuple[Memory, ...] = get_args(Memory)

DEFAULT_GIBBS_STEPS = 400
"""With so many, samples hold as many notes and have as many voices as the corpus does."""
DEFAULT_TEMPERATURE = 0.8

NEAREST_ECHO, FARTHEST_ECHO = 2, 1024
"""Frames; of 1 it would be v_t itself."""


def check_echoes(echoes: Sequence[int]) -> None:
    """Refuse echoes that are out of range or out of order.

    Raises:
        ValueError: they are.
    """
    in_range = all(NEAREST_ECHO <= echo <= FARTHEST_ECHO for echo in echoes)
    if list(echoes) != sorted(set(echoes)) or not in_range:
        raise ValueError(
            f"echoes must grow and be in {NEAREST_ECHO}..{FARTHEST_ECHO} frames, got {list(echoes)}"
        )
