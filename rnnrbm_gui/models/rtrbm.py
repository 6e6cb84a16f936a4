"""The RTRBM: the mean-field hidden vector of each frame is the memory of the next.

    bv_t = bv + u_{t-1} Wuv        bh_t = bh + u_{t-1} Wuh
    u_t  = sigmoid(bh_t + v_t W)                        the RBM's own mean_h

Sutskever, Hinton, Taylor: The Recurrent Temporal Restricted Boltzmann Machine, NIPS 2008.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from rnnrbm_gui.models import memory as memories
from rnnrbm_gui.models.memory import FLOATING, Arithmetic
from rnnrbm_gui.models.rnn_rbm import RnnRbm
from rnnrbm_gui.models.sequence_model import SequenceModel


@dataclass(frozen=True, eq=False, kw_only=True)
class Rtrbm(SequenceModel):
    """The parameters of one RTRBM; n_recurrent = n_hidden."""

    kind: ClassVar[str] = "rtrbm"
    SHAPES: ClassVar[dict[str, str]] = {
        "W": "vh",
        "bv": "v",
        "bh": "h",
        "Wuv": "hv",
        "Wuh": "hh",
        "u0": "h",
        "Wxv": "xv",
        "Wxh": "xh",
        "base": "v",
    }

    def step(self, p: Any, u: Any, v: Any, x: Any = None, arithmetic: Arithmetic = FLOATING) -> Any:
        """Return u_t = sigmoid(bh_t + v_t W)."""
        a = p.bh + v @ p.W
        if self.n_positions:
            a = a + p.Wxh[np.asarray(0 if x is None else x) % self.n_positions]
        after, _ = memories.step("sigmoid", a, u @ p.Wuh, u, arithmetic)
        return after

    def untied(self) -> RnnRbm:
        """Return the RNN-RBM that is this model: f = sigmoid, Wvu = W, Wuu = Wuh, bu = bh."""
        parameters: dict[str, Any] = dict(self.parameters())
        return RnnRbm(
            **parameters,
            Wvu=self.W,
            Wuu=self.Wuh,
            bu=self.bh,
            Wxu=self.Wxh if self.n_positions else None,
            memory="sigmoid",
        )
