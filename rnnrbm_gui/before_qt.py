"""What the window needs and is not of Qt: imported before it, the window paints sooner.

WORKAROUND: PySide6 reads the source of each module that is imported after it, to see whether that
uses its features: 10 ms. Can go when PySide6 no longer does.
"""

import importlib
import os

THREADS = "OPENBLAS_NUM_THREADS"


def _import_numpy() -> None:
    """Import NumPy without threads for its products: to start them takes 10 to 60 ms.

    A window multiplies nothing large; the processes that it starts are not told.
    """
    if THREADS in os.environ:
        importlib.import_module("numpy")
        return
    os.environ[THREADS] = "1"
    importlib.import_module("numpy")
    del os.environ[THREADS]


_import_numpy()
for _name in ("data.midi_file", "data.project_file", "engine.engine", "music.history"):
    importlib.import_module(f"rnnrbm_gui.{_name}")
importlib.import_module("rnnrbm_gui.qt_code").import_qt()
