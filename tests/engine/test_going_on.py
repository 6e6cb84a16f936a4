"""A run that was stopped, by whatever, and goes on."""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from rnnrbm_gui import launch
from rnnrbm_gui.data.model_file import load_model
from rnnrbm_gui.engine import checkpoint, training_run
from rnnrbm_gui.engine.training_events import (
    Checked,
    Course,
    Plan,
    Remark,
    Trained,
    TrainingEvent,
)
from rnnrbm_gui.errors import UserError
from rnnrbm_gui.models import descent
from rnnrbm_gui.models.training import Trainer

PROGRAM = """
import sys
from dataclasses import replace
from pathlib import Path
from rnnrbm_gui.engine import preparation, training_run
from rnnrbm_gui.engine.training_events import Checked, Plan
own = preparation.settings_of
preparation.settings_of = lambda *given: replace(own(*given), check_every=1)
training_run.quick_ll = lambda model, material: float(abs(model.W).sum())  # takes no time
plan = Plan(Path(sys.argv[1]), Path(sys.argv[2]), updates=100000, n_hidden=10, n_recurrent=5)
for event in training_run.run(plan):
    if isinstance(event, Checked):
        print(event.update, flush=True)
"""


def parameters(path: Path) -> dict[str, np.ndarray]:
    return load_model(path).model.parameters()


def same(one: dict[str, np.ndarray], two: dict[str, np.ndarray]) -> bool:
    return one.keys() == two.keys() and all((one[name] == two[name]).all() for name in one)


def stopped_after(checks: int, plan: Plan) -> list[TrainingEvent]:
    events: list[TrainingEvent] = []
    run = training_run.run(plan)
    for event in run:
        events.append(event)
        if sum(isinstance(e, Checked) for e in events) == checks:
            run.close()
    return events


@pytest.mark.usefixtures("short_checks")
@pytest.mark.parametrize("echoes", [None, (2, 5)])
def test_a_stopped_run_goes_on_bit_for_bit(
    plan: Plan, tmp_path: Path, echoes: tuple[int, ...] | None
) -> None:
    plan = replace(plan, echoes=echoes)
    whole = replace(plan, out=tmp_path / "whole.safetensors")
    *_, last = training_run.run(whole)
    stopped_after(1, plan)
    assert load_model(plan.out).header.figures["updates"] == 20
    events = list(training_run.run(replace(plan, resume=True)))
    checked = [e for e in events if isinstance(e, Checked)]
    assert [e.update for e in checked] == [20, 40, 60]
    assert checked[0].is_best, "what there is so far is shown at once"
    assert same(parameters(plan.out), parameters(whole.out))
    assert isinstance(last, Trained)
    unlike = {"minutes"}
    kept = load_model(plan.out).header.figures
    for name, value in last.header.figures.items():
        assert name in unlike or kept[name] == value


@pytest.mark.usefixtures("short_checks")
def test_another_run_cannot_go_on_from_a_checkpoint(plan: Plan) -> None:
    with pytest.raises(
        UserError, match=r"There is no “two.safetensors.checkpoint”.*without --resume"
    ):
        next(training_run.run(replace(plan, resume=True)))
    stopped_after(1, plan)
    for other in (
        replace(plan, seed=3),
        replace(plan, n_hidden=11),
        replace(plan, kind="rtrbm"),
        replace(plan, echoes=(4,)),
    ):
        given = replace(other, resume=True)
        if given.kind == "rtrbm":
            given = replace(given, n_recurrent=None)
        with pytest.raises(UserError, match="other settings or other music"):
            list(training_run.run(given))
    checkpoint.path_beside(plan.out).write_bytes(b"broken")
    with pytest.raises(UserError, match=r"no readable checkpoint.*delete it"):
        list(training_run.run(replace(plan, resume=True)))


def test_a_checkpoint_survives_being_killed_at_any_moment(plan: Plan) -> None:
    """A process that writes one after every update is killed at unforeseeable moments."""
    there = checkpoint.path_beside(plan.out)
    rng = np.random.default_rng(os.getpid())
    for _ in range(3):
        program = [sys.executable, "-c", PROGRAM, str(plan.data), str(plan.out)]
        with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            told = 0
            for _ in range(int(rng.integers(1, 60))):
                told = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
        found = checkpoint.read(there)
        assert found.update >= told
        assert all(np.isfinite(value).all() for value in found.state.values())
        load_model(plan.out)
        for part in plan.out.parent.glob(".*.part"):
            part.unlink()  # what a killed process had half written lies beside, under another name


@pytest.mark.usefixtures("short_checks")
def test_ctrl_c_keeps_the_best_and_says_what_is_true(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = training_run.run
    interrupted_at: type = Remark

    def run(given: Plan) -> Iterator[TrainingEvent]:
        for event in own(given):
            yield event
            if isinstance(event, interrupted_at):
                raise KeyboardInterrupt

    monkeypatch.setattr(training_run, "run", run)
    arguments = ["train", "--data", plan.data, "--out", plan.out, "--updates", 1000]
    sizes = ["--n-hidden", 6, "--n-recurrent", 4, "--memory", "gru"]
    command = list(map(str, [*arguments, *sizes]))
    plan.out.write_bytes(b"a model of last week")
    assert launch.main(command) == 1
    assert "“two.safetensors” is there already" in capsys.readouterr().err
    assert plan.out.read_bytes() == b"a model of last week"
    plan.out.unlink()
    assert launch.main(command) == 130
    assert "Nothing was kept yet." in capsys.readouterr().out
    interrupted_at = Checked
    assert launch.main(command) == 130
    said = capsys.readouterr().out
    assert "The best model so far is kept; go on with --resume." in said
    assert "LL a frame: valid" in said
    header = load_model(plan.out).header
    assert (header.figures["updates"], header.memory) == (20, "gru")
    assert launch.main(command) == 1  # --resume forgotten: what is there is not lost
    assert "go on from it with --resume" in capsys.readouterr().err
    assert load_model(plan.out).header == header


@pytest.mark.usefixtures("short_checks")
def test_stopped_between_two_checks_it_goes_on_from_there(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the one who follows it, or by Ctrl-C within an update, unless that one is half made."""
    monkeypatch.setattr(training_run, "TOLD_EVERY_S", -1.0)  # after every update
    there = checkpoint.path_beside(plan.out)
    run = training_run.run(plan)
    for event in run:
        if isinstance(event, Course) and event.update == 13:
            break
    run.close()
    assert checkpoint.read(there).update == 13
    own, at = Trainer.advance, 33

    def advance(trainer: Trainer) -> None:
        own(trainer)
        if trainer.update == at:  # as it comes out of a compiled call now and then
            try:
                raise SystemError from KeyboardInterrupt()
            except SystemError as error:
                raise SystemError from error

    monkeypatch.setattr(Trainer, "advance", advance)
    going_on = replace(plan, resume=True)
    with pytest.raises(KeyboardInterrupt):
        list(training_run.run(going_on))
    assert checkpoint.read(there).update == 33
    monkeypatch.setattr(Trainer, "advance", own)

    def step(*given: object) -> None:
        raise KeyboardInterrupt

    run = training_run.run(going_on)
    for event in run:
        if isinstance(event, Course) and event.update == 37:
            with monkeypatch.context() as patch:
                patch.setattr(descent, "step", step)
                with pytest.raises(KeyboardInterrupt):
                    next(run)
            break
    assert checkpoint.read(there).update == 33  # the parameters of update 38 were half moved
    list(training_run.run(going_on))
    assert load_model(plan.out).header.figures["updates"] <= plan.updates


@pytest.mark.usefixtures("short_checks")
def test_other_music_to_measure_on_is_another_run(plan: Plan) -> None:
    stopped_after(1, plan)
    music = pickle.loads(plan.data.read_bytes())  # our own
    music["valid"] = music["valid"][::-1] + music["valid"][:1]
    plan.data.write_bytes(pickle.dumps(music))
    with pytest.raises(UserError, match="other music"):
        list(training_run.run(replace(plan, resume=True)))


@pytest.mark.usefixtures("short_checks")
def test_a_run_cannot_go_on_without_its_model(plan: Plan) -> None:
    stopped_after(1, plan)
    plan.out.unlink()
    with pytest.raises(UserError, match="which is gone"):
        list(training_run.run(replace(plan, resume=True)))
