"""Same seed, same drawing, same edits: the same music, whatever the threads and the kernel do."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from rnnrbm_gui import paths
from rnnrbm_gui.data.model_file import load_model
from rnnrbm_gui.engine import events
from rnnrbm_gui.engine.answer import Answer
from rnnrbm_gui.engine.choices import Mode, Sampling
from rnnrbm_gui.engine.compiler import Compiler
from rnnrbm_gui.engine.engine import Engine
from rnnrbm_gui.models import kernels
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.roll import Articulation
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import PPQ, Meter
from tests.live import wait_until
from tests.small_models import small_file

JSB = paths.models() / "jsb-chorales.safetensors"
BAR = 4 * PPQ
BARS = 12
MELODY = Score.of([Note(i * PPQ, p, (i + 1) * PPQ) for i, p in enumerate((67, 69, 71, 72, 74, 72))])
WITH_A_SECOND_VOICE = Score.of([*MELODY, Note(2 * PPQ, 64, 4 * PPQ)])
WITH_A_TURN_AHEAD = Score.of(
    [*WITH_A_SECOND_VOICE, *(Note(i * PPQ, 76, (i + 1) * PPQ) for i in (24, 26))]
)


class Player:
    """An engine on the null device, and the generated notes as the window has them."""

    def __init__(self, seed: int, model: Path = JSB) -> None:
        self.engine = Engine(audio="null")
        self.notes: list[Note] = []
        self.end = 0
        self.playing = False
        self.kernel_ready = False
        self.engine.set_sampling(Sampling(seed=seed, gibbs_steps=60))
        self.engine.set_bpm(300)
        self.engine.start(model)

    def listen(self) -> None:
        for event in self.engine.poll():
            match event:
                case events.Generated():
                    self.notes = [n for n in self.notes if n.on < event.from_tick] + [*event.notes]
                    self.end = event.end_tick
                case events.Truncated(tick):
                    self.notes = [n for n in self.notes if n.on < tick]
                    self.end = tick
                case events.Playing(playing):
                    self.playing = playing
                case events.KernelReady():
                    self.kernel_ready = True
                case events.Trouble(sentence):
                    pytest.fail(sentence)

    def until(self, is_so: Callable[[], bool], what: str) -> None:
        def heard() -> bool:
            self.listen()
            return is_so()

        wait_until(heard, 60, what)

    def done(self) -> None:
        """Wait until every command so far has been carried out."""
        served = threading.Event()
        self.engine._generator.post(served.set)
        self.until(served.is_set, "the generator")


@contextmanager
def load(n_threads: int) -> Iterator[None]:
    """Keep so many threads of this process busy: some hold the GIL, some let it go."""
    ending = threading.Event()
    matrix = np.ones((300, 300))

    def work(number: int) -> None:
        while not ending.is_set():
            if number % 2:
                sum(range(20_000))
            else:
                matrix @ matrix

    threads = [threading.Thread(target=work, args=(i,)) for i in range(n_threads)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ending.set()
        for thread in threads:
            thread.join()


def music(seed: int, *, detours: bool, model: Path = JSB) -> list[Note]:
    """Draw, edit at rest, play two bars, edit ahead while playing; return the first bars.

    ``detours`` looks further ahead before each edit: it plays on, seeks, and comes back.
    """
    player = Player(seed, model)
    engine = player.engine
    try:
        engine.set_mode(Mode.HARMONISE)
        engine.set_score(MELODY)
        player.done()
        player.until(lambda: player.end >= 8 * BAR, "the look-ahead")
        if detours:
            for tick in (5 * BAR, BAR, 7 * BAR, 0):
                engine.seek(tick)
                player.done()
                player.until(lambda at=tick: player.end >= at + 8 * BAR, "the look-ahead there")
            for score in (Score(), MELODY, WITH_A_SECOND_VOICE, MELODY):
                engine.set_score(score)
            engine.set_mode(Mode.FREE)
            engine.set_mode(Mode.HARMONISE)
            engine.set_meter(Meter(3, 4))
            engine.set_articulation(Articulation.TIE)
            engine.set_meter(Meter())
            engine.set_articulation(Articulation.RESTRIKE)
            # Until here the plain kernel has drawn, at least where nothing was compiled before.
            player.until(lambda: player.kernel_ready, "the compiled kernel")
        engine.set_score(WITH_A_SECOND_VOICE)
        player.done()
        engine.play()
        player.until(lambda: engine.position() >= (2 if detours else 1) * BAR, "the playhead")
        engine.set_score(WITH_A_TURN_AHEAD)
        player.until(lambda: engine.position() >= 4 * BAR, "the playhead further on")
        engine.stop()
        player.until(lambda: not player.playing, "the stop")
        player.until(lambda: player.end >= BARS * BAR, "the look-ahead at the end")
        return [note for note in player.notes if note.on < BARS * BAR]
    finally:
        engine.close()


def test_the_same_music_whatever_threads_kernel_and_look_ahead_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as plain:
        plain.setattr(kernels, "_compiled", None)
        plain.setattr(Compiler, "start", lambda self: None)
        by_the_plain_kernel = music(5, detours=False)
        assert not kernels.compiled()
    monkeypatch.setattr(kernels, "_compiled", None)
    by_both_one_after_the_other = music(5, detours=True)
    assert kernels.compiled()
    with load(3):
        by_the_compiled_kernel_under_load = music(5, detours=True)
    assert len(by_the_plain_kernel) > 100
    assert by_both_one_after_the_other == by_the_plain_kernel
    assert by_the_compiled_kernel_under_load == by_the_plain_kernel
    assert music(6, detours=False) != by_the_plain_kernel


def test_a_model_that_strikes_its_notes_and_knows_the_bar_plays_the_same_after_detours(
    tmp_path: Path,
) -> None:
    model = small_file(tmp_path)
    after_detours = music(5, detours=True, model=model)
    straight = Answer(
        load_model(model), WITH_A_TURN_AHEAD, Mode.HARMONISE, Articulation.RESTRIKE, Meter()
    )
    while len(straight) * straight.grid.frame < BARS * BAR:
        straight.extend(Sampling(seed=5, gibbs_steps=60))
    expected = straight.starting(0, BARS * BAR)
    assert len(expected) > 100
    assert len({note.duration for note in expected}) > 2

    def by_place(note: Note) -> tuple[int, int]:
        return note.on, note.pitch

    reach = BARS * BAR - straight.grid.frame  # what sounds in the last frame goes on beyond it
    assert sorted((n for n in after_detours if n.off <= reach), key=by_place) == sorted(
        (n for n in expected if n.off <= reach), key=by_place
    )
