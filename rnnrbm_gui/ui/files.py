"""Opening and saving from the window; reading happens off the GUI thread."""

import os
import queue
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QLockFile, QObject, QTimer

from rnnrbm_gui import paths
from rnnrbm_gui.data.midi_file import MidiSong, read_midi
from rnnrbm_gui.data.project_file import Project, load_project, save_project
from rnnrbm_gui.engine.choices import Mode
from rnnrbm_gui.errors import FileError
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.ui.session import Heard
from rnnrbm_gui.ui.settings import Settings

if TYPE_CHECKING:
    from rnnrbm_gui.ui.main_window import MainWindow

AUTOSAVE_MS, EDITED_MS = 30_000, 5_000
"""The roll is kept so often, and so long after the last edit."""
LOCK = ".lock"
FILTER = "MIDI files (*.mid *.midi)"


def last_path() -> Path:
    """Return where the roll waits for the next start."""
    return paths.state() / "last.rnnrbm"


class Files(QObject):
    """File commands of one window, its autosave, and what is restored at the start."""

    def __init__(self, window: "MainWindow") -> None:
        super().__init__(window)
        self._window = window
        self._folder = Path.home()
        self._read: queue.SimpleQueue[tuple[Path, MidiSong | FileError]] = queue.SimpleQueue()
        self._reading = 0
        self._token = f"{os.getpid()}-{time.time_ns():x}"
        self._put_back_last: Project | None = None
        self._poll = QTimer(self, interval=20)
        self._poll.timeout.connect(self._take_read)
        self._saved: object = None
        self._autosave = QTimer(self, interval=AUTOSAVE_MS)
        self._autosave.timeout.connect(self._save_running)
        self._edited = QTimer(self, singleShot=True, interval=EDITED_MS)
        self._edited.timeout.connect(self._save_running)
        window.session.changed.connect(self._edited.start)
        self._running = QLockFile(str(self.autosave_path.with_suffix(LOCK)))
        self._running.setStaleLockTime(0)  # stale only when its process is gone

    def new(self) -> None:
        """Clear the roll: the drawn notes, one undo step, and what the model has played."""
        window, session = self._window, self._window.session
        before, heard, loop = session.score, session.heard(), window.loop

        def clear() -> None:
            window.set_loop(None)
            window.engine.stop()
            session.sounded = 0
            session.recall(Heard())
            window.canvas.set_sounded(0)
            window.show_hint()

        def give_back() -> None:
            window.engine.stop()
            session.recall(heard)
            window.set_loop((loop.first, loop.last) if loop else None)

        window.engine.stop()
        if before.notes or heard.notes or loop:
            session.commit("New roll", Score(), always=True)
            window.steps.add(before, give_back, clear)
            window.status.did("New roll; Undo gives the old one back.")
        clear()

    def ask_open(self) -> None:
        """Ask for a MIDI file and open it."""
        from PySide6.QtWidgets import QFileDialog  # 1 ms that no start waits for

        name, _ = QFileDialog.getOpenFileName(
            self._window, "Open a MIDI file as the seed", str(self._folder), FILTER
        )
        if name:
            self.open(Path(name))

    def open(self, path: Path) -> None:
        """Read a MIDI file on a thread of its own and put it on the roll."""
        self._folder = path.parent

        def read() -> None:
            try:
                self._read.put((path, read_midi(path)))
            except FileError as error:
                self._read.put((path, error))
            except Exception as error:
                self._read.put((path, FileError(f"“{path.name}” cannot be read: {error}.")))

        self._reading += 1
        threading.Thread(target=read, name="read-midi", daemon=True).start()
        self._window.status.say(f"Reading {path.name} …")
        self._poll.start()

    def _take_read(self) -> None:
        if self._read.empty():
            return
        path, song = self._read.get_nowait()
        self._reading -= 1
        if not self._reading:
            self._poll.stop()
        window = self._window
        window.status.say("")
        if isinstance(song, FileError):
            window.messages.say(str(song), error=True)
            return
        window.engine.stop()
        before, tempo, meter = window.session.score, window.tempo.now, window.session.meter

        def turn() -> None:
            window.set_meter(song.meter)
            window.tempo.set(song.bpm)

        def turn_back() -> None:
            if window.messages.sentence == words:
                window.messages.hide()
            window.set_meter(meter)
            window.tempo.go_back(tempo)

        turn()
        window.session.open_song(song, path.name)
        window.steps.add(before, turn_back, turn)
        window.canvas.fit()
        told = f"{len(song.score)} notes from {path.name} are on the roll."
        words = " ".join((told, *song.remarks))
        window.messages.say(words)

    def ask_model(self) -> None:
        """Ask for a model file and let it go on."""
        from PySide6.QtWidgets import QFileDialog

        name, _ = QFileDialog.getOpenFileName(
            self._window, "Open a model", str(paths.own_models()), "Models (*.safetensors)"
        )
        if name:
            self._window.load_model(Path(name))

    def ask_save(self) -> None:
        """Ask where, and save what is on the roll as MIDI."""
        from PySide6.QtWidgets import QFileDialog  # 1 ms that no start waits for

        name, _ = QFileDialog.getSaveFileName(
            self._window, "Save what is on the roll", str(self._folder / "roll.mid"), FILTER
        )
        if name:
            path = Path(name)
            self.save(
                path if path.suffix.lower() in (".mid", ".midi") else path.with_suffix(".mid")
            )

    def save(self, path: Path) -> None:
        """Save what is on the roll as MIDI."""
        self._folder = path.parent
        window = self._window
        try:
            words = window.session.save_midi(path, bpm=window.tempo.bpm)
        except FileError as error:
            window.messages.say(str(error), error=True)
        else:
            window.messages.say(words)

    # -- never lost --------------------------------------------------------------------------

    def restore(self) -> None:
        """Put back what was on the roll when the app last ended, however it ended."""
        try:
            paths.state().mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._window.messages.say(
                f"The roll will not be kept: {paths.state()} cannot be made ({error.strerror}).",
                error=True,
            )
            return
        self._running.tryLock(0)
        self._autosave.start()
        crashed = self._orphans()
        for path in (*crashed, last_path()):
            if not path.exists():
                continue
            try:
                project = load_project(path)
            except FileError as error:
                self._window.messages.say(str(error), error=True)
                continue
            if not len(project.drawn) and not project.generated_frames:
                path.unlink(missing_ok=True)
                continue
            self._put_back(project)
            if path in crashed:
                path.replace(self.autosave_path)  # kept until this instance has its own
                kept_at = time.localtime(self.autosave_path.stat().st_mtime)
                self._window.messages.say(
                    "The app ended unexpectedly; what was on the roll at "
                    f"{time.strftime('%H:%M:%S', kept_at)} is back."
                )
            break

    def _put_back(self, project: Project) -> None:
        """Put drawn notes, what the model had played, and the knobs as they were."""
        window = self._window
        path = window.model_path
        if project.model != path.name:
            path = paths.models() / project.model
            if path.is_file():
                window.load_model(path)
        if project.mode in {mode.value for mode in Mode}:
            window.set_mode(Mode(project.mode))
        window.set_articulation(project.articulation)
        window.set_meter(project.meter)
        window.tempo.restore(project.bpm, path)
        window.set_sampling(
            Settings(
                seed=project.seed, temperature=project.temperature, gibbs_steps=project.gibbs_steps
            ).sampling()
        )
        window.session.start_from(project.drawn)
        if project.generated_frames:
            self._put_back_last = project
            window.engine.recall(project.generated.notes, project.generated_frames)
        if project.loop:
            window.set_loop(project.loop)
        QTimer.singleShot(0, window, window.canvas.fit)

    def _project(self) -> Project:
        window = self._window
        heard, n_frames, _ = window.session.heard()
        waiting = self._put_back_last
        if waiting is not None and not window.session.sounded_once:
            # The model that shall go on from it has not been loaded yet.
            heard, n_frames = waiting.generated.notes, waiting.generated_frames
        sampling, loop = window.panel.sampling, window.loop
        return Project(
            drawn=window.session.score,
            generated=Score.of(heard),
            generated_frames=n_frames,
            mode=window.mode.value,
            bpm=window.tempo.bpm,
            meter=window.session.meter,
            model=window.model_path.name,
            seed=sampling.seed,
            temperature=sampling.temperature,
            gibbs_steps=sampling.gibbs_steps,
            articulation=window.articulation,
            loop=(loop.first, loop.last) if loop else None,
        )

    @property
    def autosave_path(self) -> Path:
        """Where this instance keeps its roll while it runs; a lock beside it says that it does."""
        return paths.state() / f"running-{self._token}.rnnrbm"

    def _orphans(self) -> list[Path]:
        """Return the rolls of instances that ended without a word, newest first."""
        found = []
        for path in paths.state().glob("running-*.rnnrbm"):
            lock = QLockFile(str(path.with_suffix(LOCK)))
            lock.setStaleLockTime(0)
            if path != self.autosave_path and lock.tryLock(0):
                lock.unlock()
                found.append(path)
        return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)

    def _save_running(self) -> None:
        if self._autosave.isActive() and self._state() != self._saved:
            self._write(self.autosave_path)

    def _state(self) -> object:
        """Return what must have changed for the roll to be worth writing again."""
        window = self._window
        score, sounded = window.session.score, window.session.sounded
        return score, sounded, window.panel.sampling, window.mode, window.tempo.bpm, window.loop

    def keep_for_next_start(self) -> None:
        """Write the roll so that the next start finds it."""
        if not self._autosave.isActive():
            return  # what the last start left was never put back: it stays
        self._autosave.stop()
        if self._write(last_path()):
            self.autosave_path.unlink(missing_ok=True)
        self._running.unlock()

    def _write(self, path: Path) -> bool:
        project = self._project()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            save_project(path, project)
        except (FileError, OSError) as error:
            self._window.messages.say(f"The roll could not be kept: {error}", error=True)
            return False
        self._saved = self._state()
        return True
