"""The process that trains: a job comes in, events go out, until either end is gone.

Both ends are ours, so what crosses the pipes is pickled: first the job, then one word at a time;
back come the events. Run with ``python -m``; ``trainer`` starts it.

Threads: the main one works; ``commands`` reads words and ends the process when it has to.
"""

import contextlib
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Generator
from typing import BinaryIO, Literal, cast

from rnnrbm_gui.engine.trainer_events import (
    CorpusFound,
    Failed,
    Reading,
    Sampled,
    TrainerEvent,
)
from rnnrbm_gui.engine.training_events import Checked, Plan, TrainingEvent
from rnnrbm_gui.errors import UserError

Job = Plan | Reading
Word = Literal["pause", "resume", "stop"]

SAMPLED_BARS = 8

NICENESS = 10
"""The music comes first: on a busy machine training gets what is left."""

GRACE_S = 1.0
"""How long a run that is to end may go on to its next event; files are written whole or not."""


class _Switch:
    """Whether the work may go on, as the words of the other end have it."""

    def __init__(self, words: BinaryIO) -> None:
        self._goes = threading.Event()
        self._goes.set()
        self.ended = False
        threading.Thread(target=self._obey, args=(words,), name="commands", daemon=True).start()

    def wait(self) -> bool:
        """Wait while paused; tell whether to go on."""
        self._goes.wait()
        return not self.ended

    def _obey(self, words: BinaryIO) -> None:
        with contextlib.suppress(EOFError, OSError):  # the app is gone
            while (word := pickle.load(words)) != "stop":
                if word == "pause":
                    self._goes.clear()
                else:
                    self._goes.set()
        self.ended = True
        self._goes.set()
        time.sleep(GRACE_S)  # between two events there may be minutes of measuring
        os._exit(0)


def main() -> None:
    """Do the job that stands on standard input; tell on standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the app's to answer
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    # The pipe is ours alone: what libraries print to standard output goes to standard error.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    status = 0
    job: Job | None = None
    try:
        job = pickle.load(sys.stdin.buffer)
        switch = _Switch(sys.stdin.buffer)
        with contextlib.closing(_events_of(job)) as events:
            for event in events:
                pickle.dump(event, out, pickle.HIGHEST_PROTOCOL)
                out.flush()
                if not switch.wait():
                    break
    except (EOFError, BrokenPipeError):  # the app is gone
        status = 1
    except UserError as error:
        pickle.dump(Failed(str(error)), out)
    except Exception as error:
        traceback.print_exc()
        what = "Reading the corpus" if isinstance(job, Reading) else "Training"
        said = f"{what} failed ({type(error).__name__}: {error})."
        pickle.dump(Failed(said), out)
    with contextlib.suppress(OSError):
        out.flush()
    sys.stderr.flush()
    os._exit(status)  # the thread that reads words cannot be joined


def _events_of(job: Job) -> Generator[TrainerEvent]:
    if isinstance(job, Reading):
        yield _found(job)
        return
    from rnnrbm_gui.engine import training_run

    run = cast("Generator[TrainingEvent]", training_run.run(job, n_threads=1))
    with contextlib.closing(run) as events:
        for event in events:
            yield event
            if isinstance(event, Checked):
                with contextlib.suppress(UserError):  # weights too large to be played, yet
                    yield sample_of(event, job.seed)


def _found(job: Reading) -> CorpusFound:
    from rnnrbm_gui.data.corpus import load_corpus

    corpus = load_corpus(job.data, in_c=job.in_c, frames_per_beat=job.frames_per_beat)
    parts = tuple((name, len(rolls), sum(map(len, rolls))) for name, rolls in corpus.splits.items())
    return CorpusFound(corpus.name, parts, corpus.pieces, corpus.remarks)


def sample_of(checked: Checked, seed: int) -> Sampled:
    """Let a model play a few bars; the same seed makes the samples of a run comparable.

    Raises:
        ModelError: its weights are too large to be played.
    """
    import numpy as np

    from rnnrbm_gui.models import kernels
    from rnnrbm_gui.models.sampler import FrameSampler
    from rnnrbm_gui.models.statistics import samples
    from rnnrbm_gui.music.bars import Bars
    from rnnrbm_gui.music.roll import Articulation, Grid
    from rnnrbm_gui.music.timing import Meter

    kernels.compile_kernel()
    model, header = checked.stored.played, checked.stored.header
    low = header.low + header.transpose
    grid = Grid(header.frames_per_beat, low, header.n_keys, header.planes)
    meter = Meter.of(header.meter)
    n_frames = -(-SAMPLED_BARS * meter.bar_ticks // grid.frame)
    bars = Bars.of(header.bars, header.frames_per_beat)
    x = np.array([bars.place_at(meter, i * grid.frame) for i in range(n_frames)])
    [roll] = samples(
        FrameSampler(model),
        1,
        n_frames,
        seed=seed,
        gibbs_steps=header.gibbs_steps,
        temperature=header.temperature,
        positions=x,
    )
    notes = tuple(grid.notes_of(roll, Articulation.RESTRIKE, meter))
    return Sampled(checked.update, notes, n_frames * grid.frame, grid.frame, meter, header.bpm)


if __name__ == "__main__":
    main()
