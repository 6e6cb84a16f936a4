"""What goes with some steps of the drawn notes' history: taken back and taken again with them."""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from rnnrbm_gui.music.score import Score
from rnnrbm_gui.ui.session import Session

MOST = 100
"""Older ones are forgotten."""


class Step(NamedTuple):
    """What else a step does.

    Attributes:
        before: the drawn notes before it.
        after: and after it; both told apart by identity.
        undo: what takes the rest back.
        redo: what does it again.
    """

    before: Score
    after: Score
    undo: Callable[[], object]
    redo: Callable[[], object]


class Steps:
    """Undo and redo of the session, and of what goes with it. Thread: GUI."""

    def __init__(self, session: Session, say: Callable[[str], None]) -> None:
        """Tell ``say`` what was undone or redone, by its name in the menu."""
        self._session, self._say = session, say
        self._steps: deque[Step] = deque(maxlen=MOST)

    def add(self, before: Score, undo: Callable[[], object], redo: Callable[[], object]) -> None:
        """Remember what else the step from ``before`` to the present notes has done."""
        self._steps.append(Step(before, self._session.score, undo, redo))

    def undo(self) -> None:
        """Take the last step back."""
        after, name = self._session.score, self._session.undo_name
        self._session.undo()
        for step in self._between(self._session.score, after):
            step.undo()
        if name:
            self._say(f"Undone: {name}")

    def redo(self) -> None:
        """Take the last undone step again."""
        before, name = self._session.score, self._session.redo_name
        self._session.redo()
        for step in self._between(before, self._session.score):
            step.redo()
        if name:
            self._say(f"Redone: {name}")

    def _between(self, before: Score, after: Score) -> list[Step]:
        return [s for s in self._steps if s.before is before and s.after is after]
