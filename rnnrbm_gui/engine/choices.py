"""What one chooses: what is done with the drawn notes, and how the model draws."""

from enum import StrEnum

from msgspec import Struct

from rnnrbm_gui.models.terms import DEFAULT_GIBBS_STEPS, DEFAULT_TEMPERATURE

FEWEST_GIBBS_STEPS, MOST_GIBBS_STEPS = 1, 4000
COLDEST, HOTTEST = 0.5, 2.0


class Mode(StrEnum):
    """What is done with the drawn notes."""

    CONTINUE = "Continue"
    HARMONISE = "Harmonise"
    FREE = "Free"


class Sampling(Struct, frozen=True):
    """How the model draws.

    Attributes:
        seed: any whole number from 0 to 2^32 - 1; the same seed gives the same music.
        temperature: T of exp(-E / T), 0.5..2.
        gibbs_steps: block Gibbs steps a frame, 1..4000.
    """

    seed: int = 28041685
    temperature: float = DEFAULT_TEMPERATURE
    gibbs_steps: int = DEFAULT_GIBBS_STEPS

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed must be in 0..4294967295, got {self.seed}")
        if not COLDEST <= self.temperature <= HOTTEST:
            raise ValueError(f"temperature must be in 0.5..2, got {self.temperature}")
        if not FEWEST_GIBBS_STEPS <= self.gibbs_steps <= MOST_GIBBS_STEPS:
            raise ValueError(f"gibbs_steps must be in 1..4000, got {self.gibbs_steps}")
