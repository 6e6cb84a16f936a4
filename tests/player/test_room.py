import numpy as np

from rnnrbm_gui.player.room import DECAY_S, LONGEST_PIECE, Room

RATE = 48_000


def clap(piece: int, seconds: float = 3.0) -> np.ndarray:
    """The room's answer to one loud sample, in pieces of a length."""
    room = Room(RATE)
    sound = np.zeros((round(RATE * seconds), 2), np.float32)
    sound[0] = 1
    for begin in range(0, len(sound), piece):
        room.add(sound[begin : begin + piece])
    return sound


def test_the_pieces_do_not_matter() -> None:
    np.testing.assert_allclose(clap(240), clap(97), atol=1e-5)
    np.testing.assert_allclose(clap(240), clap(LONGEST_PIECE), atol=1e-5)


def test_it_dies_away_as_it_should_and_then_is_still() -> None:
    sound = clap(240)
    energy = (sound[1:] ** 2).sum(axis=1)
    loud_db = 10 * np.log10(energy[: RATE // 10].mean())
    later = round(0.5 * DECAY_S * RATE)
    later_db = 10 * np.log10(energy[later : later + RATE // 10].mean())
    # 30 dB at half the time by the gains alone; the damping of high partials takes more.
    assert 25 < loud_db - later_db < 60
    assert np.abs(sound[round(2.5 * RATE) :]).max() == 0


def test_both_ears_hear_a_room_of_their_own() -> None:
    left, right = clap(240).T[:, 1:RATE]
    assert abs(np.corrcoef(left, right)[0, 1]) < 0.3


def test_clear_is_silence() -> None:
    room = Room(RATE)
    room.add(np.ones((240, 2), np.float32))
    room.clear()
    after = np.zeros((960, 2), np.float32)
    room.add(after)
    assert after.max() == 0
