"""Undo and redo over immutable values."""

from typing import Generic, TypeVar

from msgspec import Struct

Value = TypeVar("Value")


MOST_STEPS = 500
"""Older steps are forgotten."""


class History(Struct, Generic[Value], frozen=True):
    """The present value, the named steps that led to it, and the ones taken back.

    Attributes:
        present: the value now.
        past: pairs (name of the step, value before it), oldest first.
        future: pairs (name of the step, value after it), nearest last.
    """

    present: Value
    past: tuple[tuple[str, Value], ...] = ()
    future: tuple[tuple[str, Value], ...] = ()

    def commit(self, name: str, value: Value, *, always: bool = False) -> "History[Value]":
        """Return the history after one more step; an equal value is none, unless ``always``."""
        if value == self.present and not always:
            return self
        return History(value, (*self.past[1 - MOST_STEPS :], (name, self.present)), ())

    def undone(self) -> "History[Value]":
        """Return the history one step back, itself where there is none."""
        if not self.past:
            return self
        name, before = self.past[-1]
        return History(before, self.past[:-1], (*self.future, (name, self.present)))

    def redone(self) -> "History[Value]":
        """Return the history with the last undone step taken again."""
        if not self.future:
            return self
        name, after = self.future[-1]
        return History(after, (*self.past, (name, self.present)), self.future[:-1])

    @property
    def undo_name(self) -> str | None:
        """Name of the step that undo would take back."""
        return self.past[-1][0] if self.past else None

    @property
    def redo_name(self) -> str | None:
        """Name of the step that redo would take again."""
        return self.future[-1][0] if self.future else None
