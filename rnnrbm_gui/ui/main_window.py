"""The window: one line of transport, the roll with nearly all the room, one inspector."""

import traceback
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace
from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QGuiApplication, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QHBoxLayout,
    QMainWindow,
    QVBoxLayout,
    QWidget,
)

from rnnrbm_gui import paths
from rnnrbm_gui.data.model_header import ModelHeader
from rnnrbm_gui.engine.choices import Mode, Sampling
from rnnrbm_gui.engine.engine import Engine
from rnnrbm_gui.engine.timeline import Loop
from rnnrbm_gui.music.roll import Articulation
from rnnrbm_gui.music.timing import Meter
from rnnrbm_gui.player.protocol import BUILT_IN, OutputId
from rnnrbm_gui.ui.bridge import Bridge
from rnnrbm_gui.ui.files import Files
from rnnrbm_gui.ui.listener import Listener
from rnnrbm_gui.ui.menus import Menus
from rnnrbm_gui.ui.messages import MessageStrip
from rnnrbm_gui.ui.model_shelf import all_models, model_to_start_with
from rnnrbm_gui.ui.roll.canvas import RollCanvas
from rnnrbm_gui.ui.sampler_panel import SamplerPanel
from rnnrbm_gui.ui.session import Session
from rnnrbm_gui.ui.settings import Settings, load_settings, save_settings
from rnnrbm_gui.ui.status_line import StatusLine
from rnnrbm_gui.ui.steps import Steps
from rnnrbm_gui.ui.tempo import Tempo
from rnnrbm_gui.ui.theme import DARK, LIGHT, stylesheet, system_theme
from rnnrbm_gui.ui.transport_bar import TransportBar

if TYPE_CHECKING:
    from rnnrbm_gui.ui.training.room import Training

SMALLEST = QSize(1120, 560)
HINT = (
    "Draw a melody here with the mouse\n"
    "then press Space: the model plays with you, live.\n"
    "Or press Space right away and listen to what it has in mind."
)


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
        self.setMinimumSize(SMALLEST)
        self.setAcceptDrops(True)
        size = QSize(self.settings.width, self.settings.height)
        self.resize(size.boundedTo(self.screen().availableSize()))
        self.mode = Mode(self.settings.mode)
        self.articulation = Articulation(self.settings.articulation)
        self.output = OutputId(*self.settings.output) if self.settings.output[0] else BUILT_IN
        self.loop: Loop | None = None
        self.model_path = model_to_start_with(self.settings.model)
        self.closed = False
        self.wants_to_play = False
        self.tempo = Tempo(self.transport, engine, self.settings.bpm)
        self._chosen: Path | None = None  # a model not there yet, which draws best in its own way
        self._last_loop: tuple[int, int] | None = None
        self.messages = MessageStrip(self.canvas)
        self.status = StatusLine(engine, self.session)
        self.steps = Steps(self.session, self.status.did)
        self._listener = Listener(self)
        self.files = Files(self)
        self._lay_out()
        self._connect()
        self.menus = Menus(self)
        self.bridge = Bridge(engine, self._listener.handlers, self)
        self.bridge.moved.connect(self._listener.moved)
        self._show_settings()
        self.choose_theme(self.settings.theme)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._system_theme_changed)

    # -- building ----------------------------------------------------------------------------

    def _lay_out(self) -> None:
        left = QVBoxLayout()
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(0)
        left.addWidget(self.canvas, 1)
        left.addWidget(self.status)
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
        canvas.seek_requested.connect(self.seek)
        canvas.loop_changed.connect(self._loop_drawn)
        canvas.auditioned.connect(engine.audition)
        canvas.status.connect(self.status.hover)
        self.session.changed.connect(self._score_changed)
        transport.play_toggled.connect(self.toggle_play)
        transport.stopped.connect(engine.stop)
        transport.rewound.connect(lambda: self.seek(0))
        transport.panicked.connect(self.panic)
        transport.loop_toggled.connect(self._loop_toggled)
        transport.bpm_changed.connect(self.tempo.set)
        transport.meter_changed.connect(self.set_meter)
        transport.mode_changed.connect(self.set_mode)
        transport.output_chosen.connect(self._choose_output)
        panel.model_chosen.connect(self.load_model)
        panel.sampling_changed.connect(engine.set_sampling)
        panel.articulation_changed.connect(self.set_articulation)
        panel.keep_requested.connect(self.keep)
        # What was typed or chosen is done: the keys belong to the roll again.
        for field in (transport.bpm.lineEdit(), panel.seed):
            field.returnPressed.connect(canvas.setFocus)
        for box in (transport.meter, transport.output, panel.model, panel.articulation):
            box.view().pressed.connect(canvas.setFocus)  # by keys one may go on choosing

    def _show_settings(self) -> None:
        settings = self.settings
        self.panel.set_sampling(settings.sampling())
        self.panel.set_articulation(self.articulation)
        self.panel.set_models(all_models())
        self.transport.set_mode(self.mode)
        self.menus.show_mode(self.mode)
        self._listener.show_outputs()
        self.canvas.set_following(settings.following)
        self.canvas.set_snap(settings.snap)
        self.canvas.set_empty_hint(HINT)

    def take_up(self) -> None:
        """Start the player, tell the engine what is chosen, put back what was kept."""
        engine = self.engine
        engine.start_player()
        engine.set_mode(self.mode)
        engine.set_sampling(self.panel.sampling)
        engine.set_articulation(self.articulation)
        engine.set_meter(self.session.meter)
        if self.settings.bpm:  # an earlier version kept each model's own tempo, too
            self.tempo.restore(self.settings.bpm, self.model_path)
        engine.set_bpm(self.tempo.bpm)
        engine.open_output(self.output)
        if self._remember:
            self.files.restore()

    def start_engine(self) -> None:
        """Start the model and, beside it, the kernel; ``take_up`` comes before."""
        self.engine.start(self.model_path)
        self.bridge.start()

    # -- commands ----------------------------------------------------------------------------

    def toggle_play(self) -> None:
        """Start at the playhead, or pause."""
        self.wants_to_play = not self.wants_to_play
        if self.wants_to_play:
            self.engine.play()
            self.transport.set_playing(True)  # also while the music waits for the model
            self.status.set_playing(True)
        else:
            self.engine.pause()

    def panic(self) -> None:
        """Silence everything on every channel, and stop."""
        self.engine.panic()
        self.status.say("Panic: everything is silenced.")

    def keep(self) -> None:
        """Turn what was played into kept notes; the model goes on from them."""
        before, mode, heard = self.session.score, self.mode, self.session.heard()
        n_kept = self.session.keep()
        if not n_kept:
            self.status.say("Nothing to keep yet: press Space and let the model play.")
            return

        def undo() -> None:
            self.set_mode(mode)
            self.session.recall(self.session.heard_after(heard))

        self.steps.add(before, undo, partial(self.set_mode, Mode.CONTINUE))
        self.set_mode(Mode.CONTINUE)
        self.status.say(f"Kept {n_kept} notes; they are yours now, and Undo gives them back.")

    def adopt(self, path: Path, header: ModelHeader) -> None:
        """Take over a model's own tempo, where nobody has set another, and how it draws best.

        Its metre too, where there is nothing on the roll yet that has one.
        """
        self.tempo.adopt(header.bpm)
        if path == self._chosen:
            self._chosen = None
            if not (self.session.score.notes or self.wants_to_play):
                self.set_meter(Meter.of(header.meter))
            seed = self.panel.sampling.seed
            self.set_sampling(Sampling(seed, header.temperature, header.gibbs_steps))

    def set_sampling(self, sampling: Sampling) -> None:
        """Choose how the model draws."""
        self.panel.set_sampling(sampling)
        self.engine.set_sampling(sampling)

    def set_mode(self, mode: Mode) -> None:
        """Choose what is done with the drawn notes."""
        self.mode = mode
        self.transport.set_mode(mode)
        self.menus.show_mode(mode)
        self.engine.set_mode(mode)

    def set_meter(self, meter: Meter) -> None:
        """Choose the metre."""
        self.session.meter = meter
        self.transport.set_meter(meter)
        self.canvas.set_meter(meter)
        self.engine.set_meter(meter)
        self.transport.set_position(self.canvas.playhead, meter)

    def set_articulation(self, articulation: Articulation) -> None:
        """Choose what repeated notes do."""
        self.articulation = articulation
        self.panel.set_articulation(articulation)
        self.engine.set_articulation(articulation)

    def set_snap(self, ticks: int) -> None:
        """Choose the grid."""
        self.settings = replace(self.settings, snap=ticks)
        self.canvas.set_snap(ticks)

    def set_following(self) -> None:
        """Follow the playhead, or no more."""
        following = not self.canvas.following
        self.settings = replace(self.settings, following=following)
        self.canvas.set_following(following)

    def load_model(self, path: Path, *, keep_tempo: bool = False) -> None:
        """Let another model go on: at its own tempo, unless another was set or is to stay."""
        self.tempo.held, self._chosen = keep_tempo, path
        self.engine.load_model(path)

    def _choose_output(self, output: OutputId) -> None:
        self.output = output
        self.engine.open_output(output)
        self._listener.output_chosen()

    def seek(self, tick: int) -> None:
        """Put the playhead at a tick."""
        self.engine.seek(tick)
        self._listener.moved(tick)

    def set_loop(self, span: tuple[int, int] | None) -> None:
        """Mark a loop and repeat it, or take it away."""
        self.canvas.set_loop(span)
        self._loop_drawn(span)

    def _loop_drawn(self, span: tuple[int, int] | None) -> None:
        self.loop = Loop(*span) if span else None
        self._last_loop = span or self._last_loop
        self.transport.set_loop(self.loop is not None)
        self.engine.set_loop(self.loop)

    def _loop_toggled(self, on: bool) -> None:
        span = self._last_loop if on else None
        if on and span is None:
            first = self.session.meter.bar_of(int(self.engine.position()))
            drawn_end = self.session.score.end
            bars = -(-drawn_end // self.session.meter.bar_ticks) * self.session.meter.bar_ticks
            span = (0, bars) if bars > first else (first, first + 4 * self.session.meter.bar_ticks)
        self.set_loop(span)

    @cached_property
    def training(self) -> "Training":
        """What trains a model and shows it; made when it is first asked for."""
        from rnnrbm_gui.ui.training.room import Training  # which the first paint does without

        training = Training(self)
        training.set_theme(self.canvas.theme)
        return training

    def choose_theme(self, name: str) -> None:
        """Choose "system", "dark" or "light"."""
        self.settings = replace(self.settings, theme=name)
        theme = {"dark": DARK, "light": LIGHT}.get(name) or system_theme()
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.setStyleSheet(stylesheet(theme))
        self.canvas.set_theme(theme)
        self.transport.set_theme(theme)
        if "training" in vars(self):
            self.training.set_theme(theme)
        self._listener.show_outputs()

    def _system_theme_changed(self) -> None:
        if self.settings.theme == "system":
            self.choose_theme("system")

    def _score_changed(self) -> None:
        self.canvas.set_score(self.session.score)
        self.show_hint()

    def show_hint(self) -> None:
        """Tell what one can do while there is nothing on the roll but what is coming."""
        busy = len(self.session.score) or self.engine.playing or self.session.sounded
        self.canvas.set_empty_hint(None if busy else HINT)

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

    # -- Qt's own ----------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Let Enter press the button that has the focus, for Space plays."""
        button = self.focusWidget()
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and isinstance(button, QAbstractButton):
            if not event.isAutoRepeat():
                button.click()
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take MIDI files that are dragged in, and folders of them."""
        if any(_is_welcome(Path(url.toLocalFile())) for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open the first MIDI file that is dropped; a folder is there to be trained on."""
        for path in (Path(url.toLocalFile()) for url in event.mimeData().urls()):
            if _is_welcome(path):
                event.acceptProposedAction()
                (self.training.open if path.is_dir() else self.files.open)(path)
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
        if not self.closed:
            self.closed = True
            self.hide()
            self.bridge.stop()
            try:
                if self._remember:
                    self.files.keep_for_next_start()
                    save_settings(self._settings_now())
            finally:
                self.engine.close()
                if "training" in vars(self):
                    self.training.close()
        super().closeEvent(event)

    def _settings_now(self) -> Settings:
        sampling = self.panel.sampling
        shipped = self.model_path.parent == paths.models()
        return replace(
            self.settings,
            model=self.model_path.name if shipped else str(self.model_path),
            output=(self.output.api, self.output.name),
            bpm=self.tempo.set_bpm,
            mode=self.mode.value,
            articulation=self.articulation.value,
            seed=sampling.seed,
            temperature=sampling.temperature,
            gibbs_steps=sampling.gibbs_steps,
            width=self.width(),
            height=self.height(),
        )


def _is_welcome(path: Path) -> bool:
    return path.suffix.lower() in (".mid", ".midi") or path.is_dir()
