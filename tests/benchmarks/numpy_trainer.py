"""The trainer with its Gibbs steps in NumPy: a peer of its speed."""

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.models import rbm
from rnnrbm_gui.models.gradients import Batch, Unrolled
from rnnrbm_gui.models.training import Trainer


class NumpyTrainer(Trainer):
    """Draws the negative frames by products of whole matrices; all else is the trainer's own."""

    def _negative(self, batch: Batch, run: Unrolled, key: np.uint64) -> NDArray[np.bool_]:
        rng, W = np.random.default_rng(key), self._p["W"]
        v = batch.v.astype(np.float32)
        for _ in range(self.settings.k_at(self.update)):
            mean_h = rbm.mean_h(W, run.bh_t, v)
            h = (rng.random(mean_h.shape, np.float32) < mean_h).astype(np.float32)
            mean_v = rbm.mean_v(W, run.bv_t, h)
            v = (rng.random(mean_v.shape, np.float32) < mean_v).astype(np.float32)
        return v.astype(np.bool_)
