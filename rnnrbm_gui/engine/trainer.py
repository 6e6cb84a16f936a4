"""The app's end of a training run in a process of its own: calls down, events up.

Training is Python, BLAS and compiled kernels at full load for minutes; in this process it would
keep the interpreter from the music. It gets a spawned process, which lowers its own priority,
works on one thread and ends when this one is gone.

Thread: every method is called from one thread and returns at once, but for ``close``.
"""

import contextlib
import os
import pickle
import queue
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from time import monotonic

from rnnrbm_gui.engine.trainer_child import Job, Word
from rnnrbm_gui.engine.trainer_events import CorpusFound, Failed, Stopped, TrainerEvent
from rnnrbm_gui.engine.training_events import Checked, Plan, Trained

STOP_S = 3.0
"""A run that has not ended so long after it was asked to is killed."""

CLOSE_S = 1.5

_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
_PYTHON = (sys.executable, "-P", "-m")  # -P: a json.py in the user's folder is not ours
_FLAGS = getattr(subprocess, "CREATE_NO_WINDOW", 0) | getattr(
    subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0
)


class Trainer:
    """Starts, pauses and ends one run at a time.

    Each run ends with exactly one event of ``Trained``, ``CorpusFound``, ``Stopped`` or ``Failed``.
    """

    def __init__(self) -> None:
        self._run: _Run | None = None

    @property
    def busy(self) -> bool:
        """Whether a run has begun whose end has not been polled yet."""
        return self._run is not None

    @property
    def job(self) -> Job | None:
        """What is being done."""
        return self._run.job if self._run else None

    @property
    def paused(self) -> bool:
        """Whether the run stands still on request."""
        return self._run is not None and self._run.paused

    @property
    def pid(self) -> int | None:
        """The number of the process at work."""
        return self._run.process.pid if self._run else None

    def start(self, job: Job) -> None:
        """Begin to train as planned, or to read a corpus.

        Raises:
            RuntimeError: another run has not ended yet.
            OSError: no process can be started.
        """
        if self._run is not None:
            raise RuntimeError("one run at a time: stop the other and poll its end first")
        self._run = _Run(job)

    def pause(self) -> None:
        """Let the run stand still at its next event."""
        if self._run is not None:
            self._run.pause(True)

    def resume(self) -> None:
        """Let a paused run go on."""
        if self._run is not None:
            self._run.pause(False)

    def stop(self) -> None:
        """End the run; the best model so far stays in the plan's file."""
        if self._run is not None:
            self._run.stop()

    def drop(self) -> None:
        """End the run at once and without a word; a model it was writing is whole or not there."""
        run, self._run = self._run, None
        if run is not None:
            run.process.kill()
            run.end(CLOSE_S)

    def poll(self) -> list[TrainerEvent]:
        """Return what has happened since the last call, in order."""
        if self._run is None:
            return []
        events = self._run.poll()
        if self._run.over:
            self._run = None
        return events

    def close(self) -> None:
        """End the run and its process now; wait for it up to 1.5 s, then kill it."""
        run, self._run = self._run, None
        if run is not None:
            run.stop()
            run.end(CLOSE_S)


def _model_before(job: Job) -> Path | None:
    """Return the model that a run goes on from, where it does."""
    return job.out if isinstance(job, Plan) and job.resume and job.out.exists() else None


class _Run:
    """One process, the pipes to it, and a thread that reads its events."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.paused = self.over = False
        self._kept = _model_before(job)
        self._stop_by_s: float | None = None
        self._concluded = self._heard_all = False
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        self.process = subprocess.Popen(
            [*_PYTHON, "rnnrbm_gui.engine.trainer_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, **_ONE_THREAD},
            creationflags=_FLAGS,
        )
        self._heard: queue.SimpleQueue[TrainerEvent | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, name="trainer reports", daemon=True)
        self._reader.start()
        self._tell(job)

    def pause(self, paused: bool) -> None:
        if self._stop_by_s is None and paused != self.paused:
            self.paused = paused
            self._tell("pause" if paused else "resume")

    def stop(self) -> None:
        if self._stop_by_s is None:
            self._stop_by_s = monotonic() + STOP_S
            self.paused = False
            self._tell("stop")

    def poll(self) -> list[TrainerEvent]:
        events: list[TrainerEvent] = []
        while not self._heard_all and not self._heard.empty():
            event = self._heard.get_nowait()
            if event is None:
                self._heard_all = True
            else:
                self._take(event)
                events.append(event)
        if self._stop_by_s is not None and monotonic() > self._stop_by_s:
            self.process.kill()
        if self._heard_all and self.process.poll() is not None:
            last_words = self.end(0.0)
            if not self._concluded:
                events.append(self._conclusion(last_words))
            self.over = True
        return events

    def end(self, limit_s: float) -> str:
        """Wait for the process, kill it after ``limit_s``; return the last line of its errors."""
        try:
            self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(1.0)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(OSError):  # what could not be written any more
            self.process.stdin.close()
        self.process.stdout.close()
        if self._errors.closed:
            return ""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        self._errors.close()
        return lines[-1] if lines else ""

    def _take(self, event: TrainerEvent) -> None:
        if isinstance(event, Checked) and event.is_best and isinstance(self.job, Plan):
            self._kept = self.job.out
        if isinstance(event, Trained | CorpusFound | Failed):
            self._concluded = True

    def _conclusion(self, last_words: str) -> Stopped | Failed:
        """Return what became of a run that has ended without a word on it."""
        if self._stop_by_s is not None:
            return Stopped(self._kept)
        status = self.process.returncode
        why = f"signal {-status}" if status < 0 else last_words or f"status {status}"
        if status == -9:
            why += ": perhaps the memory ran out"
        what = "Training" if isinstance(self.job, Plan) else "Reading the corpus"
        kept = f" The best model so far is kept as “{self._kept.stem}”." if self._kept else ""
        return Failed(f"{what} ended unexpectedly ({why}).{kept}")

    def _tell(self, words: Job | Word) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # the process has ended; its end is told by ``poll``
            pickle.dump(words, self.process.stdin)
            self.process.stdin.flush()

    def _read(self) -> None:
        assert self.process.stdout is not None
        try:
            # An event cut short by the process's end raises any of these; that end is told.
            with contextlib.suppress(EOFError, OSError, ValueError, pickle.UnpicklingError):
                while True:
                    self._heard.put(pickle.load(self.process.stdout))
        finally:
            self._heard.put(None)
