"""NumPy that is put off is loaded by what first uses it, and not before the window has painted."""

import os
import sys

import pytest

from rnnrbm_gui import numpy_later
from tests.python import run_python

PUT_OFF = """
import sys
from rnnrbm_gui import numpy_later
numpy_later.put_off()
import numpy as np
import numpy
assert np is numpy is sys.modules["numpy"]
def loaded():
    return "numpy._core" in sys.modules
assert not loaded()
"""


@pytest.mark.parametrize(
    "use",
    [
        "assert np.arange(3).sum() == 3",
        "from numpy import arange; assert arange(3).sum() == 3",
        "from numpy.typing import NDArray; assert NDArray[np.int8]",
        "import numpy.linalg; assert numpy.linalg.det(np.eye(2)) == 1",
        "import scipy.special; assert scipy.special.expit(0.0) == 0.5",
        "numpy_later.load(); numpy_later.load(); numpy_later.put_off()",
    ],
)
def test_what_uses_it_first_loads_it(use: str) -> None:
    check = "assert loaded() and type(np) is type(sys) and np is sys.modules['numpy']"
    assert run_python(f"{PUT_OFF}\n{use}\n{check}\nassert np.float32(1) + np.float32(1) == 2") == ""


RACE = """
import threading
barrier, found = threading.Barrier(4), []
def use():
    barrier.wait()
    found.append(int(np.arange(10).sum()))
threads = [threading.Thread(target=use) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(found)
"""


def test_threads_that_use_it_at_once_wait_for_it() -> None:
    assert run_python(PUT_OFF + RACE) == str([45] * 4)


def test_what_cannot_be_loaded_is_not_left_half_loaded() -> None:
    code = f"""{PUT_OFF}
sys.modules["numpy._core"] = None  # import raises ImportError
for use in ("np.arange(3)", "import numpy"):
    try:
        exec(use)
    except ImportError:
        print("numpy" in sys.modules)
"""
    assert run_python(code).split() == ["False"] * 2


def test_it_is_left_alone_where_it_is_loaded() -> None:
    code = "import numpy; from rnnrbm_gui import numpy_later as n; before = vars(numpy).copy()"
    assert run_python(f"{code}\nn.put_off(); n.load()\nassert vars(numpy) == before") == ""


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads as Linux does")
@pytest.mark.parametrize("asked", [None, "2"])
def test_it_has_no_threads_for_products(asked: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the user asks for them; the processes that the window starts are not told."""
    code = f"{PUT_OFF}\nnumpy_later.load(); import os\n"
    code += "print(len(os.listdir('/proc/self/task')), os.environ.get(numpy_later.THREADS))"
    monkeypatch.delenv(numpy_later.THREADS, raising=False)
    found = run_python(code, env={numpy_later.THREADS: asked} if asked else None)
    n_threads = min(int(asked or 1), os.cpu_count() or 1)
    assert found.split() == [str(n_threads), str(asked)]


FIRST_PAINT = """
import sys
from rnnrbm_gui.launch import with_qt
def run():
    from PySide6.QtCore import QTimer
    from rnnrbm_gui.app import build
    app, window = build(remember=False)
    def look():
        if window.canvas.paint_ms:
            heavy = ("numpy._core", "numba", "pyqtgraph", "scipy", "rnnrbm_gui.models.kernels")
            print(*(name for name in heavy if name in sys.modules), "painted")
            app.quit()
    timer = QTimer()
    timer.timeout.connect(look)
    timer.start(1)
    window.show()
    return app.exec()
sys.exit(with_qt(run))
"""


def test_the_first_paint_does_without_it() -> None:
    assert run_python(FIRST_PAINT, env={"QT_QPA_PLATFORM": "offscreen"}) == "painted"
