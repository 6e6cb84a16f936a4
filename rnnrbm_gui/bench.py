"""What this machine gives: how fast the app starts, answers, samples, paints and plays.

The window is measured in a process of its own, started as a user starts it: on the display where
there is one, offscreen where there is none (said in the figures).
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from rnnrbm_gui import paths, surroundings
from rnnrbm_gui.cli import DEFAULT_MODEL
from rnnrbm_gui.data.model_file import load_model
from rnnrbm_gui.errors import UserError
from rnnrbm_gui.models import kernels
from rnnrbm_gui.models.sampler import FrameSampler
from rnnrbm_gui.music.bars import Bars
from rnnrbm_gui.music.timing import Meter, frame_ticks

STARTS = 3
SAMPLED_FRAMES = {25: 2000, 400: 200, 1000: 100}
LIMIT_S = 240.0


def run_bench(out: Path | None, report: Callable[[str], None], *, brief: bool = False) -> int:
    """Measure, report a line a figure, and write JSON to ``out`` if given.

    ``brief`` leaves out what takes a minute, how much of a processor the app takes, and paints for
    three seconds, not ten.
    """
    figures: dict[str, float | str] = {"display": "xcb"}
    if surroundings.missing_library(window=False) is None:
        if surroundings.no_display():
            figures["display"] = "offscreen"
        display = str(figures["display"])
        starts = [_window(display, 3.0 if brief else 10.0, watch=not brief)]
        starts += [_window(display, 0.0, watch=False) for _ in range(1, STARTS)]
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
    header, sampler = stored.header, FrameSampler(stored.played)
    bars, meter = Bars.of(header.bars, header.frames_per_beat), Meter.of(header.meter)
    frame = frame_ticks(header.frames_per_beat)
    free = np.zeros(header.n_visible, np.int8)
    figures = {}
    for steps, n_frames in SAMPLED_FRAMES.items():
        state = sampler.first_state(bars.place_at(meter, 0))
        stream = sampler.stream(state, seed=1, take=0, frame=0, gibbs_steps=steps)
        begin = time.perf_counter()
        for i in range(n_frames):
            stream.draw(free, bars.place_at(meter, (i + 1) * frame))
        rate = n_frames / (time.perf_counter() - begin)
        figures[f"sampler_frames_per_s_at_{steps}_gibbs_steps"] = round(rate, 1)
    return figures


def _window(platform: str, painted_s: float, *, watch: bool) -> dict[str, float]:
    """Start the app in a process of its own and return what it measured: see ``bench_window``."""
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # byte code is kept, as of any installed app
    if platform == "offscreen":
        environment["QT_QPA_PLATFORM"] = "offscreen"
    begin = time.monotonic()
    # As the command itself loads it.
    start = "import importlib, rnnrbm_gui.launch as launch; launch.with_qt(lambda: "
    start += "importlib.import_module('rnnrbm_gui.bench_window').main())"
    command = [sys.executable, "-P", "-c", start, repr(begin), str(painted_s), str(int(watch))]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=LIMIT_S, env=environment, check=False
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UserError(f"The window could not be measured: {reason}.")
    measured: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return measured
