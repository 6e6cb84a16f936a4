"""Code run in a Python of its own."""

import os
import subprocess
import sys


def run_python(code: str, *arguments: str, env: dict[str, str] | None = None) -> str:
    """Run code in a fresh Python and return what it prints; ``env`` adds to the environment.

    Raises:
        AssertionError: it fails, or says anything on standard error.
    """
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(env or {})},
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.strip()
