"""What this machine gives: how fast the app starts, answers, samples, paints and plays.

The window is measured in a process of its own, started as a user starts it: on the display where
there is one, offscreen where there is none (said in the figures).
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rnnrbm_gui import paths, surroundings
from rnnrbm_gui.cli import DEFAULT_MODEL
from rnnrbm_gui.data.model_file import load_model
from rnnrbm_gui.errors import UserError
from rnnrbm_gui.models import kernels
from rnnrbm_gui.models.sampler import FrameSampler
from rnnrbm_gui.music.bars import Bars
from rnnrbm_gui.music.timing import Meter, frame_ticks

N_NOTES = 10_000
PAINTED_S = 10.0
STARTS = 3
SAMPLED_FRAMES = {25: 2000, 400: 200, 1000: 100}
PLAYED_BPM = 240.0
LIMIT_S = 120.0


def run_bench(out: Path | None, report: Callable[[str], None]) -> int:
    """Measure everything, report a line a figure, and write JSON to ``out`` if given."""
    figures: dict[str, float | str] = {"display": "xcb"}
    if surroundings.missing_library(window=False) is None:
        if surroundings.no_display():
            figures["display"] = "offscreen"
        starts = [_window(str(figures["display"]), paint=i == 0) for i in range(STARTS)]
        for name in starts[0]:
            values = [start[name] for start in starts if name in start]
            figures[name] = round(float(np.median(values)), 3)
    figures.update(_sampler())
    width = max(map(len, figures))
    for name, value in figures.items():
        report(f"{name:<{width}}  {value}")
    if out is not None:
        try:
            out.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
        except OSError as error:
            raise UserError(f"{out} cannot be written ({error.strerror}).") from error
    return 0


def _sampler() -> dict[str, float]:
    """Time the sampler of the default model, frame by frame as the app calls it, all keys free."""
    kernels.compile_kernel()
    stored = load_model(paths.models() / f"{DEFAULT_MODEL}.safetensors")
    header, sampler = stored.header, FrameSampler(stored.model)
    bars, meter = Bars.of(header.bars, header.frames_per_beat), Meter.of(header.meter)
    frame = frame_ticks(header.frames_per_beat)
    free = np.zeros(header.n_visible, np.int8)
    figures = {}
    for steps, n_frames in SAMPLED_FRAMES.items():
        state, begin = sampler.first_state(bars.place_at(meter, 0)), time.perf_counter()
        for i in range(n_frames):
            x = bars.place_at(meter, (i + 1) * frame)
            drawn = sampler.draw(state, free, seed=1, take=0, frame=i, x=x, gibbs_steps=steps)
            state = drawn.after
        rate = n_frames / (time.perf_counter() - begin)
        figures[f"sampler_frames_per_s_at_{steps}_gibbs_steps"] = round(rate, 1)
    return figures


def _window(platform: str, *, paint: bool) -> dict[str, float]:
    """Start the app in a process of its own and return what it measured."""
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # byte code is kept, as of any installed app
    if platform == "offscreen":
        environment["QT_QPA_PLATFORM"] = "offscreen"
    begin = time.monotonic()
    command = [sys.executable, "-m", "rnnrbm_gui.bench", repr(begin), str(int(paint))]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=LIMIT_S, env=environment, check=False
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UserError(f"The window could not be measured: {reason}.")
    measured: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return measured


def _measure_window(begin_s: float, paint: bool) -> int:
    """Run the real window through a script of waits (in a process of its own)."""
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from rnnrbm_gui.app import build
    from rnnrbm_gui.engine.constraints import Mode
    from rnnrbm_gui.music.note import Note
    from rnnrbm_gui.music.score import Score
    from rnnrbm_gui.player.protocol import Sounding

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
    sys.exit(_measure_window(float(sys.argv[1]), sys.argv[2] == "1"))
