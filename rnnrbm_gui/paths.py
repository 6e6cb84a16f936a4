"""Where things lie: shipped resources, the user's settings, autosaves and caches."""

from pathlib import Path

import platformdirs

APP = "rnnrbm-gui"
PACKAGE = Path(__file__).resolve().parent


def resources() -> Path:
    """Return the folder of shipped resources, in a wheel or in an editable checkout.

    Raises:
        FileNotFoundError: neither place has it, so the installation is broken.
    """
    for folder in (PACKAGE / "resources", PACKAGE.parent / "resources"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"the folder 'resources' is missing beside {PACKAGE}: install again")


def models() -> Path:
    """Return the folder of shipped model files."""
    return resources() / "models"


def own_models() -> Path:
    """Return the folder of the models the user has trained (not made here)."""
    return Path(platformdirs.user_data_dir(APP, appauthor=False)) / "models"


def config() -> Path:
    """Return the folder of the user's settings (not made here)."""
    return Path(platformdirs.user_config_dir(APP, appauthor=False))


def state() -> Path:
    """Return the folder of autosaves and logs (not made here)."""
    return Path(platformdirs.user_state_dir(APP, appauthor=False))


def cache() -> Path:
    """Return the folder of what can be made again (not made here)."""
    return Path(platformdirs.user_cache_dir(APP, appauthor=False))
