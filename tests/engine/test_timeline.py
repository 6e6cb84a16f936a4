import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnrbm_gui.engine.timeline import Loop, Piece, Timeline


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_piece_maps_there_and_back(play_first, roll_first, roll_tick):
    piece = Piece(play_first, roll_first)
    assert piece.roll(piece.play(roll_tick)) == roll_tick


@given(st.integers(0, 5000), st.integers(1, 4000), st.integers(2, 30))
def test_a_loop_unrolled_repeats_the_same_roll_ticks(first, length, n_times):
    loop = Loop(first, first + length)
    timeline = Timeline((Piece(first, first),))
    for i in range(1, n_times):
        timeline = timeline.jumping(first + i * length, loop.first)
        # The last few pieces are kept: what sounds now is never forgotten.
        for play in range(first + (i - 1) * length, first + (i + 1) * length, max(1, length // 7)):
            assert timeline.roll(play) == loop.first + (play - first) % length
    assert len(timeline.pieces) <= 5


def test_a_jump_drops_the_pieces_that_would_have_come_later():
    timeline = Timeline((Piece(0, 0),)).jumping(1000, 500).jumping(400, 9000)
    assert timeline.pieces == (Piece(0, 0), Piece(400, 9000))
    assert timeline.roll(399) == 399
    assert timeline.roll(450) == 9050


@pytest.mark.parametrize(("first", "last"), [(5, 5), (6, 5), (-1, 5)])
def test_a_loop_has_a_length(first, last):
    with pytest.raises(ValueError, match="must end after it begins"):
        Loop(first, last)
