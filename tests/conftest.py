"""What the whole suite waits for."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from rnnrbm_gui.engine.compiler import COMMAND


@pytest.fixture(scope="session", autouse=True)
def kernel_compiled_beside() -> Iterator[None]:
    """Have a first run's half a minute of compiling done while tests run that do without it."""
    with subprocess.Popen([sys.executable, "-P", "-c", COMMAND]) as process:
        yield
        process.kill()
