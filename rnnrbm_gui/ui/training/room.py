"""Training as the app does it: the run in its process, the window on it, and the music.

The window is made, and pyqtgraph imported, when it is first opened. Hiding it leaves the run
going; the end of the app ends it, and the best model so far is on disk.
"""

from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from msgspec.structs import replace
from PySide6.QtCore import QObject, QTimer

from rnnrbm_gui.data.model_file import StoredModel, save_model
from rnnrbm_gui.engine.trainer import Trainer
from rnnrbm_gui.engine.trainer_events import (
    CorpusFound,
    Failed,
    Reading,
    Sampled,
    Stopped,
    TrainerEvent,
)
from rnnrbm_gui.engine.training_events import Checked, Course, Measuring, Plan, Trained
from rnnrbm_gui.engine.training_report import time_left
from rnnrbm_gui.errors import UserError
from rnnrbm_gui.ui.model_shelf import all_models, learning_path
from rnnrbm_gui.ui.theme import Theme
from rnnrbm_gui.ui.training.stage import (
    Stage,
    course_words,
    failure_words,
    measuring_words,
)

if TYPE_CHECKING:
    from rnnrbm_gui.ui.main_window import MainWindow
    from rnnrbm_gui.ui.training.window import TrainingWindow

POLL_MS = 100
LISTEN_MS = 30
AT_LAST_S = 1.0
"""A sample asked for so long ago that is not heard will not be."""


class Training(QObject):
    """Joins trainer, training window, main window and engine.

    Thread: GUI.
    """

    def __init__(self, main: "MainWindow") -> None:
        super().__init__(main)
        self._main = main
        self.window: TrainingWindow | None = None
        self._theme: Theme | None = None
        self._trainer, self._reader = Trainer(), Trainer()
        self._plan: Plan | None = None
        self._course: Course | None = None
        self._measuring: Measuring | None = None
        self._latest: StoredModel | None = None
        self._latest_path: Path | None = None  # where it lies, as far as it does
        self._update = 0
        self._read_last: Path | None = None
        self._poll = QTimer(self, interval=POLL_MS)
        self._poll.timeout.connect(self.poll)
        self._asked_s: float | None = None
        self._listen = QTimer(self, interval=LISTEN_MS)
        self._listen.timeout.connect(self._follow_listening)
        main.status.training.clicked.connect(lambda: self.open())

    # -- the window --------------------------------------------------------------------------

    def open(self, corpus: Path | None = None) -> None:
        """Show the training window, with a corpus where one is given."""
        window = self.window or self._make()
        window.show()
        window.raise_()
        window.activateWindow()
        if corpus is not None and not self._trainer.busy:
            window.corpus.choose(corpus)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of a theme."""
        self._theme = theme
        if self.window is not None:
            self.window.set_theme(theme)

    def close(self) -> None:
        """End the run, the best model so far is kept, and everything else with it."""
        self._poll.stop()
        self._listen.stop()
        self._reader.drop()
        self._trainer.close()
        if self.window is not None:
            self.window.close()
            self.window.deleteLater()
            self.window = None

    def _make(self) -> "TrainingWindow":
        from rnnrbm_gui.ui.training.window import TrainingWindow  # imports pyqtgraph: half a second

        window = self.window = TrainingWindow()
        if self._theme is not None:
            window.set_theme(self._theme)
        window.corpus.chosen.connect(self._read)
        window.corpus.cancelled.connect(self._cancel_reading)
        window.started.connect(self.start)
        window.paused.connect(self.pause)
        window.stopped.connect(self.stop)
        window.hidden.connect(self._hidden)
        window.panicked.connect(self._main.panic)
        window.sample.listened.connect(self.listen)
        window.sample.play_now_requested.connect(self.play_now)
        window.sample.set_playable(False)
        window.say("Choose the music it is to learn from.", 0.0)
        return window

    def _hidden(self) -> None:
        self.listen(None)

    def _say(self, sentence: str, *, error: bool = False) -> None:
        """Say a sentence where the user looks."""
        if self.window is not None and self.window.isVisible():
            self.window.messages.say(sentence, error=error)
        else:
            self._main.messages.say(sentence, error=error)

    # -- the corpus --------------------------------------------------------------------------

    def _read(self, reading: Reading) -> None:
        assert self.window is not None
        self._reader.drop()
        another, self._read_last = reading.data != self._read_last, reading.data
        name = reading.data.name if reading.data.is_dir() else reading.data.stem
        if not self._begin(self._reader, reading):
            return
        if another:
            self.window.form.propose(name)
        self.window.corpus.set_reading(True)
        self.window.set_stage(self.window.stage)
        self.window.progress.show()
        self.window.say(f"Reading {name} …")

    def _cancel_reading(self) -> None:
        self._reader.drop()
        self._reading_over("Reading was cancelled; it can be trained on all the same.")

    def _reading_over(self, words: str) -> None:
        assert self.window is not None
        self.window.corpus.set_reading(False)
        if words:
            self.window.corpus.show_failed(words)
        if self._trainer.busy:
            return
        self.window.set_stage(self.window.stage)
        self.window.say("Press Start when you are ready." if not words else "", 0.0)

    def _take_reading(self, event: TrainerEvent) -> None:
        assert self.window is not None
        if isinstance(event, CorpusFound):
            self._reading_over("")
            self.window.corpus.show_found(event)
        elif isinstance(event, Failed):
            self.window.corpus.unreadable = True
            self._reading_over(event.sentence)
            self._say(event.sentence, error=True)

    # -- the run -----------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to train what the window shows."""
        window = self.window
        if window is None or self._trainer.busy or (reading := window.corpus.reading) is None:
            return
        window.corpus.set_reading(False)  # what is being read goes on beside, and is told
        if window.form.problem:
            self._say(window.form.problem, error=True)
            return
        plan = window.form.plan(reading, onsets=window.corpus.onsets.isChecked())
        try:
            plan.out.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._say(f"“{plan.out.parent}” cannot be made ({error.strerror}).", error=True)
            return
        if not self._begin(self._trainer, plan):
            return
        self._plan = plan
        self._course, self._latest, self._measuring = None, None, None
        window.begin(anew=not plan.resume)
        window.sample.set_playable(False)
        window.set_stage(Stage.STARTING)
        window.say(f"Getting ready to learn from {reading.data.stem} …")

    def _begin(self, trainer: Trainer, job: Plan | Reading) -> bool:
        try:
            trainer.start(job)
        except OSError as error:
            self._say(f"No process can be started for it ({error.strerror}).", error=True)
            return False
        self._poll.start()
        return True

    def pause(self, paused: bool) -> None:
        """Let the run stand still, or go on."""
        if self.window is None or self._course is None or self._measuring is not None:
            return
        if paused:
            self._trainer.pause()
        else:
            self._trainer.resume()
        self._show_progress()

    def stop(self) -> None:
        """End the run; the best model so far is kept."""
        if self.window is not None and self._trainer.busy:
            self._trainer.stop()
            self.window.set_stage(Stage.STOPPING)
            self.window.say("Stopping …")

    def poll(self) -> None:
        """Take in what the run and the reader tell."""
        if self._reader.busy:
            for event in self._reader.poll():
                self._take_reading(event)
        if self._trainer.busy:
            self._take(self._trainer.poll())
        if not (self._trainer.busy or self._reader.busy):
            self._poll.stop()

    def _take(self, events: list[TrainerEvent]) -> None:
        assert self.window is not None
        self.window.show_events(events)
        for event in events:
            match event:
                case Course():
                    self._course, self._measuring = event, None
                case Measuring():
                    self._measuring = event
                case Checked():
                    self._latest, self._latest_path = event.stored, None
                    self._update = event.update
                    self.window.sample.set_playable(True)
                    if event.is_best:
                        self._main.panel.set_models(all_models())
                case Trained():
                    self._finish(_trained_words(event))
                    self._latest_path = event.path
                case Stopped():
                    self._finish(event.sentence)
                    self.window.form.offer_to_go_on()
                case Failed():
                    self._finish("")
                    assert self._plan is not None
                    self._say(failure_words(event.sentence, self._plan), error=True)
        # A process that has told its end may be there still: the end is the last word.
        if any(isinstance(event, Course | Measuring) for event in events) and not _ended(events):
            self._show_progress()

    def _show_progress(self) -> None:
        window, course, paused = self.window, self._course, self._trainer.paused
        if window is None or window.stage is Stage.STOPPING:
            return
        if course is None:  # before the first update, the scores are read
            words = self._measuring.words if self._measuring else ""
            if words:
                window.say(words)
        elif self._measuring is not None:
            if paused:  # too late: what is left cannot stand still
                self._trainer.resume()
            window.set_stage(Stage.MEASURING)
            words = measuring_words(self._measuring.words)
            window.say(words, self._measuring.share)
        elif course.update >= course.updates and not paused:
            window.set_stage(Stage.MEASURING)
            words = "Learned; the best model is being measured …"
            window.say(words)
        else:
            share = course.update / course.updates
            window.set_stage(Stage.PAUSED if paused else Stage.LEARNING)
            words = f"{share:.0%}, " + ("paused" if paused else f"{time_left(course.left_s)} left")
            window.say(course_words(course, paused=paused), share)
        if words:
            self._main.status.set_training(f"Training {window.form.path.stem}: {words}")

    def _finish(self, words: str) -> None:
        assert self.window is not None
        self.window.set_stage(Stage.RESTING)
        self.window.say(words, 0.0)
        self._main.status.set_training("")
        self._main.panel.set_models(all_models())
        if words and not self.window.isVisible():
            self._main.messages.say(words)

    # -- the music ---------------------------------------------------------------------------

    def listen(self, sample: Sampled | None) -> None:
        """Let a sample sound from its beginning, or end it."""
        if sample is None:
            self._main.engine.hush()
        else:
            self._main.engine.listen(sample.notes, sample.bpm)
            self._asked_s = monotonic()
            self._listen.start()
            if self.window is not None:
                self.window.sample.set_listening(0.0)

    def _follow_listening(self) -> None:
        tick = self._main.engine.listened_to()
        if tick is not None:
            self._asked_s = None
        elif self._asked_s is None or monotonic() > self._asked_s + AT_LAST_S:
            self._listen.stop()
        if self.window is not None and (tick is not None or not self._listen.isActive()):
            self.window.sample.set_listening(tick)

    def play_now(self) -> None:
        """Let the model as it is now go on with the music on the roll."""
        if self._latest is None:
            self._main.status.say("Nothing is in training yet; Model, Train a model begins it.")
            return
        path, name = self._latest_path, self._latest.header.name
        if path is None:
            path = learning_path()
            header = self._latest.header
            name = f"{name}, {self._update:,} updates"
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                save_model(path, self._latest.model, replace(header, name=name))
            except (UserError, OSError) as error:
                self._say(f"It cannot be played: {error}", error=True)
                return
        main = self._main
        main.load_model(path, keep_tempo=main.wants_to_play)
        if not main.wants_to_play:
            main.toggle_play()
        if self.window is not None and self.window.isVisible():  # and in front of the music
            self.window.messages.say(f"“{name}” plays now, in the main window.")


def _ended(events: list[TrainerEvent]) -> bool:
    """Return whether a run has told that it is over."""
    return any(isinstance(event, Trained | Stopped | Failed) for event in events)


def _trained_words(event: Trained) -> str:
    ll = event.header.figures.get("valid_ll")
    reached = "" if ll is None else f" It reached {ll:.2f} nats a frame on new pieces."
    return f"“{event.path.stem}” has learned all it was to.{reached.replace('-', '−')}"
