import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnrbm_gui.music.timing import PPQ, Meter
from rnnrbm_gui.ui.roll.viewport import (
    N_PITCHES,
    SHORTEST_KEY,
    TALLEST_KEY,
    Lines,
    Viewport,
    cell_of,
    snapped,
)

views = st.builds(
    lambda width, height, beat, key, left, top: Viewport(
        width, height, beat, key, left, 0
    ).scrolled(0, top),
    st.integers(200, 3000),
    st.integers(100, 2000),
    st.floats(2, 960),
    st.integers(SHORTEST_KEY, TALLEST_KEY),
    st.integers(0, 200_000),
    st.integers(0, 5000),
)
ticks = st.integers(0, 2000 * PPQ)
pitches = st.integers(0, 127)
factors = st.floats(0.2, 5)


@given(views, ticks)
def test_tick_to_x_and_back(view, tick):
    assert view.tick_at(view.x_of(tick)) == pytest.approx(tick, abs=1e-6 * PPQ)
    assert abs(view.column(tick) - view.x_of(tick)) <= 0.5


@given(views, pitches, st.floats(0, 0.99))
def test_pitch_to_y_and_back(view, pitch, share):
    assert view.pitch_at(view.y_of(pitch) + share * view.key_height) == pitch


@given(views, factors, st.integers(0, 3000))
def test_zooming_time_keeps_the_tick_under_the_mouse(view, factor, x):
    tick = view.tick_at(x)
    zoomed = view.zoomed_time(factor, x)
    if zoomed.left > 0:
        assert zoomed.x_of(tick) == pytest.approx(x, abs=0.51)
    else:  # held at the beginning: the tick can only be further left than the mouse
        assert zoomed.x_of(tick) <= x + 0.51


@given(views, factors, st.integers(0, 2000))
def test_zooming_pitch_keeps_the_pitch_under_the_mouse(view, factor, y):
    zoomed = view.zoomed_pitch(factor, y)
    bottom = N_PITCHES * zoomed.key_height - zoomed.height
    if 0 < zoomed.top < bottom:
        before = (y + view.top) / view.key_height
        after = (y + zoomed.top) / zoomed.key_height
        assert after == pytest.approx(before, abs=0.51 / zoomed.key_height)


@given(views, factors, st.floats(-1e5, 1e5), st.floats(-1e5, 1e5))
def test_the_view_never_leaves_the_roll(view, factor, right, down):
    moved = view.scrolled(right, down).zoomed_time(factor, 10).zoomed_pitch(factor, 10)
    assert moved.left >= 0
    assert moved.top >= 0
    assert moved.top <= max(0, N_PITCHES * moved.key_height - moved.height)
    assert SHORTEST_KEY <= moved.key_height <= TALLEST_KEY


def test_a_small_turn_of_the_wheel_still_changes_the_keys():
    view = Viewport(key_height=5)
    assert view.zoomed_pitch(1.01, 0).key_height == 6
    assert view.zoomed_pitch(0.99, 0).key_height == 4


@given(
    st.integers(400, 3000), st.integers(200, 2000), st.integers(0, 400), st.integers(1, 400),
    pitches, pitches,
)  # fmt: skip
def test_fit_shows_everything(width, height, first_beat, beats, a, b):
    low, high = sorted((a, b))
    first, last = first_beat * PPQ, (first_beat + beats) * PPQ
    view = Viewport(width, height).fitted(first, last, low, high)
    assert view.column(first) >= 0
    assert view.column(last) <= width
    if (high - low + 5) * SHORTEST_KEY <= height:
        assert view.y_of(high) >= 0
        assert view.y_of(low) + view.key_height <= height


@given(views, ticks, pitches)
def test_revealing_shows_a_note(view, tick, pitch):
    note_end = tick + int(100 / view.per_tick)
    seen = view.revealing(tick, note_end, pitch, pitch)
    assert seen.column(tick) >= 0
    assert seen.column(tick) < seen.width
    assert seen.y_of(pitch) >= 0
    assert seen.y_of(pitch) + seen.key_height <= max(seen.height, 3 * seen.key_height)


def test_showing_puts_a_tick_at_a_share_of_the_width():
    view = Viewport(width=1000).showing(100 * PPQ, 0.15)
    assert view.x_of(100 * PPQ) == pytest.approx(150, abs=0.51)


@given(views, st.sampled_from([PPQ * 4, PPQ, PPQ // 2, PPQ // 3, PPQ // 4, PPQ // 8]))
def test_grid_lines_never_crowd(view, snap):
    lines = Lines.of(view, Meter(), snap)
    for every in (lines.fine, lines.beat):
        assert every is None or every * view.per_tick >= 10
    assert lines.bar * view.per_tick >= 30
    assert lines.bar % Meter().bar_ticks == 0


def test_the_grid_seen_is_the_snap_grid():
    near = Viewport(beat_width=100)
    assert Lines.of(near, Meter(), 160).fine == 160
    assert Lines.of(Viewport(beat_width=8), Meter(), 160).fine is None


@given(st.floats(0, 1e6), st.integers(1, 4000))
def test_snapping(tick, snap):
    assert snapped(tick, snap) % snap == 0
    assert abs(snapped(tick, snap) - tick) <= snap / 2 + 1e-6
    assert cell_of(tick, snap) <= tick < cell_of(tick, snap) + snap
