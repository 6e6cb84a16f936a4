"""The models that come with the app, those the user has trained, and the one to start with."""

from pathlib import Path

from rnnrbm_gui import paths
from rnnrbm_gui.data.model_header import ModelHeader, read_header
from rnnrbm_gui.errors import ModelError

DEFAULT_MODEL = "jsb-chorales.safetensors"


def shipped_models() -> list[tuple[Path, str]]:
    """Return path and name of every model that comes with the app, the default one first."""
    headers = [(path, _header_of(path)) for path in sorted(paths.models().glob("*.safetensors"))]
    found = [(path, header.name) for path, header in headers if header is not None]
    return sorted(found, key=lambda item: item[0].name != DEFAULT_MODEL)


def learning_path() -> Path:
    """Return where a model lies that plays while it is still being trained."""
    return paths.state() / "learning.safetensors"


def own_models() -> list[tuple[Path, str]]:
    """Return path and name of every model the user has trained; the file's name is theirs."""
    found = sorted(paths.own_models().glob("*.safetensors"), key=lambda path: path.stem.lower())
    return [(path, path.stem) for path in found if _header_of(path) is not None]


def all_models() -> list[tuple[Path, str]]:
    """Return path and name of the shipped models, then the user's own."""
    return shipped_models() + own_models()


def model_to_start_with(wanted: str) -> Path:
    """Return the wanted model (a shipped one's file name, or a path), else the default one."""
    for path in (paths.models() / wanted, Path(wanted)):
        if wanted and path.is_file() and _header_of(path) is not None:
            return path
    return paths.models() / DEFAULT_MODEL


def _header_of(path: Path) -> ModelHeader | None:
    try:
        return read_header(path)
    except ModelError:
        return None
