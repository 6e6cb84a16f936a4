import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture
def corpora() -> Path:
    """The folder of the published corpora; without it the test is skipped, but never in CI."""
    if not SHARED.is_dir():
        message = "the published corpora are not there: ../shared/data beside the repository"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return SHARED
