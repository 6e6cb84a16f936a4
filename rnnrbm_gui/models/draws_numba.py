"""Which units of a layer fire: most are told from their odds roughly known, the others exactly.

A unit fires where  u (1 + 2^y) < 1  (``kernels``). Let 2^y be known to within a factor of 1 - b and
1 + b: where both bounds decide alike, so does whatever lies between them, for rounding keeps the
order of numbers. That is a squeeze (Marsaglia, Computers & Mathematics with Applications 1977), and
no approximation: what it leaves open is drawn by the definition, and each bit is the definition's.

- Hidden units have exact sums; rough is the power of two, fused and of one degree less. A word of
  64 units of which one lies between its bounds, some two in a thousand, is drawn again.
- Keys have sums of 16-bit rows (``tables.Rough``), of which a register holds twice as many and the
  cache, too. A key between its bounds, one in some thirty steps, gets its sum from W.

Importing this module imports numba.
"""

from typing import Any

import numpy as np

from rnnrbm_gui.models import layers_numba as layers
from rnnrbm_gui.models import powers_numba as powers
from rnnrbm_gui.models import simd
from rnnrbm_gui.models.kernels import BLOCK_H, FARTHEST

WIDEST = np.float32(0.25)
"""Bounds further apart leave so many keys open that exact sums for all are sooner made."""

_ONE, _UNIFORM_ONE = np.float32(1), layers.UNIFORM_ONE
_REGISTERS_H = BLOCK_H // simd.WIDTH
# The rough power of two is 7.5e-5 off, that of the definition 2.6e-6; y, at most 120, is rounded up
# to three times to 2^-24 of it, which makes 1.5e-5 of its power: 9.3e-5 in all.
SURELY, AT_MOST = _UNIFORM_ONE * np.float32(1 - 2.0**-13), _UNIFORM_ONE * np.float32(1 + 2.0**-13)
_SLACK = np.float32(2.0**-12)  # as much again: bounds of keys are further apart anyway


@simd.written_out
def hidden(sums: Any, u: Any, scale: Any, limit: Any, reach: Any, registers: int, on: Any) -> None:
    """Draw the hidden units.

    Args:
        sums: biases and rows of W, whole numbers.
        u: the units' ``layers.uniforms``.
        scale: of the sums.
        limit: they are cut to -limit..limit.
        reach: how far they can lie from 0; beyond the limit there are no bounds.
        registers: of units; known when compiling, no loop is left.
        on: the units, to be filled in.
    """
    for w in range((registers + 3) // 4):
        surely, at_most = np.uint64(0), np.uint64(0)
        for r in range(min(4, registers - 4 * w)):
            first = 64 * w + 16 * r
            x = simd.to_float(simd.load(sums, first, 1))
            z = simd.load(u, first, 1) * (powers.roughly_power_of_two(x, scale) + _ONE)
            surely |= simd.mask(z < SURELY) << np.uint64(16 * r)
            at_most |= simd.mask(z < AT_MOST) << np.uint64(16 * r)
        if surely != at_most or not reach <= limit:
            surely = _hidden_word(sums, u, scale, limit, w, min(4, registers - 4 * w))
        on[w] = surely


@simd.function
def _hidden_word(sums: Any, u: Any, scale: Any, limit: Any, w: int, registers: int) -> Any:
    """Return a word of hidden units, drawn by the definition."""
    word, whole = np.uint64(0), np.int32(limit)
    low, high = np.uint32(-whole), np.uint32(whole)
    for r in range(registers):
        first = 64 * w + 16 * r
        x = simd.to_float(simd.between(low, simd.load(sums, first, 1), high))
        odds = powers.power_of_two(x * scale) + _ONE
        word |= simd.mask(simd.load(u, first, 1) * odds < _UNIFORM_ONE) << np.uint64(16 * r)
    return word


@simd.part
def against(rates: Any, held: Any, mix: Any, first: int) -> Any:
    """Return what else than W speaks against 16 keys: base rate, field and clamps."""
    y = simd.load(held, first, 1)
    if mix != np.float32(0):
        y = simd.load(rates, first, 1) * mix + y
    return y


@simd.part
def cut(y: Any) -> Any:
    """Return log2 odds cut to -FARTHEST..FARTHEST."""
    y = simd.choose(y < FARTHEST, y, FARTHEST)
    return simd.choose(y < -FARTHEST, -FARTHEST, y)


@simd.part
def bound(off: Any, scale: Any) -> Any:
    """Return how far the power of two of rough sums may be off, of 1, if at most 1.

    2^m is at most 1 + m for m in 0..1, and 2^-m at least 1 - m.

    Args:
        off: how far the sums may be.
        scale: of the sums, negative.
    """
    return _SLACK - off * scale


@simd.written_out
def keys(told: Any, u: Any, scale: Any, mix: Any, b: Any, registers: int, on: Any) -> None:
    """Draw the keys from rough sums.

    Args:
        told: ``Tables.up``, ``Rough.down``'s sums and their unit, the biases, base rates, what
            holds keys, and the hidden units.
        u: the keys' ``layers.uniforms``.
        scale: of the exact sums.
        mix: of the base rates.
        b: ``bound``.
        registers: of keys; known when compiling, no loop is left.
        on: the keys, to be filled in.
    """
    up, sums, unit, bias, rates, held, h_on = told
    below, above, scale_16 = _ONE - b, _ONE + b, unit * scale
    for w in range((registers + 3) // 4):
        surely, at_most = np.uint64(0), np.uint64(0)
        for r in range(min(4, registers - 4 * w)):
            first = 64 * w + 16 * r
            y = against(rates, held, mix, first)
            y = simd.multiply_add(simd.to_float(simd.load(bias, first, 1)), scale, y)
            x = simd.to_float(simd.load_16_bits(sums, first))
            e = powers.roughly_power_of_two(cut(simd.multiply_add(x, scale_16, y)), _ONE)
            some = simd.load(u, first, 1)
            z = some * simd.multiply_add(e, above, _ONE)
            surely |= simd.mask(z < _UNIFORM_ONE) << np.uint64(16 * r)
            z = some * simd.multiply_add(e, below, _ONE)
            at_most |= simd.mask(z < _UNIFORM_ONE) << np.uint64(16 * r)
        left = surely ^ at_most
        while left:
            key = 64 * w + simd.lowest_bit(left)
            y = against(rates, held, mix, key & ~15)
            total = bias[key] + _row_total(up, key, h_on)
            y = cut(simd.spread(np.float32(np.int32(total)) * scale) + y)
            fires = simd.load(u, key & ~15, 1) * (powers.power_of_two(y) + _ONE) < _UNIFORM_ONE
            surely |= (simd.mask(fires) >> np.uint64(key & 15) & np.uint64(1)) << np.uint64(
                key & 63
            )
            left &= left - np.uint64(1)
        on[w] = surely


@simd.function
def _row_total(up: Any, key: int, on: Any) -> Any:
    """Return the sum of a key's weights to the hidden units that are on."""
    n_blocks, n_rows, _ = up.shape
    x = simd.as_bits(simd.spread(np.float32(0)))
    for r in range(n_blocks * _REGISTERS_H):
        block, place = r // _REGISTERS_H, r % _REGISTERS_H
        if r >> 2 < on.size:
            row = simd.load(up, ((block * n_rows + key) * _REGISTERS_H + place) * 16, 1)
            those = simd.truths(on[r >> 2] >> np.uint64(16 * (r & 3)))
            x = x + simd.choose(those, row, np.uint32(0))
    return simd.whole_total(x)
