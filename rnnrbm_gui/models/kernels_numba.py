"""The compiled kernel: whole passages, frame after frame, with the bits of the plain one; no GIL.

A Gibbs step's sums stay in vector registers (``simd``, ``layers_numba``), of whole numbers, so that
their order does not matter; the rest is the fixed sequence of rounded operations of ``kernels``,
none fused. What pads the keys never fires; what pads the hidden units may, its weights are 0.

Importing this module imports numba, which takes a third of a second: only
``kernels.compile_kernel`` does. It is compiled once, for layers of any size.
"""

from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from rnnrbm_gui.models import compiling, simd
from rnnrbm_gui.models import layers_numba as layers
from rnnrbm_gui.models import recurrence_numba as recurrence
from rnnrbm_gui.models.kernels import BLOCK_H, BLOCK_V, FARTHEST, HELD, OFF, ON, Float, Whole

Words = NDArray[np.uint64]

_ZERO, _ONE = np.float32(0), np.float32(1)
_REGISTERS_H, _REGISTERS_V = BLOCK_H // simd.WIDTH, BLOCK_V // simd.WIDTH


@simd.part
def _hold(mask: NDArray[np.int8], pull: Float, held: Float, v_on: Words) -> None:
    """Leave in ``held`` what ``kernels.held`` gives; turn held keys to what they are held at."""
    for i in range(mask.size):
        held[i] = -HELD if mask[i] == ON else HELD if mask[i] == OFF else pull[i]
    for w in range(v_on.size):
        on, off = np.uint64(0), np.uint64(0)
        part = mask[64 * w : 64 * w + 64]
        for i in range(part.size):
            on |= np.uint64(part[i] == ON) << np.uint64(i)
            off |= np.uint64(part[i] == OFF) << np.uint64(i)
        v_on[w] = (v_on[w] | on) & ~off


@simd.part
def _gibbs(
    up: NDArray[np.uint32],
    down: NDArray[np.uint32],
    words: NDArray[np.uint32],
    bias_v: NDArray[np.uint32],
    bias_h: NDArray[np.uint32],
    rates: Float,
    held: Float,
    rows: Float,
    from_base: bool,
    first_mean: int,
    key: Any,
    registers_h: int,
    registers_v: int,
    sums_v: NDArray[np.uint32],
    sums_h: NDArray[np.uint32],
    h_on: Words,
    v_on: Words,
    v_was: Words,
    total: Float,
) -> None:
    """Draw a frame into ``v_on``, and the sums of the averaged steps' mean_v into ``total``."""
    total[:] = _ZERO
    for step in range(0 if from_base else 1, rows.shape[1]):
        scale, mix = rows[0, step], rows[1, step]
        numbers = layers.mix(key ^ np.uint64(step))
        if step:
            limit = np.int32(rows[2, step])
            low, high = np.uint32(-limit), np.uint32(limit)
            if step == 1:
                layers.up(bias_h, up, v_on, simd.zeros(_REGISTERS_H), sums_h)
            else:
                layers.up_from(up, v_on, v_was, simd.zeros(_REGISTERS_H), sums_h)
            v_was[:] = v_on
            for w in range(h_on.size):
                word = np.uint64(0)
                for r in range(4 * w, min(4 * w + 4, registers_h)):
                    x = simd.between(low, simd.load(sums_h, 16 * r, 1), high)
                    odds = simd.power_of_two(simd.to_float(x) * scale) + _ONE
                    fired = layers.uniforms(words, 16 * r, numbers) * odds < _ONE
                    word |= simd.mask(fired) << np.uint64(16 * (r & 3))
                h_on[w] = word
            layers.down(bias_v, down, h_on, simd.zeros(_REGISTERS_V), sums_v)
        for w in range(v_on.size):
            word = np.uint64(0)
            for r in range(4 * w, min(4 * w + 4, registers_v)):
                y = simd.load(held, 16 * r, 1)
                if mix != _ZERO:
                    y = simd.load(rates, 16 * r, 1) * mix + y
                if step:
                    y = simd.to_float(simd.load(sums_v, 16 * r, 1)) * scale + y
                y = simd.choose(y < FARTHEST, y, FARTHEST)
                y = simd.choose(y < -FARTHEST, -FARTHEST, y)
                odds = simd.power_of_two(y) + _ONE
                fired = layers.uniforms(words, 16 * (registers_h + r), numbers) * odds < _ONE
                word |= simd.mask(fired) << np.uint64(16 * (r & 3))
                if step >= first_mean:
                    simd.store(total, 16 * r, simd.load(total, 16 * r, 1) + _ONE / odds)
            v_on[w] = word


def _play(
    up: NDArray[np.uint32],
    down: NDArray[np.uint32],
    words: NDArray[np.uint32],
    memory: int,
    bu: Float,
    place_u: Float,
    Wvu: Float,
    Wuu: Float,
    bx: Float,
    place_x: Float,
    Wux: Float,
    base: Float,
    echoes: NDArray[np.int64],
    rows: Float,
    from_base: bool,
    first_mean: int,
    seed: np.uint64,
    frame: np.uint64,
    u: Float,
    biases: Whole,
    past: NDArray[np.bool_],
    start: NDArray[np.bool_],
    masks: NDArray[np.int8],
    pull: Float,
    places: NDArray[np.int64],
    take: np.uint64,
    v: NDArray[np.bool_],
    mean_v: Float,
    u_after: Float,
    biases_after: Whole,
) -> None:
    n_takes, n_frames, n_visible = v.shape
    n_hidden = biases.size - n_visible
    registers_h, registers_v = (n_hidden + 15) // 16, (n_visible + 15) // 16
    bias_h = np.zeros(up.shape[0] * BLOCK_H, np.uint32)
    bias_v = np.zeros(down.shape[0] * BLOCK_V, np.uint32)
    rates, held = np.zeros(bias_v.size, np.float32), np.full(bias_v.size, HELD)
    rates[:n_visible] = base
    sums_h, sums_v = np.empty_like(bias_h), np.empty_like(bias_v)
    total = np.empty(bias_v.size, np.float32)
    h_on = np.zeros((n_hidden + 63) // 64, np.uint64)
    v_on = np.zeros((n_visible + 63) // 64, np.uint64)
    v_was = np.empty_like(v_on)
    u_now, biases_now = np.empty_like(u), np.empty_like(biases)
    seen = np.empty(n_visible * (1 + echoes.size), np.bool_)
    a, m, x = recurrence.room(Wuu), recurrence.room(Wuu), recurrence.room(Wux)
    n_mean = np.float32(rows.shape[1] - first_mean)
    of_seed = layers.mix(seed)
    for t in range(n_takes):
        of_take = layers.mix(of_seed ^ np.uint64(take + np.uint64(t)))
        u_now[:], biases_now[:] = u, biases
        layers.pack(start, v_on)
        for f in range(n_frames):
            for i in range(n_visible):
                bias_v[i] = np.uint32(biases_now[i])
            for j in range(n_hidden):
                bias_h[j] = np.uint32(biases_now[n_visible + j])
            _hold(masks[f], pull, held, v_on)
            _gibbs(
                up,
                down,
                words,
                bias_v,
                bias_h,
                rates,
                held,
                rows,
                from_base,
                first_mean,
                layers.mix(of_take ^ np.uint64(frame + np.uint64(f))),
                registers_h,
                registers_v,
                sums_v,
                sums_h,
                h_on,
                v_on,
                v_was,
                total,
            )
            layers.unpack(v_on, v[t, f])
            mean = mean_v[t, f]
            for i in range(n_visible):
                mean[i] = total[i] / n_mean
            shown = v[t, f]
            if echoes.size:
                seen[:n_visible] = shown
                for e in range(echoes.size):
                    back, first = f + 1 - echoes[e], n_visible * (1 + e)
                    seen[first : first + n_visible] = v[t, back] if back >= 0 else past[back]
                shown = seen
            recurrence.advance(
                memory,
                u_now,
                shown,
                bu,
                place_u[places[f] % len(place_u)],
                Wvu,
                Wuu,
                bx,
                place_x[places[f + 1] % len(place_x)],
                Wux,
                a,
                m,
                x,
                u_after[t, f],
                biases_after[t, f],
            )
            u_now[:], biases_now[:] = u_after[t, f], biases_after[t, f]


def _advance(
    memory: int,
    bu: Float,
    place_u: Float,
    Wvu: Float,
    Wuu: Float,
    bx: Float,
    place_x: Float,
    Wux: Float,
    u: Float,
    v: NDArray[np.bool_],
    x: int,
    x_next: int,
    after: Float,
    biases: Whole,
) -> None:
    a, m, work = recurrence.room(Wuu), recurrence.room(Wuu), recurrence.room(Wux)
    of_u, of_x = place_u[x % len(place_u)], place_x[x_next % len(place_x)]
    recurrence.advance(memory, u, v, bu, of_u, Wvu, Wuu, bx, of_x, Wux, a, m, work, after, biases)


_F1, _F2, _F3 = (compiling.given(types.float32, n_axes) for n_axes in (1, 2, 3))
_W1, _W3, _W4 = (compiling.given(types.uint32, n_axes) for n_axes in (1, 3, 4))
_TRUTHS, _PLACES = compiling.given(types.boolean, 1), compiling.given(types.int64, 1)
_RECURRENCE = (types.int64, _F1, _F2, _F3, _F3, _F1, _F2, _F3)
play = compiling.cached(
    types.void(
        *(_W3, _W4, _W1, *_RECURRENCE, _F1, _PLACES),
        *(_F2, types.boolean, types.int64, types.uint64, types.uint64),
        *(_F1, compiling.given(types.int32, 1), compiling.given(types.boolean, 2)),
        *(_TRUTHS, compiling.given(types.int8, 2), _F1, _PLACES, types.uint64),
        *(types.boolean[:, :, ::1], types.float32[:, :, ::1]),
        *(types.float32[:, :, ::1], types.int32[:, :, ::1]),
    ),
    _play,
)
advance = compiling.cached(
    types.void(
        *(*_RECURRENCE, _F1, _TRUTHS, types.int64, types.int64),
        *(types.float32[::1], types.int32[::1]),
    ),
    _advance,
)


def cache() -> tuple[str, bool]:
    """Return where the compiled kernel is kept, and whether it was there already."""
    stats = play.stats
    return stats.cache_path, bool(sum(stats.cache_hits.values()))
