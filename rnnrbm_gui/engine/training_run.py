"""A training run from a corpus to a model file, told event by event.

Thread: the caller's; it runs for minutes. Not asking for the next event pauses it, closing the
iterator stops it. The model file is written anew whenever the model is better than before, and
with every measurement a checkpoint beside it, so that whatever stops the run loses little.
"""

import hashlib
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnrbm_gui.data import chorale_scores
from rnnrbm_gui.data.corpus import Corpus, load_corpus
from rnnrbm_gui.data.model_file import ModelHeader, StoredModel, load_model, save_model
from rnnrbm_gui.engine import checkpoint
from rnnrbm_gui.engine.beside import beside
from rnnrbm_gui.engine.checkpoint import Checkpoint
from rnnrbm_gui.engine.evaluation import (
    Evaluation,
    check_ranges,
    evaluation_of,
    header_figures,
)
from rnnrbm_gui.engine.material import Form, Material, material_of, meter_of
from rnnrbm_gui.engine.recipes import RECIPES, Recipe
from rnnrbm_gui.engine.training_events import (
    Checked,
    Course,
    Measuring,
    Plan,
    Remark,
    Trained,
    TrainingEvent,
)
from rnnrbm_gui.errors import UserError
from rnnrbm_gui.models import likelihood
from rnnrbm_gui.models.sequence_model import SequenceModel
from rnnrbm_gui.models.training import Settings, Trainer

MEASURED_FRAMES = 1000
"""Frames of ``valid`` behind the figures in a new model's header."""

QUICK_FRAMES, QUICK_CHAINS, QUICK_TEMPERATURES = 300, 10, 500
TOLD_EVERY_S = 0.25
FIRST_CHECK = 100
"""Updates after which there is something to see and to hear for the first time."""

PATIENCE = 0.3
"""A run stops early when so large a share of its updates has brought nothing better."""

OVER_FITTED = 0.05
"""Nats under the best from which on a falling validation LL is called over-fitting."""

Roll = NDArray[np.bool_]


def run(plan: Plan) -> Iterator[TrainingEvent]:
    """Train a model on a corpus's ``train`` part, keep the best by its ``valid`` part, save it.

    Raises:
        UserError: the corpus cannot be read, a setting is out of range, the checkpoint does not
            fit, or the model cannot be written.
    """
    corpus = load_corpus(plan.data, in_c=plan.in_c, frames_per_beat=plan.frames_per_beat)
    recipe = recipe_of(corpus, plan.onsets)
    settings = settings_of(plan, recipe)
    form = Form()
    if plan.onsets:
        corpus = yield from beside(_with_onsets(corpus))
        form = Form.articulated(corpus, recipe.frames_per_beat, settings.transposed)
    yield from map(Remark, corpus.remarks)
    train, valid = material_of(corpus, "train", form), material_of(corpus, "valid", form)
    rolls = train.rolls
    header = header_of(plan, corpus, recipe, settings, train)
    trainer = Trainer(rolls, settings, train.positions, form.bars.n_positions)
    identity = checkpoint.run_of(settings, fingerprint(rolls))
    there = checkpoint.path_beside(plan.out)
    best_ll, best_update, before_s = -np.inf, 0, 0.0
    if plan.resume:
        old = checkpoint.read(there)
        if old.run != identity:
            raise UserError(
                f"“{there.name}” is of a run with other settings or other music: give the same "
                "ones, or train anew without --resume."
            )
        trainer.restore(old.state, old.update)
        best_ll, best_update, before_s = old.best_ll, old.best_update, old.elapsed_s
        yield Remark(f"Going on after {old.update:,} of {settings.updates:,} updates.")
    frames = sum(map(len, rolls))
    yield Remark(f"Training on {len(rolls)} pieces, {frames:,} frames of {corpus.name}.")
    began = told = time.monotonic()
    first = trainer.update
    while not trainer.done:
        trainer.advance()
        now = time.monotonic()
        is_check = trainer.update % settings.check_every == 0 or trainer.done
        is_check = is_check or trainer.update == FIRST_CHECK
        if is_check or now - told > TOLD_EVERY_S:
            rate = (now - began) / (trainer.update - first)
            yield _course(trainer, now - told, before_s + now - began, rate)
            told = time.monotonic()
            began += told - now  # what the listener takes is not training
        if not is_check:
            continue
        now = time.monotonic()
        model = trainer.model()
        valid_ll, train_ll = quick_ll(model, valid), quick_ll(model, train)
        is_best = valid_ll > best_ll
        if is_best:
            best_ll, best_update = valid_ll, trainer.update
        figures = {"valid_ll_quick": round(valid_ll, 3), "updates": trainer.update}
        stored = StoredModel(model, replace(header, figures=figures))
        if is_best:
            save_model(plan.out, model, stored.header)
        elapsed_s = before_s + now - began
        checkpoint.write(
            there,
            Checkpoint(trainer.state(), trainer.update, best_ll, best_update, elapsed_s, identity),
        )
        warning = _warning(valid_ll, best_ll, trainer.update, best_update, settings)
        yield Checked(trainer.update, trainer.epoch, valid_ll, train_ll, is_best, warning, stored)
        if trainer.update - best_update > PATIENCE * settings.updates:
            yield Remark(
                f"Stopped early: nothing better since update {best_update:,}, which is kept."
            )
            break
        told = time.monotonic()
        began += told - now  # nor is measuring
    if best_update == 0:
        raise UserError("Training diverged: no likelihood was a number. Try another seed.")
    minutes = round((before_s + time.monotonic() - began) / 60, 1)
    yield Remark(f"Trained for {minutes} minutes; measuring the best model.")
    best = load_model(plan.out)
    found = yield from beside(_measurement(best.model, valid))
    figures = {**best.header.figures, "minutes": minutes, **header_figures(found)}
    header = replace(best.header, figures=figures)
    save_model(plan.out, best.model, header)
    there.unlink(missing_ok=True)
    yield Trained(plan.out, header)


def recipe_of(corpus: Corpus, onsets: bool = False) -> Recipe:
    """Return what fits a corpus; one that is not among the published is played as it is."""
    own = Recipe(corpus.name, 0, corpus.frames_per_beat or 2, corpus.bpm or 100.0)
    return RECIPES.get(f"{corpus.name} with onsets" if onsets else corpus.name, own)


def settings_of(plan: Plan, recipe: Recipe) -> Settings:
    """Return how to train: what fits, with what the plan asks for.

    Raises:
        UserError: something asked for is out of range or does not go together.
    """
    if plan.memory is not None and plan.kind != "rnn-rbm":
        raise UserError(f"Only an RNN-RBM has a memory to choose, a model '{plan.kind}' has not.")
    if plan.n_recurrent is not None and plan.kind != "rnn-rbm":
        raise UserError(f"Only an RNN-RBM has recurrent units of its own, not '{plan.kind}'.")
    chosen = {name: getattr(plan, name) for name in ("updates", "n_hidden", "n_recurrent")}
    given: dict[str, Any] = {name: n for name, n in chosen.items() if n is not None}
    check_ranges(seed=plan.seed, **given)
    if plan.memory is not None:
        given["memory"] = plan.memory
    return replace(recipe.settings_for(plan.kind), seed=plan.seed, **given)


def header_of(
    plan: Plan, corpus: Corpus, recipe: Recipe, settings: Settings, train: Material
) -> ModelHeader:
    """Return what the model file will say about itself, but for its figures."""
    named = recipe in RECIPES.values()
    header = ModelHeader(
        name=recipe.name,
        kind=plan.kind,
        memory=settings.memory,
        n_visible=train.rolls[0].shape[1],
        n_hidden=settings.n_hidden,
        n_recurrent=settings.n_state,
        planes=train.form.planes,
        bars=str(train.form.bars),
        low=train.form.low,
        transpose=recipe.transpose,
        frames_per_beat=recipe.frames_per_beat,
        meter=str(meter_of(corpus)),
        bpm=recipe.bpm,
        corpus=f"{corpus.name}, part train ({len(train.rolls)} pieces)",
        command=command_of(plan),
        attribution=f"Trained on {corpus.name}{recipe.source if named else ''}",
    )
    if plan.kind != "rnn-rbm":
        header = replace(header, name=f"{recipe.name} ({header.kind_words})")
    return header


def command_of(plan: Plan) -> str:
    """Return the command line that does the same again, with file names for paths."""
    words = [
        f"rnnrbm-gui train --model {plan.kind} --data {_quoted(plan.data.name)}",
        f"--out {_quoted(plan.out.name)} --seed {plan.seed}",
    ]
    for name in ("memory", "updates", "n_hidden", "n_recurrent", "frames_per_beat"):
        value = getattr(plan, name)
        if value is not None:
            words.append(f"--{name.replace('_', '-')} {value}")
    words += [f"--{name.replace('_', '-')}" for name in ("in_c", "onsets") if getattr(plan, name)]
    return " ".join(words)


def _quoted(name: str) -> str:
    return f'"{name}"' if " " in name and not set('"$`\\') & set(name) else shlex.quote(name)


def fingerprint(rolls: Sequence[Roll]) -> str:
    """Return a digest of sequences: the same music, the same digest."""
    digest = hashlib.sha256()
    for roll in rolls:
        digest.update(np.array(roll.shape, np.int64).tobytes())
        digest.update(np.packbits(roll).tobytes())
    return digest.hexdigest()


def quick_ll(model: SequenceModel, material: Material) -> float:
    """Return a rough LL a frame, of few runs: to compare the models of one run by."""
    found = likelihood.measure_from(
        "frame",
        model,
        likelihood.frames_of(model, material.rolls, QUICK_FRAMES, material.positions),
        n_chains=QUICK_CHAINS,
        n_temperatures=QUICK_TEMPERATURES,
        reverse=False,
    )
    return found.ll


def _course(trainer: Trainer, passed_s: float, elapsed_s: float, rate: float) -> Course:
    tally, updates = trainer.take_tally(), trainer.settings.updates
    return Course(
        update=trainer.update,
        updates=updates,
        epoch=trainer.epoch,
        objective=tally.objective,
        gradient_norms={name: total / tally.updates for name, total in tally.norms.items()},
        frames_per_s=tally.frames / max(passed_s, 1e-9),
        elapsed_s=elapsed_s,
        left_s=rate * (updates - trainer.update),
    )


def _warning(ll: float, best_ll: float, update: int, best_update: int, settings: Settings) -> str:
    """Return a sentence where the validation LL has long been falling, else nothing."""
    if best_ll - ll < OVER_FITTED or update - best_update < 3 * settings.check_every:
        return ""
    return (
        f"The model over-fits: music it has not seen was likeliest at update {best_update:,} "
        f"({best_ll:.2f} nats a frame, now {ll:.2f}). The best is kept; stop here, or try fewer "
        "units or a higher dropout."
    )


Tell = Callable[[TrainingEvent], None]


def _with_onsets(corpus: Corpus) -> Callable[[Tell], Corpus]:
    return lambda tell: chorale_scores.articulate(corpus, tell=lambda words: tell(Measuring(words)))


def _measurement(model: SequenceModel, valid: Material) -> Callable[[Tell], Evaluation]:
    return lambda tell: evaluation_of(
        model,
        valid,
        most_frames=MEASURED_FRAMES,
        report=lambda words: tell(Remark(words)),
        progress=lambda words: tell(Measuring(words)),
    )
