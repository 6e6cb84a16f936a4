"""The main job without a window: what is played is written down, and is the same every time."""

import signal
import subprocess
import threading
from pathlib import Path

import mido
import numpy as np
import psutil
import pytest
from PySide6.QtGui import QImage

from tests.e2e.app import COMMAND, runs, surroundings
from tests.e2e.sound import QUIET, frequency, read_wav, recording
from tests.live import SpyPort, fluidsynth, jack_server, needs, wait_until
from tests.small_models import small_file

SHORT = ("perform", "--bars", "2", "--bpm", "120", "--seed", "5")
BEAT_S = 0.5


def run(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Run the command in ``folder``; return its code and what it said on both channels."""
    done = subprocess.run(
        [COMMAND, *arguments],
        cwd=folder,
        env=env or surroundings(folder),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def notes_of(path: Path) -> list[tuple[float, float, int]]:
    """Return (on_s, off_s, pitch) of a MIDI file, by a reader that is not ours."""
    at_s, began, found = 0.0, {}, []
    for message in mido.MidiFile(path):
        at_s += message.time
        if message.type == "note_on" and message.velocity:
            began[message.note] = at_s
        elif message.type in ("note_on", "note_off"):
            found.append((began.pop(message.note), at_s, message.note))
    assert not began, f"no off for {began}"
    return sorted(found)


@pytest.mark.live
def test_without_a_display_the_take_is_written_and_holds_what_was_played(tmp_path: Path) -> None:
    code, said, complaint = run(tmp_path, *SHORT)
    assert (code, complaint) == (0, "")
    assert "bar 2 of 2" in said
    notes = notes_of(tmp_path / "take.mid")
    assert len(notes) > 8
    assert max(off_s for _, off_s, _ in notes) <= 8 * BEAT_S + 1e-6

    samples, rate = read_wav(tmp_path / "take.wav")
    first_s = notes[0][0]
    for beat in range(8):
        begin_s = beat * BEAT_S
        chord = {p for on_s, off_s, p in notes if on_s < begin_s + 0.01 and off_s > begin_s + 0.4}
        begin = round((begin_s - first_s + 0.03) * rate)
        check_chord(samples[begin : begin + round(0.44 * rate)], rate, chord)
    check_picture(tmp_path / "take.png")


def check_chord(samples: np.ndarray, rate: int, chord: set[int]) -> None:
    """Fail unless the spectrum holds each pitch's fundamental, and none that was not played."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 8 * len(samples)))
    hertz = np.fft.rfftfreq(8 * len(samples), 1 / rate)
    level = {p: power[np.abs(hertz - frequency(p)) < 1.5].max() for p in range(40, 90)}
    partials = {round(p + 12 * np.log2(n)) + d for p in chord for n in range(1, 9) for d in (-1, 1)}
    partials |= {round(p + 12 * np.log2(n)) for p in chord for n in range(1, 9)}
    silent = max(level[p] for p in range(40, 90) if p not in partials)
    for pitch in chord:
        assert level[pitch] > 2 * silent, f"{pitch} of {chord}: {level[pitch]}, silence {silent}"


def check_picture(path: Path) -> None:
    """Fail unless the picture shows a roll with notes."""
    image = QImage(str(path)).convertToFormat(QImage.Format.Format_RGB888)
    assert (image.width(), image.height()) == (1600, 900)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(900, -1)[:, : 3 * 1600]
    pixels = rows.reshape(900, 1600, 3).astype(int)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 50
    cool = (pixels[:, 100:, 1] - pixels[:, 100:, 0] > 80).mean()
    assert 0.005 < cool < 0.5, "the notes of the model are painted in their colour"


@pytest.mark.live
def test_a_model_of_another_kind_performs_in_its_own_articulation(tmp_path: Path) -> None:
    model = small_file(tmp_path, "rtrbm", "tanh")
    arguments = ("--bars", "2", "--bpm", "300", "--seed", "5", "--model", str(model))
    code, said, complaint = run(tmp_path, "perform", *arguments)
    assert (code, complaint) == (0, "")
    assert "bar 2 of 2" in said
    assert [track.name for track in mido.MidiFile(tmp_path / "take.mid").tracks][-1] == "RTRBM"
    lengths = {round((off_s - on_s) / 0.1) for on_s, off_s, _ in notes_of(tmp_path / "take.mid")}
    assert len(lengths) > 1, "some notes are held, some struck again"


@needs("jackd", "fluidsynth")
def test_through_a_real_synth_and_the_same_seed_gives_the_same_file(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("synth", "spy")]
    for folder in folders:
        folder.mkdir()
    with jack_server() as jack, fluidsynth(jack), SpyPort() as spy:
        with recording(jack, tmp_path / "heard.wav") as sound:
            env = surroundings(folders[0], jack)
            code, said, complaint = run(folders[0], *SHORT, "--output", "FLUID", env=env)
        assert (code, complaint) == (0, "")
        assert "to fluidsynth-midi:midi_00" in said
        assert np.abs(sound.samples).max() > QUIET
        env = surroundings(folders[1], jack)
        code, _, complaint = run(folders[1], *SHORT, "--output", "spy", env=env)
        assert (code, complaint) == (0, "")
        spy.check_pairs()
        assert spy.controls() == []
        sent = sorted(pitch for on, _, pitch in spy.notes() if on)
    assert sent == sorted(pitch for _, _, pitch in notes_of(folders[1] / "take.mid"))
    one, other = (folder.joinpath("take.mid").read_bytes() for folder in folders)
    assert one == other


def test_a_model_file_that_is_broken_is_named_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "broken.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0 no model at all")
    code, _, complaint = run(tmp_path, "perform", "--bars", "1", "--model", "broken.safetensors")
    assert code == 1
    assert complaint.startswith("rnnrbm-gui: ")
    assert "broken.safetensors" in complaint
    assert complaint.count("\n") == 1
    assert complaint.rstrip().endswith(".")
    assert not (tmp_path / "take.mid").exists()


@pytest.mark.live
def test_the_bare_command_without_a_display_performs_until_it_is_interrupted(
    tmp_path: Path,
) -> None:
    process = subprocess.Popen(
        [COMMAND],
        cwd=tmp_path,
        env=surroundings(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said: list[str] = []
    assert process.stdout is not None
    assert process.stderr is not None
    reader = threading.Thread(target=said.extend, args=(process.stdout,), daemon=True)
    reader.start()
    children = set()
    try:
        sentence = process.stderr.readline()
        assert sentence.startswith("rnnrbm-gui: There is no display here")
        wait_until(lambda: any("bar 1 of 16" in line for line in said), 30, "the first bar")
        children = set(psutil.Process(process.pid).children(recursive=True))
        assert children
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 130
        assert process.stderr.read() == "rnnrbm-gui: stopped.\n"
    finally:
        process.kill()
        process.wait()
        reader.join()
        process.stdout.close()
        process.stderr.close()
    wait_until(lambda: not any(map(runs, children)), 3, "the children's end")
    assert not (tmp_path / "take.mid").exists()
