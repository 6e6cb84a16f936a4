"""A model slower than its own music: the music waits for it, and no note is passed over unheard."""

import threading
from collections import Counter

import pytest

from rnnrbm_gui import paths
from rnnrbm_gui.engine import events
from rnnrbm_gui.engine.choices import Mode, Sampling
from rnnrbm_gui.engine.compiler import Compiler
from rnnrbm_gui.engine.engine import Engine
from rnnrbm_gui.models import kernels
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.player.protocol import Dropped, Sounding
from tests.live import wait_until

FRAME = 120


def test_the_music_waits_for_a_model_that_is_slower(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteenths at 300 bpm last 50 ms; the plain kernel needs more for 4,000 Gibbs steps."""
    monkeypatch.setattr(kernels, "_compiled", None)
    monkeypatch.setattr(kernels, "load_kernel", lambda: False)
    monkeypatch.setattr(Compiler, "start", lambda self: None)
    notes: list[Note] = []
    struck: Counter[int] = Counter()
    waits: list[float] = []
    engine = Engine(audio="null")

    def reached(tick: int) -> bool:
        for event in engine.poll():
            match event:
                case events.Generated():
                    notes[:] = [n for n in notes if n.on < event.from_tick] + [*event.notes]
                case Sounding(pitch=pitch, on=True):
                    struck[pitch] += 1
                case Dropped():
                    pytest.fail("a note was given too late")
                case events.Trouble(sentence):
                    pytest.fail(sentence)
        if engine.waiting and struck:
            waits.append(engine.position())
        return engine.position() >= tick

    try:
        engine.set_mode(Mode.FREE)
        engine.set_sampling(Sampling(seed=1, gibbs_steps=4000))
        engine.set_bpm(300)
        engine.start(paths.models() / "jsb-sixteenths.safetensors")
        engine.play()
        wait_until(lambda: reached(28 * FRAME), 40, "28 frames")
        at = engine.position()
        engine.stop()
        served = threading.Event()
        engine._post(lambda _: served.set())
        wait_until(served.is_set, 5, "the stop")
        reached(0)
    finally:
        engine.close()
    assert waits, "the model was to be slower than its music"
    assert waits == sorted(waits)
    due = Counter(note.pitch for note in notes if note.on < at - FRAME)
    assert due.total() > 10
    assert due <= struck  # and those that sounded when it waited are struck again
