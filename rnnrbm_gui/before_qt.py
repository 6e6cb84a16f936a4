"""What the window needs and is not of Qt: imported before it, the window paints 10 ms sooner.

WORKAROUND: PySide6 reads the source of each module that is imported after it, to see whether that
uses its features. Can go when PySide6 no longer does.
"""

from rnnrbm_gui.data import midi_file, project_file
from rnnrbm_gui.engine import engine
from rnnrbm_gui.music import history

__all__ = ["engine", "history", "midi_file", "project_file"]
