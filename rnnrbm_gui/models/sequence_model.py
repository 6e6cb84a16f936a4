"""Music as a sequence of RBMs: one for each frame, its biases given by the frames before.

    bv_t = bv + u_{t-1} Wuv + Wxv[x_t]        bh_t = bh + u_{t-1} Wuh + Wxh[x_t]

What all models here share. They differ in how the recurrent state u moves on: ``RnnRbm``,
``Rtrbm``, ``StaticRbm``. x_t is the frame's position in the bar where the model is told it (no
model of the paper is): a row number, see ``bars``.

A frame has one or more *planes* of keys side by side: which keys sound, and, where the model
learns articulation, which of them are struck.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.errors import ModelError
from rnnrbm_gui.models import echoes as echoes_
from rnnrbm_gui.models import rbm
from rnnrbm_gui.models.memory import FLOATING, Arithmetic

Float = NDArray[np.float32]

MOST_UNITS = 4096


@dataclass(frozen=True, eq=False, kw_only=True)
class SequenceModel:
    """The parameters of one model, all float32 and read-only.

    Attributes:
        W: (n_visible, n_hidden), the RBM's weights.
        bv: (n_visible,), static visible biases.
        bh: (n_hidden,), static hidden biases.
        Wuv: (n_recurrent, n_visible), recurrent state to visible biases.
        Wuh: (n_recurrent, n_hidden), recurrent state to hidden biases.
        u0: (n_recurrent,), the learned state before the first frame.
        Wxv: (n_positions, n_visible), position in the bar to visible biases.
        Wxh: (n_positions, n_hidden), position in the bar to hidden biases.
        base: (n_visible,), logits of each key's frequency in the corpus: where annealing starts.
    """

    kind: ClassVar[str]
    SHAPES: ClassVar[dict[str, str]]
    """Layers that span each parameter: v visible, h hidden, u recurrent, g gates, x positions, s
    what the recurrence sees."""

    W: Float
    bv: Float
    bh: Float
    Wuv: Float
    Wuh: Float
    u0: Float
    Wxv: Float | None = None
    Wxh: Float | None = None
    base: Float

    def __post_init__(self) -> None:
        """Check shapes and values.

        Raises:
            ModelError: a shape does not fit or a number is not finite.
        """
        if np.ndim(self.W) != 2 or np.ndim(self.u0) != 1:
            raise ModelError(f"W must be a matrix and u0 a row: this is no {self.kind}.")
        n_visible, n_hidden = self.W.shape
        n_positions = 0 if self.Wxv is None else len(self.Wxv)
        sizes = {"v": n_visible, "h": n_hidden, "u": len(self.u0), "x": n_positions}
        sizes["g"] = self.n_gates * sizes["u"]
        sizes["s"] = n_visible * (1 + len(self.echoes))
        least = 0 if self.kind == "rbm" else 1
        if not (
            1 <= n_visible <= MOST_UNITS
            and 1 <= n_hidden <= MOST_UNITS
            and least <= sizes["u"] <= MOST_UNITS
            and n_positions <= MOST_UNITS
        ):
            raise ModelError(f"a layer must have 1..{MOST_UNITS} units, got {sizes}.")
        for name, layers in self.SHAPES.items():
            shape = tuple(sizes[layer] for layer in layers)
            value = getattr(self, name)
            value = np.zeros(shape, np.float32) if value is None else np.asarray(value)
            if value.shape != shape:
                raise ModelError(f"{name} must have the shape {shape}, got {value.shape}.")
            if not np.isfinite(value).all():
                raise ModelError(f"{name} must hold finite numbers only; it holds NaN or infinity.")
            kept = np.array(value, np.float32, order="C")
            kept.setflags(write=False)
            object.__setattr__(self, name, kept)

    @property
    def n_visible(self) -> int:
        """Number of visible units: keys, times planes."""
        return self.W.shape[0]

    @property
    def n_hidden(self) -> int:
        """Number of hidden units."""
        return self.W.shape[1]

    @property
    def n_recurrent(self) -> int:
        """Number of recurrent units."""
        return len(self.u0)

    @property
    def n_gates(self) -> int:
        """Pre-activations of each recurrent unit."""
        return 1

    @property
    def n_positions(self) -> int:
        """Positions in the bar that the model tells apart, 0 where it is not told."""
        return 0 if self.Wxv is None else len(self.Wxv)

    @property
    def echoes(self) -> tuple[int, ...]:
        """How many frames before the next one are those that are seen beside each; see ``echoes``.

        None but an RNN-RBM has any.
        """
        return ()

    def recalling(self, share: float) -> "SequenceModel":
        """Return the model with what its biases read of the recurrent state multiplied.

        An RNN-RBM's only: what else has a state reads it in its recurrence too.

        Raises:
            ValueError: it is no RNN-RBM, and ``share`` is not 1.
        """
        if share != 1:
            raise ValueError(f"a model {self.kind} recalls as it has learned to, got {share}")
        return self

    def parameters(self) -> dict[str, Float]:
        """Return the arrays by name; those of positions only where there are some."""
        return {
            name: getattr(self, name)
            for name, layers in self.SHAPES.items()
            if "x" not in layers or self.n_positions
        }

    def biases(self, p: Any, u: Any, x: Any = None) -> tuple[Any, Any]:
        """Return bv_t and bh_t of frames, given the states before them.

        Args:
            p: parameters as attributes: this model, or a rounded form of it.
            u: (..., n_recurrent).
            x: (...) positions in the bar; None where the model is not told them.
        """
        bv_t, bh_t = p.bv + u @ p.Wuv, p.bh + u @ p.Wuh
        if self.n_positions:
            row = np.asarray(0 if x is None else x) % self.n_positions
            bv_t, bh_t = bv_t + p.Wxv[row], bh_t + p.Wxh[row]
        return bv_t, bh_t

    @abstractmethod
    def step(self, p: Any, u: Any, v: Any, x: Any = None, arithmetic: Arithmetic = FLOATING) -> Any:
        """Return u_t, (..., n_recurrent), from u_{t-1}, v_t and x_t; arguments as in ``biases``.

        ``v`` is the frame as the recurrence sees it: with its echoes, where the model has some.
        """

    def next_state(self, u: Float, v: NDArray[np.generic], x: int | None = None) -> Float:
        """Return u_t from u_{t-1}, v_t as it is seen and its position, (..., n_recurrent)."""
        return np.asarray(self.step(self, u, np.asarray(v, np.float32), x), np.float32)

    def frame_biases(
        self, roll: NDArray[np.generic], positions: NDArray[np.int64] | None = None
    ) -> tuple[Float, Float]:
        """Return the biases of every frame's RBM, each given the frames before it.

        Args:
            roll: (n_frames, n_visible).
            positions: (n_frames,), of each frame in its bar; None where the model is not told.

        Returns:
            bv_t (n_frames, n_visible) and bh_t (n_frames, n_hidden).
        """
        x = np.zeros(len(roll), np.int64) if positions is None else positions
        before = np.empty((len(roll), self.n_recurrent), np.float32)
        u = self.u0
        for t, v in enumerate(echoes_.seen(np.asarray(roll), self.echoes)):
            before[t] = u
            u = self.next_state(u, v, int(x[t]))
        bv_t, bh_t = self.biases(self, before, x)
        return bv_t, bh_t

    def free_energy(
        self, roll: NDArray[np.generic], positions: NDArray[np.int64] | None = None
    ) -> Float:
        """Return F_t(v_t) of every frame, (n_frames,)."""
        bv_t, bh_t = self.frame_biases(roll, positions)
        return rbm.free_energy(self.W, bv_t, bh_t, np.asarray(roll, np.float32))


def base_rates(rolls: Sequence[NDArray[np.bool_]]) -> Float:
    """Return the logit of each key's frequency over all frames, (n_visible,).

    Half a frame is added to either side, so that a key never seen has a finite logit.
    """
    on = sum(roll.sum(0, dtype=np.int64) for roll in rolls)
    n_frames = sum(len(roll) for roll in rolls)
    return np.log((on + 0.5) / (n_frames - on + 0.5)).astype(np.float32)
