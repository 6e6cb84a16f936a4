"""What a roll sounds like in figures: how much is held, how many notes at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models.sampler import FrameSampler
from rnnrbm_gui.models.terms import DEFAULT_GIBBS_STEPS, DEFAULT_TEMPERATURE

Roll = NDArray[np.bool_]

MOST_COUNTED = 8


@dataclass(frozen=True)
class RollStatistics:
    """Statistics of sequences.

    Attributes:
        held: share of notes that were on in the frame before too, in 0..1.
        notes: mean notes a frame.
        frames_with: share of frames with 0, 1, ... MOST_COUNTED or more notes.
    """

    held: float
    notes: float
    frames_with: tuple[float, ...]

    @staticmethod
    def of(rolls: Sequence[Roll]) -> "RollStatistics":
        """Count over sequences; frames are compared within a sequence only."""
        held = sum(int((roll[1:] & roll[:-1]).sum()) for roll in rolls)
        could = sum(int(roll[1:].sum()) for roll in rolls)
        n_notes = np.concatenate([roll.sum(1) for roll in rolls])
        counts = np.bincount(np.minimum(n_notes, MOST_COUNTED), minlength=MOST_COUNTED + 1)
        shares = tuple(float(share) for share in counts / max(1, len(n_notes)))
        return RollStatistics(held / max(1, could), float(n_notes.mean()), shares)

    def __str__(self) -> str:
        shares = " ".join(f"{n}:{share:.3f}" for n, share in enumerate(self.frames_with))
        return f"held {self.held:.3f}, notes a frame {self.notes:.2f}, frames with {shares}"


def samples(
    sampler: FrameSampler,
    n_pieces: int,
    n_frames: int,
    *,
    seed: int,
    gibbs_steps: int = DEFAULT_GIBBS_STEPS,
    temperature: float = DEFAULT_TEMPERATURE,
    positions: NDArray[np.int64] | None = None,
    first_take: int = 0,
) -> list[Roll]:
    """Let the model play ``n_pieces`` pieces of ``n_frames`` frames from their beginning.

    Args:
        sampler: of the model.
        n_pieces: how many.
        n_frames: of each.
        seed: of the draws.
        gibbs_steps: a frame.
        temperature: of the draws.
        positions: (n_frames,), of the frames in the bar; None where the model is not told them.
        first_take: the number of the first piece: other takes, other music.

    Returns:
        (n_frames, n_visible) each.
    """
    free = np.zeros((n_frames, sampler.model.n_visible), np.int8)
    x = np.zeros(n_frames + 1, np.int64)
    if positions is not None:
        x[:-1] = positions
    drawn = sampler.passage(
        sampler.first_state(int(x[0])),
        free,
        seed=seed,
        takes=range(first_take, first_take + n_pieces),
        frame=0,
        places=x,
        gibbs_steps=gibbs_steps,
        temperature=temperature,
    )
    return [*drawn.v]
