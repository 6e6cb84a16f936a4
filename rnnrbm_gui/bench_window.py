"""The process in which ``bench`` measures the window: what an app's start imports, and no more."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from rnnrbm_gui.app import build
from rnnrbm_gui.engine.constraints import Mode
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.player.protocol import Sounding

N_NOTES = 10_000
PAINTED_S = 10.0
PLAYED_BPM = 240.0


def measure(begin_s: float, paint: bool) -> int:
    """Run the real window through a script of waits and print its figures as JSON."""
    app, window = build(remember=False)
    figures: dict[str, float] = {}
    sent: list[Sounding] = []

    def hear(event: Any) -> None:
        sent.append(event)
        window.canvas.set_sounding(frozenset({event.pitch} if event.on else ()))

    def script() -> Iterator[Callable[[], bool]]:
        yield lambda: len(window.canvas.paint_ms) > 0
        figures["launch_to_first_paint_s"] = time.monotonic() - begin_s
        window.start_engine()
        window.bridge.handle(Sounding, hear)
        pressed = time.monotonic()
        window.engine.play()
        yield lambda: bool(sent)
        figures["play_at_first_paint_to_first_note_s"] = sent[0].at_s - pressed
        figures["launch_to_first_note_s"] = sent[0].at_s - begin_s
        window.engine.stop()
        settled = time.monotonic() + 3.0
        yield lambda: time.monotonic() > settled and not window.engine.playing
        sent.clear()
        pressed = time.monotonic()
        window.engine.play()
        yield lambda: bool(sent)
        figures["play_to_first_note_s"] = sent[0].at_s - pressed
        if not paint:
            return
        window.engine.stop()
        yield lambda: not window.engine.playing
        step = 120
        notes = [
            Note(i // 4 * step, 40 + i % 4 * 12 + i // 4 % 7, i // 4 * step + step)
            for i in range(N_NOTES)
        ]
        window.set_mode(Mode.FREE)
        window.session.commit("10,000 notes", Score.of(notes))
        window.set_bpm(PLAYED_BPM)
        window.engine.play()
        yield lambda: window.engine.playing
        window.canvas.paint_ms.clear()
        sent.clear()
        until = time.monotonic() + PAINTED_S
        yield lambda: time.monotonic() > until
        painted = list(window.canvas.paint_ms)
        late = [event.lateness_ms for event in sent if event.on]
        figures["paints_per_s"] = len(painted) / PAINTED_S
        for name, values in (("paint", painted), ("note_on_lateness", late)):
            for percent in (50, 99):
                figures[f"{name}_p{percent}_ms"] = float(np.percentile(values, percent))

    steps = script()
    ready = [next(steps)]

    def advance() -> None:
        try:
            while ready[0]():
                ready[0] = next(steps)
        except StopIteration:
            timer.stop()
            window.close()
            app.quit()

    timer = QTimer()
    timer.timeout.connect(advance)
    timer.start(2)
    window.show()
    QApplication.exec()
    sys.stdout.write(json.dumps(figures) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(measure(float(sys.argv[1]), sys.argv[2] == "1"))
