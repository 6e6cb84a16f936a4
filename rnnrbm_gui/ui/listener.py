"""What the engine and the player tell, shown in the window."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnrbm_gui.data.model_header import ModelHeader
from rnnrbm_gui.engine import events
from rnnrbm_gui.engine.player_client import Replaced
from rnnrbm_gui.player import protocol
from rnnrbm_gui.player.protocol import BUILT_IN, OutputId

if TYPE_CHECKING:
    from rnnrbm_gui.ui.main_window import MainWindow


class Listener:
    """The handlers of all events, by their kind.

    Thread: GUI; the bridge calls them.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window, self._session, self._canvas = window, window.session, window.canvas
        self._header: ModelHeader | None = None
        self._pitches: Counter[int] = Counter()
        self._outputs: tuple[OutputId, ...] = (BUILT_IN,)
        self._output_ok = True
        self._unheard = ""
        say = window.messages.say
        self.handlers: dict[type, Callable[[Any], None]] = {
            events.Generated: self._generated,
            events.Truncated: self._truncated,
            events.Sounded: self._sounded,
            events.Passage: lambda event: self._canvas.set_passage(event.span),
            events.ModelLoaded: self._model_loaded,
            events.Playing: self._playing_changed,
            # The compiler's many objects stay: a collection over them would cost beats.
            events.KernelReady: lambda _: gc.freeze(),
            events.Trouble: lambda event: say(event.sentence, error=True),
            protocol.Trouble: lambda event: say(event.sentence, error=True),
            Replaced: lambda event: window.status.say(event.sentence),
            protocol.Sounding: self._sounding,
            protocol.Outputs: self._outputs_listed,
            protocol.OutputState: self._output_state,
            protocol.AudioDevice: self._audio_device,
        }

    # -- music -------------------------------------------------------------------------------

    def _generated(self, event: events.Generated) -> None:
        self._session.take_generated(event)
        self._canvas.set_generated(event.notes, event.from_tick)
        self._canvas.set_available(event.end_tick)
        if self._header:
            # Behind the notes that are still coming, how probable each key was.
            first = self._session.sounded // event.frame_ticks
            low, n_keys = self._header.low + self._header.transpose, self._header.n_keys
            glow = np.array(self._session.glow[first:], np.float32).reshape(-1, n_keys)
            self._canvas.set_glow(first * event.frame_ticks, event.frame_ticks, low, glow)

    def _truncated(self, event: events.Truncated) -> None:
        self._session.take_truncated(event)
        self._canvas.set_generated((), event.tick)
        self._canvas.set_available(event.tick)
        self._canvas.set_sounded(self._session.sounded)

    def _model_loaded(self, event: events.ModelLoaded) -> None:
        header = self._header = event.header
        self._window.model_path = event.path
        self._window.panel.show_model(event.path, header)
        low = header.low + header.transpose
        self._canvas.set_model_range(low, low + header.n_keys - 1)
        self._window.adopt(event.path, header)

    # -- transport ---------------------------------------------------------------------------

    def _playing_changed(self, event: events.Playing) -> None:
        window = self._window
        if not event.playing and window.engine.waiting:
            return  # Play was pressed again since
        window.wants_to_play = event.playing
        window.transport.set_playing(event.playing)
        if event.playing:
            self._canvas.set_empty_hint(None)
        else:
            self._pitches.clear()
            self._canvas.set_sounding(frozenset())
            self.moved(window.engine.position())
            window.show_hint()
        window.status.set_playing(event.playing)

    def moved(self, tick: float) -> None:
        """Show the playhead at a tick."""
        self._canvas.set_playhead(tick)
        self._window.transport.set_position(tick, self._session.meter)

    def _sounded(self, event: events.Sounded) -> None:
        self._session.take_sounded(event.tick)
        self._canvas.set_sounded(event.tick)

    def _sounding(self, event: protocol.Sounding) -> None:
        if event.on and event.note_id is not None:
            self._window.status.sent(event.lateness_ms)
        self._pitches[event.pitch] = max(0, self._pitches[event.pitch] + (1 if event.on else -1))
        self._canvas.set_sounding(frozenset(+self._pitches))

    # -- outputs -----------------------------------------------------------------------------

    def _outputs_listed(self, event: protocol.Outputs) -> None:
        self._outputs = event.outputs
        self.show_outputs()

    def _output_state(self, event: protocol.OutputState) -> None:
        self._output_ok = event.state in ("open", "back")
        self.show_outputs()
        if event.state != "open":
            self._window.messages.say(event.sentence, error=not self._output_ok)

    def _audio_device(self, event: protocol.AudioDevice) -> None:
        self._unheard = event.sentence if event.is_null else ""
        self.show_outputs()

    def output_chosen(self) -> None:
        """Hear that another output was chosen; it is good until the player says otherwise."""
        self._output_ok = True
        self.show_outputs()

    def show_outputs(self) -> None:
        """List the outputs and say whether the chosen one is heard."""
        window = self._window
        heard = self._output_ok and not (self._unheard and window.output == BUILT_IN)
        window.transport.set_outputs(
            self._outputs, window.output, lost=not self._output_ok, heard=heard
        )
        window.status.output = str(window.output)
        window.status.unheard = self._unheard if window.output == BUILT_IN else ""
        window.status.refresh()
