import dataclasses
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from rnnrbm_gui.data.corpus import CorpusError
from rnnrbm_gui.data.model_file import load_model
from rnnrbm_gui.engine import checkpoint, preparation, training_run
from rnnrbm_gui.engine.choices import Mode, Sampling
from rnnrbm_gui.engine.constraints import Constraints
from rnnrbm_gui.engine.recipes import RECIPES, Recipe
from rnnrbm_gui.engine.sampler import Take
from rnnrbm_gui.engine.training_events import (
    Checked,
    Course,
    Measuring,
    Plan,
    Remark,
    Trained,
)
from rnnrbm_gui.errors import ModelError, UserError
from rnnrbm_gui.models.rnn_rbm import RnnRbm
from rnnrbm_gui.models.sequence_model import SequenceModel
from rnnrbm_gui.models.settings import Settings
from rnnrbm_gui.models.training import Trainer
from rnnrbm_gui.music.score import Score


def test_a_run_writes_a_model_with_its_figures(plan: Plan) -> None:
    events = list(training_run.run(plan))
    assert isinstance(events[-1], Trained)
    stored = load_model(plan.out)
    header = events[-1].header
    assert stored.header == header
    assert header.name == "Two chords"
    assert header.command == (
        'rnnrbm-gui train --model rnn-rbm --data "Two chords.pickle" --out two.safetensors '
        "--seed 2 --updates 60 --n-hidden 10 --n-recurrent 5"
    )
    assert header.figures["valid_n_frames"] == 24
    assert header.figures["valid_ll"] > -20
    assert header.figures["valid_ll_from_exact"] == header.figures["valid_ll"]
    assert 0 < header.figures["valid_accuracy_expected_sums"] <= 100
    [checked] = [event for event in events if isinstance(event, Checked)]
    assert checked.is_best
    assert checked.update == 60
    course = [event for event in events if isinstance(event, Course)][-1]
    assert (course.update, course.updates, course.left_s) == (60, 60, 0)
    assert course.epoch == 160
    assert set(course.gradient_norms) >= {"W", "Wuu", "u0"}
    assert any(isinstance(event, Measuring) for event in events)
    assert not checkpoint.path_beside(plan.out).exists()  # the run is over


@pytest.mark.parametrize("kind", ["rtrbm", "rbm"])
def test_every_kind_is_trained_and_says_what_it_is(plan: Plan, kind: str) -> None:
    *_, last = training_run.run(replace(plan, kind=kind, n_recurrent=None))
    assert isinstance(last, Trained)
    assert last.header.kind == load_model(plan.out).model.kind == kind
    assert last.header.name == f"Two chords ({kind.upper()})"
    assert f"--model {kind} " in last.header.command


@pytest.mark.usefixtures("short_checks")
def test_a_run_that_stopped_early_does_not_train_on(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted while it is measured in full, it is measured when it goes on, and no more."""
    figures = iter([-3.0, -9.0] + [-5.0, -5.0] * 50)  # the first check is the best
    monkeypatch.setattr(training_run, "quick_ll", lambda *given: next(figures))
    long = replace(plan, updates=200)
    run = training_run.run(long)
    for event in run:
        if isinstance(event, Measuring):
            break
    run.close()
    last = checkpoint.read(checkpoint.path_beside(plan.out)).update
    assert last == 100  # .3 of 200 updates after the best, at 20, and the check at 100 besides
    events = list(training_run.run(replace(long, resume=True)))
    assert not [event for event in events if isinstance(event, Course)]
    assert [event.update for event in events if isinstance(event, Checked)] == [100]
    assert load_model(plan.out).header.figures["updates"] == 20


@pytest.mark.usefixtures("short_checks")
def test_a_run_that_kept_nothing_replaces_nothing(plan: Plan) -> None:
    """Stopped before its first check, it leaves an earlier run to go on from."""
    long = replace(plan, updates=200)
    run = training_run.run(long)
    next(event for event in run if isinstance(event, Checked))
    run.close()
    where = checkpoint.path_beside(plan.out)
    before = where.read_bytes(), plan.out.read_bytes()
    for _ in range(2):
        run = training_run.run(long)
        next(event for event in run if isinstance(event, Course))
        run.close()
        assert (where.read_bytes(), plan.out.read_bytes()) == before
    run = training_run.run(replace(long, resume=True))
    remarks = (event.words for event in run if isinstance(event, Remark))
    assert "Going on after 20 of 200 updates." in remarks
    run.close()


def test_where_no_model_can_be_written_is_said_before_anything_is_read(tmp_path: Path) -> None:
    data = tmp_path / "no such corpus.pickle"
    for out, words in (
        (Path(), "is a folder"),
        (tmp_path, "is a folder"),
        (tmp_path / "none" / "m.safetensors", "is not there"),
        (tmp_path / "m.mid", "those end in .safetensors"),
        (tmp_path / ("m" * 300 + ".safetensors"), "cannot be a model's file"),
    ):
        with pytest.raises(UserError, match=words):
            list(training_run.run(Plan(data, out)))
    with pytest.raises(UserError, match="does not exist"):
        list(
            training_run.run(
                Plan(tmp_path / "no such folder", tmp_path / "m.safetensors", in_c=True)
            )
        )


def test_music_of_which_the_model_has_no_key_is_refused(plan: Plan) -> None:
    with pytest.raises(UserError, match="None of the notes of train"):
        list(training_run.run(replace(plan, pitches=(100, 108))))


@pytest.mark.usefixtures("short_checks")
@pytest.mark.parametrize("checks", [0, 2])
def test_a_run_that_diverges_keeps_the_best_or_says_so(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, checks: int
) -> None:
    own, made = Trainer.model, []

    def model(self: Trainer) -> SequenceModel:
        made.append(self.update)
        if len(made) > checks:
            raise ModelError("W must hold finite numbers only; it holds NaN or infinity.")
        return own(self)

    monkeypatch.setattr(Trainer, "model", model)
    if not checks:
        with pytest.raises(UserError, match="Training diverged"):
            list(training_run.run(plan))
        return
    events = list(training_run.run(plan))
    assert isinstance(events[-1], Trained)
    assert any("Training diverged; the model of" in e.words for e in events if type(e) is Remark)


def test_what_is_asked_for_and_does_not_go_together_is_said(plan: Plan, tmp_path: Path) -> None:
    for change, sentence in (
        ({"in_c": True}, "Only of a folder"),
        ({"frames_per_beat": 4}, "Only of a folder"),
        ({"pitches": (60, 120)}, "The pitches must lie in 21..108"),
    ):
        with pytest.raises(UserError, match=sentence):
            list(training_run.run(replace(plan, **change)))


def test_a_model_of_some_pitches_knows_no_others(plan: Plan) -> None:
    events = list(training_run.run(replace(plan, pitches=(60, 66))))
    header = load_model(plan.out).header
    assert (header.low, header.n_visible) == (60, 7)
    assert "--pitches 60-66" in header.command
    said = " ".join(event.words for event in events if isinstance(event, Remark))
    assert "notes of train, a frame each, lie outside" in said


def test_a_model_with_echoes_says_so(plan: Plan) -> None:
    list(training_run.run(replace(plan, echoes=(2, 5))))
    stored = load_model(plan.out)
    assert isinstance(stored.model, RnnRbm)
    assert stored.model.echoes == (2, 5)
    assert stored.header.echoes == "2 5"
    assert "--echoes 2,5" in stored.header.command
    assert "--echoes none" in preparation.command_of(replace(plan, echoes=()))
    fits = Recipe("x", settings={"rnn-rbm": Settings(echoes=(8,))})
    assert preparation.settings_of(plan, fits).echoes == (8,)
    assert preparation.settings_of(replace(plan, echoes=()), fits).echoes == ()


def test_a_bold_model_foretells_as_asked_and_plays_as_it_has_learned(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recall is the kept model's; samples, takes and their figures are of the model without."""
    takes, stored = [], []
    for recall in (1.0, 1.5):
        bold = Recipe("Two chords", settings={"rnn-rbm": Settings(recall=recall)})
        monkeypatch.setitem(RECIPES, "Two chords", bold)
        one = replace(plan, out=tmp_path / f"{recall}.safetensors")
        events = list(training_run.run(one))
        assert any("played at a recall of" in str(event) for event in events) == (recall != 1)
        stored.append(load_model(one.out))
        take = Take(stored[-1])
        constraints = Constraints.of(Score(), Mode.FREE, take.grid)
        while len(take) < 24:
            take.extend(constraints, Sampling(seed=7, gibbs_steps=20))
        takes.append([take.frame(i).tolist() for i in range(24)])
    plain, bold = stored
    assert isinstance(plain.model, RnnRbm)
    assert isinstance(bold.model, RnnRbm)
    np.testing.assert_allclose(bold.model.Wuh, 1.5 * plain.model.Wuh, rtol=1e-6)
    np.testing.assert_array_equal(bold.model.Wuu, plain.model.Wuu)
    assert bold.header.recall == pytest.approx(1 / 1.5)
    assert takes[0] == takes[1]
    told = [
        {name: x for name, x in one.header.figures.items() if name.startswith("sampled_")}
        for one in stored
    ]
    assert told[0] == told[1]
    assert plain.header.figures["valid_ll"] != bold.header.figures["valid_ll"]


def test_a_checkpoint_is_of_the_same_run_whatever_is_recalled() -> None:
    earlier = run_before_recall(Settings(seed=5), "music")
    assert checkpoint.run_of(Settings(seed=5), "music") == earlier
    assert checkpoint.run_of(Settings(seed=5, recall=1.2), "music") == earlier
    assert checkpoint.run_of(Settings(seed=6), "music") != earlier


def run_before_recall(settings: Settings, music: str) -> str:
    """What a checkpoint said before there was recall, and echoes."""
    said = dataclasses.asdict(settings)
    for name in ("threads", "recall", "echoes"):
        del said[name]
    return json.dumps({**said, "music": music}, sort_keys=True)


def test_over_fitting_is_said_and_ends_the_run_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Noise has nothing to learn but itself: the validation LL falls while training goes on."""
    own = preparation.settings_of
    monkeypatch.setattr(
        preparation,
        "settings_of",
        lambda *given: dataclasses.replace(
            own(*given), check_every=50, batch_size=3, dropout=0.0, transposed=0
        ),
    )
    rng = np.random.default_rng(1)

    def noise(n: int) -> list[list[tuple[int, ...]]]:
        return [
            [tuple(int(p) for p in 60 + np.flatnonzero(rng.random(12) < 0.4)) for _ in range(20)]
            for _ in range(n)
        ]

    path = tmp_path / "Noise.pickle"
    path.write_bytes(pickle.dumps({"train": noise(3), "valid": noise(4)}))
    plan = Plan(
        path,
        tmp_path / "noise.safetensors",
        updates=2000,
        n_hidden=8,
        n_recurrent=60,
        memory="tanh",
    )
    warning, early = "", ""
    for event in training_run.run(plan):
        if isinstance(event, Checked):
            warning = warning or event.warning
        elif isinstance(event, Remark) and event.words.startswith("Stopped early"):
            early = event.words
    assert warning.startswith("The model over-fits: music it has not seen was likeliest at update")
    assert "which is kept" in early


def test_a_missing_part_and_a_bad_place_give_sentences(plan: Plan, tmp_path: Path) -> None:
    lone = tmp_path / "lone.pickle"
    lone.write_bytes(pickle.dumps({"train": [[(60,)]]}))
    empty = tmp_path / "empty.pickle"
    empty.write_bytes(pickle.dumps({"train": [[]], "valid": [[(60,)]]}))
    for change, error, sentence in (
        ({"data": lone}, CorpusError, "no part 'valid'"),
        ({"data": empty}, CorpusError, "has no frames"),
        ({"n_hidden": 0}, UserError, "n_hidden must be in"),
        ({"seed": -1}, UserError, "seed must be in"),
        ({"kind": "rbm"}, UserError, "Only an RNN-RBM has recurrent units"),
        (
            {"kind": "rbm", "n_recurrent": None, "echoes": (2,)},
            UserError,
            "Only an RNN-RBM has echoes",
        ),
        ({"echoes": (5, 2)}, UserError, "Echoes must grow and be in"),
        ({"kind": "rtrbm", "memory": "gru"}, UserError, "Only an RNN-RBM has a memory"),
    ):
        with pytest.raises(error, match=sentence):
            list(training_run.run(replace(plan, **change)))
