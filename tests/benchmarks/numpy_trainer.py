"""The trainer in NumPy, its products by BLAS: a peer of its speed.

Batches, dropout, schedule and the one compiled loop over the parameters are the trainer's own; its
gradients and its recurrence are the same equations, in float32, without a kernel. Of a gated memory
the gates' gradient stays compiled.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import gradients, memory, rbm
from rnnrbm_gui.models.gradients import Batch, Unrolled
from rnnrbm_gui.models.training import Trainer

Array = NDArray[Any]


def _contrast(W: Array, bh_t: Array, v: Array, v_neg: Array) -> tuple[Array, Array]:
    v, v_neg = v.astype(W.dtype), v_neg.astype(W.dtype)
    share = W.dtype.type(1 / len(v))
    pos, neg = (rbm.mean_h(W, bh_t, some) * share for some in (v, v_neg))
    return neg - pos, v_neg.T @ neg - v.T @ pos


def _add_rows(keys: Array, table: Array, out: Array) -> None:
    out += keys.astype(table.dtype) @ table


def _outer(keys: Array, d: Array) -> Array:
    return keys.astype(d.dtype).T @ d


def _by_row(d: Array, row: Array, like: Array) -> Array:
    chosen = np.zeros((len(like), len(row)), like.dtype)
    chosen[row, np.arange(len(row))] = 1
    return chosen @ d.astype(like.dtype)


def _from_rows(table: Array, rows: Array, more: Array, first: int) -> Array:
    return table[rows] + more[:, first : first + table.shape[1]]


def _of_columns(x: Array, d: Array, e: Array) -> list[Array]:
    return np.split(x.T @ np.concatenate([d, e], 1), [d.shape[1]], 1)  # one is faster than two


@contextmanager
def in_numpy() -> Iterator[None]:
    """Let gradients be made without kernels."""
    parts = {
        "_contrast": _contrast,
        "_from_rows": _from_rows,
        "_of_columns": _of_columns,
        "_add_rows": _add_rows,
        "_outer": _outer,
        "_by_row": _by_row,
    }
    with (
        patch.multiple(gradients, **parts),
        patch.multiple(memory, run=memory.run_plain, back=memory.back_plain),
    ):
        yield


class NumpyTrainer(Trainer):
    """Makes its updates without the compiled gradients and chains."""

    def advance(self) -> None:
        """Make one update."""
        with in_numpy():
            super().advance()

    def _laid_out(self) -> None:
        """A product needs no table."""

    def _negative(
        self, batch: Batch, run: Unrolled, key: np.uint64, tables: None
    ) -> NDArray[np.bool_]:
        rng, W = np.random.default_rng(key), self._p["W"]
        v = batch.v.astype(np.float32)
        for _ in range(self.settings.k_at(self.update)):
            mean_h = rbm.mean_h(W, run.bh_t, v)
            h = (rng.random(mean_h.shape, np.float32) < mean_h).astype(np.float32)
            mean_v = rbm.mean_v(W, run.bv_t, h)
            v = (rng.random(mean_v.shape, np.float32) < mean_v).astype(np.float32)
        return v.astype(np.bool_)
