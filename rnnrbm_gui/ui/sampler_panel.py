"""The inspector beside the roll: which model plays, how it draws, and by what chance."""

from collections.abc import Callable, Sequence
from math import log
from pathlib import Path
from random import SystemRandom

from PySide6.QtCore import QRegularExpression, Qt, Signal
from PySide6.QtGui import QRegularExpressionValidator
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QSlider,
    QSpacerItem,
    QVBoxLayout,
    QWidget,
)

from rnnrbm_gui.data.model_header import ModelHeader
from rnnrbm_gui.engine.choices import COLDEST, HOTTEST, MOST_GIBBS_STEPS, Sampling
from rnnrbm_gui.music.roll import Articulation
from rnnrbm_gui.ui.model_shelf import learning_path

FEWEST_STEPS_OFFERED = 10
ARTICULATION_WORDS = {
    Articulation.RESTRIKE: "Strike again",
    Articulation.HALF_BAR: "Strike on the half bar",
    Articulation.BAR: "Strike on the bar",
    Articulation.TIE: "Tie into one note",
}
LEARNED = "As the model plays"
ARTICULATION_TIP = "What a note does that goes on in the next frame"
LEARNED_TIP = (
    "This model has learned which notes are struck again and which are held.\n"
    "Your choice comes back with a model that has not."
)
FRAME_WORDS = {
    1: "quarter notes",
    2: "eighth notes",
    3: "eighth triplets",
    4: "sixteenth notes",
    6: "sixteenth triplets",
    8: "thirty-second notes",
}
MEMORY_WORDS = {"gru": "GRU", "tanh": "tanh", "sigmoid": "sigmoid"}


class SamplerPanel(QFrame):
    """Model, temperature, mixing, repeated notes, seed.

    Signals:
        model_chosen(object): the path of a model file.
        sampling_changed(object): a ``Sampling``.
        articulation_changed(object): an ``Articulation``.
        keep_requested(): turn what was played into kept notes.
    """

    model_chosen = Signal(object)
    sampling_changed = Signal(object)
    articulation_changed = Signal(object)
    keep_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "panel")
        self.setProperty("edge", "left")
        self.setObjectName("inspector")
        self.setFixedWidth(284)
        self._sampling = Sampling()
        self._paths: list[Path] = []
        self.model = QComboBox()
        self.model.setMaxVisibleItems(30)
        self.model.setToolTip("The model that answers what you draw")
        self.model.setAccessibleName("Model")
        self.model.activated.connect(lambda i: self.model_chosen.emit(self._paths[i]))
        self.about = _label("", "muted", wrap=True)
        self.about.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.temperature = Fader(
            "Temperature",
            "How daring the model is: 1.00 as learned, lower safer, higher wilder.\n"
            "T of exp(-E / T), the energy of the frame's RBM",
            round(COLDEST * 100),
            round(HOTTEST * 100),
            lambda value: f"{value / 100:.2f}",
        )
        self.mixing = Fader(
            "Mixing",
            "How long the model thinks about each frame: more gives cleaner harmony.\n"
            "Block Gibbs steps a frame",
            0,
            100,
            lambda value: f"{_steps_at(value)} steps",
        )
        self._articulation = Articulation.RESTRIKE
        self.articulation = QComboBox()
        self.articulation.setToolTip(ARTICULATION_TIP)
        self.articulation.setAccessibleName("Repeated notes")
        self.articulation.addItems(list(ARTICULATION_WORDS.values()))
        self.articulation.activated.connect(
            lambda i: self.articulation_changed.emit(list(ARTICULATION_WORDS)[i])
        )
        self.seed = QLineEdit()
        self.seed.setToolTip("The random seed: the same seed and drawing give the same music")
        self.seed.setAccessibleName("Random seed")
        self.seed.setValidator(
            QRegularExpressionValidator(QRegularExpression(r"\s*[\d\s]{0,14}"), self)
        )
        self.seed.editingFinished.connect(self._seed_typed)
        self.reroll = QPushButton("Re-roll")
        self.reroll.setProperty("role", "primary")
        self.reroll.setToolTip("Another seed: what is coming is drawn anew  (R)")
        self.reroll.clicked.connect(self.draw_seed)
        self.keep = QPushButton("Keep what was played")
        self.keep.setToolTip("Turn the notes the model has played into notes of yours  (Ctrl+K)")
        self.keep.clicked.connect(self.keep_requested)
        self.temperature.slider.valueChanged.connect(
            lambda value: self._announce(temperature=value / 100)
        )
        self.mixing.slider.valueChanged.connect(
            lambda value: self._announce(gibbs_steps=_steps_at(value))
        )
        self._lay_out()
        self.set_sampling(self._sampling)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 18, 16, 16)
        column.setSpacing(8)
        column.addWidget(_label("MODEL", "section"))
        column.addWidget(self.model)
        column.addWidget(self.about)
        column.addItem(_gap())
        column.addWidget(_label("FEEL", "section"))
        column.addWidget(self.temperature)
        column.addWidget(self.mixing)
        column.addSpacing(4)
        column.addWidget(_label("Repeated notes", "field"))
        column.addWidget(self.articulation)
        column.addItem(_gap())
        column.addWidget(_label("CHANCE", "section"))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.seed, 1)
        row.addWidget(self.reroll)
        column.addLayout(row)
        column.addItem(_gap())
        column.addWidget(self.keep)
        column.addStretch(1)

    @property
    def sampling(self) -> Sampling:
        """How the model is to draw, as the faders stand."""
        return self._sampling

    def set_sampling(self, sampling: Sampling) -> None:
        """Show these settings without announcing them."""
        self._sampling = sampling
        for fader, value in (
            (self.temperature, round(sampling.temperature * 100)),
            (self.mixing, _value_of(sampling.gibbs_steps)),
        ):
            fader.slider.blockSignals(True)
            fader.set_value(value)
            fader.slider.blockSignals(False)
        self.mixing.value.setText(f"{sampling.gibbs_steps} steps")
        self.seed.setText(_spaced(sampling.seed))

    def set_articulation(self, articulation: Articulation) -> None:
        """Show what repeated notes do, with this model or the next that leaves it open."""
        self._articulation = articulation
        if self.articulation.isEnabled():
            self.articulation.setCurrentIndex(list(ARTICULATION_WORDS).index(articulation))

    def _offer_articulation(self, learned: bool) -> None:
        """Offer the choice of what repeated notes do, or say that the model has learned it."""
        self.articulation.clear()
        self.articulation.addItems([LEARNED] if learned else list(ARTICULATION_WORDS.values()))
        self.articulation.setEnabled(not learned)
        self.articulation.setToolTip(LEARNED_TIP if learned else ARTICULATION_TIP)
        self.set_articulation(self._articulation)

    def set_models(self, models: Sequence[tuple[Path, str]]) -> None:
        """List the models: path and name; the one that plays stays chosen, and in the list."""
        index = self.model.currentIndex()
        chosen = [(self._paths[index], self.model.itemText(index))] if index >= 0 else []
        listed = [*models, *(one for one in chosen if one[0] not in dict(models))]
        if listed == [(p, self.model.itemText(i)) for i, p in enumerate(self._paths)]:
            return  # it may be dropped down just now
        self._paths = [path for path, _ in listed]
        self.model.clear()
        self.model.addItems([name for _, name in listed])
        if chosen:
            self.model.setCurrentIndex(self._paths.index(chosen[0][0]))

    def show_model(self, path: Path, header: ModelHeader) -> None:
        """Say which model plays."""
        if path not in self._paths:
            self._paths.append(path)
            self.model.addItem(header.name)
        elif path == learning_path():
            self.model.setItemText(self._paths.index(path), header.name)
        self.model.setCurrentIndex(self._paths.index(path))
        self.about.setText(about(header))
        self._offer_articulation(header.planes > 1)
        self.model.setToolTip(f"{header.name}: learned from {header.corpus}. {header.attribution}")

    def draw_seed(self) -> None:
        """Choose another seed by chance."""
        self._announce(seed=SystemRandom().randrange(10**8))
        self.seed.setText(_spaced(self._sampling.seed))

    def _seed_typed(self) -> None:
        digits = "".join(self.seed.text().split())
        if digits:
            self._announce(seed=min(int(digits), 2**32 - 1))
        self.seed.setText(_spaced(self._sampling.seed))

    def _announce(
        self,
        *,
        seed: int | None = None,
        temperature: float | None = None,
        gibbs_steps: int | None = None,
    ) -> None:
        before = self._sampling
        self._sampling = Sampling(
            before.seed if seed is None else seed,
            before.temperature if temperature is None else temperature,
            before.gibbs_steps if gibbs_steps is None else gibbs_steps,
        )
        if self._sampling != before:
            self.sampling_changed.emit(self._sampling)


class Fader(QWidget):
    """A named slider that carries its value in words."""

    def __init__(
        self,
        name: str,
        tip: str,
        lowest: int,
        highest: int,
        words: Callable[[int], str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__()
        self._words = words
        self.value = _label("", "value")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(lowest, highest)
        self.slider.setAccessibleName(name)
        self.slider.setPageStep(max(1, (highest - lowest) // 10))
        self.slider.valueChanged.connect(self._show)
        top = QHBoxLayout()
        top.addWidget(_label(name, "field"))
        top.addStretch(1)
        top.addWidget(self.value)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 2, 0, 2)
        column.setSpacing(2)
        column.addLayout(top)
        column.addWidget(self.slider)
        self.setToolTip(tip)

    def set_value(self, value: int) -> None:
        """Put the slider at a value."""
        self.slider.setValue(value)
        self._show(value)

    def _show(self, value: int) -> None:
        self.value.setText(self._words(value))


def about(header: ModelHeader) -> str:
    """Return what a model is in a few words."""
    words = [header.kind_words]
    if header.kind == "rnn-rbm":
        words.append(f"{MEMORY_WORDS[header.memory]} memory")
    words.append(f"{header.n_hidden} hidden units")
    words.append(FRAME_WORDS.get(header.frames_per_beat, f"{header.frames_per_beat} frames a beat"))
    if header.planes > 1:
        words.append("learned articulation")
    if header.bars:
        words.append("knows the bar")
    if header.echoes:
        words.append("with echoes")
    return ", ".join(words)


def _gap() -> QSpacerItem:
    """Return what sets sections apart; a low window takes of it before it clips a line."""
    return QSpacerItem(0, 16, QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Maximum)


def _label(text: str, role: str, *, wrap: bool = False) -> QLabel:
    label = QLabel(text, wordWrap=wrap)
    label.setProperty("role", role)
    return label


def _steps_at(value: int) -> int:
    """Return the Gibbs steps at a slider value 0..100: equal ways are equal ratios."""
    steps = FEWEST_STEPS_OFFERED * (MOST_GIBBS_STEPS / FEWEST_STEPS_OFFERED) ** (value / 100)
    return round(steps / 5) * 5 if steps >= 50 else round(steps)


def _value_of(steps: int) -> int:
    ratio = MOST_GIBBS_STEPS / FEWEST_STEPS_OFFERED
    return round(100 * log(max(steps, FEWEST_STEPS_OFFERED) / FEWEST_STEPS_OFFERED, ratio))


def _spaced(seed: int) -> str:
    return f"{seed:,}".replace(",", " ")
