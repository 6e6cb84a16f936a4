"""The one line over the roll: transport, position, tempo, metre, mode and output."""

import re
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap, QValidator
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from rnnrbm_gui.engine.choices import Mode
from rnnrbm_gui.music.timing import FASTEST_BPM, SLOWEST_BPM, Meter
from rnnrbm_gui.player.protocol import OutputId
from rnnrbm_gui.ui.theme import Theme

METERS = tuple(Meter(*m) for m in ((2, 4), (3, 4), (4, 4), (5, 4), (3, 8), (6, 8), (9, 8), (12, 8)))
MODE_TIPS = {
    Mode.CONTINUE: "What you drew is played as it is; the model goes on from it  (Alt+1)",
    Mode.HARMONISE: "Your notes stay; the model fills in the rest under and after them  (Alt+2)",
    Mode.FREE: "The model plays by itself beside what you drew  (Alt+3)",
}
_NUMBER = re.compile(r"\d{0,6}([.,]\d{0,2})?")


class TransportBar(QFrame):
    """Play, stop, loop; bar and beat; tempo and metre; mode; output.

    Signals:
        play_toggled(), stopped(), rewound(), loop_toggled(bool), bpm_changed(float),
        meter_changed(object), mode_changed(object), output_chosen(object), panicked().
    """

    play_toggled = Signal()
    stopped = Signal()
    rewound = Signal()
    loop_toggled = Signal(bool)
    bpm_changed = Signal(float)
    meter_changed = Signal(object)
    mode_changed = Signal(object)
    output_chosen = Signal(object)
    panicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "panel")
        self.setProperty("edge", "bottom")
        self.setObjectName("transport")
        self.setFixedHeight(64)
        self._theme: Theme | None = None
        self._playing = False
        self.rewind = self._icon_button("Back to start  (Home)", self.rewound.emit)
        self.play = self._icon_button("Play  (Space)", self.play_toggled.emit, role="round")
        self.stop = self._icon_button("Stop, and back to the start", self.stopped.emit)
        self.loop = self._icon_button("Loop: repeat the marked bars  (L)", None)
        self.loop.setCheckable(True)
        self.loop.toggled.connect(self._loop_toggled)
        self.panic = self._icon_button("Panic: silence everything  (Ctrl+.)", self.panicked.emit)
        self.position = QLabel("1.1")
        self.position.setMinimumWidth(74)
        self.position.setIndent(2)
        self.bpm = TempoBox()
        self.bpm.setKeyboardTracking(False)
        self.bpm.setToolTip("Tempo in quarter notes a minute; type, or turn the mouse wheel")
        self.bpm.setAccessibleName("Tempo, beats per minute")
        self.bpm.setFixedWidth(64)
        self.bpm.valueChanged.connect(self.bpm_changed)
        self.meter = QComboBox()
        self.meter.setFixedWidth(72)
        self.meter.setToolTip("Metre: beats in a bar")
        self.meter.setAccessibleName("Metre")
        for meter in METERS:
            self.meter.addItem(str(meter), meter)
        self.meter.view().setMinimumWidth(84)
        self.meter.setCurrentIndex(METERS.index(Meter()))
        self.meter.activated.connect(lambda i: self.meter_changed.emit(self.meter.itemData(i)))
        for figure in (self.position, self.bpm, self.meter):
            figure.setProperty("role", "figure")
            figure.setFixedHeight(28)
        self._modes = QButtonGroup(self)
        self.output = QComboBox()
        self.output.setMaxVisibleItems(30)
        self.output.setMinimumWidth(230)
        self.output.setToolTip("Where the notes sound: the built-in synth or a MIDI port")
        self.output.setAccessibleName("Output")
        self.output.activated.connect(lambda i: self.output_chosen.emit(self.output.itemData(i)))
        self._lay_out()

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(18, 0, 18, 0)
        row.setSpacing(6)
        for button in (self.rewind, self.play, self.stop, self.loop):
            row.addWidget(button)
        row.addSpacing(18)
        for figure, words in (
            (self.position, "bar . beat"),
            (self.bpm, "bpm"),
            (self.meter, "metre"),
        ):
            row.addLayout(_captioned(figure, words))
            row.addSpacing(10)
        row.addStretch(1)
        row.addWidget(self._mode_segments())
        row.addStretch(1)
        row.addWidget(self.output)
        row.addWidget(self.panic)

    def _icon_button(self, tip: str, slot: object, role: str = "icon") -> QToolButton:
        button = QToolButton()
        button.setToolTip(tip)
        button.setProperty("role", role)
        button.setAccessibleName(tip.split("  (")[0])
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        size = 40 if role == "round" else 34
        button.setFixedSize(size, size)
        button.setIconSize(QSize(20, 20))
        if slot is not None:
            button.clicked.connect(slot)
        return button

    def _mode_segments(self) -> QFrame:
        box = QFrame()
        box.setProperty("role", "segments")
        box.setFixedHeight(36)
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for i, mode in enumerate(Mode):
            button = QToolButton()
            button.setText(mode.value)
            button.setToolTip(MODE_TIPS[mode])
            button.setCheckable(True)
            button.setProperty("role", "segment")
            button.setProperty("place", ("first", "middle", "last")[i])
            button.setFixedSize(118, 34)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            self._modes.addButton(button, i)
            row.addWidget(button)
        self._modes.idClicked.connect(lambda i: self.mode_changed.emit(list(Mode)[i]))
        return box

    # -- what is shown -----------------------------------------------------------------------

    def set_theme(self, theme: Theme) -> None:
        """Draw the icons in the colours of a theme."""
        self._theme = theme
        self.rewind.setIcon(icon("rewind", theme.text))
        self.stop.setIcon(icon("stop", theme.text))
        self.panic.setIcon(icon("panic", theme.muted))
        self.loop.setIcon(icon("loop", theme.warm if self.loop.isChecked() else theme.muted))
        self.set_playing(self._playing)

    def set_playing(self, playing: bool) -> None:
        """Show play or pause on the round button."""
        self._playing = playing
        if self._theme:
            self.play.setIcon(icon("pause" if playing else "play", self._theme.on_warm))
        self.play.setToolTip("Pause  (Space)" if playing else "Play  (Space)")
        self.play.setAccessibleName("Pause" if playing else "Play")

    def set_position(self, tick: float, meter: Meter) -> None:
        """Show bar and beat of the playhead."""
        bar, beat = meter.bar_beat(int(tick))
        self.position.setText(f"{bar}.{beat}")

    def set_mode(self, mode: Mode) -> None:
        """Show the mode."""
        self._modes.button(list(Mode).index(mode)).setChecked(True)

    def set_bpm(self, bpm: float) -> None:
        """Show the tempo without announcing it."""
        self.bpm.blockSignals(True)
        self.bpm.setValue(bpm)
        self.bpm.blockSignals(False)

    def set_meter(self, meter: Meter) -> None:
        """Show the metre, adding it to the choice where it is not in it."""
        index = self.meter.findText(str(meter))
        if index < 0:
            self.meter.addItem(str(meter), meter)
            index = self.meter.count() - 1
        self.meter.setCurrentIndex(index)

    def set_loop(self, looping: bool) -> None:
        """Show whether the loop is on, without announcing it."""
        self.loop.blockSignals(True)
        self.loop.setChecked(looping)
        self.loop.blockSignals(False)
        if self._theme:
            self.set_theme(self._theme)

    def _loop_toggled(self, on: bool) -> None:
        self.set_loop(on)
        self.loop_toggled.emit(on)

    def set_outputs(
        self, outputs: Sequence[OutputId], chosen: OutputId, *, lost: bool, heard: bool
    ) -> None:
        """List the outputs; the chosen one stays in the list also while it is lost."""
        if self._theme is None:
            return
        listed = list(outputs) if chosen in outputs else [*outputs, chosen]
        theme = self._theme
        colour = theme.danger if lost else theme.good if heard else theme.warm
        self.output.blockSignals(True)
        self.output.clear()
        for output in listed:
            words = f"{output} (lost)" if lost and output == chosen else str(output)
            shown = icon("dot", colour if output == chosen else "#00000000")
            self.output.addItem(shown, words, output)
        self.output.setCurrentIndex(listed.index(chosen))
        self.output.blockSignals(False)


class TempoBox(QDoubleSpinBox):
    """Beats per minute, to the hundredth, with no more digits shown than it has."""

    def __init__(self) -> None:
        super().__init__()
        self.setDecimals(2)
        self.setRange(SLOWEST_BPM, FASTEST_BPM)
        self.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)

    def textFromValue(self, value: float) -> str:
        """Return 72 as "72" and 92.6 as "92.6"."""
        return f"{value:g}"

    def validate(self, text: str, place: int) -> tuple[QValidator.State, str, int]:
        """Let any number be typed; ``fixup`` brings it into the range."""
        if not _NUMBER.fullmatch(text):
            return QValidator.State.Invalid, text, place
        fits = self.minimum() <= self.valueFromText(text) <= self.maximum()
        state = QValidator.State.Acceptable if fits else QValidator.State.Intermediate
        return state, text, place

    def valueFromText(self, text: str) -> float:
        """Read a number with a point or a comma; nothing is 0."""
        digits = text.replace(",", ".").strip(".")
        return float(digits or 0)

    def fixup(self, text: str) -> str:
        """Return the nearest tempo that can be played."""
        if not text:
            return self.textFromValue(self.value())
        value = self.valueFromText(text)
        return self.textFromValue(min(max(value, self.minimum()), self.maximum()))


def _captioned(widget: QWidget, words: str) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(0)
    column.setContentsMargins(0, 9, 0, 9)
    caption = QLabel(words)
    caption.setProperty("role", "caption")
    caption.setContentsMargins(3, 0, 0, 0)
    column.addWidget(widget)
    column.addWidget(caption)
    return column


def icon(name: str, colour: str) -> QIcon:
    """Draw one of the transport's icons: rewind, play, pause, stop, loop, dot."""
    size, ratio = 20, 3
    pixmap = QPixmap(size * ratio, size * ratio)
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    ink = QColor(colour)
    path = QPainterPath()
    if name == "play":
        path.moveTo(6, 3.5)
        path.lineTo(17, 10)
        path.lineTo(6, 16.5)
        path.closeSubpath()
    elif name == "pause":
        path.addRoundedRect(5, 3.5, 3.6, 13, 1, 1)
        path.addRoundedRect(11.4, 3.5, 3.6, 13, 1, 1)
    elif name == "stop":
        path.addRoundedRect(4, 4, 12, 12, 1.5, 1.5)
    elif name == "panic":
        painter.setPen(QPen(ink, 1.8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawEllipse(QRectF(3, 3, 14, 14))
        painter.drawLine(QPointF(5.5, 14.5), QPointF(14.5, 5.5))
    elif name == "dot":
        path.addEllipse(6, 6, 8, 8)
    elif name == "rewind":
        path.addRoundedRect(3, 4, 2.4, 12, 0.8, 0.8)
        path.moveTo(17, 4)
        path.lineTo(7, 10)
        path.lineTo(17, 16)
        path.closeSubpath()
    elif name == "loop":
        painter.setPen(QPen(ink, 1.8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawRoundedRect(QRectF(2.5, 6, 15, 8.5), 4.2, 4.2)
        path.moveTo(9, 2.6)
        path.lineTo(13.4, 6)
        path.lineTo(9, 9.4)
        path.closeSubpath()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink)
    painter.drawPath(path)
    painter.end()
    return QIcon(pixmap)
