"""The main job without a window: the model plays live, and what it played is written down."""

import itertools
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from rnnrbm_gui.data.midi_file import MidiTrack, write_midi
from rnnrbm_gui.data.model_header import ModelHeader
from rnnrbm_gui.engine import events
from rnnrbm_gui.engine.choices import Mode, Sampling
from rnnrbm_gui.engine.engine import Engine
from rnnrbm_gui.engine.player_client import Replaced
from rnnrbm_gui.errors import UserError
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.roll import Articulation
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import FASTEST_BPM, SLOWEST_BPM, Meter
from rnnrbm_gui.player import protocol
from rnnrbm_gui.player.protocol import BUILT_IN, OutputId
from rnnrbm_gui.player.synth import write_wav

START_LIMIT_S = 30.0
OUTPUTS_LIMIT_S = 4.0
POLL_S = 0.01
PICTURE_SIZE = (1600, 900)
Report = Callable[[str], None]
KINDS = (".mid", ".wav", ".png")


class Performance(Struct, frozen=True):
    """What to perform and where to write it.

    Attributes:
        bars: how many bars.
        seed: random seed.
        model: a model file.
        bpm: tempo; None for the model's own.
        output: part of an output's name, in any case; None for the built-in synth.
        mid, wav, png: the files to write; None for take.mid and so on, or the next take-2, take-3
            that is free when they are written.
    """

    bars: int
    seed: int
    model: Path
    bpm: float | None
    output: str | None
    mid: Path | None
    wav: Path | None
    png: Path | None

    def __post_init__(self) -> None:
        if not 1 <= self.bars <= 10_000:
            raise UserError(f"--bars must be in 1..10000, got {self.bars}.")
        if not 0 <= self.seed < 2**32:
            raise UserError(f"--seed must be in 0..4294967295, got {self.seed}.")
        if self.bpm is not None and not SLOWEST_BPM <= self.bpm <= FASTEST_BPM:
            raise UserError(f"--bpm must be in 20..300, got {self.bpm:g}.")
        paths = zip(KINDS, (self.mid, self.wav, self.png), strict=True)
        for path in (given or Path(f"take{kind}") for kind, given in paths):
            if not os.access(path.parent, os.W_OK):
                raise UserError(
                    f"{path} cannot be written: choose a folder that exists and is yours."
                )


class _Take:
    """Collects what was generated and what was sent while the engine plays."""

    def __init__(self, report: Report, *, by_synth: bool) -> None:
        self.report, self.by_synth = report, by_synth
        self.generated: list[Note] = []
        self.sent: list[tuple[float, float, int, int]] = []  # on, off, pitch, velocity
        self.outputs: tuple[OutputId, ...] = ()
        self.header: ModelHeader | None = None
        self.done = False
        self.begun = False
        self.lateness_ms: list[float] = []
        self._open: dict[int, tuple[float, int]] = {}

    def follow(self, event: object) -> None:
        match event:
            case events.Generated():
                kept = [note for note in self.generated if note.on < event.from_tick]
                self.generated = [*kept, *event.notes]
            case events.ModelLoaded():
                self.header = event.header
            case events.Playing():
                self.begun, self.done = True, not event.playing
            case protocol.Outputs():
                self.outputs = event.outputs
            case protocol.Sounding(note_id=int(note_id)):
                if event.on:
                    self._open[note_id] = (event.at_s, event.velocity)
                    self.lateness_ms.append(event.lateness_ms)
                elif note_id in self._open:
                    on_s, velocity = self._open.pop(note_id)
                    self.sent.append((on_s, event.at_s, event.pitch, velocity))
            case events.Trouble() | protocol.Trouble() | Replaced():
                self.report(event.sentence)
            case protocol.OutputState(state="lost" | "failed" | "back"):
                self.report(event.sentence)
            case protocol.AudioDevice(is_null=True) if self.by_synth:
                self.report(event.sentence)


def perform(performance: Performance, report: Report, progress: Report) -> None:
    """Play live through the chosen output, then write MIDI file, wav and picture.

    Args:
        performance: what to perform.
        report: takes sentences for the user.
        progress: takes the state of a long job, to be shown in place of the one before.

    Raises:
        UserError: the model or the output is not there, or a file cannot be written.
    """
    engine = Engine()
    take = _Take(report, by_synth=performance.output is None)
    engine.set_mode(Mode.FREE)
    try:
        engine.start(performance.model)
        _pump(engine, take, lambda: take.header is not None, "The model could not be loaded.")
        header = take.header
        assert header is not None
        engine.set_sampling(Sampling(performance.seed, header.temperature, header.gibbs_steps))
        meter = Meter.of(header.meter)
        bpm = performance.bpm or header.bpm
        engine.set_meter(meter)
        if header.planes == 1:  # else the model says itself what is struck
            engine.set_articulation(Articulation.RESTRIKE)
        engine.set_bpm(bpm)
        output = _chosen_output(engine, take, performance.output)
        engine.open_output(output)
        report(
            f"{header.name}, {performance.bars} bar{'s' * (performance.bars != 1)} of {meter} "
            f"at {bpm:g} bpm, "
            f"seed {performance.seed}, to {output}."
        )
        end = performance.bars * meter.bar_ticks
        engine.play(until=end)
        _pump(engine, take, lambda: take.begun, "The model did not begin to play.")
        _follow_to_the_end(engine, take, meter, performance.bars, progress)
    finally:
        engine.close()
    for event in engine.poll():
        take.follow(event)
    played = Score.of(note for note in take.generated if note.on < end)
    clipped = Score.of(Note(n.on, n.pitch, min(n.off, end), n.velocity) for n in played)
    free = _free_take()
    mid = performance.mid or Path(f"{free}.mid")
    wav = performance.wav or Path(f"{free}.wav")
    png = performance.png or Path(f"{free}.png")
    write_midi(
        mid,
        [MidiTrack(header.kind_words, clipped)],
        bpm=bpm,
        meter=meter,
        title=header.name,
    )
    begin_s = min((on_s for on_s, *_ in take.sent), default=0.0)
    write_wav(wav, [(a - begin_s, b - begin_s, p, v) for a, b, p, v in take.sent])
    draw(png, clipped, meter)
    report(f"Wrote {mid}, {wav} and {png}.")


def _free_take() -> str:
    """Return a name that no earlier take in this folder has."""
    names = itertools.chain(["take"], (f"take-{n}" for n in itertools.count(2)))
    return next(x for x in names if not any(map(Path.exists, map(Path(x).with_suffix, KINDS))))


def _pump(engine: Engine, take: _Take, ready: Callable[[], object], otherwise: str) -> None:
    limit = time.monotonic() + START_LIMIT_S
    while not ready():
        for event in engine.poll():
            if isinstance(event, events.Trouble) and not take.begun:
                raise UserError(event.sentence)
            take.follow(event)
        if time.monotonic() > limit:
            raise UserError(otherwise)
        time.sleep(POLL_S)


def _chosen_output(engine: Engine, take: _Take, wanted: str | None) -> OutputId:
    if wanted is None:
        return BUILT_IN
    engine.client.refresh_outputs()
    _pump(engine, take, lambda: bool(take.outputs), "The player did not list its outputs.")

    def matching() -> list[OutputId]:
        return [output for output in take.outputs if wanted.casefold() in str(output).casefold()]

    # The ports of an API are listed once it has answered; one that never does is not waited for.
    limit = time.monotonic() + OUTPUTS_LIMIT_S
    _pump(engine, take, lambda: matching() or time.monotonic() > limit, "")
    if not matching():
        names = "; ".join(str(output) for output in take.outputs)
        raise UserError(f"There is no output named “{wanted}”: choose one of {names}.")
    return matching()[0]


def _follow_to_the_end(
    engine: Engine, take: _Take, meter: Meter, bars: int, progress: Report
) -> None:
    shown = 0
    while not take.done:
        for event in engine.poll():
            take.follow(event)
        bar = min(bars, meter.bar_beat(int(engine.position()))[0])
        if bar != shown and take.begun:
            shown = bar
            progress(f"bar {bar} of {bars}  {'█' * round(24 * bar / bars):░<24}")
        time.sleep(POLL_S)
    progress("")


def draw(path: Path, score: Score, meter: Meter) -> None:
    """Write a picture of a generated roll, drawn by the app's own canvas."""
    if not os.environ.get("DISPLAY") or "QT_QPA_PLATFORM" not in os.environ:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from PySide6.QtWidgets import QApplication

    from rnnrbm_gui.ui.roll.picture import render_image
    from rnnrbm_gui.ui.theme import DARK

    app = QApplication.instance() or QApplication(sys.argv[:1])
    image = render_image(Score(), score.notes, DARK, PICTURE_SIZE, meter=meter)
    del app
    if not image.save(str(path)):
        raise UserError(f"{path} could not be written: check the folder and the free space.")
