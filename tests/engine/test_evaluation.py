import io
import itertools
import json
import pickle
import re
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from rnnrbm_gui import launch
from rnnrbm_gui.data.corpus import CorpusError
from rnnrbm_gui.data.model_file import load_model, save_model
from rnnrbm_gui.data.model_header import ModelHeader
from rnnrbm_gui.engine.evaluation import evaluate
from rnnrbm_gui.errors import UserError
from rnnrbm_gui.models.rnn_rbm import RnnRbm
from tests.shapes import SHAPES


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "Two chords.pickle"
    pieces = [[(60, 64, 67), (62, 65, 69)] * 6 for _ in range(6)]
    path.write_bytes(pickle.dumps({"valid": pieces[:2], "test": pieces[2:3], "train": []}))
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Write a model too large to enumerate."""
    return write_model(tmp_path / "some.safetensors", n_hidden=24, n_visible=88)


def write_model(path: Path, n_hidden: int, n_visible: int) -> Path:
    rng = np.random.default_rng(4)
    sizes = {"v": n_visible, "h": n_hidden, "u": 3}
    arrays = {
        name: rng.normal(scale=0.3, size=tuple(sizes[layer] for layer in layers)).astype("f")
        for name, layers in SHAPES.items()
    }
    arrays["bv"] -= np.float32(2)
    header = ModelHeader("Some", n_visible, n_hidden, 3, figures={"updates": 7, "valid_old": 1.0})
    save_model(path, RnnRbm(**arrays), header)
    return path


def command(*arguments: object) -> str:
    said = io.StringIO()
    with redirect_stdout(said):
        assert launch.main(["evaluate", *map(str, arguments)]) == 0
    return said.getvalue()


def test_json_is_one_object_with_every_figure(model: Path, corpus: Path) -> None:
    found = json.loads(command(model, "--data", corpus, "--json", "--chains", 20))
    assert found["split"] == "valid"
    assert (found["n_frames"], found["n_all"]) == (24, 24)
    assert (found["n_chains"], found["n_temperatures"], found["seed"]) == (20, 1000, 1)
    assert {one["start"] for one in found["starts"]} == {"base-rate", "frame"}
    assert found["start"] == found["starts"][0]["start"]
    lls = [one["ll"] for one in found["starts"]]
    assert found["ll"] == min(lls) == min(found["ll_forward"], found["ll_reverse"])
    assert found["gap"] == pytest.approx(found["ll_forward"] - found["ll_reverse"], abs=2e-4)
    for name in ("ll_pieces", "error", "accuracy_expected_sums", "accuracy_expected_frames"):
        assert np.isfinite(found[name])
    for name in ("accuracy_map_sums", "accuracy_map_frames"):
        assert 0 <= found[name] <= 100


def test_words_say_start_runs_gap_and_what_was_measured(model: Path, corpus: Path) -> None:
    words = command(
        model, "--data", corpus, "--split", "test", "--start", "frame", "--most-frames", 5
    )
    assert "part test" in words
    assert "AIS from the frame start, 100 runs of 1000 temperatures: forward -" in words
    assert "base rate" not in words
    assert re.search(r"reverse -\d+\.\d+, gap -?\d\.\d+, standard error \d", words)
    assert "On 5 of 12 frames, chosen by chance all over: standard error" in words
    assert re.search(r"approximate MAP frame: [\d.]+ % as the ratio of sums, [\d.]+ % as", words)
    rough = command(model, "--data", corpus, "--temperatures", 2, "--chains", 2)
    assert re.search(
        r"The gap of \d+\.\d+ nats between forward and reverse AIS is over 0.05", rough
    )
    assert "On all 24 frames." in rough


def test_small_models_are_exact(tmp_path: Path, corpus: Path) -> None:
    small = write_model(tmp_path / "small.safetensors", n_hidden=6, n_visible=88)
    words = command(small, "--data", corpus)
    assert "exact, by enumeration" in words
    assert "AIS" not in words


def test_figures_go_into_the_header_on_request(model: Path, corpus: Path) -> None:
    before = load_model(model)
    told: list[str] = []
    found = evaluate(model, corpus, n_chains=4, n_temperatures=50, report=told.append)
    assert load_model(model).header == before.header
    again = evaluate(
        model, corpus, n_chains=4, n_temperatures=50, into_header=True, report=told.append
    )
    assert again == found
    after = load_model(model)
    assert after.header.figures["valid_ll"] == pytest.approx(found.likelihood.ll, abs=1e-4)
    assert after.header.figures["updates"] == 7
    assert "valid_old" not in after.header.figures
    assert replace(after.header, figures=before.header.figures) == before.header
    np.testing.assert_array_equal(after.model.W, before.model.W)
    with pytest.raises(UserError, match="'valid' only, not 'test'"):
        evaluate(model, corpus, "test", into_header=True, report=told.append)


def test_what_cannot_be_measured_is_a_sentence(model: Path, corpus: Path) -> None:
    told: list[str] = []
    with pytest.raises(UserError, match=r"n_chains must be in 2\.\.10000, got 1"):
        evaluate(model, corpus, n_chains=1, report=told.append)
    with pytest.raises(UserError, match=r"most_frames must be in 2"):
        evaluate(model, corpus, most_frames=1, report=told.append)
    with pytest.raises(CorpusError, match="has no frames"):
        evaluate(model, corpus, "train", report=told.append)
    assert not told


def test_notes_that_a_narrow_model_lacks_are_told_and_not_counted(
    tmp_path: Path, corpus: Path
) -> None:
    """The keys 21..62 of 24 frames of three notes: of (60, 64, 67) and (62, 65, 69), 12 each."""
    narrow = write_model(tmp_path / "narrow.safetensors", n_hidden=6, n_visible=42)
    told: list[str] = []
    found = evaluate(narrow, corpus, report=told.append)
    assert found.of_data.notes == 1
    assert any(line.startswith("48 notes, a frame each, lie outside") for line in told)


def test_progress_tells_the_share_and_the_time_left(
    model: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    clock = itertools.count()  # a second passes with every look at it
    monkeypatch.setattr("rnnrbm_gui.engine.evaluation.monotonic", lambda: float(next(clock)))
    evaluate(
        model,
        corpus,
        n_chains=2,
        n_temperatures=2,
        report=lambda words: None,
        progress=lambda words, share: told.append(words),
    )
    # 24 frames from either start: after the twelfth of 48 twelve seconds have passed.
    assert "likelihood: 25%, 36 s left" in told
    assert told[-1] == ""
