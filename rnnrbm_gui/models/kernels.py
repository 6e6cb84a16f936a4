"""Block Gibbs steps on one frame's RBM, in plain NumPy, or compiled with the same bits.

Both kernels follow one definition. In step s the pre-activation of a unit is
    hidden:   x = float32(bh_t + v W) * scale[s]
    visible:  x = float32(bv_t + h W') * scale[s] + (base * mix[s] + offset)
with the sums in whole numbers and the rest in float32, each operation rounded once and none fused;
the unit fires where  uniform * (1 + exp(-x)) < 1  with the exponential below. The app starts on
the plain kernel and calls ``compile_kernel`` in a thread; music does not change when it is ready.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import randomness
from rnnrbm_gui.models.tables import Tables

Whole = NDArray[np.int32]
Float = NDArray[np.float32]
Kernel = Callable[
    [
        "Weights",
        Whole,
        Whole,
        Float,
        Float,
        Float,
        Float,
        bool,
        int,
        int,
        int,
        NDArray[np.bool_],
    ],
    Float,
]

BLOCK = 96
"""Units to a block of the compiled kernel's sums: what any machine's registers hold, 88 keys."""

LOG2E = np.float32(1.4426950408889634)
LN2_HIGH = np.float32(0.693359375)  # few enough bits that n * LN2_HIGH is exact
LN2_LOW = np.float32(-2.12194440e-4)
FARTHEST = np.float32(80.0)
SERIES = tuple(np.float32(c) for c in (1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1.0, 1.0))


@dataclass(frozen=True, eq=False)
class Weights:
    """W in whole numbers, and as each kernel wants it.

    Attributes:
        W: (n_visible, n_hidden), int32, in units of 2^-16.
    """

    W: Whole

    @cached_property
    def dense(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """W and its transpose; whole numbers below 2^53, so BLAS sums them exactly."""
        W = self.W.astype(np.float64)
        return W, np.ascontiguousarray(W.T)

    @cached_property
    def tables(self) -> Tables:
        """W as the compiled kernel reads it, uint32."""
        return Tables.of(self.W.view(np.uint32), BLOCK, BLOCK)


def exp(x: Float) -> Float:
    """Return the exponential to within 2e-7 of its value, ``x`` cut to -80..80; one set of bits."""
    y = np.minimum(np.maximum(x, -FARTHEST), FARTHEST)
    n = np.rint(y * LOG2E)
    r = y - n * LN2_HIGH - n * LN2_LOW
    p = np.full_like(r, SERIES[0])
    for coefficient in SERIES[1:]:
        p *= r
        p += coefficient
    power = (n.astype(np.int32) + np.int32(127)) << np.int32(23)
    return np.asarray(p * power.view(np.float32), np.float32)


def gibbs_plain(
    weights: Weights,
    bv_t: Whole,
    bh_t: Whole,
    base: Float,
    offset: Float,
    scale: Float,
    mix: Float,
    from_base: bool,
    first_mean: int,
    key0: int,
    key1: int,
    v: NDArray[np.bool_],
) -> Float:
    """Move ``v`` by len(scale) - 1 Gibbs steps (h, then v), in place.

    Args:
        weights: W.
        bv_t: (n_visible,), in units of 2^-16.
        bh_t: (n_hidden,), in units of 2^-16.
        base: (n_visible,), logits of the base rate.
        offset: (n_visible,), added to every visible pre-activation: field and clamps.
        scale: (n_steps + 1,), of the whole-number sums; entry 0 belongs to the start.
        mix: (n_steps + 1,), of the base rate.
        from_base: start from a draw with P = sigmoid(base * mix[0] + offset), else from ``v``.
        first_mean: first step whose visible probabilities are averaged, 1..n_steps.
        key0: first key of the frame's random numbers.
        key1: second key.
        v: (n_visible,), the start and the result.

    Returns:
        mean_v, (n_visible,): P(v = 1 | h), averaged over steps ``first_mean`` and later.
    """
    n_visible, n_hidden = len(bv_t), len(bh_t)
    n_units, n_steps = n_hidden + n_visible, len(scale) - 1
    up, down = weights.dense
    bv, bh = bv_t.astype(np.float64), bh_t.astype(np.float64)
    one = np.float32(1)
    total = np.zeros(n_visible, np.float32)
    uniform = randomness.uniforms((key0, key1), 0, (n_steps + 1) * n_units)
    uniform = uniform.reshape(n_steps + 1, n_units)
    if from_base:
        v[:] = uniform[0, n_hidden:] * (one + exp(-(base * mix[0] + offset))) < one
    for step in range(1, n_steps + 1):
        x = (bh + v @ up).astype(np.float32) * scale[step]
        h = uniform[step, :n_hidden] * (one + exp(-x)) < one
        x = (bv + h @ down).astype(np.float32) * scale[step] + (base * mix[step] + offset)
        odds = one + exp(-x)
        v[:] = uniform[step, n_hidden:] * odds < one
        if step >= first_mean:
            total += one / odds
    return total / np.float32(n_steps + 1 - first_mean)


_kernel: Kernel = gibbs_plain


def kernel() -> Kernel:
    """Return the kernel to call now; arguments and result are those of ``gibbs_plain``."""
    return _kernel


def is_compiled() -> bool:
    """Tell whether the compiled kernel runs now."""
    return _kernel is not gibbs_plain


def compile_kernel() -> None:
    """Compile the fast kernel, or load it from its cache, and run it from now on.

    Takes one to three seconds the first time and imports numba: call it in a thread of its own.
    """
    global _kernel
    from rnnrbm_gui.models import kernels_numba

    import_module("rnnrbm_gui.models.recurrence_numba")  # which ``Playable`` runs from now on
    _kernel = kernels_numba.gibbs_compiled
