"""A training run from a corpus to a model file, told event by event.

Thread: the caller's; it runs for minutes. Not asking for the next event pauses it, closing the
iterator stops it. The model file is written anew whenever the model is better than before, and
with every measurement, and where the run is stopped, a checkpoint beside it, so that whatever ends
the run loses little.
"""

import time
from collections.abc import Callable, Iterator
from statistics import fmean

import numpy as np
from msgspec.structs import replace

from rnnrbm_gui.data.model_file import StoredModel, load_model, save_model
from rnnrbm_gui.engine import checkpoint
from rnnrbm_gui.engine.beside import beside
from rnnrbm_gui.engine.checkpoint import Checkpoint
from rnnrbm_gui.engine.evaluation import Evaluation, evaluation_of, header_figures
from rnnrbm_gui.engine.material import Material
from rnnrbm_gui.engine.preparation import Preparation, prepared
from rnnrbm_gui.engine.training_events import (
    Checked,
    Course,
    Measuring,
    Plan,
    Remark,
    Trained,
    TrainingEvent,
)
from rnnrbm_gui.engine.training_report import time_left
from rnnrbm_gui.errors import ModelError, UserError, plain_interrupt
from rnnrbm_gui.models import likelihood
from rnnrbm_gui.models.sequence_model import SequenceModel
from rnnrbm_gui.models.training import Trainer

MEASURED_FRAMES = 1000
"""Frames of ``valid`` behind the figures in a new model's header."""

QUICK_FRAMES, QUICK_CHAINS, QUICK_TEMPERATURES = 300, 10, 500
QUICK_PIECES = 60
"""Pieces of ``train`` at most behind the quick figure for it."""
TOLD_EVERY_S = 0.25
FIRST_CHECK = 100
"""Updates after which there is something to see and to hear for the first time."""

PATIENCE = 0.3
"""A run stops early when so large a share of its updates has brought nothing better."""

OVER_FITTED = 0.05
"""Nats that the validation LL, the mean of three checks, has to fall to be called over-fitting."""


def run(plan: Plan, n_threads: int | None = None) -> Iterator[TrainingEvent]:
    """Train a model on a corpus's ``train`` part, keep the best by its ``valid`` part, save it.

    Args:
        plan: what to train.
        n_threads: for the full measurement at the end; None for as many as there are cores.

    Raises:
        UserError: the corpus cannot be read, a setting is out of range, the checkpoint does not
            fit, or the model cannot be written.
    """
    given = yield from prepared(plan)
    course = _Run(plan, given)
    if plan.resume:
        yield Remark(course.resume())
        yield course.look()
    train, name = given.train.rolls, given.header.corpus.partition(", part ")[0]
    frames = sum(map(len, train))
    yield Remark(f"Training on {len(train)} pieces, {frames:,} frames of {name}.")
    try:
        with plain_interrupt():
            while not course.over:
                course.advance()
                if course.has_news:
                    yield course.news()
                if course.is_check_due:
                    yield course.check()
    except (GeneratorExit, KeyboardInterrupt):
        course.set_down()
        raise
    if course.best_update == 0:
        raise UserError(
            "Training diverged: no likelihood was a number. Try another seed, or fewer units."
        )
    if course.why_over:
        yield Remark(course.why_over)
    yield Remark(f"Trained for {time_left(course.elapsed_s)}; measuring the best model.")
    best = load_model(plan.out)
    yield Measuring("measuring the best model")
    found = yield from beside(_measurement(best, given.valid, n_threads))
    minutes = round(course.elapsed_s / 60, 1)
    figures = {**best.header.figures, "minutes": minutes, **header_figures(found)}
    header = replace(best.header, figures=figures)
    save_model(plan.out, best.model, header)
    course.checkpoint_path.unlink(missing_ok=True)
    yield Trained(plan.out, header)


class _Run:
    """Where one run stands; what passes between its events is not counted as training."""

    def __init__(self, plan: Plan, given: Preparation) -> None:
        train = given.train
        self.given, self.out = given, plan.out
        self.trainer = Trainer(
            train.rolls, given.settings, train.positions, train.form.bars.n_positions
        )
        self.checkpoint_path = checkpoint.path_beside(plan.out)
        self._would_replace = plan.out.is_file() or self.checkpoint_path.is_file()
        self.best_ll, self.best_update = -np.inf, 0
        self.elapsed_s, self._untold_s = 0.0, 0.0
        self._first, self._first_s = 0, 0.0
        self._checked, self._diverged = 0, False
        self._lls: list[float] = []
        some = np.random.default_rng(0).permutation(len(train.rolls))[:QUICK_PIECES]
        self._some_train = replace(
            train,
            rolls=[train.rolls[i] for i in some],
            positions=[train.positions[i] for i in some] if train.positions else None,
        )

    def resume(self) -> str:
        """Go on from the checkpoint; return a sentence."""
        name = self.checkpoint_path.name
        old = checkpoint.read(self.checkpoint_path)
        if old.run != self.given.identity:
            raise UserError(
                f"“{name}” is of a run with other settings or other music: give the same ones, or "
                "train anew without --resume."
            )
        if old.best_update and not self.out.is_file():
            raise UserError(
                f"“{name}” goes on from the model “{self.out.name}”, which is gone: put it back, "
                "or train anew without --resume."
            )
        try:
            self.trainer.restore(old.state, old.update)
        except ValueError as error:
            raise UserError(f"“{name}” does not fit ({error}): train anew.") from error
        self.best_ll, self.best_update = old.best_ll, old.best_update
        self.elapsed_s = self._first_s = old.elapsed_s
        self._first = self._checked = old.update
        self._would_replace = False
        return f"Going on after {old.update:,} of {self.given.settings.updates:,} updates."

    @property
    def why_over(self) -> str:
        """Why there is no more to do before the last update, in a sentence; else empty."""
        since, settings = self._checked - self.best_update, self.given.settings
        if self._diverged:
            return f"Training diverged; the model of update {self.best_update:,} is kept."
        if self.best_update and not self.trainer.done and since > PATIENCE * settings.updates:
            return (
                f"Stopped early: nothing better since update {self.best_update:,}, which is kept."
            )
        return ""

    @property
    def over(self) -> bool:
        """Whether there is no more to do."""
        return self.trainer.done or self._diverged or bool(self.why_over)

    @property
    def is_check_due(self) -> bool:
        """Whether the model is to be measured now."""
        update = self.trainer.update
        regular = update % self.given.settings.check_every == 0
        return regular or update == FIRST_CHECK or self.trainer.done

    @property
    def has_news(self) -> bool:
        """Whether it is time to tell where the run stands."""
        return self._untold_s > TOLD_EVERY_S or self.is_check_due

    def advance(self) -> None:
        """Make one update."""
        began = time.monotonic()
        self.trainer.advance()
        passed = time.monotonic() - began
        self.elapsed_s += passed
        self._untold_s += passed

    def news(self) -> Course:
        """Tell where the run stands."""
        trainer, tally = self.trainer, self.trainer.take_tally()
        updates = trainer.settings.updates
        pace = (self.elapsed_s - self._first_s) / (trainer.update - self._first)
        passed_s, self._untold_s = self._untold_s, 0.0
        return Course(
            update=trainer.update,
            updates=updates,
            epoch=trainer.epoch,
            objective=tally.objective,
            gradient_norms={name: total / tally.updates for name, total in tally.norms.items()},
            frames_per_s=tally.frames / max(passed_s, 1e-9),
            elapsed_s=self.elapsed_s,
            left_s=pace * (updates - trainer.update),
        )

    def check(self) -> Checked | Remark:
        """Measure the model, save it where it is the best, and set down a checkpoint."""
        self._checked = self.trainer.update
        found = self.look()
        if isinstance(found, Remark):
            self._diverged = True
            return found
        is_best = found.valid_ll > self.best_ll
        if is_best:
            self.best_ll, self.best_update = found.valid_ll, found.update
            save_model(self.out, found.stored.model, found.stored.header)
        self.set_down()
        return replace(found, is_best=is_best, warning=self._warning(found.valid_ll))

    def look(self) -> Checked | Remark:
        """Measure the model and leave everything as it is."""
        trainer = self.trainer
        try:
            model = trainer.model()
        except ModelError as error:
            return Remark(f"After update {trainer.update:,}: {error}")
        valid_ll = quick_ll(model, self.given.valid)
        train_ll = quick_ll(model, self._some_train)
        figures = {"valid_ll_quick": round(valid_ll, 3), "updates": trainer.update}
        stored = StoredModel(model, replace(self.given.header, figures=figures))
        is_best = trainer.update == self.best_update
        return Checked(trainer.update, trainer.epoch, valid_ll, train_ll, is_best, "", stored)

    def set_down(self) -> None:
        """Write a checkpoint, unless an update has been cut short: then the last one stays.

        So does an earlier run's, with its model, until this one has a model of its own.
        """
        trainer = self.trainer
        if not trainer.update or not trainer.whole:
            return
        if self._would_replace and not self.best_update:
            return
        now = Checkpoint(
            trainer.state(),
            trainer.update,
            self.best_ll,
            self.best_update,
            self.elapsed_s,
            self.given.identity,
        )
        checkpoint.write(self.checkpoint_path, now)

    def _warning(self, ll: float) -> str:
        """Return a sentence where the validation LL has long been falling, else nothing.

        One check alone is off by about as much as matters: three together are compared.
        """
        self._lls.append(ll)
        means = [fmean(some) for some in zip(self._lls, self._lls[1:], self._lls[2:], strict=False)]
        if not means or max(means) - means[-1] < OVER_FITTED:
            return ""
        return (
            "The model over-fits: music it has not seen was likeliest at update "
            f"{self.best_update:,} ({self.best_ll:.2f} nats a frame, now {ll:.2f}). The best is "
            "kept; stop here, or try fewer units or a higher dropout."
        )


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


def _measurement(
    stored: StoredModel, valid: Material, n_threads: int | None
) -> Callable[[Callable[[TrainingEvent], None]], Evaluation]:
    return lambda tell: evaluation_of(
        stored.model,
        valid,
        temperature=stored.header.temperature,
        gibbs_steps=stored.header.gibbs_steps,
        recall=stored.header.recall,
        # The frames of an RBM alone have one log Z: all cost no more than some.
        most_frames=None if stored.model.n_recurrent == 0 else MEASURED_FRAMES,
        n_threads=n_threads,
        report=lambda words: tell(Remark(words)),
        progress=lambda words, share: tell(Measuring(words, share)),
    )
