import json
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import asdict, replace
from safetensors.numpy import save

from rnnrbm_gui import paths
from rnnrbm_gui.data.corpus import load_corpus
from rnnrbm_gui.data.model_file import load_model, save_model
from rnnrbm_gui.data.model_header import ModelHeader, read_header
from rnnrbm_gui.errors import FileError, ModelError
from rnnrbm_gui.models import kernels, likelihood, statistics
from rnnrbm_gui.models.rnn_rbm import RnnRbm
from rnnrbm_gui.models.sampler import FrameSampler
from rnnrbm_gui.music.bars import Bars
from rnnrbm_gui.music.timing import Meter, frame_ticks
from tests.shapes import SHAPES

SIZES = {"v": 5, "h": 4, "u": 3}
HEADER = ModelHeader(
    name="Trial — ♪",
    n_visible=5,
    n_hidden=4,
    n_recurrent=3,
    memory="sigmoid",
    low=30,
    transpose=-12,
    frames_per_beat=2,
    meter="6/8",
    bpm=66.5,
    corpus="none",
    command='rnnrbm-gui train --data "a b.pickle"',
    figures={"valid_ll": -5.25, "valid_n_frames": 7},
    attribution="nobody",
)


def tensors() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {
        name: rng.normal(size=tuple(SIZES[layer] for layer in layers)).astype(np.float32)
        for name, layers in SHAPES.items()
    }


def entries(**changed: str | None) -> dict[str, str]:
    """The header's entries as they lie in a file, some changed or (None) left out."""
    plain = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in asdict(HEADER).items()
    }
    merged = {"format": "1", **plain, **changed}
    return {name: value for name, value in merged.items() if value is not None}


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    model = RnnRbm(**tensors(), memory="sigmoid")
    save_model(path, model, HEADER)
    stored = load_model(path)
    assert stored.header == HEADER
    assert read_header(path) == HEADER
    assert stored.model.memory == "sigmoid"
    for name, value in model.parameters().items():
        np.testing.assert_array_equal(stored.model.parameters()[name], value)
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]  # no half-written rest


def test_a_header_that_is_not_the_models_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="n_hidden = 9, but the parameters have 4"):
        save_model(tmp_path / "m", RnnRbm(**tensors()), replace(HEADER, n_hidden=9))
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_gives_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be saved"):
        save_model(tmp_path / "no" / "m", RnnRbm(**tensors()), HEADER)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kind": None}, "is no model of this program"),
        ({"kind": "transformer"}, "is no model of this program"),
        ({"format": "2"}, "has the format '2'"),
        ({"name": None}, "lacks 'name'"),
        ({"low": "x"}, "low cannot be read"),
        ({"low": "1.5"}, "low cannot be read"),
        ({"low": "true"}, "low cannot be read"),
        ({"low": "500"}, "low is 500"),
        ({"bpm": "NaN"}, "bpm is nan"),
        ({"bpm": "[" * 100_000}, "bpm cannot be read"),
        ({"frames_per_beat": "0"}, "frames_per_beat is 0"),
        ({"meter": "4"}, "meter is '4'"),
        ({"meter": "0/4"}, "meter is '0/4'"),
        ({"memory": "relu"}, "memory is 'relu'"),
        ({"echoes": "x"}, "echoes is 'x'"),
        ({"echoes": "1"}, "echoes is '1'"),
        ({"echoes": "16 8"}, "echoes is '16 8'"),
        ({"echoes": "2  4"}, "echoes is '2  4'"),
        ({"echoes": "9" * 5000}, "echoes is '9"),
        ({"echoes": "2 4"}, "Wvu must have the shape"),
        ({"echoes": "2 4", "kind": "rtrbm"}, "echoes is '2 4'"),
        ({"planes": "2"}, "planes is 2"),  # of five visible units
        ({"bars": "4/4 x"}, "bars is '4/4 x'"),
        ({"kind": "rtrbm"}, "does not fit"),
        ({"temperature": "0"}, "temperature is 0"),
        ({"gibbs_steps": "0"}, "gibbs_steps is 0"),
        ({"recall": "9"}, "recall is 9"),
        ({"recall": "0.5", "kind": "rtrbm"}, "recall is 0.5"),
        ({"transpose": "600"}, "transpose is 600"),
        ({"figures": "[1]"}, "figures cannot be read"),
        ({"n_hidden": "5"}, "n_hidden = 5, but the parameters have 4"),
    ],
)
def test_a_header_that_does_not_fit_gives_a_sentence(
    tmp_path: Path, change: dict[str, str | None], sentence: str
) -> None:
    path = tmp_path / "odd.safetensors"
    path.write_bytes(save(tensors(), entries(**change)))
    with pytest.raises(ModelError, match=f"^'odd.safetensors'.*{sentence}"):
        load_model(path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"W": None}, "lacks the parameters W"),
        ({"W": np.zeros(5, np.float32)}, "W must be a matrix"),
        ({"W": np.zeros((6, 4), np.float32)}, "must have the shape"),
        ({"bh": np.full(4, np.nan, np.float32)}, "bh must hold finite numbers"),
        ({"u0": np.full(3, np.inf, np.float32)}, "u0 must hold finite numbers"),
        ({"bv": np.zeros(5, np.float64)}, "bv must be float32"),
    ],
)
def test_parameters_that_do_not_fit_give_a_sentence(
    tmp_path: Path, change: dict[str, np.ndarray | None], sentence: str
) -> None:
    path = tmp_path / "odd.safetensors"
    merged = {k: x for k, x in {**tensors(), **change}.items() if x is not None}
    path.write_bytes(save(merged, entries()))
    with pytest.raises(ModelError, match=f"^'odd.safetensors'.*{sentence}"):
        load_model(path)


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\xff" * 1000, b"\x08\0\0\0\0\0\0\0{}      ", bytes(100_000)]
)
def test_a_file_of_another_kind_gives_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"odd.safetensors.*[.]$"):
        load_model(path)


def test_a_cut_file_gives_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    whole = save(tensors(), entries())
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelError, match=r"[.]$"):
            load_model(path)


@pytest.mark.parametrize("missing", ["nothing.safetensors", "."])
def test_a_missing_file_gives_a_sentence(tmp_path: Path, missing: str) -> None:
    with pytest.raises(ModelError, match=r"cannot be opened|is no readable"):
        load_model(tmp_path / missing)


SHIPPED = sorted(path.name for path in paths.models().glob("*.safetensors"))


def test_the_default_model_ships() -> None:
    assert "jsb-chorales.safetensors" in SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_models_describe_themselves_and_play(name: str) -> None:
    stored = load_model(paths.models() / name)
    header = stored.header
    assert header.command.startswith("rnnrbm-gui train --model rnn-rbm --data ")
    assert f"--out {name}" in header.command
    assert header.corpus
    assert header.attribution
    kernels.compile_kernel()
    bars, meter = Bars.of(header.bars, header.frames_per_beat), Meter()
    frame = frame_ticks(header.frames_per_beat)
    x = np.array([bars.place_at(meter, i * frame) for i in range(64)])
    played = statistics.samples(
        FrameSampler(stored.played),
        40,
        len(x),
        seed=1,
        gibbs_steps=header.gibbs_steps,
        temperature=header.temperature,
        positions=x,
    )
    found = statistics.RollStatistics.of([roll[:, : header.n_keys] for roll in played])
    # Default settings must sound as they did when the header was written: not the jitter of short
    # chains, not stuck keys.
    assert found.held == pytest.approx(header.figures["sampled_held"], abs=0.06)
    assert found.notes == pytest.approx(header.figures["sampled_notes"], rel=0.15)


ONE_PLANE = [name for name in SHIPPED if read_header(paths.models() / name).planes == 1]


@pytest.mark.corpus
@pytest.mark.parametrize("name", ONE_PLANE)
def test_shipped_likelihoods_can_be_measured_again(name: str, corpora: Path) -> None:
    """On the frames that the header speaks of, by fewer and other draws of AIS."""
    stored = load_model(paths.models() / name)
    corpus = load_corpus(corpora / f"{stored.header.corpus.partition(',')[0]}.pickle")
    figures = stored.header.figures
    valid = corpus.split("valid")
    assert statistics.RollStatistics.of(valid).held == pytest.approx(
        figures["valid_held"], abs=1e-4
    )
    frames = likelihood.frames_of(stored.model, valid, figures["valid_n_frames"])
    [found] = likelihood.measure(
        stored.model, frames, starts=["frame"], n_chains=20, n_temperatures=500, seed=2, n_threads=2
    )
    assert found.ll == pytest.approx(figures["valid_ll"], abs=0.06)
