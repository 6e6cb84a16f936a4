"""Compiled Gibbs chains for training and measuring, in float32.

Importing this module imports numba; training and evaluation do, the app's start does not. Random
numbers are counted: the draw of unit i in step s of chain c follows from (seed, c, s, i).
"""

import numba as nb
import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models.kernels import PAD

_LOG2E = np.float32(1.4426950408889634)
_LN2_HIGH = np.float32(0.693359375)
_LN2_LOW = np.float32(-2.12194440e-4)
_FARTHEST = np.float32(80.0)
LANES = PAD


@nb.njit(inline="always")
def _mix(z: np.uint64) -> np.uint64:
    """One step of splitmix64 (Steele, Lea, Flood 2014)."""
    z = np.uint64(z + np.uint64(0x9E3779B97F4A7C15))
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@nb.njit(nogil=True, error_model="numpy")
def _uniforms(key: np.uint64, step: int, out: NDArray[np.float32]) -> None:
    """Fill ``out`` with the numbers in (0, 1) of one step of one chain."""
    key0, key1 = np.uint32(key), np.uint32(key >> np.uint64(32))
    first = np.uint32(np.uint32(step * out.size) + key0)
    for i in range(out.size):
        x = np.uint32(first + np.uint32(i))
        x = np.uint32(np.uint32(x ^ (x >> np.uint32(17))) * np.uint32(0xED5AD4BB))
        x = np.uint32(np.uint32(x ^ (x >> np.uint32(11))) ^ key1)
        x = np.uint32(x * np.uint32(0xAC4C1B51))
        x = np.uint32(np.uint32(x ^ (x >> np.uint32(15))) * np.uint32(0x31848BAB))
        x = np.uint32(x ^ (x >> np.uint32(14)))
        out[i] = (np.float32(np.int32(x >> np.uint32(9))) + np.float32(0.5)) * np.float32(2.0**-23)


@nb.njit(nogil=True, error_model="numpy")
def _exp(x: NDArray[np.float32], scale: np.float32, bits: NDArray[np.int32]) -> None:
    """Leave exp(scale * x) in ``bits`` seen as float32; arguments beyond +-80 are cut."""
    out = bits.view(np.float32)
    for i in range(x.size):
        y = min(max(scale * x[i], -_FARTHEST), _FARTHEST)
        n = np.rint(y * _LOG2E)
        r = y - n * _LN2_HIGH - n * _LN2_LOW
        p = np.float32(1.0 / 720.0)
        p = p * r + np.float32(1.0 / 120.0)
        p = p * r + np.float32(1.0 / 24.0)
        p = p * r + np.float32(1.0 / 6.0)
        p = p * r + np.float32(0.5)
        p = (p * r + np.float32(1.0)) * r + np.float32(1.0)
        bits[i] = (np.int32(n) + np.int32(127)) << np.int32(23)
        out[i] = p * out[i]


@nb.njit(nogil=True, error_model="numpy")
def _add_rows(
    rows: NDArray[np.float32],
    on: NDArray[np.bool_],
    which: NDArray[np.int64],
    out: NDArray[np.float32],
) -> None:
    """Add to ``out`` the rows whose unit is on, four at a time."""
    n_on = 0
    for j in range(on.size):
        which[n_on] = j
        n_on += int(on[j])  # no branch to mispredict
    whole = n_on - n_on % 4
    for j in range(0, whole, 4):
        r0, r1, r2, r3 = rows[which[j]], rows[which[j + 1]], rows[which[j + 2]], rows[which[j + 3]]
        for i in range(out.size):
            out[i] += (r0[i] + r1[i]) + (r2[i] + r3[i])
    for j in range(whole, n_on):
        row = rows[which[j]]
        for i in range(out.size):
            out[i] += row[i]


@nb.njit(nogil=True, error_model="numpy")
def _fire(
    negated: NDArray[np.float32], uniform: NDArray[np.float32], on: NDArray[np.bool_]
) -> None:
    """Turn on each unit of P = 1 / (1 + e), e = exp(-x) given, with that probability."""
    for i in range(on.size):
        on[i] = uniform[i] * (np.float32(1.0) + negated[i]) < np.float32(1.0)


@nb.njit(nogil=True, error_model="numpy")
def gibbs_chains(
    W: NDArray[np.float32],
    WT: NDArray[np.float32],
    bv_t: NDArray[np.float32],
    bh_t: NDArray[np.float32],
    v: NDArray[np.bool_],
    n_steps: int,
    seed: np.uint64,
) -> None:
    """Move each chain ``n_steps`` Gibbs steps (h, then v), in place.

    Args:
        W: (n_visible, n_hidden), rows ``padded``.
        WT: its transpose, rows ``padded``.
        bv_t: (n_chains, n_visible), each chain's visible biases.
        bh_t: (n_chains, n_hidden).
        v: (n_chains, n_visible), where the chains start and where they have come to.
        n_steps: Gibbs steps.
        seed: of the draws.
    """
    n_visible, n_hidden = bv_t.shape[1], bh_t.shape[1]
    a, b = np.zeros(W.shape[1], np.float32), np.zeros(WT.shape[1], np.float32)
    a_bits, b_bits = np.empty(a.size, np.int32), np.empty(b.size, np.int32)
    h = np.empty(n_hidden, np.bool_)
    uniform = np.empty(a.size + b.size, np.float32)
    which = np.empty(max(n_hidden, n_visible) + 1, np.int64)
    for chain in range(len(v)):
        key = _mix(seed ^ _mix(np.uint64(chain)))
        for step in range(n_steps):
            _uniforms(key, step, uniform)
            a[:n_hidden] = bh_t[chain]
            _add_rows(W, v[chain], which, a)
            _exp(a, np.float32(-1.0), a_bits)
            _fire(a_bits.view(np.float32), uniform[: a.size], h)
            b[:n_visible] = bv_t[chain]
            _add_rows(WT, h, which, b)
            _exp(b, np.float32(-1.0), b_bits)
            _fire(b_bits.view(np.float32), uniform[a.size :], v[chain])


@nb.njit(nogil=True, error_model="numpy")
def annealed_chains(
    W: NDArray[np.float32],
    WT: NDArray[np.float32],
    start: NDArray[np.float32],
    bv_t: NDArray[np.float32],
    bh_t: NDArray[np.float32],
    v: NDArray[np.bool_],
    betas: NDArray[np.float64],
    seed: np.uint64,
    log_weight: NDArray[np.float64],
) -> None:
    """Carry one machine's chains along ``betas``, adding up the log importance weights of AIS.

    Machine beta has W and bh_t scaled by beta and the visible biases (1 - beta) start + beta bv_t
    (Salakhutdinov, Murray 2008, section 4.1). ``betas`` ascending gives the forward run,
    descending the reverse one.

    Args:
        W: (n_visible, n_hidden), rows ``padded``.
        WT: its transpose, rows ``padded``.
        start: (n_visible,), visible biases of the machine of independent keys.
        bv_t: (n_visible,), those of the machine measured.
        bh_t: (n_hidden,).
        v: (n_chains, n_visible), draws of the first machine; replaced by those of the last.
        betas: (n_temperatures,).
        seed: of the draws.
        log_weight: (n_chains,), sum_k log p*_k(v_{k-1}) - log p*_{k-1}(v_{k-1}).
    """
    n_visible, n_hidden = bv_t.size, bh_t.size
    a, b = np.zeros(W.shape[1], np.float32), np.zeros(WT.shape[1], np.float32)
    bits, old_bits = np.empty(a.size, np.int32), np.empty(a.size, np.int32)
    b_bits = np.empty(b.size, np.int32)
    h = np.empty(n_hidden, np.bool_)
    uniform = np.empty(a.size + b.size, np.float32)
    which = np.empty(max(n_hidden, n_visible) + 1, np.int64)
    e, old = bits.view(np.float32), old_bits.view(np.float32)
    lanes = np.empty(LANES, np.float32)
    one = np.float32(1.0)
    for chain in range(len(v)):
        key = _mix(seed ^ _mix(np.uint64(chain)))
        total = 0.0
        for k in range(1, betas.size):
            beta, before = betas[k], betas[k - 1]
            _uniforms(key, k, uniform)
            a[:n_hidden] = bh_t
            _add_rows(W, v[chain], which, a)
            _exp(a, np.float32(-beta), bits)
            _exp(a, np.float32(-before), old_bits)
            change = 0.0
            for i in range(n_visible):
                if v[chain, i]:
                    change += bv_t[i] - start[i]
            for j in range(n_hidden):
                change += a[j]
            # sum softplus(beta a) - softplus(before a), by softplus(x) = x + log(1 + exp(-x)) and
            # the log of one product of ratios near 1; the padding's ratios are exactly 1.
            lanes[:] = one
            for j in range(0, a.size, LANES):
                for lane in range(LANES):
                    lanes[lane] *= (one + e[j + lane]) / (one + old[j + lane])
            product = 1.0
            for lane in range(LANES):
                product *= np.float64(lanes[lane])
            total += (beta - before) * change + np.log(product)
            _fire(e, uniform[: a.size], h)
            b[:n_visible] = 0.0
            _add_rows(WT, h, which, b)
            for i in range(n_visible):
                b[i] = np.float32((1.0 - beta) * start[i] + beta * (bv_t[i] + b[i]))
            _exp(b, np.float32(-1.0), b_bits)
            _fire(b_bits.view(np.float32), uniform[a.size :], v[chain])
        log_weight[chain] = total
