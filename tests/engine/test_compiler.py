"""A kernel that is kept is loaded; else a process compiles it, which can be left."""

import threading

from rnnrbm_gui.engine.compiler import Compiler
from rnnrbm_gui.engine.events import KernelReady
from rnnrbm_gui.models import kernels
from tests.python import run_python


def test_what_is_kept_is_loaded_without_compiling() -> None:
    kernels.compile_kernel()
    heard: list[object] = []
    under_way = threading.Event()
    under_way.set()
    compiler = Compiler(under_way, heard.append)
    compiler.run()
    assert [type(event) for event in heard] == [KernelReady]
    assert compiler._process is None


NOT_KEPT = """
import sys, threading
from pathlib import Path
from rnnrbm_gui.engine.compiler import Compiler
from rnnrbm_gui.models import kernels
from tests.live import wait_until
assert not kernels.load_kernel() and kernels.compiled() is None
assert "rnnrbm_gui.models.kernels_numba" not in sys.modules
heard, under_way = [], threading.Event()
under_way.set()
compiler = Compiler(under_way, heard.append)
compiler.start()
wait_until(lambda: compiler._process is not None, 30, "the process")
compiler.close()
compiler.join(10)
assert not compiler.is_alive() and compiler._process.returncode is not None
assert not heard and kernels.compiled() is None
print("left")
"""


def test_a_compilation_can_be_left(tmp_path) -> None:
    assert run_python(NOT_KEPT, env={"NUMBA_CACHE_DIR": str(tmp_path)}) == "left"
