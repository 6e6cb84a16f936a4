"""The command ``rnnrbm-gui``: alone it opens the window, with words it is the command line.

The window is waited for, so nothing is imported here that its first paint can do without.
"""

import gc
import io
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rnnrbm_gui import numpy_later, surroundings
from rnnrbm_gui.errors import UserError, plain_interrupt
from rnnrbm_gui.qt_start import import_qt

MISSING_LIBRARY = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code: 0 done, 1 a sentence said why not, 3 no Qt."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show “█” is no error
    words = sys.argv[1:] if arguments is None else arguments
    try:
        with plain_interrupt():
            return _command_line(words) if words else open_window()
    except UserError as error:
        print(f"rnnrbm-gui: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("rnnrbm-gui: stopped.", file=sys.stderr)
        return 130


def _command_line(words: Sequence[str]) -> int:
    from rnnrbm_gui import cli

    return cli.run(words)


def open_window(open_first: Path | None = None) -> int:
    """Show the window until it is closed; without a display perform instead."""

    def show() -> int:
        from rnnrbm_gui.app import run_window

        return run_window(open_first)

    return with_qt(show)


def with_qt(run: Callable[[], int]) -> int:
    """Load what the window needs, in the order that is soonest done, and run what shows it.

    Args:
        run: what then shows the window; returns the exit code.

    Returns:
        The exit code: of ``run``; of a performance where there is no display; ``MISSING_LIBRARY``.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # PySide6 does not survive Ctrl-C while it loads
    gc.disable()  # until the window has painted: to collect while modules load takes 20 ms
    import_qt()
    missing = surroundings.missing_library(window=True)
    headless = surroundings.no_display()
    if not (missing or headless):
        numpy_later.put_off()
        return run()
    gc.enable()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    print(f"rnnrbm-gui: {missing or headless}", file=sys.stderr)
    return MISSING_LIBRARY if missing else _command_line(["perform"])
