"""The built-in voice: a warm electric organ in a small room, 64 voices, rendered by NumPy.

Each voice is a two-operator FM pair, ``sin(p + b sin p)`` (Chowning 1973, eq. 1, ratio 1:1), one
for each ear and a cent or two apart. The index ``b`` stays below 1.2, where J0(b) - J2(b), the
fundamental, is larger than every other partial.
"""

import wave
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rnnrbm_gui.player.room import Room

SAMPLE_RATE = 48_000
N_VOICES = 64
PIECE = 240
"""Samples over which envelopes and FM indices are straight lines: 5 ms."""
LONG_PIECE = 4 * PIECE
"""And where no key has been struck or let go for as long: seven times the attack."""

ATTACK_S, DECAY_S, RELEASE_S = 0.003, 1.1, 0.06
SILENT_AFTER_S = 7 * RELEASE_S  # e^-7: 60 dB down
SUSTAIN = 0.55
LOUDNESS = 0.24
DETUNE = 2.0 ** (1.2 / 1200)
KNEE, CEILING = 0.6, 0.98

_RAMP = np.arange(1, LONG_PIECE + 1, dtype=np.float32)


class SynthEvent(Struct, frozen=True):
    """Velocity 1..127 strikes a key, 0 lets it go, at a sample of the synth's own count."""

    sample: int
    channel: int
    pitch: int
    velocity: int


class Synth:
    """Renders voices into blocks of float32 (n, 2) in -1..1.

    ``at`` and ``all_off`` may be called from another thread than ``render``.
    """

    def __init__(self, sample_rate: int = SAMPLE_RATE) -> None:
        self.sample_rate = sample_rate
        self.sample = 0
        self._coming: deque[SynthEvent] = deque()
        self._waiting: list[SynthEvent] = []
        self._silence = False
        self._room = Room(sample_rate)
        self._key = np.full(N_VOICES, -1)  # channel * 128 + pitch of each voice, -1: idle
        self._age = np.zeros(N_VOICES)  # samples since the strike
        self._let_go = np.full(N_VOICES, np.inf)  # age at which the key came up
        self._phase = np.zeros((2, N_VOICES))  # of each ear, radians
        self._step = np.zeros((2, N_VOICES))  # radians a sample
        self._loud = np.zeros((2, N_VOICES))  # velocity, pitch and place between the ears
        self._bright = np.zeros(N_VOICES)  # FM index at the strike
        self._changed = 0  # the sample at which a key was last struck or let go
        self._choose()

    @property
    def n_sounding(self) -> int:
        """How many voices sound, those fading out included."""
        return len(self._voices)

    @property
    def is_silent(self) -> bool:
        """Whether nothing sounds, rings on in the room or is to come."""
        nothing_to_come = not (self._coming or self._waiting or self._silence)
        return nothing_to_come and self._room.is_still and not len(self._voices)

    def at(self, sample: int, channel: int, pitch: int, velocity: int) -> None:
        """Ask for a strike (velocity 1..127) or a release (0) at a sample; late ones go at once."""
        self._coming.append(SynthEvent(sample, channel, pitch, velocity))

    def all_off(self) -> None:
        """Let every key go at the next block, and forget what was asked before."""
        self._silence = True

    def render(self, n: int) -> NDArray[np.float32]:
        """Return the next ``n`` samples, float32 (n, 2)."""
        if self.is_silent:
            self.sample += n
            return np.zeros((n, 2), np.float32)
        if self._silence:
            self._silence = False
            self._coming.clear()
            self._waiting.clear()
            self._room.clear()
            self._let_go = np.minimum(self._let_go, self._age)
            self._changed = self.sample
        while self._coming:
            self._waiting.append(self._coming.popleft())
        # Stable: at one sample a release that came before a strike stays before it.
        self._waiting.sort(key=lambda event: event.sample)
        end = self.sample + n
        out = np.zeros((n, 2), np.float32)
        done = 0
        while done < n:
            while self._waiting and self._waiting[0].sample <= self.sample:
                self._apply(self._waiting.pop(0))
            if self._changed == self.sample:
                self._choose()
            # As all changes slowly where no key has been struck or let go lately.
            steady = self.sample - self._changed >= LONG_PIECE
            length = min(LONG_PIECE if steady else PIECE, end - self.sample)
            if self._waiting:
                length = min(length, self._waiting[0].sample - self.sample)
            self._add_voices(out[done : done + length])
            self._room.add(out[done : done + length])
            done += length
            self.sample += length
        return _limited(out)

    def _apply(self, event: SynthEvent) -> None:
        key = event.channel * 128 + event.pitch
        same = (self._key == key) & np.isinf(self._let_go)
        self._let_go[same] = self._age[same]
        self._changed = self.sample
        if event.velocity == 0:
            return
        idle = np.flatnonzero(self._key < 0)
        # None idle: the one longest in its release, or else the oldest, gives way.
        held = np.where(np.isinf(self._let_go), 0.0, self._age - self._let_go)
        voice = int(idle[0]) if len(idle) else int(np.lexsort((self._age, held))[-1])
        hertz = 440.0 * 2.0 ** ((event.pitch - 69) / 12)
        level = LOUDNESS * (event.velocity / 127) ** 1.4 * 2.0 ** ((60 - event.pitch) / 60)
        place = (event.pitch - 60) / 200  # low keys a little to the left, high ones to the right
        self._key[voice] = key
        self._age[voice] = 0
        self._let_go[voice] = np.inf
        self._phase[:, voice] = 0
        turns = np.array([hertz / DETUNE, hertz * DETUNE]) / self.sample_rate
        self._step[:, voice] = 2 * np.pi * turns
        self._loud[:, voice] = level * np.sqrt(np.clip([0.5 - place, 0.5 + place], 0.1, 0.9) * 2)
        self._bright[voice] = (
            1.15 * (0.35 + 0.65 * event.velocity / 127) * min(1.0, 2.0 ** ((66 - event.pitch) / 18))
        )

    def _choose(self) -> None:
        """Set aside what of the voices that sound is the same from piece to piece."""
        self._voices = voices = np.flatnonzero(self._key >= 0)
        self._turning = self._step[:, voices]
        self._ears = self._loud[:, None, voices].astype(np.float32)
        self._indices = self._bright[voices]
        self._free_s = self._let_go[voices] / self.sample_rate
        self._fading = bool(np.isfinite(self._free_s).any())

    def _add_voices(self, out: NDArray[np.float32]) -> None:
        """Add every sounding voice to ``out``, float32 (n <= LONG_PIECE, 2)."""
        voices, step = self._voices, self._turning
        n = len(out)
        if not len(voices):
            return
        ramp, phase = _RAMP[:n], self._phase[:, voices]
        self._phase[:, voices] = (phase + n * step) % (2 * np.pi)
        # Radians to some hundreds, in float32 to 1e-4 at worst, and none of it adds up.
        angle = step.astype(np.float32)[:, :, None] * ramp  # (2, n_voices, n)
        angle += phase.astype(np.float32)[:, :, None]
        age = self._age[voices]
        age_s = np.array([age, age + n]) / self.sample_rate  # now and then
        bent = np.sin(angle)
        bent *= _line(self._indices * (0.4 + 0.6 * np.exp(-age_s / 0.5)), ramp)
        bent += angle
        wave_ = np.sin(bent, out=bent)
        wave_ *= _line(self._envelopes(age_s), ramp)
        out += np.matmul(self._ears, wave_)[:, 0].T
        self._age[voices] = age + n
        if self._fading:
            over = age_s[1] - self._free_s > SILENT_AFTER_S
            if over.any():
                self._key[voices[over]] = -1
                self._choose()

    def _envelopes(self, age_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the level 0..1 of the voices at their ages, (..., n_voices)."""
        struck = 1 - np.exp(-age_s / ATTACK_S)
        held = struck * (SUSTAIN + (1 - SUSTAIN) * np.exp(-age_s / DECAY_S))
        if not self._fading:
            return held
        return held * np.exp(-np.maximum(0.0, age_s - self._free_s) / RELEASE_S)


def render(
    notes: Sequence[tuple[float, float, int, int]], tail_s: float = 1.5
) -> NDArray[np.float32]:
    """Return the sound of (on_s, off_s, pitch, velocity), float32 (n_samples, 2) at 48 kHz."""
    synth = Synth()
    # At one moment releases go first, so that a key struck again sounds again.
    strokes = [(off_s, 0, pitch, 0) for _, off_s, pitch, _ in notes]
    strokes += [(on_s, 1, pitch, velocity) for on_s, _, pitch, velocity in notes]
    for at_s, _, pitch, velocity in sorted(strokes):
        synth.at(round(at_s * SAMPLE_RATE), 0, pitch, velocity)
    end_s = max((off_s for _, off_s, _, _ in notes), default=0.0) + tail_s
    blocks = -(-round(end_s * SAMPLE_RATE) // 4800)
    return np.concatenate([synth.render(4800) for _ in range(max(1, blocks))])


def write_wav(path: Path, notes: Sequence[tuple[float, float, int, int]]) -> None:
    """Write the sound of (on_s, off_s, pitch, velocity) as 16-bit stereo.

    Raises:
        OSError: the file cannot be written.
    """
    samples = (render(notes) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.tobytes())


def _line(ends: NDArray[np.float64], ramp: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return straight lines from before a piece to its end, (n_voices, n); ``ends`` (2, n)."""
    first, last = ends.astype(np.float32)
    return first[:, None] + ((last - first) / ramp[-1])[:, None] * ramp


def _limited(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Leave what is soft as it is, bend what is loud so that it stays below 1."""
    loud = np.abs(samples)
    if loud.max(initial=0.0) <= KNEE:
        return samples
    span = CEILING - KNEE
    bent = KNEE + span * np.tanh((loud - KNEE) / span)
    return np.where(loud > KNEE, np.copysign(bent, samples), samples).astype(np.float32)
