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

from rnnrbm_gui.models import gradients, rbm
from rnnrbm_gui.models.gradients import Batch, Unrolled
from rnnrbm_gui.models.training import Trainer

Array = NDArray[Any]


@contextmanager
def in_numpy() -> Iterator[None]:
    """Let gradients be made without kernels."""
    plain = {"unroll": gradients.unroll_plain, "gradient": gradients.gradient_plain}
    with patch.multiple(gradients, **plain):
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
