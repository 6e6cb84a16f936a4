"""The tempo: each model's own, until somebody sets one; that stays whatever model is chosen."""

from contextlib import suppress
from pathlib import Path

from rnnrbm_gui.data.model_header import read_header
from rnnrbm_gui.engine.engine import Engine
from rnnrbm_gui.errors import ModelError
from rnnrbm_gui.ui.transport_bar import TransportBar

UNKNOWN_BPM = 84.0
"""Shown until a model is there."""


class Tempo:
    """Shows the tempo and tells the engine. Thread: GUI.

    Attributes:
        held: whether the model that is being loaded leaves the tempo as it is, for music goes on.
    """

    def __init__(self, transport: TransportBar, engine: Engine, bpm: float) -> None:
        """Show a tempo that was set, or 0 for the model's own."""
        self._transport, self._engine = transport, engine
        self._is_set, self.held = bpm > 0, False
        transport.set_bpm(bpm or UNKNOWN_BPM)

    @property
    def bpm(self) -> float:
        """What is shown, quarter notes a minute."""
        return self._transport.bpm.value()

    @property
    def set_bpm(self) -> float:
        """What was set; 0 for the model's own."""
        return self.bpm if self._is_set else 0.0

    def set(self, bpm: float) -> None:
        """Take what somebody has set."""
        self._is_set = True
        self._take(bpm)

    def adopt(self, own_bpm: float) -> None:
        """Take over a model's own, unless one was set or is held."""
        if not (self._is_set or self.held):
            self._take(own_bpm)

    def restore(self, bpm: float, model: Path) -> None:
        """Take a kept roll's; where it is its model's own, nobody has set it."""
        self.set(bpm)
        with suppress(ModelError):
            self._is_set = abs(bpm - read_header(model).bpm) >= 0.01

    @property
    def now(self) -> tuple[float, bool]:
        """What is shown and whether it was set, for ``go_back``."""
        return self.bpm, self._is_set

    def go_back(self, then: tuple[float, bool]) -> None:
        """Take up again what was shown then."""
        self._take(then[0])
        self._is_set = then[1]

    def _take(self, bpm: float) -> None:
        self._transport.set_bpm(bpm)
        self._engine.set_bpm(self.bpm)
