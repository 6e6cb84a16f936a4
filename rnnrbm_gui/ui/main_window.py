"""The window: one line of transport, the roll with nearly all the room, one inspector."""

import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QVBoxLayout,
    QWidget,
)

from rnnrbm_gui import paths
from rnnrbm_gui.data.model_file import ModelHeader, load_model
from rnnrbm_gui.data.project_file import Project
from rnnrbm_gui.engine import events
from rnnrbm_gui.engine.constraints import Mode
from rnnrbm_gui.engine.engine import Engine
from rnnrbm_gui.engine.player_client import Replaced
from rnnrbm_gui.engine.timeline import Loop
from rnnrbm_gui.errors import ModelError
from rnnrbm_gui.music.roll import Articulation
from rnnrbm_gui.music.timing import Meter
from rnnrbm_gui.player import protocol
from rnnrbm_gui.player.protocol import BUILT_IN, OutputId
from rnnrbm_gui.ui.bridge import Bridge
from rnnrbm_gui.ui.files import Files
from rnnrbm_gui.ui.menus import Menus
from rnnrbm_gui.ui.messages import MessageStrip
from rnnrbm_gui.ui.roll.canvas import RollCanvas
from rnnrbm_gui.ui.sampler_panel import SamplerPanel
from rnnrbm_gui.ui.session import Session
from rnnrbm_gui.ui.settings import Settings, load_settings, save_settings
from rnnrbm_gui.ui.theme import DARK, LIGHT, stylesheet, system_theme
from rnnrbm_gui.ui.transport_bar import TransportBar

DEFAULT_MODEL = "jsb-chorales.safetensors"
HINT = (
    "Draw a melody here with the mouse,\n"
    "then press Space: the model plays with you.\n"
    "Or just press Space and listen."
)
RESTING_HELP = "Space play/pause   ·   D draw   E erase   S select   ·   ? all shortcuts"


class MainWindow(QMainWindow):
    """Joins the widgets with the session and the engine.

    Thread: GUI. The engine is started after the first paint.
    """

    def __init__(self, engine: Engine, *, remember: bool = True) -> None:
        super().__init__()
        self._remember = remember
        self.engine, self.settings = engine, load_settings() if remember else Settings()
        self.session = Session(engine, self)
        self.canvas, self.transport, self.panel = RollCanvas(), TransportBar(), SamplerPanel()
        self.setWindowTitle("rnnrbm-gui")
        self.setAcceptDrops(True)
        self.resize(self.settings.width, self.settings.height)
        self.meter = Meter()
        self._mode = Mode(self.settings.mode)
        self._articulation = Articulation(self.settings.articulation)
        self._output = OutputId(*self.settings.output) if self.settings.output[0] else BUILT_IN
        self._outputs: tuple[OutputId, ...] = (BUILT_IN,)
        self._output_ok = True
        self._device_said = ""
        self._loop: Loop | None = None
        self._header: ModelHeader | None = None
        self._model_path = self._chosen_model()
        self._pitches: dict[int, int] = {}
        self._lateness_ms: deque[float] = deque(maxlen=100)
        self._clock = QTimer(self, interval=500)
        self._clock.timeout.connect(self._show_resting_status)
        self._hovering = ""
        self._closed = False
        self.messages = MessageStrip(self.canvas)
        self.files = Files(self)
        self._lay_out()
        self._connect()
        self.menus = Menus(self)
        self.bridge = Bridge(engine, self._handlers(), self)
        self.bridge.moved.connect(self._moved)
        self._show_settings()
        self.choose_theme(self.settings.theme)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._system_theme_changed)

    # -- building ----------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self._status = QLabel(RESTING_HELP)
        self._status.setProperty("role", "muted")
        foot = QFrame()
        foot.setProperty("role", "panel")
        foot.setObjectName("status")
        foot.setFixedHeight(30)
        line = QHBoxLayout(foot)
        line.setContentsMargins(16, 0, 16, 0)
        line.addWidget(self._status, 1)
        left = QVBoxLayout()
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(0)
        left.addWidget(self.canvas, 1)
        left.addWidget(foot)
        middle = QHBoxLayout()
        middle.setContentsMargins(0, 0, 0, 0)
        middle.setSpacing(0)
        middle.addLayout(left, 1)
        middle.addWidget(self.panel)
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.transport)
        column.addLayout(middle, 1)
        self.setCentralWidget(whole)
        self.canvas.setFocus()

    def _connect(self) -> None:
        canvas, transport, panel, engine = self.canvas, self.transport, self.panel, self.engine
        canvas.edited.connect(self.session.commit)
        canvas.seek_requested.connect(self._seek)
        canvas.loop_changed.connect(self._loop_drawn)
        canvas.auditioned.connect(engine.audition)
        canvas.status.connect(self._hovered)
        self.session.changed.connect(self._score_changed)
        transport.play_toggled.connect(self.toggle_play)
        transport.stopped.connect(engine.stop)
        transport.rewound.connect(lambda: self._seek(0))
        transport.loop_toggled.connect(self._loop_toggled)
        transport.bpm_changed.connect(self.set_bpm)
        transport.meter_changed.connect(self.set_meter)
        transport.mode_changed.connect(self.set_mode)
        transport.output_chosen.connect(self._choose_output)
        panel.model_chosen.connect(self.load_model)
        panel.sampling_changed.connect(engine.set_sampling)
        panel.articulation_changed.connect(self._set_articulation)
        panel.keep_requested.connect(self.keep)

    def _handlers(self) -> dict[type, Callable[[Any], None]]:
        return {
            events.Generated: self._generated,
            events.Truncated: self._truncated,
            events.Recalled: lambda event: self._set_sounded(event.tick),
            events.Passage: lambda event: self.canvas.set_passage(event.span),
            events.ModelLoaded: self._model_loaded,
            events.Playing: self._playing_changed,
            events.Trouble: lambda event: self.messages.say(event.sentence, error=True),
            protocol.Trouble: lambda event: self.messages.say(event.sentence, error=True),
            Replaced: lambda event: self.show_status(event.sentence),
            protocol.Sounding: self._sounding,
            protocol.Outputs: self._outputs_listed,
            protocol.OutputState: self._output_state,
            protocol.AudioDevice: self._audio_device,
        }

    def _show_settings(self) -> None:
        settings = self.settings
        self.panel.set_sampling(settings.sampling())
        self.panel.set_articulation(self._articulation)
        self.panel.set_models(list(shipped_models()))
        self.transport.set_mode(self._mode)
        self.transport.set_bpm(settings.bpm or 84)
        self.transport.set_outputs(self._outputs, self._output, sounding=True)
        self.canvas.set_following(settings.following)
        self.canvas.set_snap(settings.snap)
        self.canvas.set_empty_hint(HINT)

    def start_engine(self) -> None:
        """Start player, model and kernel; called once the window has painted."""
        engine = self.engine
        engine.set_mode(self._mode)
        engine.set_sampling(self.panel.sampling)
        engine.set_articulation(self._articulation, self.meter)
        engine.set_bpm(self.bpm)
        engine.start(self._model_path)
        engine.open_output(self._output)
        if self._remember:
            self.files.restore()
        self.bridge.start()

    def _chosen_model(self) -> Path:
        name = self.settings.model
        for path in (paths.models() / name, Path(name)):
            if name and path.is_file():
                return path
        return paths.models() / DEFAULT_MODEL

    # -- commands ----------------------------------------------------------------------------

    @property
    def bpm(self) -> float:
        """The tempo shown, quarter notes a minute."""
        return self.transport.bpm.value()

    def toggle_play(self) -> None:
        """Start at the playhead, or pause."""
        if self.engine.playing:
            self.engine.pause()
        else:
            self.engine.play()

    def panic(self) -> None:
        """Silence everything on every channel, and stop."""
        self.engine.pause()
        self.engine.panic()
        self.show_status("Panic: everything is silenced.")

    def keep(self) -> None:
        """Turn what was played into kept notes; the model goes on from them."""
        n_kept = self.session.keep()
        if n_kept:
            self.set_mode(Mode.CONTINUE)
            self.show_status(f"Kept {n_kept} notes; they are yours now, and Undo gives them back.")
        else:
            self.show_status("Nothing to keep yet: press Space and let the model play.")

    def set_mode(self, mode: Mode) -> None:
        """Choose what is done with the drawn notes."""
        self._mode = mode
        self.transport.set_mode(mode)
        self.engine.set_mode(mode)

    def set_bpm(self, bpm: float) -> None:
        """Choose the tempo."""
        self.transport.set_bpm(bpm)
        self.engine.set_bpm(bpm)

    def set_meter(self, meter: Meter) -> None:
        """Choose the metre."""
        self.meter = meter
        self.transport.set_meter(meter)
        self.canvas.set_meter(meter)
        self.engine.set_articulation(self._articulation, meter)

    def _set_articulation(self, articulation: Articulation) -> None:
        self._articulation = articulation
        self.engine.set_articulation(articulation, self.meter)

    def set_snap(self, ticks: int) -> None:
        """Choose the grid."""
        self.settings = replace(self.settings, snap=ticks)
        self.canvas.set_snap(ticks)

    def set_following(self) -> None:
        """Follow the playhead, or no more."""
        following = not self.canvas.following
        self.settings = replace(self.settings, following=following)
        self.canvas.set_following(following)

    def load_model(self, path: Path) -> None:
        """Let another model go on."""
        self.engine.load_model(path)

    def _choose_output(self, output: OutputId) -> None:
        self._output, self._output_ok = output, True
        self.engine.open_output(output)
        self._show_outputs()

    def _seek(self, tick: int) -> None:
        self.engine.seek(tick)
        self._moved(tick)

    def _loop_drawn(self, span: tuple[int, int] | None) -> None:
        self._loop = Loop(*span) if span else None
        self.transport.set_loop(self._loop is not None)
        self.engine.set_loop(self._loop)

    def _loop_toggled(self, on: bool) -> None:
        span = None
        if on:
            first = self.meter.bar_of(int(self.engine.position()))
            drawn_end = self.session.score.end
            bars = -(-drawn_end // self.meter.bar_ticks) * self.meter.bar_ticks
            span = (0, bars) if bars > first else (first, first + 4 * self.meter.bar_ticks)
        self.canvas.set_loop(span)
        self._loop_drawn(span)

    def choose_theme(self, name: str) -> None:
        """Choose "system", "dark" or "light"."""
        self.settings = replace(self.settings, theme=name)
        theme = {"dark": DARK, "light": LIGHT}.get(name) or system_theme()
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.setStyleSheet(stylesheet(theme))
        self.canvas.set_theme(theme)
        self.transport.set_theme(theme)
        self._show_outputs()

    def _system_theme_changed(self) -> None:
        if self.settings.theme == "system":
            self.choose_theme("system")

    def project(self) -> Project:
        """Return what is on the roll, for keeping."""
        sampling = self.panel.sampling
        heard, n_frames = self.session.heard()
        return Project(
            drawn=self.session.score,
            generated=heard,
            generated_frames=n_frames,
            mode=self._mode.value,
            bpm=self.bpm,
            meter=self.meter,
            model=self._model_path.name,
            seed=sampling.seed,
            temperature=sampling.temperature,
            gibbs_steps=sampling.gibbs_steps,
            articulation=self._articulation,
            loop=(self._loop.first, self._loop.last) if self._loop else None,
        )

    def restore(self, project: Project) -> None:
        """Put a kept roll back: drawn notes, what the model had played, and the knobs."""
        path = paths.models() / project.model
        if path.is_file() and path != self._model_path:
            self.load_model(path)
        if project.mode in {mode.value for mode in Mode}:
            self.set_mode(Mode(project.mode))
        self.panel.set_articulation(project.articulation)
        self._articulation = project.articulation
        self.set_meter(project.meter)
        self.set_bpm(project.bpm)
        sampling = Settings(
            seed=project.seed, temperature=project.temperature, gibbs_steps=project.gibbs_steps
        ).sampling()
        self.panel.set_sampling(sampling)
        self.engine.set_sampling(sampling)
        if len(project.drawn):
            self.session.commit("Restore", project.drawn)
        if project.generated_frames:
            self.engine.recall(project.generated.notes, project.generated_frames)
        if project.loop:
            self.canvas.set_loop(project.loop)
            self._loop_drawn(project.loop)
        QTimer.singleShot(0, self, self.canvas.fit)

    # -- what the engine tells ---------------------------------------------------------------

    def _generated(self, event: events.Generated) -> None:
        self.session.take_generated(event)
        self.canvas.set_generated(event.notes, event.from_tick)
        self.canvas.set_available(event.end_tick)
        self._show_glow(event.frame_ticks)

    def _show_glow(self, frame_ticks: int) -> None:
        """Show the probabilities behind the notes that are still coming."""
        if self._header:
            first = self.session.sounded // frame_ticks
            low = self._header.low + self._header.transpose
            rows = np.array(self.session.glow[first:], np.float32).reshape(
                -1, self._header.n_visible
            )
            self.canvas.set_glow(first * frame_ticks, frame_ticks, low, rows)

    def _truncated(self, event: events.Truncated) -> None:
        self.session.take_truncated(event)
        self.canvas.set_generated((), event.tick)
        self.canvas.set_available(event.tick)
        self.canvas.set_sounded(self.session.sounded)

    def _model_loaded(self, event: events.ModelLoaded) -> None:
        header = self._header = event.header
        self._model_path = event.path
        self.panel.show_model(event.path, header)
        low = header.low + header.transpose
        self.canvas.set_model_range(low, low + header.n_visible - 1)

    def _playing_changed(self, event: events.Playing) -> None:
        self.transport.set_playing(event.playing)
        if event.playing:
            self.canvas.set_empty_hint(None)
            self._clock.start()
        else:
            self._clock.stop()
            self._lateness_ms.clear()
            self._pitches.clear()
            self.canvas.set_sounding(frozenset())
            self._moved(self.engine.position())
        self._show_resting_status()

    def _moved(self, tick: float) -> None:
        self.canvas.set_playhead(tick)
        if self.engine.playing and tick > self.session.sounded:
            self._set_sounded(int(tick) + 1)
        self.transport.set_position(tick, self.meter)

    def _set_sounded(self, tick: int) -> None:
        self.session.sounded = tick
        self.canvas.set_sounded(tick)

    def _sounding(self, event: protocol.Sounding) -> None:
        if event.on and event.note_id is not None:
            self._lateness_ms.append(event.lateness_ms)
        count = self._pitches.get(event.pitch, 0) + (1 if event.on else -1)
        if count > 0:
            self._pitches[event.pitch] = count
        else:
            self._pitches.pop(event.pitch, None)
        self.canvas.set_sounding(frozenset(self._pitches))

    def _outputs_listed(self, event: protocol.Outputs) -> None:
        self._outputs = event.outputs
        self._show_outputs()

    def _output_state(self, event: protocol.OutputState) -> None:
        self._output_ok = event.state in ("open", "back")
        self._show_outputs()
        if not self._output_ok:
            self.messages.say(event.sentence, error=True)
        elif event.state == "back":
            self.messages.say(event.sentence)
        self._show_resting_status()

    def _audio_device(self, event: protocol.AudioDevice) -> None:
        self._device_said = event.sentence if event.is_null else ""
        self._show_resting_status()

    def _score_changed(self) -> None:
        score = self.session.score
        self.canvas.set_score(score)
        empty = not len(score) and not self.engine.playing and not self.session.sounded
        self.canvas.set_empty_hint(HINT if empty else None)

    # -- what is shown -----------------------------------------------------------------------

    def _show_outputs(self) -> None:
        self.transport.set_outputs(self._outputs, self._output, sounding=self._output_ok)

    def show_status(self, words: str) -> None:
        """Say what has just happened, in the status line."""
        self._status.setText(words or RESTING_HELP)

    def _hovered(self, words: str) -> None:
        self._hovering = words
        self._show_resting_status()

    def _show_resting_status(self) -> None:
        if self._hovering:
            words = self._hovering
        elif self._output == BUILT_IN and self._device_said:
            words = self._device_said
        elif self.engine.playing:
            words = self._playing_words()
        else:
            words = RESTING_HELP
        self._status.setText(words)

    def show_stumble(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """Turn an error nobody foresaw into a sentence, its traceback into a file."""
        log = paths.state() / "errors.log"
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("a", encoding="utf-8") as file:
                traceback.print_exception(kind, error, trace, file=file)
        except OSError:
            traceback.print_exception(kind, error, trace)
        self.messages.say(f"Something went wrong ({error}); the details are in {log}.", error=True)

    def _playing_words(self) -> str:
        bar = self.meter.bar_ticks
        ahead = max(0, round((self.session.generated_end - self.engine.position()) / bar))
        words = f"Playing to {self._output}   ·   {ahead} bars ahead"
        if self._lateness_ms:
            words += f"   ·   timing within {max(self._lateness_ms):.1f} ms"
        return words

    # -- Qt's own ----------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take MIDI files that are dragged in."""
        if any(_is_midi(Path(url.toLocalFile())) for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open the first MIDI file that is dropped."""
        for url in event.mimeData().urls():
            if _is_midi(Path(url.toLocalFile())):
                self.files.open(Path(url.toLocalFile()))
                event.acceptProposedAction()
                return

    def resizeEvent(self, event: Any) -> None:
        """Keep the message strip across the top of the roll."""
        super().resizeEvent(event)
        self._place_messages()

    def showEvent(self, event: Any) -> None:
        """Place what depends on the final geometry."""
        super().showEvent(event)
        QTimer.singleShot(0, self, partial(self._place_messages))

    def _place_messages(self) -> None:
        self.messages.setGeometry(96, 64, max(240, self.canvas.width() - 120), 46)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Silence everything, keep the roll and the settings for the next start."""
        if not self._closed:
            self._closed = True
            self.hide()
            self.bridge.stop()
            if self._remember:
                self.files.keep_for_next_start()
                save_settings(self._settings_now())
            self.engine.close()
        super().closeEvent(event)

    def _settings_now(self) -> Settings:
        sampling = self.panel.sampling
        shipped = self._model_path.parent == paths.models()
        return replace(
            self.settings,
            model=self._model_path.name if shipped else str(self._model_path),
            output=(self._output.api, self._output.name),
            bpm=self.bpm,
            mode=self._mode.value,
            articulation=self._articulation.value,
            seed=sampling.seed,
            temperature=sampling.temperature,
            gibbs_steps=sampling.gibbs_steps,
            width=self.width(),
            height=self.height(),
        )


def shipped_models() -> list[tuple[Path, str]]:
    """Return path and name of every model that comes with the app, the default one first."""
    found = []
    for path in sorted(paths.models().glob("*.safetensors")):
        try:
            found.append((path, load_model(path).header.name))
        except ModelError:
            continue
    return sorted(found, key=lambda item: item[0].name != DEFAULT_MODEL)


def _is_midi(path: Path) -> bool:
    return path.suffix.lower() in (".mid", ".midi")
