"""NumPy is loaded after the first paint, which would else come a quarter later.

Modules import it as ever. Put off, it loads when the first of them uses it, at the latest when the
app calls ``load``. (The standard library's ``LazyLoader`` loads a module that is imported twice,
and hands a half loaded one to other threads.)
"""

import os
import sys
import threading
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

THREADS = "OPENBLAS_NUM_THREADS"


class _Later(ModuleType):
    """NumPy until it is loaded: it has no ``__path__``, so that submodules load it, too."""

    def __getattr__(self, name: str) -> Any:
        load()
        return ModuleType.__getattribute__(self, name)


_loading = threading.RLock()
_begun = False


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

    Thread: any; others that use NumPy meanwhile wait.
    """
    global _begun
    with _loading:
        module = sys.modules.get("numpy")
        spec = getattr(module, "__spec__", None)
        if not isinstance(module, _Later) or _begun or spec is None or spec.loader is None:
            return  # loaded, or being loaded by this very thread
        _begun = True
        asked = THREADS in os.environ
        os.environ.setdefault(THREADS, "1")
        try:
            module.__path__ = spec.submodule_search_locations or []
            spec.loader.exec_module(module)
            module.__class__ = ModuleType  # type: ignore[assignment]
        except BaseException:
            del sys.modules["numpy"]
            raise
        finally:
            _begun = False
            if not asked:
                del os.environ[THREADS]
