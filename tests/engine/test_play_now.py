"""Another model takes over running music, and notes apart from the roll: no gap, no stuck note."""

from itertools import pairwise

import numpy as np
import pytest
from msgspec.structs import replace

from rnnrbm_gui import paths
from rnnrbm_gui.data.model_file import load_model, save_model
from rnnrbm_gui.engine.choices import Mode, Sampling
from rnnrbm_gui.engine.engine import Engine
from rnnrbm_gui.models.rnn_rbm import RnnRbm
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.player.protocol import Dropped, now_s
from tests.engine.test_transport import BEAT, Follower

FRAME_S = 60 / 300


class Listener(Follower):
    def __init__(self, engine):
        super().__init__(engine)
        self.dropped = 0
        poll = engine.poll

        def counted():
            events = poll()
            self.dropped += sum(isinstance(event, Dropped) for event in events)
            return events

        engine.poll = counted


@pytest.fixture
def listener():
    engine = Engine(audio="null")
    try:
        engine.set_mode(Mode.FREE)
        engine.set_sampling(Sampling(seed=3, gibbs_steps=100))
        engine.set_bpm(300)
        engine.start(paths.models() / "jsb-chorales.safetensors")
        listener = Listener(engine)
        listener.until(lambda: listener.end >= 8 * 4 * BEAT, "eight bars of look-ahead")
        yield listener
    finally:
        engine.close()


@pytest.fixture
def learning(tmp_path):
    """Return a function that writes what training has come to at its next check."""
    stored = load_model(paths.models() / "jsb-chorales.safetensors")
    rng = np.random.default_rng(0)

    def write():
        parameters = {
            name: value + rng.normal(size=value.shape).astype(np.float32) * 0.003
            for name, value in stored.model.parameters().items()
        }
        path = tmp_path / "learning.safetensors"
        header = replace(stored.header, name="Being learned")
        save_model(path, RnnRbm(**parameters, memory=stored.model.memory), header)
        return path

    return write


@pytest.mark.parametrize("heard_before", [0, 4000], ids=["from the start", "after long music"])
def test_the_music_goes_on_while_models_change_under_it(listener, learning, heard_before):
    engine = listener.engine
    if heard_before:
        chords = [
            Note(i * BEAT, pitch, (i + 1) * BEAT)
            for i in range(heard_before)
            for pitch in (60, 64, 67, 72)
        ]
        engine.recall(chords, heard_before)
        listener.until(lambda: listener.end >= heard_before * BEAT, "what was heard before")
        engine.seek(heard_before * BEAT)
    engine.play()
    listener.until(lambda: len(listener.ons()) > 12, "music")
    for _ in range(4):
        before, sounded = engine.position(), len(listener.ons())
        listener.truncated.clear()
        path = learning()
        engine.load_model(path)
        listener.until(lambda: listener.truncated, "the other model")
        assert listener.truncated[0] >= before  # what has sounded stays as it sounded
        assert listener.truncated[0] <= engine.position() + 3 * BEAT
        listener.until(lambda n=sounded: len(listener.ons()) > n + 10, "more music")
    engine.stop()
    listener.until(lambda: not listener.playing and listener.pairs_are_whole(), "silence")
    assert not listener.dropped
    times = [event.at_s for event in listener.ons()]
    # Each frame of a chorale has notes: none may be missing, late, or sounded twice.
    assert max(b - a for a, b in pairwise(times)) < 1.5 * FRAME_S
    assert max(event.lateness_ms for event in listener.ons()) < 50
    by_pitch = {}
    for event in listener.ons():
        assert event.at_s - by_pitch.get(event.pitch, 0.0) > 0.7 * FRAME_S
        by_pitch[event.pitch] = event.at_s


SAMPLE = [Note(i * BEAT // 2, 60 + i, (i + 1) * BEAT // 2 + 40) for i in range(24)]


def test_notes_apart_from_the_roll_are_heard_to_their_end(listener):
    engine = listener.engine
    engine.listen(SAMPLE, 300.0)
    listener.until(lambda: len(listener.ons()) == len(SAMPLE), "every note")
    listener.until(lambda: engine.listened_to() is None, "the end")
    listener.until(listener.pairs_are_whole, "every off")
    assert [event.pitch for event in listener.ons()] == [note.pitch for note in SAMPLE]
    assert engine.position() == 0
    assert not listener.dropped


def test_listening_pauses_the_roll_and_can_be_ended_by_all_that_silences(listener):
    engine = listener.engine
    engine.play()
    listener.until(lambda: engine.position() > 2 * BEAT, "the roll")
    engine.listen(SAMPLE, 300.0)
    listener.until(lambda: engine.listened_to() is not None, "the sample")
    listener.until(lambda: not listener.playing, "the pause")
    here = engine.position()
    for ending in (lambda: engine.listen(SAMPLE, 300.0), engine.hush, engine.panic, engine.stop):
        asked_s = now_s()
        engine.listen(SAMPLE, 300.0)
        listener.until(
            lambda s=asked_s: any(e.pitch == 62 and e.at_s > s for e in listener.ons()), "3 notes"
        )
        assert engine.position() == here
        ending()
    listener.until(lambda: engine.listened_to() is None, "the end of it")
    listener.until(listener.pairs_are_whole, "silence", 2.0)
    assert engine.position() == 0
    engine.play()
    listener.until(lambda: engine.listened_to() is None and listener.playing, "the roll again")
    listener.until(lambda: engine.position() > 2 * BEAT, "its music")
    engine.hush()  # nothing to hush: the roll is left alone
    before = engine.position()
    listener.until(lambda: engine.position() > before + BEAT, "the roll going on")
    engine.stop()
    listener.until(listener.pairs_are_whole, "silence")
