"""What the app finds around it: system libraries that Qt needs, and a display."""

import ctypes
import importlib
import os
import re
import sys
from pathlib import Path

DEBIAN_PACKAGES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libOpenGL.so.0": "libopengl0",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libX11.so.6": "libx11-6",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb.so.1": "libxcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libasound.so.2": "libasound2",
    "libz.so.1": "zlib1g",
    "libzstd.so.1": "libzstd1",
    "libatomic.so.1": "libatomic1",
}
WINDOWLESS = ("offscreen", "minimal", "vnc", "eglfs", "linuxfb")
_LIBRARY = re.compile(r"(lib[\w.+-]+\.so(?:\.\d+)*)")


def missing_library(*, window: bool) -> str | None:
    """Return a sentence that names the first library Qt lacks, None where it lacks none.

    Args:
        window: also look at what a window on X11 needs, beyond drawing without one.
    """
    for module in ("PySide6.QtCore", "PySide6.QtGui", "PySide6.QtWidgets"):
        try:
            importlib.import_module(module)
        except ImportError as error:
            return _sentence(str(error))
    if window and sys.platform.startswith("linux"):
        import PySide6

        plugin = Path(PySide6.__file__).parent / "Qt" / "plugins" / "platforms" / "libqxcb.so"
        try:
            # Qt's own message blames xcb-cursor whatever is missing; the loader names the library.
            ctypes.CDLL(str(plugin))
        except OSError as error:
            return _sentence(str(error))
    return None


def _sentence(reason: str) -> str:
    found = _LIBRARY.search(reason)
    library = found.group(1) if found else ""
    package = DEBIAN_PACKAGES.get(library)
    if package:
        return (
            f"The window library {library} is missing: "
            f"install the Debian package {package} (apt install {package})."
        )
    return f"Qt cannot be loaded ({reason}): install what is named, or PySide6-Essentials again."


def no_display() -> str | None:
    """Return a sentence if there is no display to show a window on, None if there is one."""
    if not sys.platform.startswith("linux"):
        return None
    if os.environ.get("QT_QPA_PLATFORM", "").split(":")[0] in WINDOWLESS or _wayland_answers():
        return None
    display = os.environ.get("DISPLAY")
    if not display:
        return "There is no display here, so the model performs without a window."
    if not _x_server_answers():
        return f"The display {display} does not answer, so the model performs without a window."
    return None


def _wayland_answers() -> bool:
    name = os.environ.get("WAYLAND_DISPLAY")
    if not name:
        return False
    import socket  # which takes 3 ms

    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(Path(os.environ.get("XDG_RUNTIME_DIR", "/")) / name))
        except OSError:
            return False
    return True


def _x_server_answers() -> bool:
    """Ask libxcb itself: Qt would abort the process on a display that does not answer."""
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return True
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(None, None)
    broken = bool(xcb.xcb_connection_has_error(connection))
    xcb.xcb_disconnect(connection)
    return not broken
