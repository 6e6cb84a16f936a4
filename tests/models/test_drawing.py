"""Frames drawn one after another."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from rnnrbm_gui.models import drawing, kernels
from rnnrbm_gui.models.drawing import FIRST_ROOM
from rnnrbm_gui.models.sampler import Frame, FrameSampler
from tests.models.test_kernels import assert_same_bits, random_model


@pytest.mark.parametrize("kind", ["plain", "compiled", "plain, then compiled"])
@pytest.mark.parametrize("chained", [False, True])
@pytest.mark.parametrize("echoes", [(), (2, 9)])
def test_a_stream_draws_the_frames_of_a_passage(
    kind: str,
    chained: bool,
    echoes: tuple[int, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also beyond what it makes room for at once, and when the kernel comes to be compiled."""
    kernels.compile_kernel()
    compiled = kernels.compiled()
    rng = np.random.default_rng(6)
    sampler = FrameSampler(random_model(rng, {"v": 20, "h": 30, "u": 10}, 0.3, echoes))
    n = 8 * FIRST_ROOM
    masks = rng.choice(np.array([0, 0, 1, -1], np.int8), (n, 20))
    places = rng.integers(0, 7, n + 1)
    first = sampler.first_state(int(places[0]))
    start = rng.random(20) < 0.4 if chained else None
    how = {"seed": 8, "frame": 11, "temperature": 0.8, "gibbs_steps": 3, "start": start}
    how["field"] = rng.normal(size=20).astype("f")
    monkeypatch.setattr(kernels, "_compiled", compiled)
    passage = sampler.passage(first, masks, takes=range(3, 4), places=places, **how)
    monkeypatch.setattr(kernels, "_compiled", compiled if kind == "compiled" else None)
    stream = sampler.stream(first, take=3, **how)
    assert (stream.state is first, stream.frame) == (True, 11)
    for i, mask in enumerate(masks):
        if i == 7 and kind != "plain":
            monkeypatch.setattr(kernels, "_compiled", compiled)
        frame = Frame(stream.draw(mask, int(places[i + 1])), stream.mean_v, stream.state)
        there = Frame(passage.v[0, i], passage.mean_v[0, i], passage.state_after(i))
        assert_same_bits([frame], [there])
        np.testing.assert_array_equal(frame.after.past, there.after.past)
        assert frame.after.x == there.after.x
    for wrong in (masks[0, :-1], masks[0].astype(np.int16), masks[:1], masks[0, ::-1]):
        with pytest.raises(ValueError, match="mask must have the shape"):
            stream.draw(wrong)


class Pool(ThreadPoolExecutor):
    """Keeps what it was told to do."""

    def __init__(self, n_threads: int) -> None:
        super().__init__(n_threads)
        self.told: list[Future] = []

    def submit(self, *what: object) -> Future:
        self.told.append(super().submit(*what))
        return self.told[-1]


def draw_eight_takes(
    monkeypatch: pytest.MonkeyPatch, pool: Pool, play: Callable[..., None], threads: int
) -> None:
    """Draw with ``play`` for a kernel, which must be out of room."""
    sampler = FrameSampler(random_model(np.random.default_rng(3), {"v": 9, "h": 7, "u": 5}, 0.1))
    monkeypatch.setattr(drawing, "_helpers", lambda: pool)
    monkeypatch.setattr(kernels, "_compiled", SimpleNamespace(play=play))
    how = {"seed": 1, "takes": range(8), "frame": 0, "threads": threads}
    with pytest.raises(MemoryError, match="no room"):
        sampler.passage(sampler.first_state(), np.zeros((3, 9), np.int8), **how)


def test_when_one_thread_fails_the_others_leave_the_takes_that_are_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn, drawing_here = [], threading.Event()
    with Pool(1) as pool:

        def play(*told: object) -> None:
            if threading.current_thread() is not threading.main_thread():
                assert drawing_here.wait(60)
                raise MemoryError("no room")
            drawn.append(told)
            drawing_here.set()
            assert pool.told[0].exception(60)  # it has failed by the end of this take

        draw_eight_takes(monkeypatch, pool, play, 2)
    assert len(drawn) == 1


def test_threads_that_have_not_begun_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    free = threading.Event()

    def play(*told: object) -> None:
        raise MemoryError("no room")

    with Pool(1) as pool:
        pool.submit(free.wait, 20)
        draw_eight_takes(monkeypatch, pool, play, 3)
        assert [other.cancelled() for other in pool.told] == [False, True, True]
        free.set()


_DRAWN = """
import atexit, os, signal, sys
import numpy as np
from rnnrbm_gui import paths
from rnnrbm_gui.data.model_file import load_model
from rnnrbm_gui.models import drawing, kernels
from rnnrbm_gui.models.sampler import FrameSampler
kernels.compile_kernel()
sampler = FrameSampler(load_model(paths.models() / "jsb-chorales.safetensors").model)
state, masks = sampler.first_state(), np.zeros((4, 88), np.int8)

def drawn(threads):
    how = {"seed": 1, "takes": range(8), "frame": 0, "gibbs_steps": 9, "threads": threads}
    return sampler.passage(state, masks, **how).v.tobytes()

expected = drawn(1)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_process_draws_on_threads_of_its_own() -> None:
    """Tried in a process of its own, for to fork one with threads gives a warning."""
    program = (
        "for _ in range(9): drawn(3)\n"
        "child = os.fork()\n"
        "if child:\n"
        "    sys.exit(os.waitpid(child, 0)[1] != 0 or drawn(3) != expected)\n"
        "signal.alarm(60)\n"
        "drawing._helpers().submit(int).result()\n"
        "sys.exit(drawn(3) != expected)\n"
    )
    assert subprocess.run([sys.executable, "-c", _DRAWN + program], check=False).returncode == 0


@pytest.mark.parametrize("before", ["", "drawn(3)\n"], ids=["no threads", "threads"])
def test_at_the_interpreters_end_one_draws_alone(before: str) -> None:
    program = _DRAWN + before + "atexit.register(lambda: print(drawn(3) == expected))\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.split() == [b"True"]
