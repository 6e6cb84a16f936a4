"""What the window needs and is not of Qt: imported before it, the window paints sooner.

WORKAROUND: PySide6 reads the source of each module that is imported after it, to see whether that
uses its features: 10 ms. Can go when PySide6 no longer does.
"""

import importlib
import os

THREADS = "OPENBLAS_NUM_THREADS"


def _import_numpy() -> None:
    """Import NumPy without threads for its products: to start them takes 10 to 60 ms.

    A window multiplies nothing large. What it starts, processes that train, has them as ever.
    """
    asked = os.environ.get(THREADS)
    os.environ[THREADS] = asked or "1"
    importlib.import_module("numpy")
    if asked is None:
        del os.environ[THREADS]


_import_numpy()
for _name in ("data.midi_file", "data.project_file", "engine.engine", "music.history"):
    importlib.import_module(f"rnnrbm_gui.{_name}")
