"""NumPy is loaded after the first paint, which would else come a quarter later.

Modules import it as ever. Put off, it loads when the first of them uses it, at the latest when the
app calls ``load``, before there is a second thread. (The standard library's ``LazyLoader`` loads a
module that is imported twice.)
"""

import os
import sys
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

THREADS = "OPENBLAS_NUM_THREADS"


class _Later(ModuleType):
    """NumPy as long as none of it is used: it has no ``__path__``, so submodules load it, too."""

    def __getattr__(self, name: str) -> Any:
        load()
        return getattr(self, name)


def put_off() -> None:
    """Let NumPy load when it is first used, not when it is imported; nothing where it is loaded."""
    spec = None if "numpy" in sys.modules else find_spec("numpy")
    if spec is not None:
        module = sys.modules["numpy"] = module_from_spec(spec)
        module.__class__ = _Later
        del module.__path__


def load() -> None:
    """Load NumPy if it was put off: without threads for its products, which take 10 to 60 ms.

    A window multiplies nothing large; the processes that it starts are not told.
    """
    module = sys.modules["numpy"]
    spec = module.__spec__
    if not isinstance(module, _Later) or spec is None or spec.loader is None:
        return
    module.__class__ = ModuleType  # type: ignore[assignment]
    module.__path__ = spec.submodule_search_locations or []
    asked = THREADS in os.environ
    os.environ.setdefault(THREADS, "1")
    try:
        spec.loader.exec_module(module)
    finally:
        if not asked:
            del os.environ[THREADS]
