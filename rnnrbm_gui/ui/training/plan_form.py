"""What is to be trained: the kind of model, its size, how long, and the name it gets."""

from pathlib import Path
from typing import cast

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from rnnrbm_gui import paths
from rnnrbm_gui.data.model_header import SUFFIX
from rnnrbm_gui.engine import checkpoint
from rnnrbm_gui.engine.trainer_events import Reading
from rnnrbm_gui.engine.training_events import Plan
from rnnrbm_gui.models.rnn_rbm import Memory
from rnnrbm_gui.ui.training.card import label
from rnnrbm_gui.ui.training.stage import GO_ON

KINDS = (
    (
        "rnn-rbm",
        "RNN-RBM: remembers",
        "A recurrent network gives the RBM of each frame its biases",
    ),
    (
        "rtrbm",
        "RTRBM: remembers harmony",
        "The mean hidden units of one frame give the RBM of the next its biases",
    ),
    ("rbm", "RBM: chord by chord", "One restricted Boltzmann machine for all frames"),
)
MEMORIES = (
    (None, "Memory as fits", "What has served best for such a model"),
    ("tanh", "tanh: supple memory", "Recurrent units between −1 and 1"),
    ("sigmoid", "sigmoid: calm memory", "Recurrent units between 0 and 1, as in the paper"),
    ("gru", "GRU: long memory", "Gated recurrent units decide what to keep"),
)
AS_FITS = "as fits"
SPIN_MARGINS = (9, 0, 8, 0)
"""A spin box's own padding does not reach its text: with these it stands where others do."""


class PlanForm(QWidget):
    """The fields of a plan; whatever is left at "as fits" is chosen by the run."""

    def __init__(self) -> None:
        super().__init__()
        self.kind = _choice(KINDS, "Kind of model")
        self.memory = _choice(MEMORIES, "Memory")
        self.n_hidden = _number("Hidden units", 4096, "How rich the harmony can get: hidden units")
        self.n_recurrent = _number(
            "Memory units", 4096, "How much it can remember: recurrent units"
        )
        self.updates = _number(
            "Updates", 10**7, "How long to learn: parameter updates in all", step=500
        )
        self.seed = QSpinBox()
        self.seed.lineEdit().setTextMargins(*SPIN_MARGINS)
        self.seed.setRange(0, 2**31 - 1)
        self.seed.setValue(1)
        self.seed.setAccessibleName("Seed")
        self.seed.setToolTip("The random seed: the same seed and corpus give the same model")
        self.out = QLineEdit()
        self.out.setAccessibleName("Save as")
        self.out.setPlaceholderText("name of the model")
        self.out.setToolTip(
            "What the model is to be called; it is found in the list of models.\n"
            "A whole path saves it elsewhere. The best so far is saved while it learns"
        )
        self.browse = QToolButton()
        self.browse.setText("…")
        self.browse.setToolTip("Save it elsewhere  (Ctrl+S)")
        self.browse.setAccessibleName("Save it elsewhere")
        self.browse.clicked.connect(self.ask_out)
        self.resume = QCheckBox(GO_ON)
        self.resume.setToolTip(
            "Go on with the run that wrote this model, from its last checkpoint,\n"
            "instead of beginning anew and replacing it"
        )
        self.note = label("", "caption", wrap=True)
        keeps_its_place = self.note.sizePolicy()
        keeps_its_place.setRetainSizeWhenHidden(True)  # or what is below would jump at a click
        self.note.setSizePolicy(keeps_its_place)
        self.kind.currentIndexChanged.connect(self._fit)
        self.out.textChanged.connect(self.refresh)
        self.resume.toggled.connect(self.refresh)
        self._lay_out()
        self._fit()
        self.refresh()

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(3)
        fields = (
            (self.n_hidden, "Hidden units"),
            (self.n_recurrent, "Memory units"),
            (self.updates, "Updates"),
            (self.seed, "Seed"),
        )
        for i, (field, words) in enumerate(fields):
            row, column = 3 * (i // 2), i % 2
            grid.addWidget(label(words, "caption"), row, column)
            grid.addWidget(field, row + 1, column)
        grid.setRowMinimumHeight(2, 3)
        saved = QHBoxLayout()
        saved.setSpacing(4)
        saved.addWidget(self.out, 1)
        saved.addWidget(self.browse)
        column_ = QVBoxLayout(self)
        column_.setContentsMargins(0, 0, 0, 0)
        column_.setSpacing(8)
        column_.addWidget(label("MODEL", "section"))
        column_.addWidget(self.kind)
        column_.addWidget(self.memory)
        column_.addLayout(grid)
        column_.addSpacing(6)
        column_.addWidget(label("SAVE AS", "section"))
        column_.addLayout(saved)
        column_.addWidget(self.resume)
        column_.addWidget(self.note)

    # -- the plan ----------------------------------------------------------------------------

    def plan(self, corpus: Reading, *, onsets: bool = False) -> Plan:
        """Return what is asked for, on a corpus, with onsets from the scores where wanted."""
        kind = self.kind.currentData()
        with_memory = kind == "rnn-rbm"
        return Plan(
            data=corpus.data,
            out=self.path,
            kind=kind,
            memory=cast("Memory | None", self.memory.currentData() if with_memory else None),
            seed=self.seed.value(),
            updates=self.updates.value() or None,
            n_hidden=self.n_hidden.value() or None,
            n_recurrent=(self.n_recurrent.value() or None) if with_memory else None,
            in_c=corpus.in_c,
            frames_per_beat=corpus.frames_per_beat,
            onsets=onsets,
            name=self.path.stem,
            resume=self.resume.isChecked(),
        )

    @property
    def path(self) -> Path:
        """The file the model is saved in; a bare name lies among the user's own models."""
        words = self.out.text().strip()
        path = Path(words)
        if path.suffix.lower() != SUFFIX:
            path = path.with_name(f"{path.name}{SUFFIX}") if path.name else Path(f"model{SUFFIX}")
        return path if path.is_absolute() else paths.own_models() / path

    @property
    def problem(self) -> str:
        """Why a model cannot be called so, in a sentence; else empty."""
        words = self.out.text().strip()
        if not words:
            return "The model has no name yet: give it one under “Save as”."
        if not Path(words).is_absolute() and len(Path(words).parts) > 1:
            return f"A model's name has no “/” in it, “{words}” has: leave it out."
        return ""

    def propose(self, name: str) -> None:
        """Propose a name that no model has yet, or that of a run which can be gone on with."""
        taken, free, number = paths.own_models(), name, 2
        while _is_there(path := taken / f"{free}{SUFFIX}"):
            if _is_there(checkpoint.path_beside(path)):
                break
            free, number = f"{name} {number}", number + 1
        self.out.setText(free)
        self.offer_to_go_on()

    def offer_to_go_on(self) -> None:
        """Take it that a run which was stopped is to be gone on with, not lost."""
        self.refresh()
        self.resume.setChecked(self.resume.isEnabled())

    def ask_out(self) -> None:
        """Ask where to save the model."""
        name, _ = QFileDialog.getSaveFileName(
            self, "Save the model as", str(self.path), f"Models (*{SUFFIX})"
        )
        if name:
            self.out.setText(name)

    def refresh(self) -> None:
        """Offer to go on with a run that is there; say what the plan would do to a model."""
        named = bool(self.out.text().strip())
        resumable = named and _is_there(checkpoint.path_beside(self.path))
        self.resume.setEnabled(resumable)
        if not resumable and self.resume.isChecked():
            self.resume.setChecked(False)
        self.resume.setVisible(resumable)
        replaced = named and _is_there(self.path) and not self.resume.isChecked()
        self.note.setText(f"“{self.path.stem}” is there and will be replaced." if replaced else "")
        self.note.setVisible(replaced)

    def _fit(self) -> None:
        """Offer what the kind of model has."""
        with_memory = self.kind.currentData() == "rnn-rbm"
        self.memory.setEnabled(with_memory)
        self.n_recurrent.setEnabled(with_memory)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # no file can be called so; the run will say it
        return False


def _choice(items: tuple[tuple[str | None, str, str], ...], name: str) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    for value, words, tip in items:
        box.addItem(words, value)
        box.setItemData(box.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)

    def explain(index: int) -> None:
        box.setToolTip(f"{name}. {items[index][2]}")

    box.currentIndexChanged.connect(explain)
    explain(0)
    return box


def _number(name: str, most: int, tip: str, step: int = 10) -> QSpinBox:
    box = QSpinBox()
    box.lineEdit().setTextMargins(*SPIN_MARGINS)
    box.setRange(0, most)
    box.setSingleStep(step)
    box.setSpecialValueText(AS_FITS)
    box.setGroupSeparatorShown(True)
    box.setAccessibleName(name)
    box.setToolTip(f"{tip}; at “{AS_FITS}” the corpus decides")
    return box
