"""The loudspeaker: miniaudio pulls blocks, the built-in synth fills them.

Thread: a ``Speaker`` is used by the scheduler's thread; it opens its device in a thread of its own,
since a sound server may take its time, and renders in miniaudio's.
"""

import threading
from collections import deque
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from rnnrbm_gui.player.protocol import AudioDevice, Trouble, now_s

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnnrbm_gui.player.synth import Synth

PERIOD_MS = 20
DELAY_S = 0.024
"""From a stroke's time to its first sample: one period, and room for a callback that is late."""

GONE_AFTER_S = 1.5
REST_AFTER_S = 30.0
"""A device that has been silent for so long stands still until the next stroke: to be called
fifty times a second for nothing would take a percent of a core."""

NULL_SENTENCE = "No audio device opens, so the built-in synth plays unheard; choose a MIDI output."


def open_device(*, null: bool = False) -> Any:
    """Open the default playback device, stereo float32 at 48 kHz.

    JACK is left out: a JACK server that dies or stands still would take the sound with it.

    Raises:
        miniaudio.MiniaudioError: no device opens.
    """
    import miniaudio  # 60 ms that the first note over MIDI need not wait for

    from rnnrbm_gui.player.synth import SAMPLE_RATE

    left_out = (miniaudio.Backend.JACK, miniaudio.Backend.CUSTOM, miniaudio.Backend.NULL)
    audible = [backend for backend in miniaudio.Backend if backend not in left_out]
    return miniaudio.PlaybackDevice(
        output_format=miniaudio.SampleFormat.FLOAT32,
        nchannels=2,
        sample_rate=SAMPLE_RATE,
        buffersize_msec=PERIOD_MS,
        backends=[miniaudio.Backend.NULL] if null else audible,
        thread_prio=miniaudio.ThreadPriority.REALTIME,
        app_name="rnnrbm-gui",
    )


def audio_devices() -> tuple[str, bool, str]:
    """Return the backend of the default device, whether it opens, and if not, why.

    May print to standard error (ALSA does); meant for a throw-away process.
    """
    try:
        device = open_device()
    except Exception as error:
        return "none", False, str(error)
    name = str(device.backend)
    device.close()
    return name, True, ""


class Speaker:
    """The built-in synth, playing; an output like a MIDI port, and there from the start.

    Signals back by ``report``: the device that opened, and what goes wrong.
    """

    def __init__(self, report: Callable[[Any], None], *, null: bool = False) -> None:
        self._report = report
        self._null = null
        self._strokes: deque[tuple[float, int, int, int]] = deque()
        self._device: Any = None
        self._synth: Synth | None = None
        self._called_s = 0.0
        self._heard_s = 0.0  # when anything was last heard, or the device opened
        self._resting = False
        self._peak = 0.0
        self._opener: threading.Thread | None = None

    def start(self) -> None:
        """Open the device, without waiting for it."""
        self._opener = threading.Thread(target=self._open, name="speaker", daemon=True)
        self._opener.start()

    def stroke(self, channel: int, pitch: int, velocity: int, due_s: float) -> None:
        """Strike (velocity 1..127) or let go (0) a key at a time, ``DELAY_S`` later."""
        self._strokes.append((due_s, channel, pitch, velocity))
        if self._resting:
            self._resting = False
            self._begin(self._device)

    def all_off(self) -> None:
        """Let every key go at once."""
        self._strokes.clear()
        if self._synth is not None:
            self._synth.all_off()

    def level(self) -> float:
        """Return the peak, 0..1, since this was last asked."""
        peak, self._peak = self._peak, 0.0
        return peak

    def watch(self, at_s: float) -> None:
        """Open the default device again when the one that played calls no more (unplugged).

        One that has long been silent rests.
        """
        if self._device is None or self._resting:
            return
        if at_s - self._called_s > GONE_AFTER_S:
            self._called_s = at_s
            self.start()
        elif not self._strokes and at_s - self._heard_s > REST_AFTER_S:
            self._resting = True
            self._device.stop()

    def close(self) -> None:
        """Let the last notes fade and give the device back."""
        if self._opener is not None:
            self._opener.join(1.0)
        if self._device is not None:
            self._device.close()

    def _open(self) -> None:
        from rnnrbm_gui.player.synth import SAMPLE_RATE, Synth

        old, self._device = self._device, None
        if old is not None:
            old.close()
        self._synth = self._synth or Synth(SAMPLE_RATE)
        sentence = ""
        try:
            device = open_device(null=self._null)
        except Exception:
            try:
                device, sentence = open_device(null=True), NULL_SENTENCE
            except Exception as error:
                self._report(Trouble(f"The built-in synth cannot play: {error}."))
                return
        self._begin(device)
        self._device = device
        self._report(AudioDevice(str(device.backend), self._null or bool(sentence), sentence))

    def _begin(self, device: Any) -> None:
        """Let the device call."""
        assert self._synth is not None
        blocks = self._blocks(self._synth)
        next(blocks)
        self._called_s = self._heard_s = now_s()
        device.start(blocks)

    def _blocks(self, synth: "Synth") -> "Generator[bytes | NDArray[Any], int, None]":
        """Yield the samples asked for; strokes fall on their sample inside the block."""
        n = yield b""
        begin_s = now_s()
        while True:
            self._called_s = at_s = now_s()
            # The device's clock, smoothed: callbacks come late by chance, never early.
            begin_s += 0.02 * (at_s - begin_s)
            if abs(at_s - begin_s) > 0.05:
                begin_s = at_s
            while self._strokes:
                due_s, *stroke = self._strokes.popleft()
                later = round((due_s + DELAY_S - begin_s) * synth.sample_rate)
                synth.at(synth.sample + max(0, later), *stroke)
            block = synth.render(n)
            if not synth.is_silent:
                self._heard_s = at_s
                self._peak = max(self._peak, float(abs(block).max(initial=0.0)))
            begin_s += n / synth.sample_rate
            n = yield block
