"""What the app depends on, what of it is here, and whether the main job can run.

Whatever may hang or crash (MIDI APIs, audio devices, the kernel's cache) is asked in a throw-away
process with a time limit.
"""

import subprocess
import sys

from msgspec import Struct

from rnnrbm_gui import __version__, paths, surroundings
from rnnrbm_gui.data.model_file import load_model
from rnnrbm_gui.errors import ModelError

LIMIT_S = 20.0
GOOD, NOTE, BAD = "ok", "–", "no"
AUDIO = "from rnnrbm_gui.player.audio import audio_devices; print(*audio_devices(), sep='\\n')"
APIS = "from rnnrbm_gui.player.ports import apis; print(*apis(), sep='\\n')"
KERNEL = """
import time
begin = time.monotonic()
from rnnrbm_gui.models import kernels
kernels.compile_kernel()
from rnnrbm_gui.models.kernels_numba import cache
path, was_there = cache()
print(f"{'read from' if was_there else 'compiled into'} {path}, "
      f"ready after {time.monotonic() - begin:.1f} s")
"""


class Row(Struct, frozen=True):
    """One dependency: what, how it stands, and the detail."""

    what: str
    mark: str
    detail: str


class Examination(Struct, frozen=True):
    """Every row of the table."""

    rows: tuple[Row, ...]

    @property
    def main_job_runs(self) -> bool:
        """Whether nothing that the main job needs is missing."""
        return all(row.mark != BAD for row in self.rows)

    def table(self) -> str:
        """Return the table as text."""
        width = max(len(row.what) for row in self.rows)
        lines = [f"{row.what:<{width}}  {row.mark:<2}  {row.detail}" for row in self.rows]
        verdict = (
            "Everything the main job needs is here."
            if self.main_job_runs
            else "The main job cannot run: see the lines marked “no”."
        )
        return "\n".join([*lines, "", verdict])


def examine() -> Examination:
    """Look at everything the app depends on; takes a few seconds."""
    rows = [Row("rnnrbm-gui", GOOD, f"{__version__}, Python {sys.version.split()[0]}")]
    rows += [_qt(), *_midi(), _audio(), _kernel(), *_models()]
    return Examination(tuple(rows))


def _qt() -> Row:
    missing = surroundings.missing_library(window=True)
    if missing:
        return Row("Qt platform", BAD, missing)
    headless = surroundings.no_display()
    if headless:
        return Row("Qt platform", NOTE, headless)
    from PySide6.QtCore import qVersion

    return Row("Qt platform", GOOD, f"Qt {qVersion()}, a display answers")


def _asked(code: str, *arguments: str) -> tuple[bool, str]:
    """Run Python code, or a module where there are arguments; return success and output."""
    # -P: what lies in the current folder is not what is asked about.
    command = [sys.executable, "-P", *(["-m", code, *arguments] if arguments else ["-c", code])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return False, f"did not answer within {LIMIT_S:g} s"
    if done.returncode and not done.stdout.strip():
        return False, (done.stderr.strip().splitlines() or ["ended without a word"])[-1]
    return done.returncode == 0, done.stdout.strip()


def _midi() -> list[Row]:
    known, apis = _asked(APIS)
    if not known or not apis:
        return [Row("MIDI", NOTE, "python-rtmidi cannot be loaded: only the built-in synth plays")]
    rows = []
    for api in apis.splitlines():
        answers, ports = _asked("rnnrbm_gui.player.probe", api)
        detail = "; ".join(ports.splitlines()) or "no port"
        rows.append(Row(f"MIDI {api}", GOOD if answers else NOTE, detail))
    return rows


def _audio() -> Row:
    known, answer = _asked(AUDIO)
    if not known:
        return Row("Audio device", BAD, answer)
    name, opens, reason = (*answer.splitlines(), "", "")[:3]
    if opens == "True":
        return Row("Audio device", GOOD, name)
    return Row("Audio device", NOTE, f"none opens ({reason}): the null device plays, unheard")


def _kernel() -> Row:
    known, answer = _asked(KERNEL)
    return Row("Kernel cache", GOOD if known else NOTE, answer or "plain NumPy plays on")


def _models() -> list[Row]:
    rows = []
    for path in sorted(paths.models().glob("*.safetensors")):
        try:
            header = load_model(path).header
        except ModelError as error:
            rows.append(Row(f"Model {path.stem}", BAD, str(error)))
            continue
        ll = header.figures.get("valid_ll")
        figure = f", validation log-likelihood {ll:.2f} a frame" if ll is not None else ""
        words = f"{header.name}, {header.kind_words}{figure}"
        rows.append(Row(f"Model {path.stem}", GOOD, words))
    return rows or [Row("Models", BAD, f"none in {paths.models()}: install the app again")]
