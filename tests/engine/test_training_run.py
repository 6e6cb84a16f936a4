import pickle
import re
from pathlib import Path

import pytest

from rnnrbm_gui.data.corpus import CorpusError
from rnnrbm_gui.data.model_file import load_model
from rnnrbm_gui.engine import training_run
from rnnrbm_gui.errors import FileError, UserError


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "Two chords.pickle"
    pieces = [[(60, 64, 67), (62, 65, 69)] * 6 for _ in range(6)]
    path.write_bytes(pickle.dumps({"train": pieces, "valid": pieces[:2]}))
    return path


def test_train_writes_a_model_with_its_figures(corpus: Path, tmp_path: Path) -> None:
    out, said = tmp_path / "two.safetensors", []
    header = training_run.train(
        corpus, out, seed=2, updates=60, n_hidden=10, n_recurrent=5, report=said.append
    )
    stored = load_model(out)
    assert stored.header == header
    assert header.name == "Two chords"
    assert header.command == (
        'rnnrbm-gui train --model rnn-rbm --data "Two chords.pickle" --out two.safetensors '
        "--seed 2 --updates 60 --n-hidden 10 --n-recurrent 5"
    )
    assert header.figures["valid_n_frames"] == 24
    assert any("update     60 of 60" in line for line in said)
    assert header.figures["valid_ll"] > -20
    assert header.figures["valid_ll_from_exact"] == header.figures["valid_ll"]
    assert 0 < header.figures["valid_accuracy_expected_sums"] <= 100


def test_ctrl_c_keeps_the_best_so_far(corpus: Path, tmp_path: Path) -> None:
    out, said = tmp_path / "two.safetensors", []

    def report(line: str) -> None:
        said.append(line)
        if line.startswith("update"):  # the second line: the first model has been measured and kept
            if out.exists():
                raise KeyboardInterrupt
            assert "best" in line

    training_run.train(corpus, out, updates=1000, n_hidden=6, n_recurrent=4, report=report)
    assert re.search("best model so far is kept", " ".join(said))
    assert load_model(out).header.figures["updates"] < 1000


def test_a_missing_part_and_a_bad_place_give_sentences(corpus: Path, tmp_path: Path) -> None:
    lone = tmp_path / "lone.pickle"
    lone.write_bytes(pickle.dumps({"train": [[(60,)]]}))
    with pytest.raises(CorpusError, match="no part 'valid'"):
        training_run.train(lone, tmp_path / "m", report=lambda line: None)
    empty = tmp_path / "empty.pickle"
    empty.write_bytes(pickle.dumps({"train": [[]], "valid": [[(60,)]]}))
    with pytest.raises(CorpusError, match="has no frames"):
        training_run.train(empty, tmp_path / "m", report=lambda line: None)
    with pytest.raises(FileError, match="cannot be saved"):
        training_run.train(corpus, tmp_path / "no" / "m", updates=1, report=lambda line: None)
    with pytest.raises(UserError, match="n_hidden must be in"):
        training_run.train(corpus, tmp_path / "m", n_hidden=0, report=lambda line: None)
    with pytest.raises(UserError, match="seed must be in"):
        training_run.train(corpus, tmp_path / "m", seed=-1, report=lambda line: None)
