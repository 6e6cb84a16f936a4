"""The compiled twin of ``kernels.gibbs_plain``: same definition, same bits, no GIL.

Each layer's sums stay in vector registers (``simd``, ``layers_numba``), of whole numbers, so that
their order does not matter; the rest is one fixed sequence of rounded operations, none fused. What
pads the keys never fires; what pads the hidden units may, its weights are 0.

Importing this module imports numba, which takes a third of a second: only
``kernels.compile_kernel`` does. It is compiled once, for layers of any size.
"""

import numpy as np
from numba import types
from numpy.typing import NDArray

from rnnrbm_gui.models import compiling, simd
from rnnrbm_gui.models import layers_numba as layers
from rnnrbm_gui.models.kernels import BLOCK, Float, Weights, Whole

_ZERO, _ONE = np.float32(0), np.float32(1)
_NEVER = np.float32(-1e30)
_REGISTERS = BLOCK // simd.WIDTH


def _gibbs(
    up: NDArray[np.uint32],
    down: NDArray[np.uint32],
    bv_t: Whole,
    bh_t: Whole,
    base: Float,
    offset: Float,
    scale: Float,
    mix: Float,
    from_base: bool,
    first_mean: int,
    key0: np.uint32,
    key1: np.uint32,
    v: NDArray[np.bool_],
    mean_v: Float,
) -> None:
    n_visible, n_hidden = bv_t.size, bh_t.size
    n_units, n_steps = n_hidden + n_visible, scale.size - 1
    registers_h, registers_v = (n_hidden + 15) // 16, (n_visible + 15) // 16
    bias_h = np.zeros(up.shape[0] * BLOCK, np.uint32)
    bias_v = np.zeros(down.shape[0] * BLOCK, np.uint32)
    for j in range(n_hidden):
        bias_h[j] = np.uint32(bh_t[j])
    for i in range(n_visible):
        bias_v[i] = np.uint32(bv_t[i])
    rates, held = np.zeros(bias_v.size, np.float32), np.full(bias_v.size, _NEVER)
    rates[:n_visible] = base
    held[:n_visible] = offset
    sums_h, sums_v = np.empty_like(bias_h), np.empty_like(bias_v)
    h_on = np.zeros((n_hidden + 63) // 64, np.uint64)
    v_on = np.zeros((n_visible + 63) // 64, np.uint64)
    total = np.zeros(bias_v.size, np.float32)
    layers.pack(v, v_on)
    for step in range(0 if from_base else 1, n_steps + 1):
        first = np.uint32(np.uint32(step * n_units) + key0)
        if step:
            layers.up(bias_h, up, v_on, simd.zeros(_REGISTERS), sums_h)
            for r in range(registers_h):
                x = simd.to_float(simd.load(sums_h, 16 * r, 1)) * scale[step]
                odds = simd.exact_exp(x * -_ONE) + _ONE
                u = layers.uniforms(np.uint32(first + np.uint32(16 * r)), key1)
                layers.set_fired(h_on, r, u * odds < _ONE)
            layers.down(bias_v, down, h_on, simd.zeros(_REGISTERS), sums_v)
        first = np.uint32(first + np.uint32(n_hidden))
        for r in range(registers_v):
            x = simd.load(rates, 16 * r, 1) * mix[step] + simd.load(held, 16 * r, 1)
            if step:
                x = simd.to_float(simd.load(sums_v, 16 * r, 1)) * scale[step] + x
            odds = simd.exact_exp(x * -_ONE) + _ONE
            u = layers.uniforms(np.uint32(first + np.uint32(16 * r)), key1)
            layers.set_fired(v_on, r, u * odds < _ONE)
            if step >= first_mean:
                simd.store(total, 16 * r, simd.load(total, 16 * r, 1) + _ONE / odds)
    layers.unpack(v_on, v)
    for i in range(n_visible):
        mean_v[i] = total[i] / np.float32(n_steps + 1 - first_mean)


_WORDS = compiling.given(types.uint32, 3)
_WHOLE, _FLOAT = compiling.given(types.int32, 1), compiling.given(types.float32, 1)
_kernel = compiling.cached(
    types.void(
        *(_WORDS, _WORDS, _WHOLE, _WHOLE, _FLOAT, _FLOAT, _FLOAT, _FLOAT),
        *(types.boolean, types.int64, types.uint32, types.uint32),
        *(types.boolean[::1], types.float32[::1]),
    ),
    _gibbs,
)


def gibbs_compiled(
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
    """Move ``v`` by Gibbs steps; see ``kernels.gibbs_plain``."""
    mean_v = np.empty(len(bv_t), np.float32)
    _kernel(
        weights.tables.up,
        weights.tables.down,
        bv_t,
        bh_t,
        base,
        offset,
        scale,
        mix,
        from_base,
        first_mean,
        key0,
        key1,
        v,
        mean_v,
    )
    return mean_v


def cache() -> tuple[str, bool]:
    """Return where the compiled kernel is kept, and whether it was there already."""
    stats = _kernel.stats
    return stats.cache_path, bool(sum(stats.cache_hits.values()))
