"""A melody drawn with the mouse in the real window sounds as drawn, and the model goes on."""

import os
from pathlib import Path

import numpy as np

from tests.e2e.app import FLUIDSYNTH, App, app, out_port
from tests.e2e.screen import screen, write_png
from tests.e2e.sound import HOP_S, WINDOW_S, choose_ocarina, recording
from tests.live import SpyPort, fluidsynth, jack_server, needs, wait_until

MELODY = (72, 74, 76, 79, 77, 74)
"""One note to the beat."""

BPM = 120.0
BEAT_S = 60 / BPM
NEAR_S = 0.12
"""How late a stroke may be on a machine that does other things as well."""


def draw_melody(window: App, spy: SpyPort) -> None:
    """Draw the melody with the mouse, having found each pitch by the sound of its key."""
    roll = window.roll

    def click_key(y: int) -> int:
        before = len(spy.notes())
        window.click(roll.first_beat - 60, y)
        wait_until(lambda: len(spy.notes()) == before + 2, 5, "a clicked key to sound")
        (on, _, pitch), (off_is_on, _, off_pitch) = spy.notes()[before:]
        assert on
        assert not off_is_on
        assert pitch == off_pitch
        return pitch

    uppermost = click_key(round(roll.black))
    for beat, pitch in enumerate(MELODY):
        y = round(roll.black + (uppermost - pitch) * roll.key)
        assert click_key(y) == pitch
        before = len(spy.notes())
        window.drag(roll.x(beat) + 4, y, roll.x(beat + 1) - 4, y)
        wait_until(lambda at=before: len(spy.notes()) == at + 2, 5, "a drawn note to sound")
        assert spy.notes()[before] == (True, 0, pitch)


def strokes(spy: SpyPort, first: int) -> list[tuple[float, bool, int]]:
    """Return (seconds, on, pitch) of the notes heard from the ``first``-th on."""
    notes = [(at_s, m) for at_s, m in list(spy.heard) if m[0] & 0xF0 in (0x80, 0x90)]
    return [(at_s, m[0] & 0xF0 == 0x90, m[1]) for at_s, m in notes[first:]]


def check_order(heard: list[tuple[float, bool, int]]) -> None:
    """Fail unless, of what is sent together, the offs come before the ons.

    The offs after the last on are those of stopping, which comes at any moment.
    """
    ons_of_group = False
    last_s = 0.0
    last_on = max(i for i, (_, on, _) in enumerate(heard) if on)
    for at_s, on, pitch in heard[:last_on]:
        if at_s - last_s > BEAT_S / 3:
            ons_of_group = False
        assert on or not ons_of_group, f"the off of {pitch} comes after an on of its tick"
        ons_of_group, last_s = ons_of_group or on, at_s


def keep_picture(window: App, folder: Path, name: str) -> None:
    """Keep what is to be seen, also in the folder that RNNRBM_PICTURES names."""
    window.screen.hands("mousemove", 1270, 640)
    window.see_it_move()
    picture = window.screen.picture()
    write_png(folder / name, picture)
    if os.environ.get("RNNRBM_PICTURES"):
        write_png(Path(os.environ["RNNRBM_PICTURES"]) / name, picture)


@needs("jackd", "fluidsynth", "Xvfb", "xdotool")
def test_a_drawn_melody_sounds_as_drawn_and_the_model_goes_on(tmp_path: Path) -> None:
    with (
        screen(tmp_path) as display,
        jack_server() as jack,
        fluidsynth(jack),
        SpyPort() as spy,
        app(display, tmp_path / "app", jack, FLUIDSYNTH, bpm=BPM, mode="Continue") as window,
    ):
        jack.connect(wait_until(lambda: out_port(jack), 10, "the app's port"), spy.port)
        choose_ocarina(FLUIDSYNTH[1])
        draw_melody(window, spy)
        n_before = len(spy.notes())
        with recording(jack, tmp_path / "heard.wav") as sound:
            window.play()
            ons_wanted = 2 * (len(MELODY) + 12)
            wait_until(lambda: len(spy.notes()) > n_before + ons_wanted, 20, "the model to go on")
            keep_picture(window, tmp_path, "playing-continue.png")
            window.keys("space")
            wait_until(lambda: not spy.sounding(), 2, "silence after a pause")
        spy.check_pairs()
        heard = strokes(spy, n_before)
        check_order(heard)
        begin_s = heard[0][0]
        ons = [(at_s - begin_s, pitch) for at_s, on, pitch in heard if on]
        offs = [(at_s - begin_s, pitch) for at_s, on, pitch in heard if not on]

        # The drawn passage: the drawn notes and nothing else, each for a beat.
        assert tuple(pitch for _, pitch in ons[: len(MELODY)]) == MELODY
        late = [at_s - beat * BEAT_S for beat, (at_s, _) in enumerate(ons[: len(MELODY)])]
        assert max(map(abs, late)) < NEAR_S, late
        late = [at_s - (beat + 1) * BEAT_S for beat, (at_s, _) in enumerate(offs[: len(MELODY)])]
        assert max(map(abs, late)) < NEAR_S, late
        assert ons[len(MELODY)][0] > len(MELODY) * BEAT_S - NEAR_S

        check_sound(sound.strongest(), ons, offs)
        assert window.errors() == ""


def check_sound(
    strongest: np.ndarray, ons: list[tuple[float, int]], offs: list[tuple[float, int]]
) -> None:
    """Fail unless the recorded pitches are those sent: the melody in time, then the model's."""
    # Middle of each drawn note, in hops after the melody's beginning (unknown, so it is searched).
    middles = np.array([(i + 0.6) * BEAT_S - WINDOW_S / 2 for i in range(len(MELODY))]) / HOP_S
    whole = middles.round().astype(int)
    begins = range(len(strongest) - int(whole[-1]))
    matching = [int((strongest[begin + whole] == MELODY).sum()) for begin in begins]
    assert max(matching) == len(MELODY), f"heard {strongest.tolist()}"
    fitting = [begin for begin, n in zip(begins, matching, strict=True) if n == len(MELODY)]
    begin = fitting[len(fitting) // 2]

    after_s = len(MELODY) * BEAT_S
    sounding_as_sent = []
    for i in range(begin + round((after_s + 0.1) / HOP_S), len(strongest)):
        at_s = (i - begin) * HOP_S
        if strongest[i] and at_s + WINDOW_S < offs[-1][0]:
            sent = {
                pitch
                for (on_s, pitch) in ons
                if on_s < at_s + WINDOW_S + NEAR_S
                and any(p == pitch and at_s - NEAR_S < off_s > on_s for off_s, p in offs)
            }
            sounding_as_sent.append(bool({strongest[i], strongest[i] - 12} & sent))
    assert len(sounding_as_sent) * HOP_S > 1, "the model must be heard for longer than a second"
    assert np.mean(sounding_as_sent) > 0.8, sounding_as_sent


@needs("jackd", "fluidsynth", "Xvfb", "xdotool")
def test_a_drawn_melody_is_harmonised(tmp_path: Path) -> None:
    with (
        screen(tmp_path) as display,
        jack_server() as jack,
        fluidsynth(jack),
        SpyPort() as spy,
        app(display, tmp_path / "app", jack, FLUIDSYNTH, bpm=BPM) as window,
    ):
        jack.connect(wait_until(lambda: out_port(jack), 10, "the app's port"), spy.port)
        draw_melody(window, spy)
        n_before = len(spy.notes())
        window.play()

        def ons() -> list[tuple[float, int]]:
            return [(at_s, pitch) for at_s, on, pitch in strokes(spy, n_before) if on]

        wait_until(lambda: ons() and ons()[-1][0] - ons()[0][0] > 11.8 * BEAT_S, 20, "12 beats")
        keep_picture(window, tmp_path, "playing.png")
        window.keys("ctrl+q")
        window.meet_children()
        assert window.ended(5) == 0
        spy.check_pairs()
        heard = strokes(spy, n_before)
        check_order(heard)
        begin_s = heard[0][0]
        beats = [
            {pitch for at_s, pitch in ons() if abs(at_s - begin_s - beat * BEAT_S) < NEAR_S}
            for beat in range(12)
        ]
        for pitch, chord in zip(MELODY, beats, strict=False):
            assert max(chord, default=0) == pitch, "the melody stays on top, at its time"
        assert np.mean([len(chord) for chord in beats[: len(MELODY)]]) > 2, beats
        assert all(beats[len(MELODY) :]), "the model must go on"
        assert window.errors() == ""
