"""The compiled kernel: whole passages, frame after frame, with the bits of the plain one; no GIL.

A Gibbs step's sums stay in vector registers (``simd``, ``layers_numba``), of whole numbers, so that
their order does not matter. Most units are told by bounds (``draws_numba``), the others by the
fixed sequence of rounded operations of ``kernels``, none fused. What pads the keys never
fires; what pads the hidden units may, its weights are 0.

Importing this module imports numba, which takes a third of a second: only
``kernels.compile_kernel`` does. It is compiled once, for layers of any size; for two of them also
with their sizes written out, which leaves no loop about them and is a twentieth faster.
"""

from typing import Any

import numba as nb
import numpy as np
from numba import types
from numpy.typing import NDArray

from rnnrbm_gui.models import compiling, simd, tables
from rnnrbm_gui.models import draws_numba as draws
from rnnrbm_gui.models import layers_numba as layers
from rnnrbm_gui.models import powers_numba as powers
from rnnrbm_gui.models import recurrence_numba as recurrence
from rnnrbm_gui.models.kernels import BLOCK_H, BLOCK_V, HELD, OFF, ON, TOLD, Float, Whole

Words = NDArray[np.uint64]

_FOUND = [compiling.found(i, *of) for i, of in enumerate(TOLD.values())]
_up, _down, _rough, _rough_bounds, _words = _FOUND[:5]
_bu, _place_u, _Wvu, _Wuu, _bx, _place_x, _Wux, _base, _echoes = _FOUND[5:14]
_rows, _pull, _places, _u, _biases, _past, _start = _FOUND[14:21]
_v, _mean_v, _u_after, _biases_after = _FOUND[21:]
_ZERO, _ONE = np.float32(0), np.float32(1)
_REGISTERS_H, _REGISTERS_V, _REGISTERS_16 = BLOCK_H // 16, BLOCK_V // 16, BLOCK_V // 32


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


@simd.written_out
def _gibbs(
    parts: Any,
    key: Any,
    off: Any,
    reach: Any,
    registers_h: int,
    blocks_h: int,
    registers_v: int,
    shape: Any,
) -> None:
    """Draw a frame into ``v_on``, and the sums of the averaged steps' mean_v into ``total``."""
    up, down, rough, unit, words, bias_v, bias_h, rates, held, rows, nothing = parts[:11]
    sums_v, sums_h, sums_16, u, u_v, h_on, v_on, v_was, total, from_base, first_mean = parts[11:]
    words_v = (registers_v + 3) // 4
    for r in range(registers_v):
        simd.store(total, 16 * r, simd.spread(_ZERO))
    for step in range(0 if from_base else 1, rows.shape[1]):
        scale, mix = rows[0, step], rows[1, step]
        numbers = layers.mix(key ^ np.uint64(step))
        if step:
            # Beforehand, both times: they wait for nothing, and what comes next waits a lot.
            for r in range(registers_h):
                simd.store(u, 16 * r, layers.uniforms(words, 16 * r, numbers))
            if step == 1:
                layers.up(bias_h, up, v_on, simd.zeros(_REGISTERS_H), sums_h)
            else:
                block = simd.zeros(_REGISTERS_H)
                layers.up_from(up, v_on, v_was, (blocks_h, words_v), block, sums_h)
            for w in range(words_v):
                v_was[w] = v_on[w]
            draws.hidden(sums_h, u, scale, rows[2, step], reach, registers_h, h_on)
        for r in range(registers_h, registers_h + registers_v):
            simd.store(u, 16 * r, layers.uniforms(words, 16 * r, numbers))
        if step:
            bound = draws.bound(off, scale)
            if step < first_mean and bound <= draws.WIDEST:
                layers.down(nothing, rough, h_on, shape, simd.zeros(_REGISTERS_16), sums_16)
                told = up, sums_16, unit, bias_v, rates, held, h_on
                draws.keys(told, u_v, scale, mix, bound, registers_v, v_on)
                continue
            layers.down(bias_v, down, h_on, shape, simd.zeros(_REGISTERS_V), sums_v)
        for w in range(words_v):
            word = np.uint64(0)
            for r in range(min(4, registers_v - 4 * w)):
                first = 64 * w + 16 * r
                y = draws.against(rates, held, mix, first)
                if step:
                    y = simd.to_float(simd.load(sums_v, first, 1)) * scale + y
                odds = powers.power_of_two(draws.cut(y)) + _ONE
                fired = simd.load(u_v, first, 1) * odds < layers.UNIFORM_ONE
                word |= simd.mask(fired) << np.uint64(16 * r)
                if step >= first_mean:
                    simd.store(total, first, simd.load(total, first, 1) + _ONE / odds)
            v_on[w] = word


def _play(
    where: NDArray[np.int64],
    numbers: NDArray[np.int64],
    masks: NDArray[np.int8],
    first: int,
    first_take: int,
    end_take: int,
) -> None:
    """Draw frames of takes, as ``Drawing.draw``; what it is told: ``kernels.TOLD``."""
    up, down, rough, words = _up(where), _down(where), _rough(where), _words(where)
    unit, off_by_rows, reach_of_W = _rough_bounds(where)
    base, echoes = _base(where), _echoes(where)
    bu, place_u, Wvu, Wuu = _bu(where), _place_u(where), _Wvu(where), _Wuu(where)
    bx, place_x, Wux = _bx(where), _place_x(where), _Wux(where)
    rows, pull, places = _rows(where), _pull(where), _places(where)
    u_first, biases, past, start = _u(where), _biases(where), _past(where), _start(where)
    v, mean_v, u_after, biases_after = (
        _v(where),
        _mean_v(where),
        _u_after(where),
        _biases_after(where),
    )
    memory, from_base, first_mean = numbers[0], numbers[1] != 0, numbers[2]
    of_seed = layers.mix(np.uint64(numbers[3]))
    take, frame = np.uint64(numbers[4]), np.uint64(numbers[5])

    n_visible = v.shape[2]
    n_hidden = biases.size - n_visible
    registers_h, registers_v = (n_hidden + 15) // 16, (n_visible + 15) // 16
    n_h, n_v, words_v = up.shape[0] * BLOCK_H, down.shape[0] * BLOCK_V, (n_visible + 63) // 64
    bias_h = nb.carray(compiling.on_stack(4 * n_h), n_h, np.uint32)
    sums_h = nb.carray(compiling.on_stack(4 * n_h), n_h, np.uint32)
    bias_v = nb.carray(compiling.on_stack(4 * n_v), n_v, np.uint32)
    sums_v = nb.carray(compiling.on_stack(4 * n_v), n_v, np.uint32)
    sums_16 = nb.carray(compiling.on_stack(2 * n_v), n_v, np.uint16)
    nothing = nb.carray(compiling.on_stack(2 * n_v), n_v, np.uint16)
    rates = nb.carray(compiling.on_stack(4 * n_v), n_v, np.float32)
    held = nb.carray(compiling.on_stack(4 * n_v), n_v, np.float32)
    total = nb.carray(compiling.on_stack(4 * n_v), n_v, np.float32)
    u = nb.carray(compiling.on_stack(4 * (n_h + n_v)), n_h + n_v, np.float32)
    h_on = nb.carray(compiling.on_stack(n_h), (n_hidden + 63) // 64, np.uint64)
    v_on = nb.carray(compiling.on_stack(n_v), words_v, np.uint64)
    v_was = nb.carray(compiling.on_stack(n_v), words_v, np.uint64)
    n_u, n_x = Wuu.shape[0] * Wuu.shape[2], Wux.shape[0] * Wux.shape[2]
    a = nb.carray(compiling.on_stack(4 * n_u), n_u, np.float32)
    m = nb.carray(compiling.on_stack(4 * n_u), n_u, np.float32)
    x = nb.carray(compiling.on_stack(4 * n_x), n_x, np.float32)
    n_seen = n_visible * (1 + echoes.size)
    seen = nb.carray(compiling.on_stack(n_seen), n_seen, np.bool_)
    for i in range(n_h):
        bias_h[i] = 0
    for i in range(n_v):
        bias_v[i], nothing[i], held[i] = 0, 0, HELD
        rates[i] = base[i] if i < n_visible else _ZERO
    parts = (
        *(up, down, rough, unit, words, bias_v, bias_h, rates, held, rows, nothing),
        *(sums_v, sums_h, sums_16, u, u[16 * registers_h :], h_on, v_on, v_was, total),
        *(from_base, first_mean),
    )
    shape = down.shape[0], h_on.size, down.shape[1]
    sizes = (registers_h, up.shape[0], registers_v, *shape)
    n_mean = np.float32(rows.shape[1] - first_mean)
    for t in range(first_take, end_take):
        of_take = layers.mix(of_seed ^ np.uint64(take + np.uint64(t)))
        for f in range(first, first + masks.size // n_visible):
            u_now, biases_now, v_now = u_first, biases, start
            if f:
                u_now, biases_now, v_now = u_after[t, f - 1], biases_after[t, f - 1], v[t, f - 1]
            layers.pack(v_now, v_on)
            largest = np.float32(0)
            for i in range(n_visible):
                bias_v[i] = np.uint32(biases_now[i])
                largest = max(largest, abs(np.float32(biases_now[i])))
            off = off_by_rows + np.float32(tables.ROUNDED) * largest
            reach = np.float32(0)
            for j in range(n_hidden):
                bias_h[j] = np.uint32(biases_now[n_visible + j])
                reach = max(reach, abs(np.float32(biases_now[n_visible + j])))
            reach += reach_of_W
            at = (f - first) * n_visible
            _hold(masks[at : at + n_visible], pull, held, v_on)
            key = layers.mix(of_take ^ np.uint64(frame + np.uint64(f)))
            if sizes == (10, 2, 6, 1, 3, 31):  # 150 hidden units and 88 keys, as in the paper
                _gibbs(parts, key, off, reach, 10, 2, 6, (1, 3, 31))
            elif sizes == (7, 2, 6, 1, 2, 21):  # 100 of them, as most models that ship
                _gibbs(parts, key, off, reach, 7, 2, 6, (1, 2, 21))
            else:
                _gibbs(parts, key, off, reach, registers_h, up.shape[0], registers_v, shape)
            layers.unpack(v_on, v[t, f])
            mean = mean_v[t, f]
            for i in range(n_visible):
                mean[i] = total[i] / n_mean
            shown = v[t, f]
            if echoes.size:
                seen[:n_visible] = shown
                for e in range(echoes.size):
                    back, at = f + 1 - echoes[e], n_visible * (1 + e)
                    seen[at : at + n_visible] = v[t, back] if back >= 0 else past[back]
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
_RECURRENCE = (types.int64, _F1, _F2, _F3, _F3, _F1, _F2, _F3)
play = compiling.cached(
    types.void(
        compiling.given(types.int64, 2),
        compiling.given(types.int64, 1),
        compiling.given(types.int8, 1),
        *(types.int64, types.int64, types.int64),
    ),
    _play,
)
advance = compiling.cached(
    types.void(
        *(*_RECURRENCE, _F1, compiling.given(types.boolean, 1), types.int64, types.int64),
        *(types.float32[::1], types.int32[::1]),
    ),
    _advance,
)


def cache() -> tuple[str, bool]:
    """Return where the compiled kernel is kept, and whether it was there already."""
    stats = play.stats
    return stats.cache_path, bool(sum(stats.cache_hits.values()))
