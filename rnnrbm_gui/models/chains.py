"""Gibbs chains for training and measuring, in float32: the door to compiled kernels.

Importing this module imports numba; training and evaluation do, the app's start does not. Random
numbers are counted: the draw of unit i in step s of chain c follows from (seed, c, s, i), so it
does not matter which chains run together, in what order or on which thread.
"""

import functools
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import chains_numba, simd, tables_numba
from rnnrbm_gui.models.tables import Rough, Tables

Float = NDArray[np.float32]


class ChainTables(NamedTuple):
    """What ``gibbs_chains`` and ``annealed_chains`` need of W."""

    exact: Tables
    rough: Rough


def tables(W: Float, room: ChainTables | None = None) -> ChainTables:
    """Lay out W, (n_visible, n_hidden), in the room of tables as large that are needed no more."""
    n_visible, n_hidden = W.shape
    # Keys in pairs of registers: two to one of 16 bits.
    block_v = -(-_block(n_visible) // (2 * simd.WIDTH)) * 2 * simd.WIDTH
    W = np.ascontiguousarray(W)
    return ChainTables(*tables_numba.tables(W, block_v, _block(n_hidden), room))


def gibbs_chains(
    tables: ChainTables,
    bv_t: Float,
    bh_t: Float,
    v: NDArray[np.bool_],
    n_steps: int,
    seed: int | np.uint64,
) -> None:
    """Move chains ``n_steps`` Gibbs steps (h, then v), in place; lets go of the interpreter's lock.

    Args:
        tables: of W.
        bv_t: (n_chains, n_visible), each chain's visible biases.
        bh_t: (n_chains, n_hidden).
        v: (n_chains, n_visible), where the chains start and where they have come to.
        n_steps: Gibbs steps.
        seed: of the draws, 0..2^64 - 1.
    """
    n_chains, (exact, rough) = len(v), tables
    _check("v", v, np.bool_, (n_chains, exact.n_visible))
    _check("bv_t", bv_t, np.float32, (n_chains, exact.n_visible))
    _check("bh_t", bh_t, np.float32, (n_chains, exact.n_hidden))
    sizes: list[int] = []
    if len(exact.up) == len(exact.down) == 1:  # of as few sizes as models have
        n_registers = (-(-n // simd.WIDTH) for n in (exact.n_hidden, exact.n_visible))
        sizes = [*n_registers, exact.down.shape[1]]
    kernel = _compiled(chains_numba.gibbs_kernel, exact, *sizes)
    kernel(
        exact.up,
        exact.down,
        rough.down,
        rough.bounds,
        exact.words,
        bv_t,
        bh_t,
        v,
        n_steps,
        np.uint64(seed),
    )


def annealed_chains(
    tables: ChainTables,
    start: Float,
    bv_t: Float,
    bh_t: Float,
    v: NDArray[np.bool_],
    betas: NDArray[np.float64],
    seed: int | np.uint64,
) -> NDArray[np.float64]:
    """Carry one machine's chains along ``betas`` and return the log importance weights of AIS.

    Machine beta has W and bh_t scaled by beta and the visible biases (1 - beta) start + beta bv_t
    (Salakhutdinov, Murray 2008, section 4.1). ``betas`` ascending gives the forward run,
    descending the reverse one. Lets go of the interpreter's lock.

    Args:
        tables: of W.
        start: (n_visible,), visible biases of the machine of independent keys.
        bv_t: (n_visible,), those of the machine measured.
        bh_t: (n_hidden,).
        v: (n_chains, n_visible), draws of the first machine; replaced by those of the last.
        betas: (n_temperatures,).
        seed: of the draws, 0..2^64 - 1.

    Returns:
        log_weight: (n_chains,), sum_k log p*_k(v_{k-1}) - log p*_{k-1}(v_{k-1}).
    """
    exact = tables.exact
    _check("v", v, np.bool_, (len(v), exact.n_visible))
    _check("start", start, np.float32, (exact.n_visible,))
    _check("bv_t", bv_t, np.float32, (exact.n_visible,))
    _check("bh_t", bh_t, np.float32, (exact.n_hidden,))
    log_weight, betas = np.empty(len(v)), np.ascontiguousarray(betas, np.float64)
    kernel = _compiled(chains_numba.annealed_kernel, exact)
    kernel(
        exact.up,
        exact.down,
        exact.words,
        start,
        bv_t,
        bh_t,
        v,
        betas,
        np.uint64(seed),
        log_weight,
    )
    return log_weight


def _block(n_units: int) -> int:
    """Return how many lanes a block of a layer has: equal ones, as large as stay in registers."""
    n_registers = -(-n_units // simd.WIDTH)
    n_blocks = -(-n_registers // simd.most_registers())
    return -(-n_registers // n_blocks) * simd.WIDTH


def _check(name: str, x: NDArray[Any], dtype: type, shape: tuple[int, ...]) -> None:
    """Refuse what the kernels, which trust their arguments, would read or write amiss."""
    if x.dtype != dtype or x.shape != shape or not x.flags.c_contiguous:
        raise ValueError(
            f"{name} must be {dtype.__name__} {shape} in C order, got {x.dtype} {x.shape}"
        )


_compiling = threading.Lock()
_cached = functools.cache(lambda kernel, *registers: kernel(*registers))


def _compiled(kernel: Callable[..., Any], tables: Tables, *sizes: int) -> Any:
    """Return the kernel for these blocks; of several threads, the first compiles it."""
    registers = (x.shape[-1] // simd.WIDTH for x in (tables.up, tables.down))
    with _compiling:
        return _cached(kernel, *registers, *sizes)
