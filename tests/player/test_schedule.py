"""The scheduler under any order of demands, with a clock that the test moves."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnrbm_gui.player.protocol import TimedNote
from rnnrbm_gui.player.schedule import TOO_LATE_S, Scheduler, Stroke

BPM = 125.0  # 1000 ticks a second


class Listener:
    """A receiver that fails when a promise is broken."""

    def __init__(self) -> None:
        self.sounding: dict[tuple[int, int], int | None] = {}
        self.strokes: list[Stroke] = []

    def take(self, strokes: Iterable[Stroke]) -> None:
        for stroke in strokes:
            key = (stroke.channel, stroke.pitch)
            if stroke.velocity:
                assert key not in self.sounding, "struck again before it was let go"
                self.sounding[key] = stroke.note_id
            else:
                assert self.sounding.pop(key) == stroke.note_id, "another note's off"
            self.strokes.append(stroke)


def note(note_id: int, on: int, off: int, pitch: int = 60, channel: int = 0) -> TimedNote:
    return TimedNote(note_id, on, off, pitch, 80, channel)


def playing(*notes: TimedNote, epoch: int = 1) -> Scheduler:
    scheduler = Scheduler()
    assert scheduler.play(0, epoch, BPM, 0.0) == []
    scheduler.schedule(epoch, notes, 0.0)
    return scheduler


def told(strokes: list[Stroke]) -> list[tuple[float, int, bool]]:
    return [(round(s.due_s, 6), s.pitch, s.velocity > 0) for s in strokes]


notes = st.builds(
    lambda note_id, on, length, pitch, channel: TimedNote(
        note_id, on, on + length, pitch, 80, channel
    ),
    st.integers(0, 12),
    st.integers(0, 4000),
    st.integers(1, 1500),
    st.integers(60, 63),
    st.integers(0, 1),
)
demands = st.one_of(
    st.tuples(st.just("schedule"), st.integers(0, 3), st.lists(notes, max_size=4)),
    st.tuples(st.just("cancel"), st.integers(0, 3), st.integers(0, 4000)),
    st.tuples(st.just("play"), st.integers(0, 3), st.integers(0, 4000)),
    st.tuples(st.just("tempo"), st.floats(20, 300), st.just(0)),
    st.tuples(st.just("pause"), st.just(0), st.just(0)),
    st.tuples(st.just("strike"), st.integers(60, 63), st.just(0)),
    st.tuples(st.just("release"), st.integers(60, 63), st.just(0)),
    st.tuples(st.just("pass"), st.floats(0.0, 1.5), st.just(0)),
)


@given(st.lists(demands, max_size=40))
def test_ons_and_offs_pair_whatever_is_asked_and_whenever_it_stops(asked: list) -> None:
    scheduler, listener, now_s, epoch = Scheduler(), Listener(), 0.0, 0
    for what, one, two in asked:
        before = len(listener.strokes)
        match what:
            case "schedule":
                scheduler.schedule(epoch + one - 1, tuple(two), now_s)
            case "cancel":
                epoch += one
                listener.take(scheduler.cancel(epoch, two, now_s))
            case "play":
                epoch += one
                listener.take(scheduler.play(two, epoch, BPM, now_s))
            case "tempo":
                listener.take(scheduler.tempo(one, now_s))
            case "pause":
                listener.take(scheduler.pause(now_s))
            case "strike":
                listener.take(scheduler.strike(one, 90, now_s))
            case "release":
                listener.take(scheduler.release(one, now_s))
            case "pass":
                now_s += one
        listener.take(scheduler.advance(now_s))
        new = listener.strokes[before:]
        assert all(s.due_s <= now_s + 1e-9 for s in new)
        assert set(scheduler.sounding) == set(listener.sounding)
        due_s = scheduler.next_due_s()
        assert due_s is None or due_s > now_s, "what was due was not sent"
    listener.take(scheduler.all_off(now_s))
    assert listener.sounding == {}


@given(st.lists(notes, max_size=20, unique_by=lambda n: n.id))
def test_played_to_the_end_every_note_sounds_once_and_in_order(score: list[TimedNote]) -> None:
    scheduler, listener = playing(*score), Listener()
    listener.take(scheduler.advance(100.0))
    assert listener.sounding == {}
    assert sorted(s.note_id for s in listener.strokes if s.velocity) == sorted(n.id for n in score)
    times = [s.due_s for s in listener.strokes]
    assert times == sorted(times)
    for one, other in zip(listener.strokes, listener.strokes[1:], strict=False):
        if one.due_s == other.due_s and (one.channel, one.pitch) != (other.channel, other.pitch):
            assert not (one.velocity and not other.velocity) or _cut(one, other, listener.strokes)


def _cut(on: Stroke, off: Stroke, strokes: list[Stroke]) -> bool:
    """Tell whether the off only makes room for an on of its pitch at the same tick."""
    return any(
        s.velocity and s.due_s == off.due_s and (s.channel, s.pitch) == (off.channel, off.pitch)
        for s in strokes
    )


def test_at_one_tick_offs_go_before_ons() -> None:
    scheduler = playing(note(1, 0, 500, 60), note(2, 500, 900, 60), note(3, 500, 900, 64))
    assert told(scheduler.advance(0.6)) == [
        (0.0, 60, True),
        (0.5, 60, False),
        (0.5, 60, True),
        (0.5, 64, True),
    ]


def test_a_pitch_struck_while_it_sounds_is_let_go_first() -> None:
    scheduler = playing(note(1, 0, 900), note(2, 400, 600))
    assert told(scheduler.advance(2.0)) == [
        (0.0, 60, True),
        (0.4, 60, False),
        (0.4, 60, True),
        (0.6, 60, False),
    ]


def test_cancel_keeps_what_is_earlier_and_the_offs_of_what_sounds() -> None:
    scheduler = playing(note(1, 0, 900, 60), note(2, 300, 400, 62), note(3, 500, 600, 64))
    assert told(scheduler.cancel(2, 400, 0.2)) == [(0.0, 60, True)]
    assert scheduler.last_tick(0.2) == 200
    scheduler.schedule(1, (note(4, 700, 800, 65),), 0.2)  # an old epoch: ignored
    assert told(scheduler.advance(2.0)) == [
        (0.3, 62, True),
        (0.4, 62, False),
        (0.9, 60, False),
    ]


def test_cancel_takes_back_what_begins_at_its_very_tick() -> None:
    scheduler = playing(note(1, 399, 450, 60), note(2, 400, 450, 62))
    scheduler.cancel(2, 400, 0.1)
    assert [s.pitch for s in scheduler.advance(2.0) if s.velocity] == [60]


def test_a_note_that_has_ended_is_not_struck_again_by_its_echo() -> None:
    scheduler = playing(note(1, 0, 10))
    assert len(scheduler.advance(0.02)) == 2
    scheduler.schedule(1, (note(1, 0, 600),), 0.03)
    assert scheduler.advance(1.0) == []
    assert scheduler.dropped == []


def test_notes_handed_over_before_play_sound_if_they_are_of_its_epoch() -> None:
    scheduler = Scheduler()
    scheduler.schedule(2, (note(1, 100, 200, 60),), 0.0)
    scheduler.schedule(1, (note(2, 100, 200, 62),), 0.0)
    scheduler.play(0, 2, BPM, 5.0)
    assert told(scheduler.advance(6.0)) == [(5.1, 60, True), (5.2, 60, False)]


def test_a_known_id_replaces_the_unsent_note_and_moves_the_end_of_a_sounding_one() -> None:
    scheduler = playing(note(1, 0, 500, 60), note(2, 400, 500, 62))
    scheduler.advance(0.1)
    scheduler.schedule(1, (note(1, 0, 800, 60), note(2, 450, 500, 65)), 0.1)
    assert told(scheduler.advance(2.0)) == [
        (0.45, 65, True),
        (0.5, 65, False),
        (0.8, 60, False),
    ]
    scheduler.schedule(1, (note(1, 0, 900, 60),), 0.8)  # has ended: not struck again
    assert scheduler.advance(2.0) == []


def test_a_note_a_little_late_sounds_at_once_and_a_later_one_is_reported() -> None:
    scheduler = playing()
    late = note(1, 1000, 2000, 60), note(2, 960, 2000, 62), note(3, 940, 2000, 64)
    scheduler.schedule(1, late, 1.0)
    assert {s.pitch for s in scheduler.advance(1.0)} == {60, 62}
    assert [(d.note_id, round(d.late_ms)) for d in scheduler.dropped] == [(3, 60)]
    assert scheduler.dropped[0].late_ms > TOO_LATE_S * 1e3


def test_tempo_moves_what_is_coming_without_sending_it_again() -> None:
    scheduler = playing(note(1, 1000, 2000))
    scheduler.tempo(250.0, 0.5)  # 2000 ticks a second from tick 500 on
    assert scheduler.next_due_s() == pytest.approx(0.75)
    assert told(scheduler.advance(5.0)) == [(0.75, 60, True), (1.25, 60, False)]


def test_pause_ends_notes_and_stands_still_while_clicked_keys_still_sound() -> None:
    scheduler = playing(note(1, 0, 900), note(2, 950, 1000))
    scheduler.advance(0.0)
    assert told(scheduler.pause(0.5)) == [(0.5, 60, False)]
    assert scheduler.last_tick(9.0) == 500
    assert scheduler.next_due_s() is None
    assert told(scheduler.strike(72, 90, 1.0)) == [(1.0, 72, True)]
    assert told(scheduler.release(72, 1.2)) == [(1.2, 72, False)]
    assert scheduler.release(72, 1.3) == []


def test_a_clicked_key_taken_over_by_a_note_is_not_cut_by_its_release() -> None:
    scheduler = playing(note(1, 500, 900))
    scheduler.strike(60, 90, 0.1)
    assert told(scheduler.advance(0.6)) == [(0.5, 60, False), (0.5, 60, True)]
    assert scheduler.release(60, 0.7) == []
    assert told(scheduler.advance(1.0)) == [(0.9, 60, False)]


def test_playing_anew_forgets_older_epochs_and_lets_ids_return() -> None:
    scheduler = playing(note(1, 0, 100), note(2, 300, 400, 62))
    scheduler.advance(0.2)
    scheduler.play(0, 2, BPM, 10.0)
    scheduler.schedule(2, (note(1, 0, 100),), 10.0)
    assert told(scheduler.advance(20.0)) == [(10.0, 60, True), (10.1, 60, False)]
