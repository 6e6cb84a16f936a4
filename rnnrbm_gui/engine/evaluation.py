"""The command ``rnnrbm-gui evaluate``: what a model file reaches on one part of a corpus.

Thread: the caller's, with one more for each core while it measures. What there is to say goes to
``report``, line by line, how far it is to ``progress``.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from rnnrbm_gui.data import chorale_scores
from rnnrbm_gui.data.corpus import load_corpus
from rnnrbm_gui.data.model_file import load_model, save_model
from rnnrbm_gui.engine.material import Form, Material, material_of
from rnnrbm_gui.errors import UserError
from rnnrbm_gui.models import accuracy, kernels, likelihood
from rnnrbm_gui.models.accuracy import Accuracy
from rnnrbm_gui.models.annealing import STARTS, Start
from rnnrbm_gui.models.likelihood import Likelihood
from rnnrbm_gui.models.rhythm_statistics import Articulation, Comparison, RhythmStatistics
from rnnrbm_gui.models.sampler import FrameSampler
from rnnrbm_gui.models.sequence_model import SequenceModel
from rnnrbm_gui.models.statistics import RollStatistics, samples
from rnnrbm_gui.models.terms import DEFAULT_GIBBS_STEPS, DEFAULT_TEMPERATURE

RANGES = {
    "updates": (1, 10**7),
    "n_hidden": (1, 4096),
    "n_recurrent": (1, 4096),
    "threads": (1, 64),
    "n_chains": (2, 10_000),
    "n_temperatures": (2, 10**6),
    "most_frames": (2, 10**7),  # one frame has no spread to tell an error from
    "seed": (0, 2**64 - 1),
}

SAMPLED_PIECES = 64
MOST_SAMPLED_FRAMES = 100

Say = Callable[[str], None]
Progress = Callable[[str, float | None], None]
"""Told how far it is, in words, and the share done where it is known."""
Tell = Callable[[float], None]
Roll = NDArray[np.bool_]


class Evaluation(Struct, frozen=True):
    """What was found.

    Attributes:
        likelihoods: one for each start of AIS, or the exact one alone; the lowest first counts.
        accuracy: in percent.
        of_data: statistics of the music measured on.
        of_samples: statistics of what the model plays.
        rhythm: samples beside data by their onsets and bars, where the model has such.
    """

    likelihoods: list[Likelihood]
    accuracy: Accuracy
    of_data: RollStatistics
    of_samples: RollStatistics
    rhythm: Comparison | None = None

    @property
    def likelihood(self) -> Likelihood:
        """The one that counts."""
        return self.likelihoods[0]

    def figures(self) -> dict[str, float]:
        """Return all numbers by name, for a file's header."""
        starts = {f"ll_from_{x.start.replace('-', '_')}": round(x.ll, 4) for x in self.likelihoods}
        return {
            **self.likelihood.figures(),
            **starts,
            **{f"accuracy_{name}": value for name, value in self.accuracy.figures().items()},
            "held": round(self.of_data.held, 4),
            "notes": round(self.of_data.notes, 4),
            "sampled_held": round(self.of_samples.held, 4),
            "sampled_notes": round(self.of_samples.notes, 4),
            "four_notes": round(self.of_data.frames_with[4], 4),
            "sampled_four_notes": round(self.of_samples.frames_with[4], 4),
            **self._rhythm_figures(),
        }

    def _rhythm_figures(self) -> dict[str, float]:
        figures = self.rhythm.figures if self.rhythm is not None else ()
        return {
            f"sampled_distance_{one.name.replace(' ', '_').replace(',', '')}": round(
                one.distance, 4
            )
            for one in figures
        }

    def summary(self) -> dict[str, Any]:
        """Return what ``evaluate --json`` prints: the figures, the start and each start's own."""
        each = [{"start": x.start, **x.figures(), "doubt": x.doubt} for x in self.likelihoods]
        return {"start": self.likelihood.start, **self.figures(), "starts": each}


def evaluate(
    model: Path,
    data: Path,
    split: str = "valid",
    *,
    starts: Sequence[Start] = STARTS,
    n_chains: int = 100,
    n_temperatures: int = 1000,
    most_frames: int | None = None,
    seed: int = 1,
    into_header: bool = False,
    report: Say,
    progress: Progress = lambda words, share: None,
) -> Evaluation:
    """Measure a model file on one part of a corpus and report what was found.

    Args:
        model: a model file.
        data: a corpus's file, or a folder of MIDI files.
        split: the part to measure on.
        starts: of AIS.
        n_chains: AIS runs a frame.
        n_temperatures: temperatures a run.
        most_frames: at most so many frames, chosen by chance all over the part; None for all.
        seed: of the draws.
        into_header: also write the figures, named valid_..., into the model file.
        report: told one line at a time.
        progress: told how far it is, at most once a second.

    Raises:
        UserError: a file cannot be read, or the two do not fit.
    """
    check_ranges(n_chains=n_chains, n_temperatures=n_temperatures, seed=seed)
    if most_frames is not None:
        check_ranges(most_frames=most_frames)
    if into_header and split != "valid":
        raise UserError(f"A header keeps figures of the part 'valid' only, not '{split}'.")
    stored = load_model(model)
    # A folder of MIDI is put on the grid of the model, not on the one its files would choose.
    header = stored.header
    corpus = load_corpus(data, in_c=header.in_c, frames_per_beat=header.frames_per_beat)
    form = Form.of(header)
    if form.is_articulated:
        corpus = chorale_scores.articulate(corpus, tell=lambda words: progress(words, None))
        progress("", None)
    material = material_of(corpus, split, form)
    report(f"{stored.header.name} on {corpus.name}, part {split}")
    if material.n_outside:
        report(
            f"{material.n_outside:,} notes, a frame each, lie outside of the model's keys: what it "
            "cannot play is not counted against it."
        )
    found = evaluation_of(
        stored.model,
        material,
        starts=starts,
        n_chains=n_chains,
        n_temperatures=n_temperatures,
        most_frames=most_frames,
        seed=seed,
        temperature=header.temperature,
        gibbs_steps=header.gibbs_steps,
        recall=header.recall,
        report=report,
        progress=progress,
    )
    if into_header:
        kept = {n: x for n, x in stored.header.figures.items() if not _measured(n)}
        figures = {**kept, **header_figures(found)}
        save_model(model, stored.model, replace(stored.header, figures=figures))
        report(f"Written into the header: {model}")
    return found


def evaluation_of(
    model: SequenceModel,
    material: Material,
    *,
    starts: Sequence[Start] = STARTS,
    n_chains: int = 100,
    n_temperatures: int = 1000,
    most_frames: int | None = None,
    seed: int = 1,
    n_threads: int | None = None,
    temperature: float = DEFAULT_TEMPERATURE,
    gibbs_steps: int = DEFAULT_GIBBS_STEPS,
    recall: float = 1.0,
    report: Say,
    progress: Progress = lambda words, share: None,
) -> Evaluation:
    """Measure a model on sequences in its form; further arguments as in ``evaluate``.

    ``n_threads``: frames at once; None for as many as there are cores. ``temperature``,
    ``gibbs_steps`` and ``recall``: how the samples are drawn that are counted.
    """
    n_threads = n_threads or cores()
    frames = likelihood.frames_of(model, material.rolls, most_frames, material.positions)
    likelihoods = likelihood.measure(
        model,
        frames,
        starts=starts,
        n_chains=n_chains,
        n_temperatures=n_temperatures,
        seed=seed,
        n_threads=n_threads,
        tell=_Course("likelihood", progress),
    )
    _report_likelihoods(likelihoods, report)
    reached = accuracy.measure(
        model,
        frames,
        n_keys=material.form.n_keys,
        seed=seed,
        n_threads=n_threads,
        tell=_Course("accuracy", progress),
    )
    report(
        f"Accuracy, frames drawn ({reached.n_draws} a frame): {reached.expected_sums:.2f} % as the "
        f"ratio of sums, {reached.expected_frames:.2f} % as the mean over frames"
    )
    report(
        f"Accuracy, approximate MAP frame: {reached.map_sums:.2f} % as the ratio of sums, "
        f"{reached.map_frames:.2f} % as the mean over frames"
    )
    kernels.compile_kernel()
    sampler = FrameSampler(model.recalling(recall))

    def draw(take: int, x: NDArray[np.int64]) -> Roll:
        [roll] = samples(
            sampler,
            1,
            len(x),
            seed=seed,
            gibbs_steps=gibbs_steps,
            temperature=temperature,
            positions=x,
            first_take=take,
        )
        return roll

    found = Evaluation(
        likelihoods,
        reached,
        *_samples_beside_data(draw, material, _Course("samples", progress)),
    )
    if recall != 1:
        report(f"The samples are played at a recall of {recall:.2f}, as the model's header says.")
    report(f"data:    {found.of_data}")
    report(f"samples: {found.of_samples}")
    if found.rhythm is not None:
        report(str(found.rhythm))
    return found


def _samples_beside_data(
    draw: Callable[[int, NDArray[np.int64]], Roll], material: Material, tell: Tell
) -> tuple[RollStatistics, RollStatistics, Comparison | None]:
    """Let the model play and count; where it is told its bars, in those of the data's pieces.

    Args:
        draw: returns a piece, given its number and its frames' places in the bar.
        material: the data.
        tell: called with the share done.
    """
    n_keys = material.form.n_keys
    data = [roll[:, :n_keys] for roll in material.rolls]
    n_frames = min(round(float(np.mean([len(roll) for roll in data]))), MOST_SAMPLED_FRAMES)
    told = material.positions or [np.zeros(n_frames, np.int64)] * SAMPLED_PIECES
    played = []
    for take, x in enumerate(told):
        played.append(draw(take, x))
        tell((take + 1) / len(told))
    sounding = [roll[:, :n_keys] for roll in played]
    rhythm = None
    if material.articulated:
        likewise = [
            Articulation(keys, keys & roll[:, n_keys:], piece.position, piece.bar_frames)
            for keys, roll, piece in zip(sounding, played, material.articulated, strict=True)
        ]
        rhythm = RhythmStatistics.of(material.articulated).compare(RhythmStatistics.of(likewise))
    return RollStatistics.of(data), RollStatistics.of(sounding), rhythm


def header_figures(found: Evaluation) -> dict[str, float]:
    """Return the figures of an evaluation on ``valid`` by their names in a model's header."""
    return {
        name if name.startswith("sampled_") else f"valid_{name}": value
        for name, value in found.figures().items()
    }


def check_ranges(**values: int) -> None:
    """Check settings by name against RANGES.

    Raises:
        UserError: one lies outside.
    """
    for name, value in values.items():
        least, most = RANGES[name]
        if not least <= value <= most:
            raise UserError(f"{name} must be in {least}..{most}, got {value}: choose another.")


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Course:
    """Says the share done and the time left, at most once a second."""

    def __init__(self, what: str, progress: Progress) -> None:
        self._what, self._progress = what, progress
        self._first: tuple[float, float] | None = None
        self._told = 0.0

    def __call__(self, share: float) -> None:
        now = monotonic()
        if self._first is None:
            self._first = now, share  # compiling came before it: no measure of the rest
        began, begun = self._first
        if share == 1.0:
            self._progress("", None)
        elif share > begun and now - max(began, self._told) >= 1.0:
            self._told = now
            left_s = (now - began) * (1.0 - share) / (share - begun)
            self._progress(f"{self._what}: {share:.0%}, {left_s:.0f} s left", share)


def _measured(name: str) -> bool:
    return name.startswith(("valid_", "sampled_")) and name != "valid_ll_quick"


def _report_likelihoods(found: Sequence[Likelihood], report: Say) -> None:
    for one in found:
        counts = " (the lowest counts)" if len(found) > 1 and one is found[0] else ""
        report(
            f"LL {one.ll:.3f} nats a frame, mean over pieces {one.ll_pieces:.3f}; {_how(one)}"
            f"{counts}"
        )
        if one.doubt:
            report(one.doubt)
    first = found[0]
    if first.n_frames < first.n_all:
        report(
            f"On {first.n_frames} of {first.n_all} frames, chosen by chance all over: standard "
            f"error {first.choice_error:.3f} from that choice."
        )
    else:
        report(f"On all {first.n_all} frames.")


def _how(one: Likelihood) -> str:
    if one.start == "exact":
        return "exact, by enumeration of the hidden units"
    return (
        f"AIS from the {one.start.replace('-', ' ')} start, {one.n_chains} runs of "
        f"{one.n_temperatures} temperatures: forward {one.ll_forward:.3f}, reverse "
        f"{one.ll_reverse:.3f}, gap {one.gap:.3f}, standard error {one.error:.4f}"
    )
