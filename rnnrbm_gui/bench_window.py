"""The process in which ``bench`` measures the window: what an app's start imports, and no more."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from rnnrbm_gui.app import begin_to_play, build
from rnnrbm_gui.engine.choices import Mode
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.player.audio import REST_AFTER_S
from rnnrbm_gui.player.protocol import Sounding

N_NOTES = 10_000
PLAYED_BPM = 240.0
WATCHED_S, WATCHED_BPM = 15.0, 120.0
"""How long the processor's time is taken of a window that rests, and of one that plays."""

BEAT_MS, RESTING_BEAT_MS = 2, 500


def measure(begin_s: float, painted_s: float, watch: bool) -> int:
    """Run the real window through a script of waits and print its figures as JSON.

    Args:
        begin_s: the monotonic clock when the app was asked for.
        painted_s: how long it plays and paints a full roll; 0 for not at all.
        watch: whether to take the processor's time.
    """
    app, window = build(remember=False)
    figures: dict[str, float] = {}
    sent: list[Sounding] = []
    beats: list[float] = []

    def hear(event: Any) -> None:
        sent.append(event)
        window.canvas.set_sounding(frozenset({event.pitch} if event.on else ()))

    def script() -> Iterator[Callable[[], bool]]:
        yield lambda: len(window.canvas.paint_ms) > 0
        figures["launch_to_first_paint_s"] = time.monotonic() - begin_s
        pressed = time.monotonic()
        beats[:] = [pressed]
        begin_to_play(window)
        window.bridge.handle(Sounding, hear)
        window.engine.play()
        yield lambda: bool(sent)
        figures["play_at_first_paint_to_first_note_s"] = sent[0].at_s - pressed
        figures["launch_to_first_note_s"] = sent[0].at_s - begin_s
        window.engine.stop()
        settled = time.monotonic() + 3.0
        yield lambda: time.monotonic() > settled and not window.engine.playing
        figures["longest_stall_starting_ms"] = longest_stall()
        sent.clear()
        pressed = time.monotonic()
        window.engine.play()
        yield lambda: bool(sent)
        figures["play_to_first_note_s"] = sent[0].at_s - pressed
        if watch:
            yield from watched("playing_at_120_bpm")
        window.engine.stop()
        yield lambda: not window.engine.playing
        if watch:
            rests_at = time.monotonic() + REST_AFTER_S + 5.0
            yield lambda: time.monotonic() > rests_at
            yield from watched("resting")
        if not painted_s:
            return
        step = 120
        notes = [
            Note(i // 4 * step, 40 + i % 4 * 12 + i // 4 % 7, i // 4 * step + step)
            for i in range(N_NOTES)
        ]
        window.set_mode(Mode.FREE)
        window.session.commit("10,000 notes", Score.of(notes))
        window.tempo.set(PLAYED_BPM)
        window.engine.play()
        yield lambda: window.engine.playing
        window.canvas.paint_ms.clear()
        sent.clear()
        beats.clear()
        until = time.monotonic() + painted_s
        yield lambda: time.monotonic() > until
        figures["longest_stall_playing_ms"] = longest_stall()
        painted = list(window.canvas.paint_ms)
        late = [event.lateness_ms for event in sent if event.on]
        figures["paints_per_s"] = len(painted) / painted_s
        for name, values in (("paint", painted), ("note_on_lateness", late)):
            for percent in (50, 99):
                figures[f"{name}_p{percent}_ms"] = float(np.percentile(values, percent))

    def longest_stall() -> float:
        """Return the longest time, milliseconds, for which the window's loop has not come round."""
        return 1e3 * max(later - earlier for earlier, later in pairwise(beats))

    def watched(doing: str) -> Iterator[Callable[[], bool]]:
        """Take the processor's time of the app's processes, where the system tells it."""
        window.tempo.set(WATCHED_BPM)
        timer.setInterval(RESTING_BEAT_MS)  # the script's own beat would count
        before, since = _processor_s(), time.monotonic()
        yield lambda: time.monotonic() - since > WATCHED_S
        after, span = _processor_s(), time.monotonic() - since
        if before and after:
            figures[f"{doing}_percent_of_a_core"] = 100 * (after - before) / span
        timer.setInterval(BEAT_MS)

    steps = script()
    ready = [next(steps)]

    def advance() -> None:
        beats.append(time.monotonic())
        try:
            while ready[0]():
                ready[0] = next(steps)
        except StopIteration:
            timer.stop()
            window.close()
            app.quit()

    timer = QTimer()
    timer.timeout.connect(advance)
    timer.start(BEAT_MS)
    window.show()
    QApplication.exec()
    sys.stdout.write(json.dumps(figures) + "\n")
    return 0


def _processor_s() -> float | None:
    """Return the seconds of processor that this process and its children have taken; Linux only."""
    taken = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, _, rest = stat.read_text("utf-8", "replace").partition(" (")
        except OSError:
            continue  # it has just ended
        fields = rest.rpartition(")")[2].split()
        if os.getpid() in (int(pid), int(fields[1])):
            taken += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return taken or None


def main() -> int:
    """Measure as the command line says: since when, how long to paint, whether to watch."""
    return measure(float(sys.argv[1]), float(sys.argv[2]), sys.argv[3] == "1")
