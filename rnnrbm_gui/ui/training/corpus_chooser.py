"""Which music to learn from: chosen or dropped, and what was found in it, file by file."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from rnnrbm_gui.engine.trainer_events import CorpusFound, Reading
from rnnrbm_gui.ui.training.card import label

FILTER = "Corpora (*.pickle *.pkl *.json *.mat);;All files (*)"
GRIDS = (
    ("Grid as found", None),
    ("Quarter notes", 1),
    ("Eighth notes", 2),
    ("Eighth triplets", 3),
    ("Sixteenth notes", 4),
    ("Sixteenth triplets", 6),
)
NOTHING = "Drop a folder of MIDI files here"
PART_WORDS = {"train": "to learn from", "valid": "to measure on"}

ONSETS_TIP = (
    "Learn when each note is struck and where the bars are, not only what sounds: taken from\n"
    "the scores of the chorales that come with music21, which are read first, for a minute or two"
)
NO_SCORES_TIP = (
    "The scores of the chorales come with the package music21, which is not installed:\n"
    'pip install "rnnrbm-gui[scores]"'
)


class CorpusChooser(QWidget):
    """A corpus, the options of a folder, and the report on it.

    Signals:
        chosen(object): a ``Reading``: another corpus, or the same with other options.
        cancelled(): the reading of it is not to go on.

    Attributes:
        unreadable: whether what was chosen cannot be learned from.
    """

    chosen = Signal(object)
    cancelled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._path: Path | None = None
        self._folder = str(Path.home())
        self._told: set[str] = set()
        self.unreadable = False
        self._articulated = False  # whether onsets can be had
        self.drop = QFrame()
        self.drop.setProperty("role", "drop")
        self.name = label(NOTHING, "title", wrap=True)
        self.about = label("or choose one, or a published corpus.", "muted", wrap=True)
        self.file = QPushButton("File…")
        self.file.setToolTip("Choose a published corpus: a pickle, JSON or MATLAB file  (Ctrl+O)")
        self.file.clicked.connect(self.ask_file)
        self.folder = QPushButton("Folder…")
        self.folder.setToolTip("Choose a folder of MIDI files of your own  (Ctrl+Shift+O)")
        self.folder.clicked.connect(self.ask_folder)
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Do not read this corpus  (Esc)")
        self.cancel.clicked.connect(self.cancelled)
        self.cancel.hide()
        self.grid = QComboBox()
        self.grid.setToolTip("How finely time is divided: one frame of the model is so long")
        self.grid.setAccessibleName("Grid")
        for words, frames in GRIDS:
            self.grid.addItem(words, frames)
        self.in_c = QCheckBox("In C")
        self.in_c.setToolTip(
            "Transpose each piece so that its tonic is C: less to learn, more in common"
        )
        self.onsets = QCheckBox("Learn articulation from the scores")
        self.grid.activated.connect(self._options_changed)
        self.in_c.clicked.connect(self._options_changed)
        self.report = QListWidget()
        self.report.setAccessibleName("What was found")
        self.report.setToolTip("What was found in it: which files were kept, which not, and why")
        self.report.setWordWrap(True)
        self.report.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self.report.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.report.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._lay_out()
        self._show_options()

    def _lay_out(self) -> None:
        inside = QVBoxLayout(self.drop)
        inside.setContentsMargins(14, 12, 14, 12)
        inside.setSpacing(4)
        inside.addWidget(self.name)
        inside.addWidget(self.about)
        inside.addSpacing(4)
        row = QHBoxLayout()
        row.setSpacing(8)
        for button in (self.folder, self.file, self.cancel):
            row.addWidget(button, 1)
        inside.addLayout(row)
        self.options = QWidget()
        row = QHBoxLayout(self.options)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(self.grid, 1)
        row.addWidget(self.in_c)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.drop)
        column.addWidget(self.options)
        column.addWidget(self.onsets)
        column.addWidget(self.report, 100)
        column.addStretch(1)
        self.drop.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.report.setMinimumHeight(64)
        self.report.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    # -- choosing ----------------------------------------------------------------------------

    @property
    def reading(self) -> Reading | None:
        """The corpus and how to read it; None where none is chosen."""
        if self._path is None:
            return None
        if not self._path.is_dir():
            return Reading(self._path)
        return Reading(self._path, self.in_c.isChecked(), self.grid.currentData())

    def choose(self, path: Path) -> None:
        """Take a corpus."""
        self._path, self._folder = path, str(path.parent)
        self.name.setText(path.name if path.is_dir() else path.stem)
        self.name.setToolTip(str(path))
        self._show_options()
        self._options_changed()

    def ask_file(self) -> None:
        """Ask for a corpus in one file."""
        name, _ = QFileDialog.getOpenFileName(self, "Choose a corpus", self._folder, FILTER)
        if name:
            self.choose(Path(name))

    def ask_folder(self) -> None:
        """Ask for a folder of MIDI files."""
        name = QFileDialog.getExistingDirectory(self, "Choose a folder of MIDI", self._folder)
        if name:
            self.choose(Path(name))

    def _options_changed(self) -> None:
        reading = self.reading
        if reading is not None:
            self.unreadable = False
            self.clear_report()
            self.about.setText("Reading …")
            self.chosen.emit(reading)

    def _show_options(self) -> None:
        self.options.setVisible(self._path is not None and self._path.is_dir())
        self.report.setVisible(self._path is not None)
        with_scores = self._path is not None and has_scores(self._path)
        self._articulated = with_scores and find_spec("music21") is not None
        self.onsets.setVisible(with_scores)
        self.onsets.setEnabled(self._articulated)
        self.onsets.setToolTip(ONSETS_TIP if self._articulated else NO_SCORES_TIP)
        if not self._articulated:
            self.onsets.setChecked(False)

    # -- what was found ----------------------------------------------------------------------

    def set_reading(self, reading: bool) -> None:
        """Offer to cancel while the corpus is read."""
        self.cancel.setVisible(reading)
        self.file.setVisible(not reading)
        self.folder.setVisible(not reading)

    def set_free(self, free: bool) -> None:
        """Let another corpus or other options be chosen, or not during a run."""
        self.drop.setEnabled(free)
        self.options.setEnabled(free)
        self.onsets.setEnabled(free and self._articulated)

    def set_over(self, over: bool) -> None:
        """Show that what hovers may be dropped."""
        self.drop.setProperty("over", "true" if over else "false")
        self.drop.style().polish(self.drop)

    def clear_report(self) -> None:
        """Forget what was found."""
        self.report.clear()
        self._told.clear()

    def show_found(self, found: CorpusFound) -> None:
        """Say what is in the corpus, what was left out first."""
        self.about.setText(_pieces(found.parts))
        left_out = [str(piece) for piece in found.pieces if piece.why_not]
        kept = {str(piece) for piece in found.pieces if not piece.why_not}
        general = [words for words in found.remarks if words not in kept | set(left_out)]
        for words in general:
            self.add_remark(words)
        for words in left_out:
            self.add_remark(words, "✕")
        for words in found.remarks:
            if words in kept:
                self.add_remark(words, "✓")
        self.report.setVisible(bool(self.report.count()))

    def show_failed(self, sentence: str) -> None:
        """Say why there is nothing to learn from."""
        self.about.setText(sentence)
        self.report.hide()

    def add_remark(self, words: str, mark: str = "") -> None:
        """Add a sentence to the report, once."""
        if words in self._told:
            return
        self._told.add(words)
        item = QListWidgetItem(f"{mark}  {words}" if mark else words)
        item.setToolTip(words)
        self.report.addItem(item)
        self.report.show()


def has_scores(corpus: Path) -> bool:
    """Tell whether a corpus is of the chorales at sixteenths, which match their scores."""
    return corpus.suffix.lower() == ".json" and "16th" in corpus.stem.lower()


def _pieces(parts: Sequence[tuple[str, int, int]]) -> str:
    """Return how much there is, in words: the test part is nobody's business here."""
    said = [
        f"{n_pieces:,} {'piece' if n_pieces == 1 else 'pieces'} {PART_WORDS[name]}"
        for name, n_pieces, _ in parts
        if name in PART_WORDS
    ]
    n_frames = sum(frames for name, _, frames in parts if name in PART_WORDS)
    return f"{', '.join(said)}; {n_frames:,} frames."
