"""A missing window library, a missing display: one sentence, the right exit code, no abort."""

import ctypes.util
import os
import shutil
import subprocess
import sys

import pytest

from rnnrbm_gui import surroundings

COMMAND = f"{sys.executable} -m rnnrbm_gui"


def hidden(library, *commands, display=None):
    """Run a command in a mount namespace in which a system library is an empty file."""
    path = next(
        line.split()[-1]
        for line in subprocess.run(
            ["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        if line.split()[:1] == [library]
    )
    environment = {key: value for key, value in os.environ.items() if key != "QT_QPA_PLATFORM"}
    environment.pop("DISPLAY", None)
    if display:
        environment["DISPLAY"] = display
    script = f"mount --bind /dev/null {path} && exec {COMMAND} {' '.join(commands)}"
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=False,
    )


@pytest.mark.parametrize(
    ("library", "package"),
    [
        ("libxcb-cursor.so.0", "libxcb-cursor0"),
        ("libxkbcommon.so.0", "libxkbcommon0"),
        ("libEGL.so.1", "libegl1"),
    ],
)
@pytest.mark.parametrize("display", [None, ":12345"])
def test_a_missing_library_is_named_with_its_package(library, package, display):
    can_hide = shutil.which("unshare") and os.geteuid() == 0 if hasattr(os, "geteuid") else False
    if not can_hide and not os.environ.get("CI"):
        pytest.skip("hiding a library needs Linux, unshare and root")
    done = hidden(library, display=display)
    assert done.returncode == 3
    [line] = done.stderr.splitlines()
    assert library in line
    assert f"apt install {package}" in line
    assert not done.stdout


def test_a_display_that_does_not_answer_is_said(monkeypatch):
    if not ctypes.util.find_library("xcb"):
        pytest.skip("needs libxcb")
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", ":12345")
    assert surroundings.no_display() == (
        "The display :12345 does not answer, so the model performs without a window."
    )
    monkeypatch.delenv("DISPLAY")
    assert "no display" in str(surroundings.no_display())
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert surroundings.no_display() is None


def test_what_qt_needs_is_here():
    assert surroundings.missing_library(window=False) is None
