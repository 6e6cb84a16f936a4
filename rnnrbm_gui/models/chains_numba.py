"""The kernels behind ``chains``: one Gibbs step with each layer's sums in vector registers.

What the lanes are and why: ``simd``. Compiled once for each number of registers that a block of
hidden units and one of keys take. Layers are bits here, 64 to a word. What pads the keys has a
bias so low that it never fires; what pads the hidden units may, its weights are 0.
"""

from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from rnnrbm_gui.models import compiling, simd
from rnnrbm_gui.models import draws_numba as draws
from rnnrbm_gui.models import layers_numba as layers
from rnnrbm_gui.models import powers_numba as powers
from rnnrbm_gui.models.kernels import LOG2E
from rnnrbm_gui.models.tables import ROUNDED

Float = NDArray[np.float32]
Words = NDArray[np.uint64]

_ZERO, _ONE = np.float32(0), np.float32(1)
_FAR = np.float32(80)
"""Sums further from 0 than this are cut by ``powers.exp``, and not told by bounds."""
_NEVER = np.float32(-100)
"""Bias of keys that are only there to fill a register."""


@simd.part
def widest(x: Float, n: int) -> Any:
    """Return how far from 0 the first n numbers lie; no number, if one of them is none.

    ``max`` would pass over that one. Without their signs, bits are in the order of the numbers.
    """
    bits, found = x.view(np.int32), np.int32(0)
    for i in range(n):
        found = max(found, np.int32(bits[i] & 0x7FFFFFFF))
    size = np.int32(found)
    return size.view(np.float32)


@simd.written_out
def _uniforms(words: Any, first: int, n_registers: int, key: Any, u: Float) -> None:
    """Fill in the numbers of some units, before they are needed: they wait for nothing."""
    for r in range(n_registers):
        simd.store(u, first + 16 * r, layers.uniforms(words, first + 16 * r, key))


@simd.written_out
def _fire(x: Float, n_registers: int, u: Float, w: int) -> Any:
    """Return a word of units, on with P = 1 / (1 + exp(-x)): where uniform * (1 + exp(-x)) < 1."""
    word = np.uint64(0)
    for r in range(min(4, n_registers - 4 * w)):
        first = 64 * w + 16 * r
        e, some = powers.exp(simd.load(x, first, 1) * -_ONE), simd.load(u, first, 1)
        fired = simd.multiply_add(some, e, some) < layers.UNIFORM_ONE
        word |= simd.mask(fired) << np.uint64(16 * r)
    return word


@simd.written_out
def _hidden(x: Float, n_registers: int, u: Float, far: bool, on: Words) -> None:
    """Draw the hidden units as ``_fire`` does, by bounds as in ``draws_numba``."""
    for w in range((n_registers + 3) // 4):
        surely, at_most = np.uint64(0), np.uint64(0)
        for r in range(min(4, n_registers - 4 * w)):
            first = 64 * w + 16 * r
            e = powers.roughly_power_of_two(simd.load(x, first, 1), -LOG2E)
            some = simd.load(u, first, 1)
            z = simd.multiply_add(some, e, some)
            surely |= simd.mask(z < draws.SURELY) << np.uint64(16 * r)
            at_most |= simd.mask(z < draws.AT_MOST) << np.uint64(16 * r)
        on[w] = _fire(x, n_registers, u, w) if far or surely != at_most else surely


@simd.written_out
def _keys(
    sums: Any, unit: Any, bound: Any, bias: Float, n_registers: int, u: Float, on: Words
) -> Any:
    """Draw the keys likewise from rough sums; return whether all are told."""
    left, above, below = np.uint64(0), _ONE + bound, _ONE - bound
    for w in range((n_registers + 3) // 4):
        surely, at_most = np.uint64(0), np.uint64(0)
        for r in range(min(4, n_registers - 4 * w)):
            first = 64 * w + 16 * r
            y = simd.load(bias, first, 1) * -LOG2E
            x = simd.to_float(simd.load_16_bits(sums, first))
            y = draws.cut(simd.multiply_add(x, unit * -LOG2E, y))
            e, some = powers.roughly_power_of_two(y, _ONE), simd.load(u, first, 1)
            z = simd.multiply_add(some, e * above, some)
            surely |= simd.mask(z < layers.UNIFORM_ONE) << np.uint64(16 * r)
            z = simd.multiply_add(some, e * below, some)
            at_most |= simd.mask(z < layers.UNIFORM_ONE) << np.uint64(16 * r)
        on[w] = surely
        left |= surely ^ at_most
    return left == np.uint64(0)


_F1, _F2, _F3, _F4 = (compiling.given(types.float32, n_axes) for n_axes in (1, 2, 3, 4))
_W1 = compiling.given(types.uint32, 1)
_ROUGH = compiling.given(types.uint16, 4)
_GIBBS = types.void(
    *(_F3, _F4, _ROUGH, _F1, _W1, _F2, _F2, types.boolean[:, ::1], types.int64, types.uint64)
)
_ANNEALED = types.void(
    *(_F3, _F4, _W1, _F1, _F1, _F1, types.boolean[:, ::1]),
    *(compiling.given(types.float64, 1), types.uint64, types.float64[::1]),
)


def gibbs_kernel(n_h: int, n_v: int, all_h: int = 0, all_v: int = 0, n_groups: int = 0) -> Any:
    """Compile ``chains.gibbs_chains`` for blocks of n_h registers of hidden units, n_v of keys.

    Where each layer is one block, also for all_h and all_v registers of units and n_groups of
    hidden ones: no loop is left about them, which is an eighth faster. The words of the hidden
    units come first, then those of the keys, each layer filled up to whole registers.
    """
    n_16 = n_v // 2

    def gibbs(
        up: Float,
        down: Float,
        rough: NDArray[np.uint16],
        bounds: Float,
        words: NDArray[np.uint32],
        bv_t: Float,
        bh_t: Float,
        v: NDArray[np.bool_],
        n_steps: int,
        seed: np.uint64,
    ) -> None:
        n_visible, n_hidden = bv_t.shape[1], bh_t.shape[1]
        registers_h = all_h if n_groups else (n_hidden + 15) // 16
        registers_v = all_v if n_groups else (n_visible + 15) // 16
        bias_h = np.zeros(up.shape[0] * up.shape[2], np.float32)
        bias_v = np.full(down.shape[0] * down.shape[3], _NEVER)
        x_h, x_v = np.empty_like(bias_h), np.empty_like(bias_v)
        h_on = np.zeros((n_hidden + 63) // 64, np.uint64)
        words_h, words_v = (registers_h + 3) // 4, (registers_v + 3) // 4
        shape = (1, words_h, n_groups) if n_groups else (down.shape[0], words_h, down.shape[1])
        v_on = np.zeros(words_v, np.uint64)
        nothing, sums = np.zeros(bias_v.size, np.uint16), np.zeros(bias_v.size, np.uint16)
        u = np.zeros(16 * (registers_h + registers_v), np.float32)
        u_v, (unit, off, reach) = u[16 * registers_h :], bounds
        for chain in range(len(v)):
            chain_key = layers.mix(seed ^ layers.mix(np.uint64(chain)))
            for j in range(n_hidden):
                bias_h[j] = bh_t[chain, j]
            for i in range(n_visible):
                bias_v[i] = bv_t[chain, i]
            far = not widest(bias_h, n_hidden) + reach < _FAR  # what is no number is far, too
            # As ``tables.rounded``: the terms are added one after another.
            terms = max(np.float32(1), np.float32(down.shape[1]) / np.float32(50))
            rounded = np.float32(ROUNDED) * terms * widest(bias_v, n_visible)
            bound = draws.bound(off + rounded, -LOG2E)
            layers.pack(v[chain], v_on)
            for step in range(n_steps):
                key = layers.mix(chain_key ^ np.uint64(step))
                _uniforms(words, 0, registers_h, key, u)
                layers.up(bias_h, up, v_on, simd.zeros(n_h), x_h)
                _hidden(x_h, registers_h, u, far, h_on)
                _uniforms(words, 16 * registers_h, registers_v, key, u)
                told = False
                if bound < draws.WIDEST:  # a number
                    layers.down(nothing, rough, h_on, shape, simd.zeros(n_16), sums)
                    told = _keys(sums, unit, bound, bias_v, registers_v, u_v, v_on)
                if not told:
                    layers.down(bias_v, down, h_on, shape, simd.zeros(n_v), x_v)
                    for w in range(words_v):
                        v_on[w] = _fire(x_v, registers_v, u_v, w)
            layers.unpack(v_on, v[chain])

    return compiling.cached(_GIBBS, gibbs)


def annealed_kernel(n_h: int, n_v: int) -> Any:
    """Compile ``chains.annealed_chains``; as ``gibbs_kernel``, with step k toward betas[k].

    With m = max(x, 0), softplus(x) = m + log(1 + exp(-|x|)). So the hidden units' part of a log
    weight, sum softplus(beta a) - softplus(before a), is (beta - before) sum max(a, 0) and the log
    of a quotient of products of factors in 1..2, and P = 1 / (1 + e) or, below 0, e / (1 + e)
    takes the same e = exp(-|beta a|). What pads the hidden units has a = 0 and adds nothing.
    """

    def annealed(
        up: Float,
        down: Float,
        words: NDArray[np.uint32],
        start: Float,
        bv_t: Float,
        bh_t: Float,
        v: NDArray[np.bool_],
        betas: NDArray[np.float64],
        seed: np.uint64,
        log_weight: NDArray[np.float64],
    ) -> None:
        n_visible, n_hidden = bv_t.size, bh_t.size
        registers_h, registers_v = (n_hidden + 15) // 16, (n_visible + 15) // 16
        bias_h = np.zeros(up.shape[0] * up.shape[2], np.float32)
        bias_h[:n_hidden] = bh_t
        from_v = np.full(down.shape[0] * down.shape[3], _NEVER)
        from_v[:n_visible] = start
        way_v = np.zeros_like(from_v)
        way_v[:n_visible] = bv_t - start
        x_h, x_v = np.empty_like(bias_h), np.empty_like(from_v)
        h_on = np.zeros((n_hidden + 63) // 64, np.uint64)
        shape = down.shape[0], h_on.size, down.shape[1]
        v_on = np.zeros((n_visible + 63) // 64, np.uint64)
        for chain in range(len(v)):
            chain_key = layers.mix(seed ^ layers.mix(np.uint64(chain)))
            layers.pack(v[chain], v_on)
            along = 0.0  # v (bv_t - start)
            for i in range(n_visible):
                if v[chain, i]:
                    along += way_v[i]
            total, quotient = 0.0, 1.0
            for k in range(1, betas.size):
                step, beta, before = betas[k] - betas[k - 1], betas[k], betas[k - 1]
                beta, before = np.float32(beta), np.float32(before)
                key = layers.mix(chain_key ^ np.uint64(k))
                layers.up(bias_h, up, v_on, simd.zeros(n_h), x_h)
                over, under, above = simd.spread(_ONE), simd.spread(_ONE), simd.spread(_ZERO)
                for r in range(registers_h):
                    a = simd.load(x_h, 16 * r, 1)
                    size = simd.as_float(simd.as_bits(a) & 0x7FFFFFFF)
                    e, old = powers.exp(size * -beta), powers.exp(size * -before)
                    over = simd.multiply_add(over, e, over)
                    under = simd.multiply_add(under, old, under)
                    positive = a >= _ZERO
                    above = above + simd.choose(positive, a, _ZERO)
                    u = layers.uniforms(words, 16 * r, key)
                    least = simd.choose(positive, _ONE, e) * layers.UNIFORM_ONE
                    layers.set_fired(h_on, r, simd.multiply_add(u, e, u) < least)
                    if r % 32 == 31:  # 2^32 in a lane, 2^512 in their product: before they overflow
                        total += np.log(simd.product(over) / simd.product(under))
                        over, under = simd.spread(_ONE), simd.spread(_ONE)
                total += step * (along + simd.total(above))
                quotient *= simd.product(over) / simd.product(under)
                if not 1e-100 < quotient < 1e100:
                    total += np.log(quotient)
                    quotient = 1.0
                layers.down(way_v, down, h_on, shape, simd.zeros(n_v), x_v)
                gain = simd.spread(_ZERO)
                for r in range(registers_v):
                    way, b = simd.load(way_v, 16 * r, 1), simd.load(x_v, 16 * r, 1)
                    x = simd.multiply_add(b, beta, simd.load(from_v, 16 * r, 1))
                    e = powers.exp(x * -_ONE)
                    u = layers.uniforms(words, 16 * (registers_h + r), key)
                    fired = simd.multiply_add(u, e, u) < layers.UNIFORM_ONE
                    gain = gain + simd.choose(fired, way, _ZERO)
                    layers.set_fired(v_on, r, fired)
                along = simd.total(gain)
            log_weight[chain] = total + np.log(quotient)
            layers.unpack(v_on, v[chain])

    return compiling.cached(_ANNEALED, annealed)
