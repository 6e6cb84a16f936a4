"""What the window remembers between starts."""

import contextlib
import json
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, fields

from rnnrbm_gui import paths
from rnnrbm_gui.data.whole_file import write_whole
from rnnrbm_gui.engine.choices import Mode, Sampling
from rnnrbm_gui.errors import FileError
from rnnrbm_gui.music.roll import Articulation
from rnnrbm_gui.music.timing import FASTEST_BPM, PPQ, SLOWEST_BPM

RANGES = {
    "bpm": (0, FASTEST_BPM),
    "snap": (1, 32 * PPQ),
    "width": (400, 20_000),
    "height": (300, 20_000),
}


class Settings(Struct, frozen=True):
    """Knobs and choices; every value that cannot be read falls back to its default.

    Attributes:
        model: file name of a shipped model, or the path of another; empty for the default.
        output: api and name of the output; empty for the built-in synth.
        bpm: quarter notes a minute; 0 for the model's own tempo.
        theme: "system", "dark" or "light".
        following: whether the view follows the playhead.
        snap: the grid in ticks.
    """

    model: str = ""
    output: tuple[str, str] = ("", "")
    bpm: float = 0.0
    mode: str = Mode.HARMONISE.value
    articulation: str = Articulation.RESTRIKE.value
    seed: int = Sampling().seed
    temperature: float = Sampling().temperature
    gibbs_steps: int = Sampling().gibbs_steps
    theme: str = "system"
    following: bool = True
    snap: int = 240
    width: int = 1280
    height: int = 800

    def sampling(self) -> Sampling:
        """Return how the model is to draw; the default where a value is out of range."""
        try:
            return Sampling(self.seed, self.temperature, self.gibbs_steps)
        except ValueError:
            return Sampling()


def settings_path() -> Path:
    """Return where the settings lie."""
    return paths.config() / "settings.json"


def load_settings() -> Settings:
    """Return the settings of the last start; a missing or broken file gives the defaults."""
    try:
        known = json.loads(settings_path().read_text("utf-8"))
        return _checked(known if isinstance(known, dict) else {})
    except (OSError, ValueError):
        return Settings()


def save_settings(settings: Settings) -> None:
    """Keep the settings for the next start; a place that cannot be written is no reason to stop."""
    path = settings_path()
    with contextlib.suppress(OSError, FileError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(asdict(settings), indent=1).encode())


def _checked(known: dict[str, Any]) -> Settings:
    default = Settings()
    good: dict[str, Any] = {}
    for field in fields(Settings):
        value, usual = known.get(field.name), getattr(default, field.name)
        if isinstance(usual, tuple) and isinstance(value, list):
            value = tuple(str(part) for part in value)
            if len(value) != len(usual):
                continue
        if isinstance(usual, float) and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is type(usual) and _is_text(value):
            good[field.name] = value
    for name, (least, most) in RANGES.items():
        if name in good and not least <= good[name] <= most:
            del good[name]
    if 0 < good.get("bpm", 0) < SLOWEST_BPM:
        del good["bpm"]
    if good.get("mode") not in {mode.value for mode in Mode}:
        good.pop("mode", None)
    if good.get("articulation") not in {articulation.value for articulation in Articulation}:
        good.pop("articulation", None)
    return Settings(**good)


def _is_text(value: Any) -> bool:
    """Tell whether there is nothing in a value that cannot be written: half a character."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
