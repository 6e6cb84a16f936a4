"""The RNN-RBM: a recurrent network that gives each frame's RBM its biases.

    bv_t = bv + u_{t-1} Wuv        bh_t = bh + u_{t-1} Wuh
    u_t  = f(bu + v_t Wvu + u_{t-1} Wuu)            f = tanh, sigmoid, or a gated unit

Boulanger-Lewandowski, Bengio, Vincent: Modeling Temporal Dependencies in High-Dimensional
Sequences, ICML 2012, equations 8 to 11 (their signs and transposes made consistent).
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from rnnrbm_gui.errors import ModelError
from rnnrbm_gui.models import memory as memories
from rnnrbm_gui.models.memory import FLOATING, MIDDLE, N_GATES, Arithmetic
from rnnrbm_gui.models.sequence_model import Float, SequenceModel
from rnnrbm_gui.models.terms import MEMORIES, Memory, check_echoes


@dataclass(frozen=True, eq=False, kw_only=True)
class RnnRbm(SequenceModel):
    """The parameters of one RNN-RBM; further ones in ``SequenceModel``.

    Attributes:
        Wvu: (n_visible * (1 + n_echoes), n_gates * n_recurrent), frame, as it is seen, to
            recurrent state.
        Wuu: (n_recurrent, n_gates * n_recurrent), recurrent state to the next.
        bu: (n_gates * n_recurrent,).
        Wxu: (n_positions, n_gates * n_recurrent), position in the bar to recurrent state.
        memory: f, "tanh", "sigmoid" or "gru".
        echoes: how many frames before the next one are those that are seen beside each frame.
    """

    kind: ClassVar[str] = "rnn-rbm"
    SHAPES: ClassVar[dict[str, str]] = {
        "W": "vh",
        "bv": "v",
        "bh": "h",
        "Wuv": "uv",
        "Wuh": "uh",
        "Wvu": "sg",
        "Wuu": "ug",
        "bu": "g",
        "u0": "u",
        "Wxv": "xv",
        "Wxh": "xh",
        "Wxu": "xg",
        "base": "v",
    }

    Wvu: Float
    Wuu: Float
    bu: Float
    Wxu: Float | None = None
    memory: Memory = "tanh"
    echoes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Check shapes and values.

        Raises:
            ModelError: a shape does not fit, a number is not finite, or the memory is unknown or
                an echo out of range.
        """
        try:
            check_echoes(self.echoes)
        except ValueError as error:
            raise ModelError(f"{error}.") from error
        if self.memory not in MEMORIES:
            raise ModelError(f"memory must be one of {', '.join(MEMORIES)}, got '{self.memory}'.")
        super().__post_init__()

    @property
    def n_gates(self) -> int:
        """Pre-activations of each recurrent unit: 3 of a gated one, else 1."""
        return N_GATES[self.memory]

    def recalling(self, share: float) -> "RnnRbm":
        """Return the model with what its biases read of the recurrent state multiplied.

        State and memory stay as they are: what was heard weighs more, or less, in what comes next.
        A state of sigmoids is read less 1/2, as in training, so that ``bv`` and ``bh`` change too.
        """
        if share == 1:
            return self
        middle, Wuv, Wuh = MIDDLE[self.memory], share * self.Wuv, share * self.Wuh
        bv = self.bv + middle * (self.Wuv - Wuv).sum(0)
        bh = self.bh + middle * (self.Wuh - Wuh).sum(0)
        return replace(self, Wuv=Wuv, Wuh=Wuh, bv=bv, bh=bh)

    def step(self, p: Any, u: Any, v: Any, x: Any = None, arithmetic: Arithmetic = FLOATING) -> Any:
        """Return u_t = f(bu + v_t Wvu + u_{t-1} Wuu)."""
        a = p.bu + v @ p.Wvu
        if self.n_positions:
            a = a + p.Wxu[np.asarray(0 if x is None else x) % self.n_positions]
        after, _ = memories.step(self.memory, a, u @ p.Wuu, u, arithmetic)
        return after
