"""The command line's words: the sub-commands, which work without a window."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rnnrbm_gui import __version__, surroundings
from rnnrbm_gui.errors import ModelError, UserError
from rnnrbm_gui.launch import MISSING_LIBRARY, open_window

DEFAULT_MODEL = "jsb-chorales"
DEFAULT_BARS = 16
DEFAULT_SEED = 28041685
CORPUS = "a published corpus (.pickle, .mat, .json) or a folder of MIDI files"


def run(words: Sequence[str]) -> int:
    """Run the command that the words name; return the exit code.

    Raises:
        UserError: the sentence says why it cannot be done.
    """
    options = _parser().parse_args(words)
    return int(options.run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rnnrbm-gui",
        description="A piano-roll in which an RNN-RBM answers what one draws, live. "
        "Without a command it opens the window.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--open", type=Path, metavar="FILE.mid", help="open a MIDI file as a seed")
    parser.set_defaults(run=_window)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    perform = commands.add_parser("perform", help="play live without a window and write a take")
    _perform_options(perform)
    perform.set_defaults(run=_perform)

    train = commands.add_parser("train", help="train a model on a corpus")
    train.add_argument(
        "--model", choices=["rnn-rbm", "rtrbm", "rbm"], default="rnn-rbm", help="kind of model"
    )
    train.add_argument("--data", type=Path, required=True, metavar="CORPUS", help=CORPUS)
    train.add_argument("--out", type=Path, required=True, metavar="FILE.safetensors")
    train.add_argument("--seed", type=int, default=1, help="of everything random; %(default)s")
    train.add_argument("--updates", type=int, help="default: what fits the corpus")
    train.add_argument("--n-hidden", type=int, help="hidden units; default: what fits")
    train.add_argument("--n-recurrent", type=int, help="recurrent units; default: what fits")
    train.add_argument("--threads", type=int, help="default: 1; works as a part of the seed")
    train.add_argument(
        "--memory", choices=["tanh", "sigmoid", "gru"], help="of an RNN-RBM; default: what fits"
    )
    train.add_argument(
        "--echoes",
        type=_echoes,
        metavar="FRAMES",
        help="of an RNN-RBM: show its memory the music so many frames ago, as 16,32; or none",
    )
    train.add_argument(
        "--frames-per-beat", type=int, metavar="N", help="of a folder: the grid; default: found"
    )
    train.add_argument("--in-c", action="store_true", help="of a folder: transpose each piece to C")
    train.add_argument(
        "--pitches",
        type=_pitches,
        metavar="LOW-HIGH",
        help="MIDI pitches that the model knows, as 36-81; default: a piano's, 21-108",
    )
    train.add_argument(
        "--onsets",
        action="store_true",
        help="of the chorales at sixteenths: onsets and bars from the scores of music21",
    )
    train.add_argument(
        "--resume", action="store_true", help="go on where a run to the same file was stopped"
    )
    train.set_defaults(run=_train)

    evaluate = commands.add_parser("evaluate", help="measure a model's likelihood and accuracy")
    evaluate.add_argument("model", metavar="MODEL", help="a shipped model's name or a file")
    evaluate.add_argument("--data", type=Path, required=True, metavar="CORPUS", help=CORPUS)
    evaluate.add_argument("--split", default="valid", help="default %(default)s")
    evaluate.add_argument("--chains", type=int, default=100, help="AIS runs; %(default)s")
    evaluate.add_argument("--temperatures", type=int, default=1000, help="default %(default)s")
    evaluate.add_argument(
        "--start",
        choices=["base-rate", "frame", "both"],
        default="both",
        help="of AIS; of both the lower likelihood counts; default %(default)s",
    )
    evaluate.add_argument(
        "--most-frames", type=int, metavar="N", help="some, spread over the part; default all"
    )
    evaluate.add_argument("--seed", type=int, default=1, help="of the draws; %(default)s")
    evaluate.add_argument("--json", action="store_true", help="print one JSON object instead")
    evaluate.add_argument(
        "--into-header", action="store_true", help="also write the figures into the model file"
    )
    evaluate.set_defaults(run=_evaluate)

    doctor = commands.add_parser("doctor", help="show what the app depends on and what works")
    doctor.set_defaults(run=_doctor)

    bench = commands.add_parser("bench", help="measure what this machine gives")
    bench.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    bench.add_argument("--brief", action="store_true", help="leave out what takes a minute")
    bench.set_defaults(run=_bench)
    return parser


def _perform_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bars", type=int, default=DEFAULT_BARS, help="default %(default)s")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="default %(default)s")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a shipped model's name or a file")
    parser.add_argument("--bpm", type=float, help="tempo; default: the model's own")
    parser.add_argument("--output", metavar="NAME", help="part of an output's name")
    for kind in ("mid", "wav", "png"):
        text = f"default: take.{kind}, or the next take-2, take-3 … that is free"
        parser.add_argument(f"--{kind}", type=Path, help=text)


def _window(options: argparse.Namespace) -> int:
    return open_window(options.open)


def _perform(options: argparse.Namespace) -> int:
    missing = surroundings.missing_library(window=False)
    if missing:
        print(f"rnnrbm-gui: {missing}", file=sys.stderr)
        return MISSING_LIBRARY
    from rnnrbm_gui.perform import Performance, perform

    performance = Performance(
        bars=options.bars,
        seed=options.seed,
        model=_model_path(options.model),
        bpm=options.bpm,
        output=options.output,
        mid=options.mid,
        wav=options.wav,
        png=options.png,
    )
    perform(performance, print, _progress)
    return 0


def _progress(words: str) -> None:
    if sys.stdout.isatty():
        print(f"\r\033[K{words}", end="", flush=True)
    elif words:
        print(words, flush=True)


def _model_path(name: str) -> Path:
    """Return the file of a model: by the file's name, by that in the window, or as a path."""
    from rnnrbm_gui import paths
    from rnnrbm_gui.data.model_header import read_header

    folders = (paths.models(), paths.own_models())
    for path in (*(folder / f"{name}.safetensors" for folder in folders), Path(name)):
        if path.is_file():
            return path
    found = [path for folder in folders for path in sorted(folder.glob("*.safetensors"))]
    for path in found:
        with suppress(ModelError):
            if read_header(path).name.casefold() == name.casefold():
                return path
    names = ", ".join(path.stem for path in found)
    raise UserError(f"There is no model “{name}”: give a file, or one of {names}.")


def _train(options: argparse.Namespace) -> int:
    for library in ("OPENBLAS", "OMP", "MKL"):  # on one thread a seed gives one model
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    from rnnrbm_gui.engine import checkpoint, training_report, training_run
    from rnnrbm_gui.engine.preparation import check_out
    from rnnrbm_gui.engine.training_events import Plan

    plan = Plan(
        data=options.data,
        out=options.out,
        kind=options.model,
        memory=options.memory,
        echoes=options.echoes,
        seed=options.seed,
        updates=options.updates,
        n_hidden=options.n_hidden,
        n_recurrent=options.n_recurrent,
        threads=options.threads,
        in_c=options.in_c,
        frames_per_beat=options.frames_per_beat,
        onsets=options.onsets,
        pitches=options.pitches,
        resume=options.resume,
    )
    check_out(plan.out)
    stopped = checkpoint.path_beside(plan.out)
    if stopped.exists() and not plan.resume:
        raise UserError(
            f"“{stopped.name}” is of a run to the same file that was stopped: go on from it with "
            "--resume, or delete it to begin anew."
        )
    if plan.out.exists() and not plan.resume:
        raise UserError(
            f"“{plan.out.name}” is there already: give another name, or delete it to train it anew."
        )
    # Without a terminal to write over, a line for each measurement is enough.
    progress = _progress if sys.stdout.isatty() else lambda words: None
    try:
        training_report.follow(training_run.run(plan), _say, progress)
    except KeyboardInterrupt:
        kept = "The best model so far is kept; go" if plan.out.exists() else "Go"
        _say(
            f"Stopped. {kept} on with --resume."
            if stopped.exists()
            else "Stopped. Nothing was kept yet."
        )
        return 130
    return 0


def _pitches(words: str) -> tuple[int, int]:
    low, _, high = words.partition("-")
    if not (low.isdecimal() and high.isdecimal()):
        raise argparse.ArgumentTypeError(f"the pitches must look like 36-81, got '{words}'")
    return int(low), int(high)


def _echoes(words: str) -> tuple[int, ...]:
    numbers = [] if words == "none" else words.split(",")
    if not all(map(str.isdecimal, numbers)):
        raise argparse.ArgumentTypeError(f"the echoes must look like 16,32 or none, got '{words}'")
    return tuple(map(int, numbers))


def _evaluate(options: argparse.Namespace) -> int:
    from rnnrbm_gui.engine.evaluation import evaluate
    from rnnrbm_gui.models.annealing import STARTS

    found = evaluate(
        _model_path(options.model),
        options.data,
        options.split,
        starts=STARTS if options.start == "both" else [options.start],
        n_chains=options.chains,
        n_temperatures=options.temperatures,
        most_frames=options.most_frames,
        seed=options.seed,
        into_header=options.into_header,
        report=_say_aside if options.json else _say,
        progress=lambda words, share: _progress_aside(words),
    )
    if options.json:
        asked = {"model": options.model, "data": options.data.name, "split": options.split}
        print(json.dumps({**asked, "seed": options.seed, **found.summary()}))
    return 0


def _progress_aside(words: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{words}", end="", file=sys.stderr, flush=True)
    elif words:
        print(words, file=sys.stderr, flush=True)


def _say_aside(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _say(words: str) -> None:
    print(words, flush=True)


def _doctor(options: argparse.Namespace) -> int:
    from rnnrbm_gui.doctor import examine

    report = examine()
    print(report.table())
    return 0 if report.main_job_runs else 1


def _bench(options: argparse.Namespace) -> int:
    from rnnrbm_gui.bench import run_bench

    return run_bench(options.json, print, brief=options.brief)
