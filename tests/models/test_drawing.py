"""Frames drawn one after another."""

import numpy as np
import pytest

from rnnrbm_gui.models import kernels
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
