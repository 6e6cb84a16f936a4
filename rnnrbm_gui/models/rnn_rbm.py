"""The RNN-RBM: a recurrent network that gives each frame's RBM its biases.

    bv_t = bv + u_{t-1} Wuv        bh_t = bh + u_{t-1} Wuh
    u_t  = f(bu + v_t Wvu + u_{t-1} Wuu)            f = tanh or sigmoid

Boulanger-Lewandowski, Bengio, Vincent: Modeling Temporal Dependencies in High-Dimensional
Sequences, ICML 2012, equations 8 to 11 (their signs and transposes made consistent).
"""

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.errors import ModelError
from rnnrbm_gui.models import rbm

Float = NDArray[np.float32]
Memory = Literal["tanh", "sigmoid"]
MEMORIES: tuple[Memory, ...] = ("tanh", "sigmoid")

MOST_UNITS = 4096


@dataclass(frozen=True, eq=False)
class RnnRbm:
    """The parameters of one RNN-RBM, all float32 and read-only.

    Attributes:
        W: (n_visible, n_hidden), the RBM's weights.
        bv: (n_visible,), static visible biases.
        bh: (n_hidden,), static hidden biases.
        Wuv: (n_recurrent, n_visible), recurrent state to visible biases.
        Wuh: (n_recurrent, n_hidden), recurrent state to hidden biases.
        Wvu: (n_visible, n_recurrent), frame to recurrent state.
        Wuu: (n_recurrent, n_recurrent), recurrent state to the next.
        bu: (n_recurrent,).
        u0: (n_recurrent,), the learned state before the first frame.
        base: (n_visible,), logits of each key's frequency in the corpus: where annealing starts.
        memory: f, "tanh" or "sigmoid".
    """

    W: Float
    bv: Float
    bh: Float
    Wuv: Float
    Wuh: Float
    Wvu: Float
    Wuu: Float
    bu: Float
    u0: Float
    base: Float
    memory: Memory = "tanh"

    def __post_init__(self) -> None:
        """Check shapes and values.

        Raises:
            ModelError: a shape does not fit, a number is not finite, or the memory is unknown.
        """
        if self.memory not in MEMORIES:
            raise ModelError(f"memory must be one of {', '.join(MEMORIES)}, got '{self.memory}'.")
        if np.ndim(self.W) != 2 or np.ndim(self.Wuu) != 2:
            raise ModelError("W and Wuu must be matrices: the parameters are not an RNN-RBM's.")
        sizes = {"v": len(self.W), "h": self.W.shape[1], "u": len(self.Wuu)}
        if not all(1 <= size <= MOST_UNITS for size in sizes.values()):
            raise ModelError(f"a layer must have 1..{MOST_UNITS} units, got {sizes}.")
        for name, layers in SHAPES.items():
            value = np.asarray(getattr(self, name))
            shape = tuple(sizes[layer] for layer in layers)
            if value.shape != shape:
                raise ModelError(f"{name} must have the shape {shape}, got {value.shape}.")
            if not np.isfinite(value).all():
                raise ModelError(f"{name} must hold finite numbers only; it holds NaN or infinity.")
            kept = np.array(value, np.float32, order="C")
            kept.setflags(write=False)
            object.__setattr__(self, name, kept)

    @property
    def n_visible(self) -> int:
        """Number of keys."""
        return self.W.shape[0]

    @property
    def n_hidden(self) -> int:
        """Number of hidden units."""
        return self.W.shape[1]

    @property
    def n_recurrent(self) -> int:
        """Number of recurrent units."""
        return self.Wuu.shape[0]

    def parameters(self) -> dict[str, Float]:
        """Return the arrays by name."""
        return {name: getattr(self, name) for name in SHAPES}

    def next_state(self, u: Float, v: NDArray[np.generic]) -> Float:
        """Return u_t from u_{t-1} and v_t, (..., n_recurrent)."""
        a = self.bu + np.asarray(v, np.float32) @ self.Wvu + u @ self.Wuu
        return np.tanh(a) if self.memory == "tanh" else rbm.sigmoid(a)

    def frame_biases(self, roll: NDArray[np.generic]) -> tuple[Float, Float]:
        """Return the biases of every frame's RBM, each given the frames before it.

        Args:
            roll: (n_frames, n_visible).

        Returns:
            bv_t (n_frames, n_visible) and bh_t (n_frames, n_hidden).
        """
        before = np.empty((len(roll), self.n_recurrent), np.float32)
        u = self.u0
        for t, v in enumerate(roll):
            before[t] = u
            u = self.next_state(u, v)
        return self.bv + before @ self.Wuv, self.bh + before @ self.Wuh

    def free_energy(self, roll: NDArray[np.generic]) -> Float:
        """Return F_t(v_t) of every frame, (n_frames,)."""
        bv_t, bh_t = self.frame_biases(roll)
        return rbm.free_energy(self.W, bv_t, bh_t, np.asarray(roll, np.float32))


SHAPES: dict[str, str] = {
    "W": "vh",
    "bv": "v",
    "bh": "h",
    "Wuv": "uv",
    "Wuh": "uh",
    "Wvu": "vu",
    "Wuu": "uu",
    "bu": "u",
    "u0": "u",
    "base": "v",
}
"""Layers that span each parameter: v visible, h hidden, u recurrent."""

assert set(SHAPES) == {field.name for field in fields(RnnRbm)} - {"memory"}


def base_rates(rolls: list[NDArray[np.bool_]] | tuple[NDArray[np.bool_], ...]) -> Float:
    """Return the logit of each key's frequency over all frames, (n_visible,).

    Half a frame is added to either side, so that a key never seen has a finite logit.
    """
    on = sum(roll.sum(0, dtype=np.int64) for roll in rolls)
    n_frames = sum(len(roll) for roll in rolls)
    return np.log((on + 0.5) / (n_frames - on + 0.5)).astype(np.float32)
