"""Block Gibbs steps on one frame's RBM: the definition that every kernel keeps to, in plain NumPy.

In step s each unit has log2 odds against firing
    hidden:   y = float32(bh_t + v W, cut to -limit[s]..limit[s]) * scale[s]
    visible:  y = float32(bv_t + h W') * scale[s] + (base * mix[s] + offset), cut to +-FARTHEST
with the sums in whole numbers and the rest in float32, each operation rounded once and none fused;
it fires where  uniform * (1 + 2^y) < 1  with the power of two below. The app starts on this plain
kernel and calls ``compile_kernel`` in a thread: ``kernels_numba`` gives the same bits, so the music
does not change when it is ready.
"""

from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import randomness
from rnnrbm_gui.models.tables import Rough, Tables, unit_words

Whole = NDArray[np.int32]
Float = NDArray[np.float32]

BLOCK_V, BLOCK_H = 96, 80
"""Units to a block of the compiled kernel's sums: what any machine's registers hold; 88 keys."""

LOG2E = np.float32(1.4426950408889634)
FARTHEST = np.float32(120.0)
FREE, ON, OFF = 0, 1, -1
"""Entries of a mask."""
HELD = np.float32(1e30)
"""Offset of a key that is held off, and with a minus, on; what pads the keys is held off, too."""

POWER_OF_TWO = tuple(
    np.float32(c) for c in (9.5701019e-3, 5.5917860e-2, 2.4024745e-1, 6.9312181e-1, 9.9999926e-1)
)
"""2^r for |r| <= 1/2 to within 3e-6 (Remez): the weights' own rounding weighs more."""


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
        return Tables.of(self.W.view(np.uint32), BLOCK_V, BLOCK_H)

    @cached_property
    def rough(self) -> Rough:
        """The sums of rows once more, in 16 bits."""
        return Rough.of(self.tables.down.view(np.int32), self.W)


class Schedule(NamedTuple):
    """What each step does to the odds.

    Attributes:
        rows: (3, n_steps + 1), float32: ``scale`` of the whole-number sums, ``mix`` of the base
            rate, ``limit`` of the hidden sums; entry 0 belongs to the start.
        from_base: whether a frame starts from a draw of the base-rate machine, else from the frame
            before.
        first_mean: first step whose visible probabilities are averaged, 1..n_steps.
    """

    rows: Float
    from_base: bool
    first_mean: int

    @property
    def n_steps(self) -> int:
        """How many Gibbs steps."""
        return self.rows.shape[1] - 1


TOLD: dict[str, tuple[type[np.generic], int]] = {
    "up": (np.uint32, 3),
    "down": (np.uint32, 4),
    "rough": (np.uint16, 4),
    "rough_bounds": (np.float32, 1),
    "words": (np.uint32, 1),
    "bu": (np.float32, 1),
    "place_u": (np.float32, 2),
    "Wvu": (np.float32, 3),
    "Wuu": (np.float32, 3),
    "bx": (np.float32, 1),
    "place_x": (np.float32, 2),
    "Wux": (np.float32, 3),
    "base": (np.float32, 1),
    "echoes": (np.int64, 1),
    "rows": (np.float32, 2),
    "pull": (np.float32, 1),
    "places": (np.int64, 1),
    "u": (np.float32, 1),
    "biases": (np.int32, 1),
    "past": (np.bool_, 2),
    "start": (np.bool_, 1),
    "v": (np.bool_, 3),
    "mean_v": (np.float32, 3),
    "u_after": (np.float32, 3),
    "biases_after": (np.int32, 3),
}
"""The arrays that the compiled kernel is told of, in order: dtype and number of axes.

Up to ``echoes`` they are the model's (``Playable.told``), then a drawing's.
"""


def where(arrays: dict[str, NDArray[Any]]) -> NDArray[np.int64]:
    """Return where arrays of ``TOLD`` lie: a row each, of the address and the shape, (n, 5).

    Raises:
        TypeError: one is not as ``TOLD`` says, or not contiguous.
    """
    rows = np.zeros((len(arrays), 5), np.int64)
    for row, (name, array) in zip(rows, arrays.items(), strict=True):
        if (array.dtype, array.ndim) != TOLD[name] or not array.flags.c_contiguous:
            raise TypeError(
                f"{name} must be {TOLD[name]}, contiguous: {array.dtype}, {array.shape}"
            )
        row[: 1 + array.ndim] = array.__array_interface__["data"][0], *array.shape
    return rows


def held(mask: NDArray[np.int8], pull: Float) -> Float:
    """Return what is added to the log2 odds against each key, (n_visible,).

    Odds of 2^+-1e30 fire never or always: a held key needs no code of its own.

    Args:
        mask: (n_visible,), FREE, ON or OFF.
        pull: (n_visible,), of the keys that are free.
    """
    return np.where(mask == ON, -HELD, np.where(mask == OFF, HELD, pull))


def power_of_two(y: Float) -> Float:
    """Return 2^y to within 3e-6 of its value, |y| <= FARTHEST; one set of bits everywhere."""
    n = np.rint(y)
    r = y - n
    first, *more = POWER_OF_TWO
    p = r * first
    for coefficient in more[:-1]:
        p += coefficient
        p *= r
    p += more[-1]
    power = n.astype(np.int32)
    power += 127
    power <<= 23
    p *= power.view(np.float32)
    return p


def gibbs_plain(
    weights: Weights,
    biases: Whole,
    base: Float,
    offset: Float,
    schedule: Schedule,
    key: int,
    v: NDArray[np.bool_],
) -> Float:
    """Draw one frame: move ``v`` by ``schedule.n_steps`` Gibbs steps (h, then v), in place.

    Args:
        weights: W.
        biases: (n_visible + n_hidden,), bv_t and bh_t in units of 2^-16.
        base: (n_visible,), log2 odds against each key at the base rate.
        offset: (n_visible,), added to every visible y: field and clamps.
        schedule: the steps.
        key: of the frame's random numbers.
        v: (n_visible,), the start and the result.

    Returns:
        mean_v, (n_visible,): P(v = 1 | h), averaged over the last steps.
    """
    n_visible, n_hidden = weights.W.shape
    up, down = weights.dense
    bv, bh = np.split(biases.astype(np.float64), [n_visible])
    words, first_v = unit_words(n_visible, n_hidden), -(-n_hidden // 16) * 16
    one, total = np.float32(1), np.zeros(n_visible, np.float32)
    scale, mix, limit = schedule.rows
    for step in range(0 if schedule.from_base else 1, schedule.n_steps + 1):
        if step % _AT_ONCE == 0 or step == 1:
            ahead = range(step, (step // _AT_ONCE + 1) * _AT_ONCE)
            numbers = iter(randomness.uniforms(key, ahead, words))
        u = next(numbers)
        y = base * mix[step] + offset
        if step:
            x = np.minimum(np.maximum(bh + v @ up, -limit[step]), limit[step])
            odds = one + power_of_two(x.astype(np.float32) * scale[step])
            h = u[:n_hidden] * odds < one
            y = (bv + h @ down).astype(np.float32) * scale[step] + y
        odds = one + power_of_two(np.minimum(np.maximum(y, -FARTHEST), FARTHEST))
        v[:] = u[first_v : first_v + n_visible] * odds < one
        if step >= schedule.first_mean:
            total += one / odds
    return total / np.float32(schedule.n_steps + 1 - schedule.first_mean)


_AT_ONCE = 64
"""Steps whose random numbers the plain kernel draws in one go."""

_compiled: Any = None


def compiled() -> Any:
    """Return ``kernels_numba`` as soon as it is compiled, before that None."""
    return _compiled


def compile_kernel() -> None:
    """Compile the fast kernels, or load them from their cache, and let them run from now on.

    Takes some ten seconds the first time, later one: call it in a thread of its own. Imports numba.
    """
    global _compiled
    _compiled = import_module("rnnrbm_gui.models.kernels_numba")


def load_kernel() -> bool:
    """Let the fast kernels run from now on if numba has kept them; tell whether it has.

    Takes a second: call it in a thread of its own. Imports numba.
    """
    from rnnrbm_gui.models.compiling import NotKeptError, only_kept

    try:
        with only_kept():
            compile_kernel()
    except NotKeptError:
        return False
    return True
