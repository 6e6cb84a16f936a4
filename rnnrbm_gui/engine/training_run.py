"""The command ``rnnrbm-gui train``: from a corpus to a model file.

Thread: the caller's; it runs for minutes. What there is to say goes to ``report``, line by line.
"""

import shlex
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from rnnrbm_gui.data.corpus import LOW, load_corpus
from rnnrbm_gui.data.model_file import ModelHeader, StoredModel, save_model
from rnnrbm_gui.engine.evaluation import check_ranges, evaluation_of, filled, header_figures
from rnnrbm_gui.engine.training_events import (
    Checked,
    Course,
    Plan,
    Remark,
    Trained,
    TrainingEvent,
)
from rnnrbm_gui.errors import UserError
from rnnrbm_gui.models import likelihood
from rnnrbm_gui.models.rnn_rbm import RnnRbm
from rnnrbm_gui.models.training import Progress, Settings
from rnnrbm_gui.models.training import train as updates_of
from rnnrbm_gui.music.timing import Meter

MEASURED_FRAMES = 1000
"""Frames of ``valid`` behind the figures in a new model's header."""

PAPER = "the piano-roll corpora of Boulanger-Lewandowski, Bengio and Vincent (ICML 2012)"


@dataclass(frozen=True)
class Recipe:
    """What fits one corpus.

    Attributes:
        name: the model's, for the chooser.
        transpose: semitones added when played.
        frames_per_beat: frames to the quarter note.
        bpm: a fitting tempo.
        settings: how to train.
    """

    name: str
    transpose: int = 0
    frames_per_beat: int = 2
    bpm: float = 100.0
    settings: Settings = field(default_factory=Settings)


RECIPES = {
    # This file's pitches lie an octave above the sung ones.
    "JSB Chorales": Recipe("Bach chorales", -12, 1, 72.0),
    "Nottingham": Recipe(
        "Nottingham folk tunes",
        bpm=120.0,
        settings=Settings(updates=8000, rate=4e-3, decay=0.01, dropout=0.1, transposed=0),
    ),
    "MuseData": Recipe("Classical scores"),
    "Piano-midi.de": Recipe("Piano pieces"),
}
"""By the name of the corpus's file; any other corpus is named after its file."""


def train(
    data: Path,
    out: Path,
    *,
    seed: int = 1,
    updates: int | None = None,
    n_hidden: int | None = None,
    n_recurrent: int | None = None,
    report: Callable[[str], None],
) -> ModelHeader:
    """Train an RNN-RBM on a corpus's ``train`` part, keep the best by its ``valid`` part, save it.

    The file is written anew whenever the model is better than before, so stopping with Ctrl-C
    leaves the best so far.

    Args:
        data: a pickled corpus.
        out: the model file to write.
        seed: of everything random; the same seed on one thread gives the same model.
        updates: parameter updates; None for the corpus's own default, as for the next two.
        n_hidden: hidden units.
        n_recurrent: recurrent units.
        report: told one line at a time what is going on.

    Raises:
        UserError: the corpus cannot be read, or the model cannot be written.
    """
    corpus = load_corpus(data)
    for remark in corpus.remarks:
        report(remark)
    rolls, valid = filled(corpus, "train"), filled(corpus, "valid")
    own = Recipe(corpus.name, 0, corpus.frames_per_beat or 2, corpus.bpm or 100.0)
    recipe = RECIPES.get(corpus.name, own)
    named = corpus.name in RECIPES
    chosen = {"updates": updates, "n_hidden": n_hidden, "n_recurrent": n_recurrent}
    given: dict[str, Any] = {name: n for name, n in chosen.items() if n is not None}
    check_ranges(seed=seed, **given)
    settings = replace(recipe.settings, seed=seed, **given)
    header = ModelHeader(
        name=recipe.name,
        memory=settings.memory,
        n_visible=rolls[0].shape[1],
        n_hidden=settings.n_hidden,
        n_recurrent=settings.n_recurrent,
        low=LOW,
        transpose=recipe.transpose,
        frames_per_beat=recipe.frames_per_beat,
        meter=str(corpus.meter or Meter()),
        bpm=recipe.bpm,
        corpus=f"{corpus.name}, part train ({len(rolls)} pieces)",
        command=command_of(data, out, seed, given),
        attribution=f"Trained on {corpus.name}" + (f" from {PAPER}" if named else ""),
    )
    report(f"Training on {len(rolls)} pieces, {sum(map(len, rolls)):,} frames of {corpus.name}.")
    best: RnnRbm | None = None
    best_ll = -np.inf
    began = time.monotonic()
    try:
        for progress in updates_of(rolls, settings):
            quick = likelihood.measure_from(
                "base-rate",
                progress.model,
                likelihood.frames_of(progress.model, valid, 400),
                n_chains=10,
                n_temperatures=300,
            )
            better = quick.ll > best_ll
            report(_course(progress, settings, quick.ll, better, time.monotonic() - began))
            if better:
                best, best_ll = progress.model, quick.ll
                figures = {"valid_ll_quick": round(best_ll, 3), "updates": progress.update}
                header = replace(header, figures=figures)
                save_model(out, best, header)
        if best is None:
            raise UserError("Training diverged: no likelihood was a number. Try another seed.")
        minutes = round((time.monotonic() - began) / 60, 1)
        report(f"Trained for {minutes} minutes; measuring the best model.")
        found = evaluation_of(best, valid, most_frames=MEASURED_FRAMES, report=report)
        figures = {**header.figures, "minutes": minutes, **header_figures(found)}
        header = replace(header, figures=figures)
        save_model(out, best, header)
    except KeyboardInterrupt:
        report("Stopped. " + ("The best model so far is kept." if best else "Nothing to keep yet."))
    if best is not None:
        report(f"Written: {out}")
    return header


def run(plan: Plan) -> Iterator[TrainingEvent]:
    """Train as planned and say what happens; PROVISIONAL, plain RNN-RBMs only.

    Raises:
        UserError: the corpus cannot be read, or the model cannot be written.
    """
    if plan.kind != "rnn-rbm" or plan.resume or plan.memory not in (None, "tanh", "sigmoid"):
        raise UserError("Only a plain RNN-RBM can be trained for now, from its beginning.")
    corpus = load_corpus(plan.data)
    yield from map(Remark, corpus.remarks)
    rolls, valid = filled(corpus, "train"), filled(corpus, "valid")
    own = Recipe(corpus.name, 0, corpus.frames_per_beat or 2, corpus.bpm or 100.0)
    recipe = RECIPES.get(corpus.name, own)
    chosen = {
        "updates": plan.updates,
        "n_hidden": plan.n_hidden,
        "n_recurrent": plan.n_recurrent,
    }
    given: dict[str, Any] = {name: n for name, n in chosen.items() if n is not None}
    check_ranges(seed=plan.seed, **given)
    settings = replace(recipe.settings, seed=plan.seed, check_every=10, **given)
    n_frames = sum(map(len, rolls))
    yield Remark(f"Training on {len(rolls)} pieces, {n_frames:,} frames of {corpus.name}.")
    header = ModelHeader(
        recipe.name, rolls[0].shape[1], settings.n_hidden, settings.n_recurrent,
        transpose=recipe.transpose, frames_per_beat=recipe.frames_per_beat,
        meter=str(corpus.meter or Meter()), bpm=recipe.bpm, corpus=corpus.name,
    )  # fmt: skip
    per_update = settings.batch_size * min(settings.most_frames, n_frames / len(rolls))
    best_ll, lls, elapsed_s, before, done = -np.inf, [], 0.0, None, 0
    for progress, took_s in _timed(updates_of(rolls, settings)):
        elapsed_s += took_s
        update, stored = progress.update, StoredModel(progress.model, header)
        moved = {
            name: float(np.linalg.norm(value - (before or {name: 0 * value})[name]))
            for name, value in progress.model.parameters().items()
            if name != "base"
        }
        before = dict(progress.model.parameters())
        left_s = elapsed_s / update * (settings.updates - update)
        rate = (update - done) * per_update / took_s
        epoch = update * settings.batch_size / len(rolls)
        yield Course(
            update, settings.updates, epoch, progress.reconstruction, moved, rate, elapsed_s, left_s
        )
        done = update
        if update % recipe.settings.check_every == 0 or update == settings.updates:
            valid_ll, train_ll = (
                likelihood.measure_from(
                    "base-rate",
                    progress.model,
                    likelihood.frames_of(progress.model, part, 400),
                    n_chains=10,
                    n_temperatures=300,
                ).ll
                for part in (valid, rolls)
            )
            lls.append(valid_ll)
            is_best, best_ll = valid_ll > best_ll, max(valid_ll, best_ll)
            if is_best:
                save_model(plan.out, progress.model, header)
            worse = len(lls) > 3 and max(lls[-3:]) < best_ll - 0.02
            warning = (
                "The model has begun to over-fit: it knows the pieces it learns from better and "
                f"better, but new ones worse ({valid_ll:.2f} nats a frame; it was at {best_ll:.2f})"
                ". The best so far is kept; you may stop here."
            )
            yield Checked(
                update, epoch, valid_ll, train_ll, is_best, warning if worse else "", stored
            )
    yield Remark("Measuring the best model.")
    yield Trained(plan.out, header)


def _timed(steps: Iterator[Progress]) -> Iterator[tuple[Progress, float]]:
    """Yield each step with the seconds it took, without what was done in between."""
    while True:
        began_s = time.monotonic()
        step = next(steps, None)
        if step is None:
            return
        yield step, time.monotonic() - began_s


def command_of(data: Path, out: Path, seed: int, given: dict[str, int]) -> str:
    """Return the command line that does the same again, with file names for paths."""
    options = [f"--{name.replace('_', '-')} {value}" for name, value in given.items()]
    files = [f"--data {_quoted(data.name)}", f"--out {_quoted(out.name)}"]
    return " ".join(["rnnrbm-gui train --model rnn-rbm", *files, f"--seed {seed}", *options])


def _quoted(name: str) -> str:
    return f'"{name}"' if " " in name and not set('"$`\\') & set(name) else shlex.quote(name)


def _course(
    progress: Progress, settings: Settings, ll: float, better: bool, elapsed_s: float
) -> str:
    left_s = elapsed_s / progress.update * (settings.updates - progress.update)
    return (
        f"update {progress.update:6} of {settings.updates}  valid LL {ll:7.3f}"
        f"{' best' if better else '     '}  {elapsed_s:5.0f} s, {left_s:.0f} s left"
    )
