"""Gets the sampler's fast kernel: from where it is kept or, a first time, by compiling it.

To compile takes half a minute, in which Python's other threads stand still for up to half a second
at a time. So another process of low priority does it, and what it keeps is loaded here.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Callable

from rnnrbm_gui.engine.events import KernelReady, Trouble
from rnnrbm_gui.models import kernels

COMMAND = (
    "import os; getattr(os, 'nice', int)(10); "
    "from rnnrbm_gui.models.kernels import compile_kernel; compile_kernel()"
)
WAITS_S = 1.0
"""For the first frames: to load numba beside them would hold up the first note."""


class Compiler(threading.Thread):
    """Loads or compiles the kernel, once.

    Args:
        under_way: set when frames are drawn that are enough to begin with, or are drawn too slowly.
        tell: called with what came of it.
    """

    def __init__(self, under_way: threading.Event, tell: Callable[[object], None]) -> None:
        super().__init__(name="compiler", daemon=True)
        self._under_way, self._tell = under_way, tell
        self._closed = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def close(self) -> None:
        """Give up what is not done yet."""
        self._closed.set()
        self._under_way.set()
        if self._process is not None:
            self._process.kill()

    def run(self) -> None:
        """Get the kernel and tell of it."""
        self._under_way.wait(WAITS_S)
        begin = time.monotonic()
        try:
            if not (self._closed.is_set() or kernels.load_kernel()):
                self._compile_beside()
            if self._closed.is_set():
                return
            kernels.compile_kernel()  # which is loaded, or kept by now
        except Exception as error:
            self._tell(
                Trouble(f"The fast sampler is not available ({error}); the plain one plays on.")
            )
        else:
            self._tell(KernelReady(time.monotonic() - begin))

    def _compile_beside(self) -> None:
        """Compile in a process of its own; where that fails, to do it here will tell why."""
        quiet = subprocess.DEVNULL
        with subprocess.Popen(
            [sys.executable, "-P", "-c", COMMAND],
            stdin=quiet,
            stdout=quiet,
            stderr=quiet,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        ) as self._process:
            if self._closed.is_set():
                self._process.kill()
