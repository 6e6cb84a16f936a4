"""Where on the roll the player's ever-growing play tick is: seeks and loops, unrolled."""

from msgspec import Struct


class Loop(Struct, frozen=True):
    """A stretch of the roll that repeats, ``first <= tick < last``."""

    first: int
    last: int

    def __post_init__(self) -> None:
        if not 0 <= self.first < self.last:
            raise ValueError(f"a loop must end after it begins, got {self.first}..{self.last}")


class Piece(Struct, frozen=True):
    """A run of play ticks that map on to consecutive roll ticks.

    Attributes:
        play_first: the play tick at which the piece begins.
        roll_first: the roll tick heard there.
    """

    play_first: int
    roll_first: int

    def roll(self, play_tick: float) -> float:
        """Return the roll tick heard at a play tick."""
        return play_tick - self.play_first + self.roll_first

    def play(self, roll_tick: int) -> int:
        """Return the play tick at which a roll tick is heard in this piece."""
        return roll_tick - self.roll_first + self.play_first


class Timeline(Struct, frozen=True):
    """The pieces of one run of the player, each beginning where the one before ends."""

    pieces: tuple[Piece, ...] = (Piece(0, 0),)

    def piece_at(self, play_tick: float) -> Piece:
        """Return the piece that is heard at a play tick (the first one before its beginning)."""
        found = self.pieces[0]
        for piece in self.pieces[1:]:
            if piece.play_first > play_tick:
                break
            found = piece
        return found

    def roll(self, play_tick: float) -> float:
        """Return the roll tick heard at a play tick."""
        return self.piece_at(play_tick).roll(play_tick)

    def jumping(self, play_tick: int, roll_tick: int) -> "Timeline":
        """Return the timeline that from ``play_tick`` on goes on at ``roll_tick``.

        Pieces that would begin later are dropped; of those gone by, the last few are kept.
        """
        before = tuple(piece for piece in self.pieces if piece.play_first < play_tick)
        return Timeline((*before[-4:], Piece(play_tick, roll_tick)))
