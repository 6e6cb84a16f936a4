"""The command line as a user types it."""

import json
import re
import subprocess
import sys

import mido
import numpy as np
import pytest

from rnnrbm_gui import __version__, cli, launch, paths
from rnnrbm_gui.doctor import examine
from rnnrbm_gui.errors import UserError


def run(*arguments, cwd, timeout=120):
    return subprocess.run(
        [sys.executable, "-m", "rnnrbm_gui", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=cwd,
        check=False,
    )


def test_version_and_help(tmp_path):
    assert run("--version", cwd=tmp_path).stdout.strip() == __version__
    words = run("--help", cwd=tmp_path).stdout
    for command in ("perform", "train", "evaluate", "doctor", "bench"):
        assert command in words


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["perform", "--bars", "0"], "--bars must be in 1..10000, got 0"),
        (["perform", "--bpm", "1000"], "--bpm must be in 20..300, got 1000"),
        (["perform", "--seed", "-1"], "--seed must be in 0..4294967295, got -1"),
        (["perform", "--model", "nobody"], "no model “nobody”"),
        (["perform", "--mid", "/nowhere/at/all.mid"], "/nowhere/at/all.mid cannot be written"),
        (["perform", "--bars", "1", "--output", "no such port"], "no output named “no such port”"),
        (["evaluate", "jsb-chorales", "--data", "nothing.pickle"], "nothing.pickle"),
        (["train", "--data", "nothing.pickle", "--out", "x.safetensors"], "nothing.pickle"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(arguments, words, tmp_path):
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("rnnrbm-gui: ")
    assert words in line
    assert not list(tmp_path.iterdir())


def test_a_model_is_found_by_its_name_among_ones_own_too(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "own_models", lambda: tmp_path)
    own = tmp_path / "my waltzes.safetensors"
    own.touch()
    assert cli._model_path("my waltzes") == cli._model_path(str(own)) == own
    assert cli._model_path("nottingham") == paths.models() / "nottingham.safetensors"
    with pytest.raises(UserError, match=r"no model “nobody”.*piano-midi, my waltzes"):
        cli._model_path("nobody")


def test_a_model_goes_by_the_name_that_the_window_shows():
    by_file, by_name = (cli._model_path(name) for name in ("jsb-chorales", "bach Chorales"))
    assert by_file == by_name


def test_perform_writes_what_it_played(tmp_path):
    done = run("perform", "--bars", "2", "--bpm", "240", "--seed", "5", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 bars of 4/4 at 240 bpm, seed 5" in done.stdout
    assert "bar 2 of 2" in done.stdout
    file = mido.MidiFile(tmp_path / "take.mid")
    notes = [m for track in file.tracks for m in track if m.type == "note_on"]
    assert len(notes) > 8
    assert file.length == pytest.approx(2.0, abs=0.01)
    again = run("perform", "--bars", "2", "--bpm", "240", "--seed", "5", cwd=tmp_path)
    assert again.returncode == 0
    assert mido.MidiFile(tmp_path / "take-2.mid").tracks == file.tracks
    other = run("perform", "--bars", "2", "--bpm", "240", "--seed", "6", cwd=tmp_path)
    assert other.returncode == 0
    assert mido.MidiFile(tmp_path / "take-3.mid").tracks != file.tracks
    assert mido.MidiFile(tmp_path / "take.mid").tracks == file.tracks  # an earlier take stays


def test_doctor_says_that_the_main_job_can_run():
    found = examine()
    assert found.main_job_runs
    words = found.table()
    for part in ("Qt platform", "MIDI", "Audio device", "Kernel cache", "Model jsb-chorales"):
        assert re.search(rf"^{part}", words, re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "echoes"),
    [("none", ()), ("16", (16,)), ("16,32", (16, 32)), ("16,", None), ("a", None)],
)
def test_echoes_are_read_from_the_command_line(words, echoes):
    command = ["train", "--data", "x", "--out", "y", "--echoes", words]
    if echoes is None:
        with pytest.raises(SystemExit):
            cli._parser().parse_args(command)
    else:
        assert cli._parser().parse_args(command).echoes == echoes


def test_bench_prints_and_writes_its_figures(tmp_path, capsys):
    assert launch.main(["bench", "--brief", "--json", str(tmp_path / "figures.json")]) == 0
    figures = json.loads((tmp_path / "figures.json").read_text("utf-8"))
    printed = capsys.readouterr().out
    for name in (
        "launch_to_first_paint_s",
        "play_to_first_note_s",
        "longest_stall_starting_ms",
        "longest_stall_playing_ms",
        "paint_p50_ms",
        "paint_p99_ms",
        "note_on_lateness_p50_ms",
        "note_on_lateness_p99_ms",
        "sampler_frames_per_s_at_25_gibbs_steps",
    ):
        assert name in printed
        assert np.isfinite(figures[name])
        assert figures[name] > 0
