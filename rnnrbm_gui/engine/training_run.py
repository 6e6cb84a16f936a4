"""The command ``rnnrbm-gui train``: from a corpus to a model file.

Thread: the caller's; it runs for minutes. What there is to say goes to ``report``, line by line.
"""

import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from rnnrbm_gui.data.corpus import LOW, load_corpus
from rnnrbm_gui.data.model_file import ModelHeader, save_model
from rnnrbm_gui.engine.evaluation import check_ranges, evaluation_of, filled, header_figures
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
