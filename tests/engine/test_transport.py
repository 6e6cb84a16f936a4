"""What the transport means, shown on a real engine with a real player on the null device."""

import contextlib
import threading
import time
from collections import defaultdict

import pytest

from rnnrbm_gui import paths
from rnnrbm_gui.data.model_file import load_model
from rnnrbm_gui.engine import events
from rnnrbm_gui.engine.answer import Answer
from rnnrbm_gui.engine.choices import Mode, Sampling
from rnnrbm_gui.engine.engine import Engine
from rnnrbm_gui.engine.timeline import Loop
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.roll import Articulation
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import Meter
from rnnrbm_gui.player.protocol import Sounding, now_s
from tests.small_models import small_file

BEAT = 480
MELODY = Score.of([Note(i * BEAT, p, (i + 1) * BEAT) for i, p in enumerate((67, 69, 71, 72))])


class Follower:
    """Drains an engine as the window does, and remembers."""

    def __init__(self, engine):
        self.engine = engine
        self.generated, self.sounded, self.truncated, self.marked = [], [], [], []
        self.end = 0
        self.playing = False

    def drain(self):
        for event in self.engine.poll():
            match event:
                case events.Generated():
                    self.generated = [n for n in self.generated if n.on < event.from_tick]
                    self.generated += event.notes
                    self.end = event.end_tick
                case events.Truncated():
                    self.generated = [n for n in self.generated if n.on < event.tick]
                    self.truncated.append(event.tick)
                    self.end = event.tick
                case events.Playing():
                    self.playing = event.playing
                case events.Sounded():
                    self.marked.append(event.tick)
                case Sounding():
                    self.sounded.append(event)
                case events.Trouble():
                    pytest.fail(event.sentence)

    def until(self, is_so, what, limit_s=20.0):
        deadline, pause = time.monotonic() + limit_s, threading.Event()
        while True:
            self.drain()
            if is_so():
                return
            assert time.monotonic() < deadline, f"waited in vain for {what}"
            pause.wait(0.003)

    def ons(self):
        return [event for event in self.sounded if event.on]

    def pairs_are_whole(self):
        held = defaultdict(int)
        for event in self.sounded:
            held[event.pitch] += 1 if event.on else -1
            assert held[event.pitch] in (0, 1)
        return not any(held.values())


@contextlib.contextmanager
def following(model):
    with contextlib.ExitStack() as stack:
        engine = Engine(audio="null")
        stack.callback(engine.close)
        engine.set_mode(Mode.HARMONISE)
        engine.set_sampling(Sampling(seed=3, gibbs_steps=40))
        engine.set_bpm(300)
        engine.start(model)
        follower = Follower(engine)
        follower.until(lambda: follower.end >= 8 * 4 * BEAT, "eight bars of look-ahead")
        yield follower


@pytest.fixture
def follower():
    with following(paths.models() / "jsb-chorales.safetensors") as follower:
        yield follower


def test_a_loop_repeats_what_is_on_the_roll(follower):
    engine = follower.engine
    engine.set_score(MELODY)
    engine.set_loop(Loop(0, 4 * BEAT))
    engine.play()
    follower.until(lambda: len(follower.ons()) > 40, "three passes")
    engine.stop()
    follower.until(lambda: not follower.playing and follower.pairs_are_whole(), "silence")
    expected = sorted((n.on, n.pitch) for n in [*MELODY, *follower.generated] if n.on < 4 * BEAT)
    ons = follower.ons()
    for turn in range(2):
        heard = ons[turn * len(expected) : (turn + 1) * len(expected)]
        assert sorted(e.pitch for e in heard) == sorted(pitch for _, pitch in expected)


@pytest.mark.parametrize("frame", [0, 1])
def test_an_edit_early_in_a_loop_sounds_and_is_seen_to_sound(follower, frame):
    """However short the stretch before it: the next pass plays it, and what plays is marked."""
    engine = follower.engine
    engine.set_loop(Loop(0, 4 * BEAT))
    engine.set_bpm(240.0)
    engine.play()
    follower.until(lambda: engine.position() > 2 * BEAT, "two beats")
    drawn = Note(frame * BEAT, 90, (frame + 1) * BEAT)
    follower.truncated.clear()
    engine.set_score(Score.of([drawn]))
    follower.until(lambda: drawn.on in follower.truncated, "the change on the next pass")
    follower.marked.clear()
    follower.until(lambda: any(e.pitch == 90 and e.on for e in follower.sounded), "the note")
    follower.until(lambda: 4 * BEAT in follower.marked, "the pass to its end")
    assert follower.marked == sorted(follower.marked)
    assert min(follower.marked) > drawn.on


def test_an_edit_ahead_is_answered_from_the_frame_it_changes(follower):
    engine = follower.engine
    before = [n for n in follower.generated if n.on < 12 * BEAT]
    engine.play()
    follower.until(lambda: engine.position() > BEAT, "a beat")
    follower.truncated.clear()
    engine.set_score(Score.of([Note(12 * BEAT, 76, 13 * BEAT)]))
    follower.until(lambda: follower.truncated, "the answer")
    assert follower.truncated == [12 * BEAT]
    follower.until(lambda: follower.end > 16 * BEAT, "the new look-ahead")
    assert [n for n in follower.generated if n.on < 12 * BEAT] == before
    assert all(n.pitch < 76 for n in follower.generated if n.on == 12 * BEAT)


def test_a_tied_note_is_cut_where_another_model_takes_over(follower):
    """As it is in the engine, so it is told: what sounds on no more is not shown to."""
    engine = follower.engine
    engine.set_articulation(Articulation.TIE)
    follower.until(lambda: follower.end >= 8 * 4 * BEAT, "the look-ahead, tied")
    engine.set_mode(Mode.FREE)
    engine.play()
    for turn in range(4):  # at any moment, in any chord
        ahead = engine.position() + (2 + turn / 2) * BEAT
        follower.until(lambda ahead=ahead: engine.position() > ahead, "some beats")
        follower.truncated.clear()
        engine.load_model(paths.models() / "jsb-chorales.safetensors")
        follower.until(lambda: follower.truncated, "the other model")
        follower.until(lambda: follower.end > follower.truncated[0], "its first frame")
        engine.pause()
        follower.until(lambda: not follower.playing, "the pause")
        follower.until(lambda: follower.end >= engine.position() + 16 * BEAT, "the look-ahead")
        known = engine._generator.generated_starting(0, follower.end)
        assert sorted(follower.generated) == sorted(known)
        engine.play()


def test_an_edit_behind_is_heard_on_the_next_pass(follower):
    engine = follower.engine
    engine.play()
    follower.until(lambda: engine.position() > 6 * BEAT, "six beats")
    before = [n for n in follower.generated if n.on < 6 * BEAT]
    follower.truncated.clear()
    engine.set_score(Score.of([Note(2 * BEAT, 76, 3 * BEAT)]))
    follower.until(lambda: engine.position() > 9 * BEAT, "three more beats")
    assert [n for n in follower.generated if n.on < 2 * BEAT] == [
        n for n in before if n.on < 2 * BEAT
    ]
    assert not follower.truncated  # what has sounded stays as it sounded
    engine.stop()
    follower.until(lambda: not follower.playing, "the stop")
    assert not follower.truncated  # it can still be kept
    engine.play()
    follower.until(lambda: follower.truncated, "the change on the next pass")
    assert follower.truncated == [2 * BEAT]
    heard = len(follower.sounded)
    follower.until(
        lambda: any(e.pitch == 76 and e.on for e in follower.sounded[heard:]), "the drawn note"
    )


def test_a_seek_into_what_is_there_replays_it(follower):
    engine = follower.engine
    before = list(follower.generated)
    engine.play()
    follower.until(lambda: engine.position() % BEAT > 60 and engine.position() > 5 * BEAT, "beats")
    asked_s = now_s()
    engine.seek(2 * BEAT)

    def after():
        return [event.pitch for event in follower.ons() if event.at_s > asked_s]

    follower.until(lambda: len(after()) > 8, "eight notes")
    first = [n.pitch for n in before if n.on == 2 * BEAT]
    assert sorted(after()[: len(first)]) == sorted(first)
    until = min(len(before), 100)
    assert follower.generated[:until] == before[:until]


def test_erasing_a_sounding_note_ends_it_at_once(follower):
    engine = follower.engine
    engine.set_mode(Mode.FREE)
    engine.set_score(Score.of([Note(0, 90, 100 * BEAT)]))
    engine.play()
    follower.until(lambda: any(e.pitch == 90 and e.on for e in follower.sounded), "the note")
    engine.set_score(Score())
    follower.until(
        lambda: any(e.pitch == 90 and not e.on for e in follower.sounded), "its end", 2.0
    )
    assert engine.playing


def test_lengthening_a_sounding_note_moves_its_end(follower):
    engine = follower.engine
    engine.set_mode(Mode.FREE)
    engine.set_score(Score.of([Note(0, 90, 3 * BEAT)]))
    engine.play()
    follower.until(lambda: any(e.pitch == 90 and e.on for e in follower.sounded), "the note")
    engine.set_score(Score.of([Note(0, 90, 6 * BEAT)]))
    follower.until(lambda: engine.position() > 5 * BEAT, "five beats")
    assert not any(e.pitch == 90 and not e.on for e in follower.sounded)
    follower.until(lambda: any(e.pitch == 90 and not e.on for e in follower.sounded), "its end")


@pytest.mark.parametrize("ending", ["pause", "stop", "seek"])
def test_every_ending_ends_every_note(follower, ending):
    engine = follower.engine
    engine.set_score(MELODY)
    engine.play()
    follower.until(lambda: len(follower.ons()) > 5, "notes")
    if ending == "seek":
        engine.seek(20 * BEAT)
        engine.pause()
    else:
        getattr(engine, ending)()
    follower.until(follower.pairs_are_whole, "every off")


def test_play_until_stops_by_itself_at_the_tick(follower):
    follower.engine.play(until=4 * BEAT)
    follower.until(lambda: follower.playing, "playing")
    follower.until(lambda: not follower.playing, "the end")
    assert follower.engine.position() == 4 * BEAT
    follower.until(follower.pairs_are_whole, "every off")
    expected = sorted(n.pitch for n in follower.generated if n.on < 4 * BEAT)
    assert sorted(e.pitch for e in follower.ons()) == expected


def test_knobs_leave_what_has_sounded_alone(follower):
    engine = follower.engine
    engine.play()
    follower.until(lambda: engine.position() > 4 * BEAT, "a bar")
    before = [n for n in follower.generated if n.on <= 4 * BEAT]
    follower.truncated.clear()
    engine.set_sampling(Sampling(seed=99, gibbs_steps=40))
    follower.until(lambda: follower.truncated, "another seed to take hold")
    assert engine.position() <= follower.truncated[0] <= engine.position() + 3 * BEAT
    assert [n for n in follower.generated if n.on <= 4 * BEAT] == before


def test_a_recalled_roll_has_sounded_and_goes_on(follower):
    engine = follower.engine
    heard = [n for n in follower.generated if n.on < 8 * BEAT]
    engine.set_sampling(Sampling(seed=1234, gibbs_steps=40))
    follower.until(lambda: [n for n in follower.generated if n.on < 8 * BEAT] != heard, "other")
    engine.recall(heard, 8)
    follower.until(
        lambda: (
            [n for n in follower.generated if n.on < 8 * BEAT] == heard and follower.end > 16 * BEAT
        ),
        "what was heard, and more",
    )


def test_another_metre_is_only_an_accent_to_a_model_that_is_not_told_it(follower):
    before = {(n.on, n.pitch, n.off) for n in follower.generated if n.on < 8 * BEAT}
    follower.truncated.clear()
    follower.engine.set_meter(Meter(3, 4))
    follower.until(
        lambda: {n.velocity for n in follower.generated if n.on == 3 * BEAT} == {84}, "accents"
    )
    assert {(n.on, n.pitch, n.off) for n in follower.generated if n.on < 8 * BEAT} == before
    assert not follower.truncated


def test_another_metre_makes_other_music_of_a_model_that_knows_the_bar(tmp_path):
    with following(small_file(tmp_path)) as follower:
        engine = follower.engine
        engine.play()
        follower.until(lambda: engine.position() > 4 * BEAT, "a bar")
        before = list(follower.generated)
        follower.truncated.clear()
        engine.set_meter(Meter(4, 4))  # as it was
        engine.set_meter(Meter(3, 4))
        follower.until(lambda: follower.truncated, "the metre to take hold")
        [cut] = follower.truncated
        assert engine.position() <= cut <= engine.position() + 3 * BEAT
        follower.until(lambda: follower.end >= cut + 8 * BEAT, "the new look-ahead")
        heard, coming = ([n for n in notes if n.on < cut] for notes in (before, follower.generated))
        assert [(n.on, n.pitch) for n in heard] == [(n.on, n.pitch) for n in coming]
        assert [n for n in before if cut <= n.on < cut + 8 * BEAT] != [
            n for n in follower.generated if cut <= n.on < cut + 8 * BEAT
        ]
        engine.stop()
        follower.until(follower.pairs_are_whole, "every off")


def test_a_model_that_strikes_its_notes_goes_on_from_what_another_played(follower, tmp_path):
    engine = follower.engine
    engine.play(until=3 * BEAT)
    follower.until(lambda: follower.playing, "playing")
    follower.until(lambda: not follower.playing, "the end")
    heard = [n for n in follower.generated if n.on < 3 * BEAT]
    follower.truncated.clear()
    engine.load_model(small_file(tmp_path, "rtrbm", "tanh"))
    follower.until(lambda: follower.truncated and follower.end >= 16 * BEAT, "its look-ahead")
    assert [n for n in follower.generated if n.on < 3 * BEAT] == heard
    lengths = {n.duration for n in follower.generated if n.on >= 3 * BEAT}
    assert min(lengths) == BEAT // 2
    assert len(lengths) > 1  # held and struck as the model draws, not each frame anew
    engine.play()
    follower.until(lambda: engine.position() > 5 * BEAT, "two more beats")
    engine.stop()
    follower.until(follower.pairs_are_whole, "every off")


@pytest.mark.parametrize("early", [False, True])
def test_what_is_asked_before_the_start_holds_from_the_first_frame_on(early):
    """Play, too: nothing sounds as it was before the knobs were told."""
    begun = []
    engine = Engine(audio="null")
    with contextlib.closing(engine):
        follower = Follower(engine)
        if not early:
            engine.start(paths.models() / "jsb-chorales.safetensors")
        engine.set_sampling(Sampling(seed=7, gibbs_steps=25))
        engine.set_mode(Mode.CONTINUE)
        engine.set_bpm(240)
        engine.play()
        if early:
            engine.start(paths.models() / "jsb-chorales.safetensors")
        follower.until(lambda: follower.ons(), "a note")
        begun.append(engine.client._memory.anchor.ticks_per_s)
        follower.until(lambda: follower.end >= 16 * BEAT, "a look-ahead")
    assert begun == [240 * BEAT / 60]
    notes = {(note.on, note.pitch) for note in follower.generated if note.on < 4 * BEAT}
    assert notes == drawn_alone(7, 25)


def drawn_alone(seed, gibbs_steps):
    """Return (onset, pitch) of the first bar of what the model draws with nothing before it."""
    stored = load_model(paths.models() / "jsb-chorales.safetensors")
    answer = Answer(stored, Score(), Mode.CONTINUE, Articulation.RESTRIKE, Meter(), [], 0)
    for _ in range(16):
        answer.extend(Sampling(seed=seed, gibbs_steps=gibbs_steps))
    return {(note.on, note.pitch) for note in answer.starting(0, 4 * BEAT)}
