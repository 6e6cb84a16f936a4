"""The training window: what is to be learned at the left, how it goes at the right."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QKeySequence,
    QShortcut,
)
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from rnnrbm_gui.engine.trainer_events import Sampled, TrainerEvent
from rnnrbm_gui.engine.training_events import Checked, Course, Remark
from rnnrbm_gui.ui.messages import MessageStrip
from rnnrbm_gui.ui.theme import Theme
from rnnrbm_gui.ui.training.card import label
from rnnrbm_gui.ui.training.corpus_chooser import CorpusChooser
from rnnrbm_gui.ui.training.curves import GradientCurves, LikelihoodCurve, ObjectiveCurve
from rnnrbm_gui.ui.training.plan_form import PlanForm
from rnnrbm_gui.ui.training.sample_card import SampleCard
from rnnrbm_gui.ui.training.stage import Stage
from rnnrbm_gui.ui.training.weight_picture import WeightCard

SMALLEST, USUAL = QSize(1080, 700), QSize(1280, 800)
LEFT_WIDTH = 312
STEPS = 1000


class TrainingWindow(QMainWindow):
    """Shows what the room tells it, and says what is wanted.

    Closing it only hides it: training goes on.

    Signals:
        started(), paused(bool), stopped(), hidden(), panicked().
    """

    started = Signal()
    paused = Signal(bool)
    stopped = Signal()
    hidden = Signal()
    panicked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("Train a model")
        self.setMinimumSize(SMALLEST)
        self.resize(USUAL.boundedTo(self.screen().availableSize()))
        self.setAcceptDrops(True)
        self.stage = Stage.RESTING
        self.corpus, self.form = CorpusChooser(), PlanForm()
        self.likelihood, self.objective = LikelihoodCurve(), ObjectiveCurve()
        self.gradients, self.weights = GradientCurves(), WeightCard()
        self.sample = SampleCard()
        self.start = self._button("Start", "Begin to learn  (Ctrl+Return)", self.started.emit)
        self.start.setProperty("role", "primary")
        self.pause = self._button("Pause", "", self._pause_clicked)
        self.stop = self._button(
            "Stop", "End the training; the best model so far is kept  (Ctrl+E)", self.stopped.emit
        )
        self.progress = QProgressBar(textVisible=False)
        self.progress.setRange(0, STEPS)
        self.progress.setFixedHeight(4)
        self.progress.setAccessibleName("Progress")
        self.line = label("", "muted")
        self.warning = QLabel(wordWrap=True)
        self.warning.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._lay_out()
        self.messages = MessageStrip(self.right)
        self._add_shortcuts()
        self.set_stage(Stage.RESTING)

    def _button(self, words: str, tip: str, call: Callable[[], object]) -> QPushButton:
        button = QPushButton(words)
        button.setToolTip(tip)
        button.clicked.connect(lambda: call())
        return button

    def _lay_out(self) -> None:
        fields = QWidget()
        column = QVBoxLayout(fields)
        column.setContentsMargins(16, 18, 16, 12)
        column.setSpacing(8)
        column.addWidget(label("MUSIC TO LEARN FROM", "section"))
        column.addWidget(self.corpus, 1)
        column.addSpacing(8)
        column.addWidget(self.form)
        scrolled = QScrollArea()
        scrolled.setWidget(fields)
        scrolled.setWidgetResizable(True)
        scrolled.setFrameShape(QFrame.Shape.NoFrame)
        scrolled.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(16, 4, 16, 14)
        buttons.setSpacing(8)
        for button in (self.start, self.pause, self.stop):
            buttons.addWidget(button, 1)
        left = QFrame()
        left.setProperty("role", "panel")
        left.setFixedWidth(LEFT_WIDTH)
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(scrolled, 1)
        column.addLayout(buttons)

        self.strip = QFrame()
        self.strip.setProperty("role", "message")
        row = QHBoxLayout(self.strip)
        row.setContentsMargins(14, 9, 14, 9)
        row.addWidget(self.warning, 1)
        self.strip.hide()
        cards = QGridLayout()
        cards.setSpacing(12)
        cards.addWidget(self.likelihood, 0, 0)
        cards.addWidget(self.objective, 0, 1)
        cards.addWidget(self.gradients, 1, 0)
        cards.addWidget(self.weights, 1, 1)
        for i in (0, 1):
            cards.setColumnStretch(i, 1)
            cards.setRowStretch(i, 1)
        for card in (self.likelihood, self.objective, self.gradients, self.weights):
            # What stands in a card does not move the cards.
            card.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.likelihood.follow(self.objective)
        self.gradients.follow(self.objective)
        self.right = QFrame()
        self.right.setObjectName("ground")
        column = QVBoxLayout(self.right)
        column.setContentsMargins(14, 14, 14, 14)
        column.setSpacing(12)
        column.addWidget(self.strip)
        column.addLayout(cards, 5)
        column.addWidget(self.sample, 2)

        foot = QFrame()
        foot.setProperty("role", "panel")
        foot.setProperty("edge", "top")
        row = QHBoxLayout(foot)
        row.setContentsMargins(16, 0, 16, 0)
        row.setSpacing(16)
        foot.setFixedHeight(30)
        row.addWidget(self.line)
        row.addStretch(1)
        self.progress.setFixedWidth(320)
        row.addWidget(self.progress)

        middle = QHBoxLayout()
        middle.setContentsMargins(0, 0, 0, 0)
        middle.setSpacing(0)
        middle.addWidget(left)
        middle.addWidget(self.right, 1)
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(middle, 1)
        column.addWidget(foot)
        self.setCentralWidget(whole)

    def _add_shortcuts(self) -> None:
        for keys, call in (
            ("Ctrl+Return", self.start.click),
            ("Ctrl+P", self.pause.click),
            ("Ctrl+E", self.stop.click),
            ("Ctrl+L", self.sample.listen.click),
            ("Ctrl+Shift+L", self.sample.play_now.click),
            ("Ctrl+Left", lambda: self.sample.step(-1)),
            ("Ctrl+Right", lambda: self.sample.step(1)),
            ("Ctrl+O", self.corpus.file.click),
            ("Ctrl+Shift+O", self.corpus.folder.click),
            ("Ctrl+S", self.form.browse.click),
            ("Esc", self._escape),
            ("Ctrl+W", self.close),
            ("Ctrl+.", self.panicked.emit),
        ):
            QShortcut(QKeySequence(keys), self).activated.connect(call)

    def _escape(self) -> None:
        """Drop what goes on in the foreground: reading, or listening."""
        if self.corpus.cancel.isVisible():
            self.corpus.cancel.click()
        elif self.sample.listening:
            self.sample.toggle_listening()

    def _pause_clicked(self) -> None:
        self.paused.emit(self.stage is not Stage.PAUSED)

    # -- what is shown -----------------------------------------------------------------------

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of a theme."""
        self.right.setStyleSheet(f"#ground {{ background: {theme.ground}; }}")
        for card in (self.likelihood, self.objective, self.gradients, self.weights, self.sample):
            card.set_theme(theme)

    def set_stage(self, stage: Stage) -> None:
        """Show what can be done now."""
        self.stage = stage
        busy = stage is not Stage.RESTING
        some = self.corpus.reading is not None and not self.corpus.unreadable
        self.start.setEnabled(not busy and some)
        self.pause.setEnabled(stage in (Stage.LEARNING, Stage.PAUSED))
        self.pause.setText("Go on" if stage is Stage.PAUSED else "Pause")
        what = "Let training go on" if stage is Stage.PAUSED else "Let training stand still"
        self.pause.setToolTip(f"{what}  (Ctrl+P)")
        stoppable = busy and stage is not Stage.STOPPING
        if self.stop.hasFocus() and not stoppable:
            self.right.setFocus()  # and not what comes next, a drop-down
        self.stop.setEnabled(stoppable)
        self.form.setEnabled(not busy)
        self.corpus.set_free(not busy)
        self.progress.setVisible(busy)
        if not busy:
            self.form.refresh()

    def say(self, words: str, share: float | None = None) -> None:
        """Say in the bottom line how things stand; ``share`` of the whole, None while unknown."""
        self.line.setText(words)
        if share is None:
            self.progress.setRange(0, 0)
        else:
            self.progress.setRange(0, STEPS)
            self.progress.setValue(round(share * STEPS))

    def begin(self, *, anew: bool) -> None:
        """Make room for the curves of a run."""
        self.warn("")
        if anew:
            for card in (self.likelihood, self.objective, self.gradients, self.weights):
                card.clear()
            self.sample.clear()

    def show_events(self, events: list[TrainerEvent]) -> None:
        """Take in what a run tells; each curve is drawn once."""
        for event in events:
            match event:
                case Remark(words):
                    self.corpus.add_remark(words)
                case Course():
                    self.objective.add(event)
                    self.gradients.add(event)
                case Checked():
                    self.likelihood.add(event)
                    self.weights.show_model(event.stored)
                    self.warn(event.warning)
                case Sampled():
                    self.sample.add(event)
        kinds = {type(event) for event in events}
        if Course in kinds:
            self.objective.refresh()
            self.gradients.refresh()
        if Checked in kinds:
            self.likelihood.refresh()

    def warn(self, words: str) -> None:
        """Say over the curves what one should know about the run; nothing takes it away."""
        self.warning.setText(words)
        self.strip.setAccessibleName(words)
        self.strip.setVisible(bool(words))

    # -- Qt's own ----------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take a folder or a file, while there is no run."""
        if self.stage is Stage.RESTING and _dropped(event):
            self.corpus.set_over(True)
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """It went by."""
        self.corpus.set_over(False)

    def dropEvent(self, event: QDropEvent) -> None:
        """Read the folder or the file that was dropped."""
        self.corpus.set_over(False)
        path = _dropped(event)
        if path is not None:
            event.acceptProposedAction()
            self.corpus.choose(path)

    def resizeEvent(self, event: object) -> None:
        """Keep the message strip across the top of the right side."""
        super().resizeEvent(event)  # type: ignore[arg-type]
        self.messages.setGeometry(14, 14, max(240, self.right.width() - 28), 46)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Hide; training goes on."""
        self.hidden.emit()
        super().closeEvent(event)


def _dropped(event: QDropEvent) -> Path | None:
    """Return the first local file or folder of what is dragged."""
    paths = (Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile())
    return next(paths, None)
