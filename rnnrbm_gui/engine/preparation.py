"""From a plan to a run: the music in the form of the model's frames, settings, and a header.

Where the plan leaves something open it is what fits the corpus (``recipes``) and the music itself:
of pieces in keys of their own, transposed ones are just more music.
"""

import dataclasses
import hashlib
import shlex
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from rnnrbm_gui.data import chorale_scores
from rnnrbm_gui.data.corpus import HIGH, LOW, Corpus, load_corpus
from rnnrbm_gui.data.model_header import SUFFIX, ModelHeader, written
from rnnrbm_gui.engine import checkpoint
from rnnrbm_gui.engine.beside import beside
from rnnrbm_gui.engine.evaluation import check_ranges
from rnnrbm_gui.engine.material import Form, Material, material_of, meter_of
from rnnrbm_gui.engine.recipes import RECIPES, Recipe
from rnnrbm_gui.engine.training_events import Measuring, Plan, Remark, TrainingEvent
from rnnrbm_gui.errors import UserError
from rnnrbm_gui.models.settings import Settings
from rnnrbm_gui.models.terms import check_echoes

Roll = NDArray[np.bool_]


class Preparation(Struct, frozen=True, eq=False):
    """All that a run needs.

    Attributes:
        train: what is learned from.
        valid: what the best model is chosen by.
        settings: how to train.
        header: what the model file will say about itself, but for its figures.
        identity: of the run: another one cannot go on from its checkpoint.
    """

    train: Material
    valid: Material
    settings: Settings
    header: ModelHeader
    identity: str


def prepared(plan: Plan) -> Generator[TrainingEvent, None, Preparation]:
    """Read the corpus, tell what there is to say of it, and return what the run needs.

    Raises:
        UserError: the corpus cannot be read, or something asked for is out of range or does not
            go together.
    """
    check_out(plan.out)
    if plan.data.is_file() and (plan.in_c or plan.frames_per_beat is not None):
        raise UserError(
            "Only of a folder of MIDI files can the key and the grid be chosen: "
            f"“{plan.data.name}” has its own."
        )
    settings_of(plan, Recipe("", 0))  # what is out of range is said before anything is read
    corpus = load_corpus(plan.data, in_c=plan.in_c, frames_per_beat=plan.frames_per_beat)
    recipe = recipe_of(corpus, plan.onsets)
    settings = settings_of(plan, recipe)
    if plan.onsets:
        corpus = yield from beside(_with_onsets(corpus))
    yield from map(Remark, corpus.remarks)
    form = _form_of(plan, corpus, recipe, settings)
    train, valid = (material_of(corpus, split, form) for split in ("train", "valid"))
    for split, material in (("train", train), ("valid", valid)):
        if material.n_outside:
            yield Remark(
                f"{material.n_outside:,} notes of {split}, a frame each, lie outside of the "
                "model's keys and are left out."
            )
    if not any(roll.any() for roll in train.rolls):
        raise UserError("None of the notes of train lies within the model's keys: choose others.")
    # The published pickles stand in C; what says how long its frames are stands as it was written.
    own_keys = corpus.frames_per_beat is not None and not plan.in_c
    settings = dataclasses.replace(settings, planes=form.planes, own_keys=own_keys)
    header = header_of(plan, corpus, recipe, settings, train)
    identity = checkpoint.run_of(settings, fingerprint(train) + fingerprint(valid))
    return Preparation(train, valid, settings, header, identity)


def check_out(out: Path) -> None:
    """See that a model can be written there before hours go into it.

    Raises:
        UserError: it cannot.
    """
    try:
        if not out.name or out.is_dir():
            raise UserError(f"“{out}” is a folder: give the model a file name of its own.")
        if out.suffix.lower() != SUFFIX:
            raise UserError(f"“{out.name}” cannot be a model's file: those end in {SUFFIX}.")
        if not out.parent.is_dir():
            raise UserError(
                f"The folder “{out.parent}” for the model is not there: make it, or choose another."
            )
    except OSError as error:
        raise UserError(f"“{out.name}” cannot be a model's file ({error.strerror}).") from error


def _form_of(plan: Plan, corpus: Corpus, recipe: Recipe, settings: Settings) -> Form:
    form = Form()
    if plan.onsets:
        form = Form.articulated(corpus, recipe.frames_per_beat, settings.transposed)
    if plan.pitches is not None:
        low, high = plan.pitches
        if not LOW <= low < high <= HIGH:
            raise UserError(
                f"The pitches must lie in {LOW}..{HIGH}, the lower one first, got {low}..{high}."
            )
        form = replace(form, low=low, n_keys=high - low + 1)
    return form


def _with_onsets(corpus: Corpus) -> Callable[[Callable[[TrainingEvent], None]], Corpus]:
    return lambda tell: chorale_scores.articulate(corpus, tell=lambda words: tell(Measuring(words)))


def recipe_of(corpus: Corpus, onsets: bool = False) -> Recipe:
    """Return what fits a corpus; one that is not among the published is played as it is."""
    own = Recipe(corpus.name, 0, corpus.frames_per_beat or 2, corpus.bpm or 100.0)
    if corpus.pieces:  # a folder, whatever its name
        return own
    return RECIPES.get(f"{corpus.name} with onsets" if onsets else corpus.name, own)


def settings_of(plan: Plan, recipe: Recipe) -> Settings:
    """Return how to train: what fits, with what the plan asks for.

    Raises:
        UserError: something asked for is out of range or does not go together.
    """
    if plan.memory is not None and plan.kind != "rnn-rbm":
        raise UserError(f"Only an RNN-RBM has a memory to choose, a model '{plan.kind}' has not.")
    if plan.echoes and plan.kind != "rnn-rbm":
        raise UserError(f"Only an RNN-RBM has echoes, a model '{plan.kind}' has not.")
    if plan.n_recurrent is not None and plan.kind != "rnn-rbm":
        raise UserError(f"Only an RNN-RBM has recurrent units of its own, not '{plan.kind}'.")
    chosen = {
        name: getattr(plan, name) for name in ("updates", "n_hidden", "n_recurrent", "threads")
    }
    given: dict[str, Any] = {name: n for name, n in chosen.items() if n is not None}
    check_ranges(seed=plan.seed, **given)
    if plan.memory is not None:
        given["memory"] = plan.memory
    if plan.echoes is not None:
        try:
            check_echoes(plan.echoes)
        except ValueError as error:
            raise UserError(f"{error}.".capitalize()) from error
        given["echoes"] = plan.echoes
    return dataclasses.replace(recipe.settings_for(plan.kind), seed=plan.seed, **given)


def header_of(
    plan: Plan, corpus: Corpus, recipe: Recipe, settings: Settings, train: Material
) -> ModelHeader:
    """Return what the model file will say about itself, but for its figures."""
    named = recipe in RECIPES.values()
    header = ModelHeader(
        name=recipe.name,
        kind=plan.kind,
        memory=settings.memory,
        echoes=written(settings.echoes) if plan.kind == "rnn-rbm" else "",
        n_visible=train.rolls[0].shape[1],
        n_hidden=settings.n_hidden,
        n_recurrent=settings.n_state,
        planes=train.form.planes,
        bars=str(train.form.bars),
        in_c=plan.in_c,
        low=train.form.low,
        transpose=recipe.transpose,
        frames_per_beat=recipe.frames_per_beat,
        meter=str(meter_of(corpus)),
        bpm=recipe.bpm,
        temperature=recipe.temperature,
        gibbs_steps=recipe.gibbs_steps,
        recall=1 / settings.recall,  # alone, it holds on less to what it has drawn itself
        corpus=f"{corpus.name}, part train ({len(train.rolls)} pieces)",
        command=command_of(plan),
        attribution=f"Trained on {corpus.name}{recipe.source if named else ''}",
    )
    if plan.name:
        header = replace(header, name=plan.name)
    elif plan.kind != "rnn-rbm":
        header = replace(header, name=f"{recipe.name} ({header.kind_words})")
    return header


def command_of(plan: Plan) -> str:
    """Return the command line that does the same again, with file names for paths."""
    words = [
        f"rnnrbm-gui train --model {plan.kind} --data {_quoted(plan.data.name)}",
        f"--out {_quoted(plan.out.name)} --seed {plan.seed}",
    ]
    for name in ("memory", "updates", "n_hidden", "n_recurrent", "threads", "frames_per_beat"):
        value = getattr(plan, name)
        if value is not None:
            words.append(f"--{name.replace('_', '-')} {value}")
    if plan.echoes is not None:
        words.append("--echoes " + (",".join(map(str, plan.echoes)) or "none"))
    if plan.pitches is not None:
        words.append("--pitches {}-{}".format(*plan.pitches))
    words += [f"--{name.replace('_', '-')}" for name in ("in_c", "onsets") if getattr(plan, name)]
    return " ".join(words)


def _quoted(name: str) -> str:
    return f'"{name}"' if " " in name and not set('"$`\\') & set(name) else shlex.quote(name)


def fingerprint(material: Material) -> str:
    """Return a digest of music: the same sequences in the same form, the same digest."""
    digest = hashlib.sha256(repr(material.form).encode())
    parts: Sequence[Sequence[NDArray[Any]]] = (material.rolls, material.positions or ())
    for part in parts:
        for array in part:
            digest.update(np.array(array.shape, np.int64).tobytes())
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
