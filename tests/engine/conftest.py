"""Real players, a real JACK server, a port that listens."""

from collections.abc import Iterator

import pytest

from tests.engine.told import Told, playing
from tests.live import Jack, SpyPort, jack_server


@pytest.fixture
def told() -> Iterator[Told]:
    with playing() as told:
        yield told


@pytest.fixture
def jack() -> Iterator[Jack]:
    with jack_server() as jack:
        yield jack


@pytest.fixture
def spy(jack: Jack) -> Iterator[SpyPort]:
    spy = SpyPort()
    yield spy
    if jack.process.poll() is None and not jack.stopped:
        spy.close()
    else:
        spy.abandon()
