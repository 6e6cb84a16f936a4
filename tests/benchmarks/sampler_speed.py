"""Frames/s of the sampler beside those of NumPy, PyTorch and JAX; run from the project's root.

    python -m pip install ".[bench]"
    python -m tests.benchmarks.sampler_speed

All play the same model, 88 keys, 150 hidden and 100 recurrent tanh units of a trained model's sizes
and sparseness, frame by frame: a chain of k Gibbs steps from the frame before, then the recurrence.
The sampler runs with temperature, a mask and a field, in passages of 256 frames and one frame at a
time, as the app calls it; its peers draw freely. They take turns in blocks, so that whatever else
the machine does meets all; a ratio is the median of those of the blocks.

- NumPy: a loop as one writes it, float32, matrix products by BLAS, one thread.
- PyTorch: the same, eager, on one thread.
- JAX: the same, a scan over frames and a loop over steps, compiled, on one thread.
- plain kernel: the sampler before its kernel is compiled, in NumPy, with the same bits.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # numpy must not be loaded before the number of its threads is set
    import numpy as np

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
PASSAGES, FRAMES = "passages", "frame by frame"
STEPS = (25, 100, 1000)
UPDATES = 400
"""Of training on made-up music: enough that few keys are on, as in any trained model."""


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.sampler_speed", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--model", type=Path, help="a model file; one trained on the spot without")
    parser.add_argument("--blocks", type=int, default=15, help="of each; %(default)s")
    a = parser.parse_args(arguments)
    for name in THREADS:
        os.environ[name] = "1"
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    import jax
    import numpy as np
    import torch

    from tests.benchmarks.trainer_speed import processor

    torch.set_num_threads(1)
    model = _model(a.model)
    versions = f"torch {torch.__version__}, jax {jax.__version__}"
    print(f"{processor()}, 1 thread, {versions}, Python {sys.version.split()[0]}")
    print(
        f"{model.n_visible} keys, {model.n_hidden} hidden and {model.n_recurrent} recurrent units"
    )
    print(f"{'Gibbs steps a frame':<22}" + "".join(f"{k:>10}" for k in STEPS))
    table = [_rates(model, k, a.blocks) for k in STEPS]
    for name in table[0]:
        medians = (np.median(rates[name]) for rates in table)
        print(f"{name:<22}" + "".join(f"{rate:>10.0f}" for rate in medians) + "  frames/s")
    for way in (PASSAGES, FRAMES):
        for peer in ("NumPy", "PyTorch", "JAX"):
            ratios = (np.median(rates[way] / rates[peer]) for rates in table)
            print(f"{f'{way} x {peer}':<22}" + "".join(f"{ratio:>10.1f}" for ratio in ratios))
    for n in (64, 1024):
        on_one, on_two, times = _futures(model, n, a.blocks)
        print(
            f"{n} futures of 32 frames, 25 Gibbs steps: {on_one:.1f} ms on one thread, "
            f"{on_two:.1f} on two ({times:.2f} times as fast)"
        )
    return 0


def _futures(model: Any, n: int, n_blocks: int) -> tuple[float, float, float]:
    """Return the median milliseconds of many takes of four bars of eighths, and the ratio's."""
    import numpy as np

    from rnnrbm_gui.models.sampler import FrameSampler

    sampler, masks = FrameSampler(model), np.zeros((32, model.n_visible), np.int8)
    state = sampler.first_state()
    took = np.empty((3 * n_blocks, 2))
    for block in took:
        for i in range(2):
            began = time.perf_counter()
            sampler.passage(
                state,
                masks,
                seed=1,
                takes=range(n),
                frame=0,
                gibbs_steps=25,
                threads=i + 1,
            )
            block[i] = time.perf_counter() - began
    on_one, on_two = np.median(took, 0) * 1e3
    return float(on_one), float(on_two), float(np.median(took[:, 0] / took[:, 1]))


def _model(path: Path | None) -> Any:
    """Return a model from a file, or one trained on made-up music."""
    from rnnrbm_gui.data.model_file import load_model
    from rnnrbm_gui.models.settings import Settings
    from rnnrbm_gui.models.training import Trainer
    from tests.benchmarks.music import synthetic_music

    if path is not None:
        return load_model(path).model
    trainer = Trainer(synthetic_music(100, 50, 100), Settings(n_recurrent=100, updates=UPDATES))
    while not trainer.done:
        trainer.advance()
    return trainer.model()


def _rates(model: Any, k: int, n_blocks: int) -> "dict[str, np.ndarray]":
    """Return the frames/s of each, in blocks that take turns."""
    import numpy as np

    n_frames = max(4, 2000 // k)
    players = {
        PASSAGES: _passages(model, k),
        FRAMES: _sampler(model, k, plain=False),
        "plain kernel": _sampler(model, k, plain=True),
        "NumPy": _numpy(model, k),
        "PyTorch": _torch(model, k),
        "JAX": _jax(model, k),
    }
    rates: dict[str, list[float]] = {name: [] for name in players}
    for block in range(n_blocks + 1):
        for name, play in players.items():
            frames = n_frames * (40 if name in (PASSAGES, FRAMES) else 1)
            began = time.perf_counter()
            play(frames)
            if block:  # the first one warms up
                rates[name].append(frames / (time.perf_counter() - began))
    return {name: np.array(found) for name, found in rates.items()}


def _told(model: Any) -> dict[str, Any]:
    """Return what every draw is told: temperature and a field; the masks hold three keys off."""
    import numpy as np

    return {"seed": 1, "temperature": 0.9, "field": np.full(model.n_visible, 0.1, np.float32)}


def _passages(model: Any, k: int) -> Callable[[int], None]:
    """Return the sampler called for many frames at once."""
    import numpy as np

    from rnnrbm_gui.models.sampler import FrameSampler

    sampler, told, n = FrameSampler(model), _told(model), 256
    masks = np.zeros((n, model.n_visible), np.int8)
    masks[:, :3] = -1

    def play(n_frames: int) -> None:
        state, start = sampler.first_state(), np.zeros(model.n_visible, np.bool_)
        for frame in range(0, n_frames, n):
            shown = masks[: n_frames - frame]
            drawn = sampler.passage(
                state, shown, takes=range(1), frame=frame, gibbs_steps=k, start=start, **told
            )
            state, start = drawn.state_after(len(shown) - 1), drawn.v[0, -1]

    return play


def _sampler(model: Any, k: int, *, plain: bool) -> Callable[[int], None]:
    """Return the sampler as the app uses it, frame by frame."""
    import numpy as np

    from rnnrbm_gui.models import kernels
    from rnnrbm_gui.models.sampler import FrameSampler

    kernels.compile_kernel()
    compiled = kernels.compiled()
    sampler, told = FrameSampler(model), _told(model)
    mask = np.zeros(model.n_visible, np.int8)
    mask[:3] = -1

    def play(n_frames: int) -> None:
        kernels._compiled = None if plain else compiled
        start = np.zeros(model.n_visible, np.bool_)
        stream = sampler.stream(
            sampler.first_state(), take=0, frame=0, gibbs_steps=k, start=start, **told
        )
        for _ in range(n_frames):
            stream.draw(mask)
        kernels._compiled = compiled

    return play


def _numpy(model: Any, k: int) -> Callable[[int], None]:
    """Return a plain loop in NumPy."""
    import numpy as np

    rng = np.random.default_rng(1)
    WT = np.ascontiguousarray(model.W.T)

    def sigmoid(x: "np.ndarray") -> "np.ndarray":
        return 1 / (1 + np.exp(-x))

    def play(n_frames: int) -> None:
        u, v = model.u0, np.zeros(model.n_visible, np.float32)
        for _ in range(n_frames):
            bv_t, bh_t = model.bv + u @ model.Wuv, model.bh + u @ model.Wuh
            for _ in range(k):
                mean_h = sigmoid(bh_t + v @ model.W)
                h = (rng.random(model.n_hidden, np.float32) < mean_h).astype(np.float32)
                mean_v = sigmoid(bv_t + h @ WT)
                v = (rng.random(model.n_visible, np.float32) < mean_v).astype(np.float32)
            u = np.tanh(model.bu + v @ model.Wvu + u @ model.Wuu)

    return play


def _torch(model: Any, k: int) -> Callable[[int], None]:
    """Return a plain loop in PyTorch, eager."""
    import torch

    p = {name: torch.tensor(value) for name, value in model.parameters().items()}
    WT = p["W"].T.contiguous()

    @torch.no_grad()
    def play(n_frames: int) -> None:
        u, v = p["u0"], torch.zeros(model.n_visible)
        for _ in range(n_frames):
            bv_t, bh_t = p["bv"] + u @ p["Wuv"], p["bh"] + u @ p["Wuh"]
            for _ in range(k):
                h = torch.bernoulli(torch.sigmoid(torch.addmv(bh_t, p["W"].T, v)))
                v = torch.bernoulli(torch.sigmoid(torch.addmv(bv_t, WT.T, h)))
            u = torch.tanh(p["bu"] + v @ p["Wvu"] + u @ p["Wuu"])

    return play


def _jax(model: Any, k: int) -> Callable[[int], None]:
    """Return a compiled scan in JAX, some frames at a time."""
    import jax
    import jax.numpy as jnp

    p = {name: jnp.asarray(value) for name, value in model.parameters().items()}
    n_at_once = max(4, 200 // k)

    def step(carry: Any, _: None) -> Any:
        v, bv_t, bh_t, key = carry
        key, for_h, for_v = jax.random.split(key, 3)
        mean_h = jax.nn.sigmoid(bh_t + v @ p["W"])
        h = (jax.random.uniform(for_h, mean_h.shape) < mean_h).astype(jnp.float32)
        mean_v = jax.nn.sigmoid(bv_t + h @ p["W"].T)
        v = (jax.random.uniform(for_v, mean_v.shape) < mean_v).astype(jnp.float32)
        return (v, bv_t, bh_t, key), None

    def frame(carry: Any, _: None) -> Any:
        u, v, key = carry
        bv_t, bh_t = p["bv"] + u @ p["Wuv"], p["bh"] + u @ p["Wuh"]
        (v, _, _, key), _ = jax.lax.scan(step, (v, bv_t, bh_t, key), length=k)
        u = jnp.tanh(p["bu"] + v @ p["Wvu"] + u @ p["Wuu"])
        return (u, v, key), v

    frames = jax.jit(lambda carry: jax.lax.scan(frame, carry, length=n_at_once))

    def play(n_frames: int) -> None:
        carry = (p["u0"], jnp.zeros(model.n_visible), jax.random.key(1, impl="rbg"))
        for _ in range(-(-n_frames // n_at_once)):
            carry, v = frames(carry)
        v.block_until_ready()

    return play


if __name__ == "__main__":
    sys.exit(main())
