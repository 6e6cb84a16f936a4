"""The compiled kernel against the plain one, and the arithmetic that both share."""

import dataclasses
import hashlib
import os
import platform
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnrbm_gui.models import kernels, randomness
from rnnrbm_gui.models.exact import STATE_UNIT
from rnnrbm_gui.models.kinds import KINDS as MODELS
from rnnrbm_gui.models.memory import N_GATES
from rnnrbm_gui.models.playable import State
from rnnrbm_gui.models.rnn_rbm import RnnRbm
from rnnrbm_gui.models.sampler import Frame, FrameSampler
from rnnrbm_gui.models.terms import Kind, Memory
from tests.models.problems import KINDS
from tests.shapes import SHAPES


def random_model(
    rng: np.random.Generator,
    sizes: dict[str, int],
    strength: float,
    echoes: tuple[int, ...] = (),
) -> RnnRbm:
    arrays = {
        name: (rng.normal(size=tuple(sizes[layer] for layer in layers)) * strength).astype("f")
        for name, layers in SHAPES.items()
    }
    if echoes:
        more = rng.normal(size=(len(echoes) * sizes["v"], sizes["u"])) * strength
        arrays["Wvu"] = np.vstack([arrays["Wvu"], more.astype("f")])
    memory: Memory = "tanh" if rng.random() < 0.5 else "sigmoid"
    return RnnRbm(**arrays, memory=memory, echoes=echoes)


@pytest.fixture(scope="module")
def compiled() -> ModuleType:
    kernels.compile_kernel()
    found: ModuleType = kernels.compiled()
    return found


def perform(sampler: FrameSampler, n_frames: int, **how: object) -> list[Frame]:
    """Let the model run for some frames, with a mask and field that change from frame to frame."""
    rng = np.random.default_rng(5)
    n_visible = sampler.model.n_visible
    state, frames = sampler.first_state(), []
    for frame in range(n_frames):
        mask = rng.choice(np.array([0, 0, 0, 1, -1], np.int8), n_visible)
        field = rng.normal(size=n_visible).astype(np.float32) if frame % 2 else None
        start = rng.random(n_visible) < 0.5 if frame % 4 > 1 else None  # against the mask, too
        drawn = sampler.draw(state, mask, frame=frame, field=field, start=start, **how)
        assert drawn.v[mask == 1].all()
        assert not drawn.v[mask == -1].any()
        np.testing.assert_allclose(drawn.mean_v[mask != 0], mask[mask != 0] == 1, atol=1e-30)
        frames.append(drawn)
        state = drawn.after
    return frames


def assert_same_bits(one: list[Frame], two: list[Frame]) -> None:
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.v, b.v)
        np.testing.assert_array_equal(a.mean_v.view(np.int32), b.mean_v.view(np.int32))
        np.testing.assert_array_equal(a.after.u, b.after.u)
        np.testing.assert_array_equal(a.after.biases, b.after.biases)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32),
    st.one_of(st.integers(1, 40), st.sampled_from([64, 65, 96, 97, 176, 200])),
    st.one_of(st.integers(1, 40), st.sampled_from([64, 65, 80, 81, 128, 161, 300])),
    st.integers(1, 12),
    st.sampled_from([0.0, 0.1, 1.0, 20.0]),
    st.sampled_from([0.05, 0.7, 1.0, 1.3, 20.0]),
    st.integers(1, 30),
    st.integers(0, 2**64 - 1),
)
def test_compiled_and_plain_give_the_same_bits(
    compiled: ModuleType,
    model_seed: int,
    n_visible: int,
    n_hidden: int,
    n_recurrent: int,
    strength: float,
    temperature: float,
    gibbs_steps: int,
    seed: int,
) -> None:
    rng = np.random.default_rng(model_seed)
    sizes = {"v": n_visible, "h": n_hidden, "u": n_recurrent}
    sampler = FrameSampler(random_model(rng, sizes, strength))
    how = {"seed": seed, "take": 3, "temperature": temperature, "gibbs_steps": gibbs_steps}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "_compiled", None)
        plain = perform(sampler, 4, **how)
        patch.setattr(kernels, "_compiled", compiled)
        assert_same_bits(plain, perform(sampler, 4, **how))


def test_biases_of_which_float32_rounds_much_away(
    compiled: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As large as can be, with a field against them: what is left are a few thousandths."""
    rng = np.random.default_rng(9)
    model = random_model(rng, {"v": 88, "h": 5, "u": 3}, 0.2)
    bv = (rng.choice([-1, 1], 88) * rng.uniform(30_000, 32_000, 88)).astype(np.float32)
    sampler = FrameSampler(dataclasses.replace(model, bv=bv))
    start, masks = rng.random(88) < 0.3, np.zeros((1, 88), np.int8)
    how = {"seed": 1, "takes": range(4000), "frame": 0, "gibbs_steps": 4}
    how |= {"start": start, "field": -bv - rng.uniform(0, 3, 88).astype("f")}
    drawn = []
    for kernel in (None, compiled):
        monkeypatch.setattr(kernels, "_compiled", kernel)
        drawn.append(sampler.passage(sampler.first_state(), masks, **how))
    one, two = drawn
    np.testing.assert_array_equal(one.v, two.v)
    np.testing.assert_array_equal(one.mean_v, two.mean_v)
    assert 0.1 < one.v.mean() < 0.5


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize(("kind", "memory"), KINDS)
@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("strength", [0.3, 3.0])
def test_the_compiled_recurrence_has_the_bits_of_the_plain_one(
    kind: Kind, memory: Memory, told: bool, strength: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of every kind of model, told its place in the bar and with echoes or not, far out too."""
    rng = np.random.default_rng(7)
    sizes = {"v": 21, "h": 13, "u": 13 if kind == "rtrbm" else 10, "x": 3 if told else 0}
    sizes["g"] = sizes["u"] * (N_GATES[memory] if kind == "rnn-rbm" else 1)
    echoes = (2, 3, 31) if told else ()
    sizes["s"] = 21 * (1 + len(echoes))
    arrays = {
        name: (rng.normal(size=tuple(sizes[layer] for layer in layers)) * strength).astype("f")
        for name, layers in MODELS[kind].SHAPES.items()
        if told or "x" not in layers
    }
    if kind == "rnn-rbm":
        arrays |= {"memory": memory, "echoes": echoes}
    sampler = FrameSampler(MODELS[kind](**arrays))
    roll, x = rng.random((60, 21)) < 0.3, rng.integers(0, 7, 61)

    def states() -> list[State]:
        found = [sampler.first_state(int(x[0]))]
        for v, place in zip(roll, x[1:], strict=True):
            found.append(sampler.advance(found[-1], v, int(place)))
        return found

    compiled = states()
    monkeypatch.setattr(kernels, "_compiled", None)
    for one, two in zip(compiled, states(), strict=True):
        np.testing.assert_array_equal(one.u, two.u)
        np.testing.assert_array_equal(one.biases, two.biases)
        np.testing.assert_array_equal(one.past, two.past)
        assert one.x == two.x
    assert len(np.unique([state.u for state in compiled], axis=0)) > 50 or kind == "rbm"


def test_threads_do_not_change_the_bits(compiled: ModuleType) -> None:
    rng = np.random.default_rng(1)
    sampler = FrameSampler(random_model(rng, {"v": 88, "h": 150, "u": 100}, 0.1))
    expected = perform(sampler, 30, seed=9, take=0, gibbs_steps=40)
    found: list[list[Frame]] = []
    threads = [
        threading.Thread(
            target=lambda: found.append(perform(sampler, 30, seed=9, take=0, gibbs_steps=40))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 4
    for frames in found:
        assert_same_bits(expected, frames)


def test_what_goes_wrong_on_a_thread_is_raised(
    compiled: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = threading.Event()

    class NoRoomElsewhere:
        @staticmethod
        def play(*told: object) -> None:
            if threading.current_thread() is not threading.main_thread():
                tried.set()
                raise MemoryError("no room")
            assert tried.wait(60)  # or there would be no takes left for another
            compiled.play(*told)

    sampler = FrameSampler(random_model(np.random.default_rng(3), {"v": 9, "h": 7, "u": 5}, 0.1))
    how = {"seed": 1, "takes": range(4), "frame": 0, "gibbs_steps": 5}
    masks, state = np.zeros((3, 9), np.int8), sampler.first_state()
    monkeypatch.setattr(kernels, "_compiled", NoRoomElsewhere)
    with pytest.raises(MemoryError, match="no room"):
        sampler.passage(state, masks, threads=2, **how)
    assert sampler.passage(state, masks, threads=1, **how).v.shape == (4, 3, 9)


def test_a_frame_can_be_drawn_alone_and_in_any_order() -> None:
    rng = np.random.default_rng(2)
    sampler = FrameSampler(random_model(rng, {"v": 30, "h": 20, "u": 10}, 0.3))
    mask, state = np.zeros(30, np.int8), sampler.first_state()
    forwards = [sampler.draw(state, mask, seed=1, take=0, frame=i) for i in range(6)]
    backwards = [sampler.draw(state, mask, seed=1, take=0, frame=i) for i in range(5, -1, -1)]
    assert_same_bits(forwards, backwards[::-1])
    for other in ({"seed": 2, "take": 0}, {"seed": 1, "take": 1}):
        again = [sampler.draw(state, mask, frame=i, **other) for i in range(6)]
        assert any((a.v != b.v).any() for a, b in zip(forwards, again, strict=True))


@pytest.mark.parametrize("kind", ["plain", "compiled"])
@pytest.mark.parametrize("chained", [False, True])
@pytest.mark.parametrize("echoes", [(), (2, 4), (3, 9)])
def test_a_passage_is_its_frames_drawn_one_by_one(
    compiled: ModuleType,
    kind: str,
    chained: bool,
    echoes: tuple[int, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Takes, places and echoes included, shared out to threads or not."""
    monkeypatch.setattr(kernels, "_compiled", compiled if kind == "compiled" else None)
    rng = np.random.default_rng(4)
    sampler = FrameSampler(random_model(rng, {"v": 20, "h": 90, "u": 50}, 0.3, echoes))
    masks = rng.choice(np.array([0, 0, 1, -1], np.int8), (5, 20))
    places = np.array([3, 1, 0, 2, 5, 4])
    how = {"seed": 8, "temperature": 0.8, "gibbs_steps": 30}
    start = rng.random(20) < 0.4 if chained else None
    first = sampler.first_state(3)
    for v in rng.random((6, 20)) < 0.3:
        first = sampler.advance(first, v, 3)
    for threads in (1, 2, 9):
        drawn = sampler.passage(
            first,
            masks,
            takes=range(2, 7),
            frame=11,
            places=places,
            start=start,
            threads=threads,
            **how,
        )
        assert drawn.v.shape == (5, 5, 20)
        for take in range(5):
            state, v = first, start
            for i, mask in enumerate(masks):
                one = sampler.draw(
                    state, mask, take=2 + take, frame=11 + i, x=int(places[i + 1]), start=v, **how
                )
                state, v = one.after, one.v if chained else None
                there = Frame(drawn.v[take, i], drawn.mean_v[take, i], drawn.state_after(i, take))
                assert_same_bits([one], [there])
    assert len(np.unique(drawn.v[:, -1], axis=0)) > 1


def test_the_power_of_two_is_close_to_the_true_one() -> None:
    y = np.linspace(-120, 120, 400_001, dtype=np.float32)
    assert np.abs(kernels.power_of_two(y) / np.exp2(y.astype(np.float64)) - 1).max() < 3e-6


def uniforms(n: int, *place: int, first_step: int = 0) -> np.ndarray:
    """Numbers of n // 240 steps of a frame, of 240 units each."""
    key, steps = randomness.frame_key(*place), range(first_step, first_step + n // 240)
    return randomness.uniforms(key, steps, randomness.words(240)).reshape(-1)


def test_uniforms_lie_inside_0_and_1_and_are_even() -> None:
    uniform = uniforms(1_920_000, 1, 2, 3)
    assert uniform.min() > 0
    assert uniform.max() < 1
    counts = np.bincount((uniform * 1000).astype(int), minlength=1000)
    expected = len(uniform) / 1000
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert chi_square < 999 + 5 * np.sqrt(2 * 999)  # one false alarm in 700,000


def test_uniforms_of_neighbouring_frames_and_steps_are_not_alike() -> None:
    n = 240_000
    streams = [
        uniforms(n, *place)
        for place in [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (1, 1, 1), (2**64 - 1, 0, 0)]
    ]
    streams += [uniforms(n, 0, 0, 0, first_step=1), uniforms(n, 0, 0, 0, first_step=1000)]
    correlation = np.corrcoef(streams) - np.eye(len(streams))
    assert np.abs(correlation).max() < 5.5 / np.sqrt(n)


def test_units_of_one_step_are_not_alike() -> None:
    """Pairs of units over many steps, in the numbers and in their tails: |z| < 6 of 28,680 each."""
    n = 20_000
    u = uniforms(240 * n, 3, 1, 4).reshape(n, 240).astype(np.float64)
    pairs = np.triu_indices(240, 1)
    assert np.abs(np.corrcoef(u.T)[pairs]).max() < 6 / np.sqrt(n)
    for tail in (u < 1 / 32, u > 31 / 32):
        both = tail.T.astype(np.float32) @ tail.astype(np.float32)
        expected = n / 32**2
        assert np.abs(both[pairs] - expected).max() < 7 * np.sqrt(expected)  # skewed: 7 for 6
        of_step = tail.sum(1)
        spread = of_step.var() / (240 / 32 * 31 / 32)
        assert abs(spread - 1) < 6 * np.sqrt(2 / n)


@pytest.mark.parametrize("place", [(-1, 0, 0), (0, 2**64, 0), (0, 0, -5)])
def test_a_place_out_of_range_is_refused(place: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"must be in 0\.\.2\^64 - 1"):
        randomness.frame_key(*place)


def test_one_music_per_seed_on_every_machine() -> None:
    """The bits of a fixed model's music, as first computed on an x86-64 with NumPy 2.

    This says nothing about the law of the draws (test_sampler_law.py does), only that another
    processor, system or library draws the same.
    """
    sizes = {"v": 40, "h": 30, "u": 20}
    arrays = {}
    for place, (name, layers) in enumerate(SHAPES.items()):
        shape = tuple(sizes[layer] for layer in layers)
        [flat] = randomness.uniforms(place, range(1, 2), randomness.words(int(np.prod(shape))))
        arrays[name] = (flat.reshape(shape) - np.float32(0.6)) * np.float32(2)
    digest = hashlib.sha256()
    for memory in ("tanh", "sigmoid"):
        sampler = FrameSampler(RnnRbm(**arrays, memory=memory))
        state, mask = sampler.first_state(), np.zeros(40, np.int8)
        mask[3], mask[5] = 1, -1
        for frame in range(40):
            drawn = sampler.draw(
                state, mask, seed=2**63 + 1, take=2, frame=frame, temperature=0.9, gibbs_steps=50
            )
            state = drawn.after
            u = (state.u * STATE_UNIT).astype(np.int32)
            digest.update(drawn.v.tobytes() + drawn.mean_v.tobytes() + u.tobytes())
    assert digest.hexdigest() == "9bf3907959ae8e1653648ca62386b9fac9e8b386e3cddf62c9d57ad4b7864bfa"


def test_the_app_starts_without_numba() -> None:
    program = (
        "import sys, numpy as np\n"
        "from rnnrbm_gui import paths\n"
        "from rnnrbm_gui.data.model_file import load_model\n"
        "from rnnrbm_gui.models.sampler import FrameSampler\n"
        "import rnnrbm_gui.models.training, rnnrbm_gui.models.likelihood\n"
        "model = load_model(paths.models() / 'jsb-chorales.safetensors').model\n"
        "sampler = FrameSampler(model)\n"
        "sampler.draw(sampler.first_state(), np.zeros(88, np.int8), seed=1, take=0, frame=0)\n"
        "sys.exit('numba' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


_MUSIC = """
import hashlib, sys
import numpy as np
from rnnrbm_gui import paths
from rnnrbm_gui.data.model_file import load_model
from rnnrbm_gui.models import kernels
from rnnrbm_gui.models.sampler import FrameSampler
if sys.argv[1] == "compiled":
    kernels.compile_kernel()
sampler = FrameSampler(load_model(paths.models() / "jsb-chorales.safetensors").model)
masks = np.zeros((12, 88), np.int8)
masks[:, 40] = 1
drawn = sampler.passage(
    sampler.first_state(), masks, seed=1, takes=range(2), frame=0, gibbs_steps=40, temperature=0.9
)
print(hashlib.sha256(drawn.v.tobytes() + drawn.mean_v.tobytes() + drawn.u.tobytes()).hexdigest())
"""


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names x86 processors")
def test_every_instruction_set_gives_the_same_bits(tmp_path: Path) -> None:
    def begin(kernel: str, **environment: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", _MUSIC, kernel],
            stdout=subprocess.PIPE,
            env=os.environ | environment,
        )

    processes = {"plain": begin("plain")}  # all at once: they compile
    for name, processor in (("SSE2", "x86-64"), ("AVX2", "haswell")):
        without = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": ""}
        cache = str(tmp_path / name)
        processes[name] = begin("compiled", NUMBA_CACHE_DIR=cache, **without)
    music = {name: process.communicate()[0] for name, process in processes.items()}
    assert all(process.returncode == 0 for process in processes.values())
    assert music["SSE2"] == music["AVX2"] == music["plain"] != b""
