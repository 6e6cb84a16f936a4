"""Real players, a real JACK server, a port that listens; a short run of training."""

import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rnnrbm_gui.engine import preparation
from rnnrbm_gui.engine.training_events import Plan
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


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "Two chords.pickle"
    pieces = [[(60, 64, 67), (62, 65, 69)] * 6 for _ in range(6)]
    path.write_bytes(pickle.dumps({"train": pieces, "valid": pieces[:2]}))
    return path


@pytest.fixture
def plan(corpus: Path, tmp_path: Path) -> Plan:
    out = tmp_path / "two.safetensors"
    return Plan(corpus, out, seed=2, updates=60, n_hidden=10, n_recurrent=5)


@pytest.fixture
def short_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure every 20 updates."""
    own = preparation.settings_of
    monkeypatch.setattr(
        preparation, "settings_of", lambda *given: replace(own(*given), check_every=20)
    )
