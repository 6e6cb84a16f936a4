"""A player's client and everything it has told: for the tests of this room."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import psutil

from rnnrbm_gui.engine.player_client import (
    OutputId,
    OutputState,
    PlayerClient,
    TimedNote,
)
from tests.live import wait_until

FOREVER = 10**7


class Told:
    """A client and everything it has told so far."""

    def __init__(self) -> None:
        self.client = PlayerClient(audio="null")
        self.events: list[Any] = []
        self.client.start()

    def of(self, kind: type) -> list[Any]:
        self.events += self.client.poll()
        return [event for event in self.events if type(event) is kind]

    def wait(self, kind: type, limit_s: float = 5.0, **like: Any) -> Any:
        """Wait for an event of a kind with these fields; forget it and those of its kind before."""

        def found() -> Any:
            of_kind = self.of(kind)
            for i, event in enumerate(of_kind):
                if all(getattr(event, name) == value for name, value in like.items()):
                    self.events = [e for e in self.events if type(e) is not kind] + of_kind[i + 1 :]
                    return event
            return None

        return wait_until(found, limit_s, f"{kind.__name__} {like}")

    def open(self, name: str, api: str = "jack") -> None:
        output = OutputId(api, name)
        self.client.open_output(output)
        self.wait(OutputState, 8, output=output, state="open")

    @property
    def pid(self) -> int:
        child = self.client._child
        return child.process.pid if child else 0


@contextlib.contextmanager
def playing() -> Iterator[Told]:
    told = Told()
    try:
        yield told
    finally:
        begin_s, pid = time.monotonic(), told.pid
        told.client.close()
        assert time.monotonic() - begin_s < 3.0
        assert not pid or not psutil.pid_exists(pid)


def chord(*pitches: int, on: int = 0, off: int = FOREVER, first_id: int = 1) -> list[TimedNote]:
    return [TimedNote(first_id + i, on, off, pitch, 80) for i, pitch in enumerate(pitches)]
