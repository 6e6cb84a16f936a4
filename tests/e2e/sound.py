"""What was heard: fluidsynth's sound recorded from JACK, and the pitches in it."""

import contextlib
import signal
import subprocess
import wave
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.live import Jack, wait_until

RATE = 48_000
OCARINA = 79
"""A program whose strongest partial is its fundamental."""

HOP_S, WINDOW_S = 0.05, 0.2
QUIET = 0.01


@dataclass
class Recording:
    """Mono samples, -1..1, once the recording has ended."""

    samples: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))

    def strongest(self) -> NDArray[np.int64]:
        """Return the strongest pitch every ``HOP_S``, 0 where it is quiet."""
        n, hop = int(WINDOW_S * RATE), int(HOP_S * RATE)
        starts = range(0, len(self.samples) - n, hop)
        return np.array([strongest_pitch(self.samples[a : a + n]) for a in starts], np.int64)


def strongest_pitch(samples: NDArray[np.float32]) -> int:
    """Return the pitch of the highest peak between 60 Hz and 2 kHz, 0 where it is quiet."""
    if np.sqrt(np.mean(samples**2)) < QUIET:
        return 0
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 8 * len(samples)))
    hertz = np.fft.rfftfreq(8 * len(samples), 1 / RATE)
    heard = (hertz > 60) & (hertz < 2000)
    peak = hertz[heard][np.argmax(power[heard])]
    return round(69 + 12 * np.log2(peak / 440))


def pitches_in(samples: NDArray[np.float32], among: range, share: float = 0.1) -> set[int]:
    """Return the pitches whose fundamental has at least a share of the strongest's amplitude."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 8 * len(samples)))
    hertz = np.fft.rfftfreq(8 * len(samples), 1 / RATE)
    level = {p: power[np.abs(hertz - frequency(p)) < 3].max() for p in among}
    return {p for p, amplitude in level.items() if amplitude > share * max(level.values())}


def frequency(pitch: int) -> float:
    """Return the fundamental of a pitch, hertz."""
    return float(440 * 2 ** ((pitch - 69) / 12))


def choose_ocarina(port: str) -> None:
    """Send a program change to fluidsynth's port."""
    import rtmidi

    out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, "program")
    out.open_port(next(i for i, name in enumerate(out.get_ports()) if name == port))
    out.send_message([0xC0, OCARINA])
    out.close_port()
    out.delete()


@contextlib.contextmanager
def recording(jack: Jack, wav: Path, port: str = "fluidsynth-midi:left") -> Iterator[Recording]:
    """Record a JACK port; the samples are there when the context is left."""
    process = subprocess.Popen(
        ["jack_rec", "-f", str(wav), "-d", "120", "-b", "16", port],
        env=jack.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    found = Recording()
    try:
        wait_until(lambda: "jackrec:input1" in jack.ports(), 10, "jack_rec")
        yield found
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(10)
    raw = wav.read_bytes()
    # jack_rec leaves the length in the header at zero when it is interrupted.
    first = raw.index(b"data") + 8
    found.samples = np.frombuffer(raw[first : first + (len(raw) - first) // 2 * 2], "<i2") / 32768.0


def read_wav(path: Path) -> tuple[NDArray[np.float32], int]:
    """Return the samples of a file, float (n,), channels summed, and its rate."""
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768.0
        return samples.reshape(-1, file.getnchannels()).mean(axis=1), file.getframerate()
