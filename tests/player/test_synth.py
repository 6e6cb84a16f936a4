import time
import wave
from pathlib import Path

import numpy as np
import pytest

from rnnrbm_gui.player.synth import N_VOICES, SAMPLE_RATE, Synth, render, write_wav


def strongest_pitch(samples: np.ndarray) -> float:
    mono = samples.mean(axis=1)
    spectrum = np.abs(np.fft.rfft(mono * np.hanning(len(mono))))
    hertz = np.argmax(spectrum) * SAMPLE_RATE / len(mono)
    return 69 + 12 * np.log2(hertz / 440)


@pytest.mark.parametrize("pitch", [28, 36, 48, 60, 72, 84, 96, 108])
@pytest.mark.parametrize("velocity", [20, 127])
def test_the_fundamental_is_the_strongest_partial(pitch: int, velocity: int) -> None:
    sound = render([(0.0, 1.0, pitch, velocity)])
    assert strongest_pitch(sound[:SAMPLE_RATE]) == pytest.approx(pitch, abs=0.5)


def test_a_chord_holds_its_pitches_and_nothing_as_strong_between() -> None:
    chord = (48, 55, 64, 72)
    sound = render([(0.0, 2.0, pitch, 80) for pitch in chord])[: 2 * SAMPLE_RATE].mean(axis=1)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))

    def strength(pitch: float) -> float:
        place = round(440 * 2 ** ((pitch - 69) / 12) * 2)
        return float(spectrum[place - 2 : place + 3].max())

    assert min(strength(pitch) for pitch in chord) > 10 * max(strength(p) for p in (50, 58, 69, 74))


def test_strokes_fall_on_their_sample_whatever_the_blocks() -> None:
    for block in (64, 882, 4800):
        synth = Synth()
        synth.at(1000, 0, 60, 100)
        sound = np.concatenate([synth.render(block) for _ in range(4800 // block + 1)])
        assert np.flatnonzero(np.abs(sound).max(axis=1) > 0)[0] in (1000, 1001)


def test_a_note_fades_within_the_release_and_frees_its_voice() -> None:
    synth = Synth()
    synth.at(0, 0, 60, 127)
    synth.at(4800, 0, 60, 0)
    synth.render(4800)
    assert synth.n_sounding == 1
    faded = synth.render(round(0.5 * SAMPLE_RATE))
    assert synth.n_sounding == 0
    assert np.abs(faded[round(0.3 * SAMPLE_RATE) :]).max() < 0.03  # the room's answer
    assert np.abs(synth.render(2 * SAMPLE_RATE)[-480:]).max() == 0


def test_no_stroke_clicks() -> None:
    sound = render([(0.0, 0.5, 48, 127), (0.5, 1.0, 48, 127), (0.25, 0.75, 60, 127)])
    # The steepest slope of a 131 Hz and a 262 Hz tone with partials is a few percent a sample.
    assert np.abs(np.diff(sound, axis=0)).max() < 0.05


@pytest.mark.parametrize("pitch", [48, 60, 72])
def test_a_held_note_is_its_formula(pitch: int) -> None:
    """Sample by sample in float64, of the voice alone: the pieces it is made of cannot be heard."""
    synth = Synth()
    synth._room.add = lambda sound: None  # type: ignore[method-assign]
    synth.at(0, 0, pitch, 90)
    synth.at(24_000, 0, pitch, 0)
    found = np.concatenate([synth.render(960) for _ in range(30)])
    t = np.arange(1, len(found) + 1) / SAMPLE_RATE
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    level = 0.24 * (90 / 127) ** 1.4 * 2 ** ((60 - pitch) / 60)
    index = 1.15 * (0.35 + 0.65 * 90 / 127) * min(1, 2 ** ((66 - pitch) / 18))
    index = index * (0.4 + 0.6 * np.exp(-t / 0.5))
    envelope = (1 - np.exp(-t / 0.003)) * (0.55 + 0.45 * np.exp(-t / 1.1))
    envelope *= np.exp(-np.maximum(0, t - 0.5) / 0.06)
    for ear, (side, cents) in enumerate(((-1, -1.2), (1, 1.2))):
        angle = 2 * np.pi * hertz * 2 ** (cents / 1200) * t
        loud = level * np.sqrt(2 * (0.5 + side * (pitch - 60) / 200))
        expected = loud * envelope * np.sin(angle + index * np.sin(angle))
        error = np.abs(found[:, ear] - expected)
        assert error[:480].max() < 0.2 * level  # an attack of 3 ms in lines of 5
        assert error[480:960].max() < 0.03 * level
        assert error[960:24_000].max() < 1e-3 * level
        assert error[24_000:].max() < 0.01 * level


def test_louder_keys_are_louder_and_brighter() -> None:
    soft, loud = render([(0, 1, 60, 30)])[:48000, 0], render([(0, 1, 60, 120)])[:48000, 0]
    assert np.sqrt((loud**2).mean()) > 3 * np.sqrt((soft**2).mean())

    def second_partial(sound: np.ndarray) -> float:
        spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
        return float(spectrum[518:529].max() / spectrum[257:267].max())

    assert second_partial(loud) > 1.5 * second_partial(soft)


def test_ten_loud_voices_and_more_never_clip() -> None:
    for n in (10, N_VOICES, 2 * N_VOICES):
        sound = render([(0.0, 0.5, 30 + i % 88, 127) for i in range(n)])
        assert np.abs(sound).max() < 1.0
        assert np.isfinite(sound).all()


def test_a_sixty_fifth_voice_takes_the_oldest_and_the_others_go_on() -> None:
    synth = Synth()
    for i in range(N_VOICES + 1):
        synth.at(i, 0, 30 + i, 80)
    synth.render(480)
    assert synth.n_sounding == N_VOICES
    for i in range(N_VOICES + 1):
        synth.at(480, 0, 30 + i, 0)
    synth.render(SAMPLE_RATE)
    assert synth.n_sounding == 0


def test_all_off_ends_what_sounds_and_what_waits() -> None:
    synth = Synth()
    synth.at(0, 0, 60, 100)
    synth.at(9600, 0, 64, 100)
    synth.render(480)
    synth.all_off()
    synth.render(SAMPLE_RATE)
    assert synth.n_sounding == 0
    assert np.abs(synth.render(4800)).max() < 0.001


def test_sixty_four_voices_take_a_fraction_of_their_time() -> None:
    synth = Synth()
    for i in range(N_VOICES):
        synth.at(0, 0, 30 + i, 80)
    synth.render(882)
    took_s = []
    for _ in range(40):
        begin_s = time.perf_counter()
        synth.render(882)
        took_s.append(time.perf_counter() - begin_s)
    assert np.median(took_s) < 0.5 * 882 / SAMPLE_RATE


def test_the_wav_holds_the_notes(tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    write_wav(path, [(0.0, 1.0, 57, 100), (1.0, 2.0, 64, 100)])
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 48000)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert strongest_pitch(samples[4800:43200]) == pytest.approx(57, abs=0.5)
    assert strongest_pitch(samples[52800:91200]) == pytest.approx(64, abs=0.5)


def test_no_notes_give_silence() -> None:
    assert np.abs(render([])).max() == 0
