"""Bars, beats and frames in ticks."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnrbm_gui.music.timing import PPQ, Meter, frame_ticks, ticks_per_second

meters = st.builds(Meter, st.integers(1, 32), st.sampled_from([1, 2, 4, 8, 16, 32]))


@given(meters, st.integers(0, 10**7))
def test_bar_and_beat_lead_back_to_the_tick(meter: Meter, tick: int) -> None:
    bar, beat = meter.bar_beat(tick)
    assert bar >= 1
    assert 1 <= beat <= meter.numerator
    begin = (bar - 1) * meter.bar_ticks + (beat - 1) * meter.beat_ticks
    assert 0 <= tick - begin < meter.beat_ticks
    assert meter.bar_of(tick) == (bar - 1) * meter.bar_ticks


@given(meters)
def test_a_bar_has_its_beats(meter: Meter) -> None:
    assert Fraction(meter.bar_ticks, 4 * PPQ) == Fraction(meter.numerator, meter.denominator)
    assert str(meter) == f"{meter.numerator}/{meter.denominator}"


def test_as_a_musician_counts() -> None:
    assert Meter().bar_beat(0) == (1, 1)
    assert Meter().bar_beat(1919) == (1, 4)
    assert Meter().bar_beat(1920) == (2, 1)
    assert Meter(6, 8).bar_beat(1440 + 240) == (2, 2)


@pytest.mark.parametrize(
    ("numerator", "denominator", "sentence"),
    [
        (0, 4, r"numerator must be in 1\.\.32, got 0"),
        (33, 4, r"numerator must be in 1\.\.32, got 33"),
        (4, 3, "denominator must be a power of two to 32, got 3"),
        (4, 64, "denominator must be a power of two to 32, got 64"),
        (4, 0, "denominator must be a power of two to 32, got 0"),
    ],
)
def test_what_is_no_meter_is_refused(numerator: int, denominator: int, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        Meter(numerator, denominator)


@pytest.mark.parametrize(
    ("frames_per_beat", "ticks"),
    [(1, 480), (2, 240), (3, 160), (4, 120), (0.5, 960), (Fraction(1, 3), 1440), (96, 5)],
)
def test_frames_are_whole_ticks(frames_per_beat: float | Fraction, ticks: int) -> None:
    assert frame_ticks(frames_per_beat) == ticks


@pytest.mark.parametrize("frames_per_beat", [7, 9, 0.7, 64, 0, -4, 0.001])
def test_frames_of_broken_ticks_are_refused(frames_per_beat: float) -> None:
    with pytest.raises(ValueError, match=f"must divide 480 ticks, got {frames_per_beat}$"):
        frame_ticks(frames_per_beat)


def test_ticks_per_second() -> None:
    assert ticks_per_second(60) == 480
    assert ticks_per_second(120) == 960
