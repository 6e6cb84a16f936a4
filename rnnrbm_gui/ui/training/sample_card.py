"""What the model plays so far: a small roll, to be heard, and taken into the running music."""

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QPushButton, QSizePolicy, QToolButton, QWidget

from rnnrbm_gui.engine.trainer_events import Sampled
from rnnrbm_gui.music.note import is_black, name_of
from rnnrbm_gui.ui.roll.forms import Forms, Kind
from rnnrbm_gui.ui.theme import Theme, app_font
from rnnrbm_gui.ui.training.card import Card
from rnnrbm_gui.ui.transport_bar import icon

FEWEST_ROWS = 26
MARGIN = 2
"""Rows above the highest note and below the lowest."""
LEFT = 34
MOST_KEPT = 200
NO_SAMPLE = "What it plays appears at the first check, and can be heard while it learns."


class SampleCard(Card):
    """The samples of a run, the newest one shown; one can be heard.

    Signals:
        listened(object): the ``Sampled`` to sound from its beginning, None to end.
        play_now_requested(): take the current parameters into the running music.
    """

    listened = Signal(object)
    play_now_requested = Signal()

    def __init__(self) -> None:
        super().__init__(
            "What it plays so far",
            "A few bars that the model makes up by itself at every check, always from the\n"
            "same seed, so that one hears what it has learned since",
        )
        self._samples: list[Sampled] = []
        self._index = -1
        self._theme: Theme | None = None
        self.listening = False
        self.earlier = self._arrow("‹", "The sample before  (Ctrl+Left)", -1)
        self.later = self._arrow("›", "The next sample  (Ctrl+Right)", 1)
        self.listen = QPushButton("Listen")
        self.listen.setMinimumWidth(104)
        self.listen.setIconSize(QSize(14, 14))
        self.listen.setToolTip(
            "Hear this sample, through the output of the main window; the roll pauses  (Ctrl+L)"
        )
        self.listen.clicked.connect(self.toggle_listening)
        self.play_now = QPushButton("Play this one now")
        self.play_now.setProperty("role", "primary")
        self.play_now.setToolTip(
            "Let the model as it is now go on with the music on the roll,\n"
            "from the playhead and without a gap  (Ctrl+Shift+L)"
        )
        self.play_now.clicked.connect(self.play_now_requested)
        for widget in (self.earlier, self.later, self.listen, self.play_now):
            self.header.addWidget(widget)
        self.roll = SampleRoll()
        self.body.addWidget(self.roll, 1)
        self.clear()

    def _arrow(self, text: str, tip: str, step: int) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(tip.split("  (")[0])
        button.setProperty("role", "icon")
        button.setFixedSize(28, 28)
        button.clicked.connect(lambda: self.step(step))
        return button

    @property
    def sample(self) -> Sampled | None:
        """The sample shown."""
        return self._samples[self._index] if self._samples else None

    def add(self, sample: Sampled) -> None:
        """Take a new sample; it is shown where the newest one was, and none is being heard."""
        newest = self._index == len(self._samples) - 1
        self._samples.append(sample)
        if len(self._samples) > MOST_KEPT:
            del self._samples[0]
            self._index = max(0, self._index - 1)
        if newest and not self.listening:
            self._index = len(self._samples) - 1
        self._show()

    def step(self, step: int) -> None:
        """Show an earlier or a later sample; hear it if one is heard."""
        if not self._samples:
            return
        before = self._index
        self._index = min(max(0, before + step), len(self._samples) - 1)
        self._show()
        if self.listening and self._index != before:
            self.listened.emit(self.sample)

    def clear(self) -> None:
        """Forget all samples."""
        self._samples.clear()
        self._index = -1
        self._show()

    def toggle_listening(self) -> None:
        """Hear the sample shown, or end it."""
        if self.listening:
            self.listened.emit(None)
        elif self.sample is not None:
            self.listened.emit(self.sample)

    def set_listening(self, tick: float | None) -> None:
        """Show how far the sample has been heard; None where it is not."""
        listening = tick is not None
        if listening != self.listening:
            self.listening = listening
            self._show()
        self.roll.set_playhead(tick)

    def set_playable(self, playable: bool) -> None:
        """Say whether there is a model that can play now."""
        self.play_now.setEnabled(playable)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of a theme."""
        self._theme = theme
        self.roll.set_theme(theme)
        self._show()

    def _show(self) -> None:
        sample, last = self.sample, len(self._samples) - 1
        self.value.setText("" if sample is None else f"after {sample.update:,} updates")
        self.earlier.setEnabled(self._index > 0)
        self.later.setEnabled(self._index < last)
        self.listen.setEnabled(sample is not None)
        self.listen.setText("Silence" if self.listening else "Listen")
        if self._theme:
            ink = self._theme.text if sample is not None else self._theme.muted
            self.listen.setIcon(icon("stop" if self.listening else "play", ink))
        self.roll.show_sample(sample)


class SampleRoll(QWidget):
    """A small roll that shows all of a sample."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(96)
        self._theme: Theme | None = None
        self._sample: Sampled | None = None
        self._tick: float | None = None

    def show_sample(self, sample: Sampled | None) -> None:
        """Show another sample."""
        self._sample = sample
        words = NO_SAMPLE if sample is None else f"A sample of {len(sample.notes)} notes"
        self.setAccessibleName(words)
        self.update()

    def set_playhead(self, tick: float | None) -> None:
        """Show what is heard."""
        if tick != self._tick:
            self._tick = tick
            self.update()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of a theme."""
        self._theme = theme
        self.update()

    # -- Qt's own ----------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint rows, bars, notes and the playhead."""
        if self._theme is None:
            return
        theme, sample, painter = self._theme, self._sample, QPainter(self)
        painter.setFont(app_font(11))
        if sample is None:
            painter.setPen(QColor(theme.muted))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, NO_SAMPLE)
            return
        pitches = [note.pitch for note in sample.notes] or [60]
        low, high = min(pitches) - MARGIN, max(pitches) + MARGIN
        spare = max(0, FEWEST_ROWS - (high - low + 1))
        low, high = max(0, low - spare // 2), min(127, high + (spare + 1) // 2)
        width, n_rows = self.width() - LEFT, high - low + 1

        def x_of(tick: float) -> int:
            return LEFT + round(tick / sample.end_tick * width)

        def y_of(pitch: int) -> int:
            return round((high - pitch) * self.height() / n_rows)

        for pitch in range(low, high + 1):
            y, below = y_of(pitch), y_of(pitch - 1)
            row = theme.row_black if is_black(pitch) else theme.row_white
            painter.fillRect(LEFT, y, width, below - y, QColor(row))
            if pitch % 12 == 0:
                painter.fillRect(LEFT, below - 1, width, 1, QColor(theme.grid_beat))
                painter.setPen(QColor(theme.muted))
                mark = QRect(0, (y + below) // 2 - 8, LEFT - 6, 16)
                right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                painter.drawText(mark, right, name_of(pitch))
        for tick in range(0, sample.end_tick, sample.meter.beat_ticks):
            is_bar = tick % sample.meter.bar_ticks == 0
            line = theme.grid_bar if is_bar else theme.grid_beat
            painter.fillRect(x_of(tick), 0, 1, self.height(), QColor(line))
        forms = Forms(theme, max(4, self.height() // n_rows), self.devicePixelRatioF())
        for note in sample.notes:
            left, right_end = x_of(note.on), x_of(note.off)
            y = y_of(note.pitch)
            box = QRect(left, y, max(2, right_end - left - 1), max(2, y_of(note.pitch - 1) - y - 1))
            forms.paint_one(painter, Kind.PLAYED, box, None)
            if self._tick is not None and note.on <= self._tick < note.off:
                forms.paint_glint(painter, Kind.PLAYED, box)
        if self._tick is not None:
            painter.fillRect(x_of(self._tick) - 1, 0, 2, self.height(), QColor(theme.playhead))
