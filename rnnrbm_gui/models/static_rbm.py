"""The RBM alone: every frame from the same machine, whatever came before.

The first row of table 1 of Boulanger-Lewandowski, Bengio, Vincent (ICML 2012). It is a sequence
model whose recurrent state has no units.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from rnnrbm_gui.models.memory import FLOATING, Arithmetic
from rnnrbm_gui.models.sequence_model import Float, SequenceModel


@dataclass(frozen=True, eq=False, kw_only=True)
class StaticRbm(SequenceModel):
    """The parameters of one RBM: W, bv, bh and base."""

    kind: ClassVar[str] = "rbm"
    SHAPES: ClassVar[dict[str, str]] = {
        "W": "vh",
        "bv": "v",
        "bh": "h",
        "Wxv": "xv",
        "Wxh": "xh",
        "base": "v",
    }

    Wuv: Float = field(init=False)
    Wuh: Float = field(init=False)
    u0: Float = field(init=False)

    def __post_init__(self) -> None:
        """Check shapes and values; see ``SequenceModel``."""
        object.__setattr__(self, "u0", np.zeros(0, np.float32))
        super().__post_init__()
        object.__setattr__(self, "Wuv", np.zeros((0, self.n_visible), np.float32))
        object.__setattr__(self, "Wuh", np.zeros((0, self.n_hidden), np.float32))

    def step(self, p: Any, u: Any, v: Any, x: Any = None, arithmetic: Arithmetic = FLOATING) -> Any:
        """Return the state as it is: it has no units."""
        return u
