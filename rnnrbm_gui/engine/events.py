"""What the engine tells the window: frozen values, drained by ``Engine.poll``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from rnnrbm_gui.data.model_header import ModelHeader
from rnnrbm_gui.music.note import Note

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Generated(Struct, frozen=True, eq=False):
    """The generated notes from a tick on are now these, and reach to ``end_tick``.

    Attributes:
        from_tick: earlier notes stay as they are.
        notes: every generated note with an onset at ``from_tick`` or later.
        end_tick: how far the look-ahead has got.
        frame_ticks: ticks of one frame.
        glow_from: the first frame of ``glow``.
        glow: float32 (n_frames, n_keys), the probability of each key in the frames drawn now.
    """

    from_tick: int
    notes: tuple[Note, ...]
    end_tick: int
    frame_ticks: int
    glow_from: int
    glow: NDArray[np.float32]


class Passage(Struct, frozen=True):
    """The drawn passage that the model takes up, in ticks; None where there is none."""

    span: tuple[int, int] | None


class ModelLoaded(Struct, frozen=True):
    """Another model plays from now on."""

    path: Path
    header: ModelHeader


class Playing(Struct, frozen=True):
    """The transport has started (True) or come to rest (False)."""

    playing: bool


class Trouble(Struct, frozen=True):
    """Something went wrong; the sentence is for the user."""

    sentence: str


class KernelReady(Struct, frozen=True):
    """The compiled sampler has taken over from the plain one (same bits, faster)."""

    seconds: float


class Sounded(Struct, frozen=True):
    """The generated music before this tick has sounded."""

    tick: int


class Truncated(Struct, frozen=True):
    """The look-ahead from this tick on was thrown away and is being drawn anew."""

    tick: int
