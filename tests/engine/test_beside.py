import threading
from collections.abc import Callable, Generator

import pytest

from rnnrbm_gui.engine.beside import beside


def collected(run: Generator[str, None, int]) -> tuple[list[str], int]:
    events = []
    try:
        while True:
            events.append(next(run))
    except StopIteration as end:
        return events, end.value


def test_events_come_in_order_and_the_result_at_the_end() -> None:
    def job(tell: Callable[[str], None]) -> int:
        assert threading.current_thread() is not threading.main_thread()
        tell("one")
        tell("two")
        return 3

    assert collected(beside(job)) == (["one", "two"], 3)


def test_what_the_job_raises_is_raised() -> None:
    def job(tell: Callable[[str], None]) -> int:
        tell("one")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        collected(beside(job))


def test_closing_ends_the_job_where_it_next_tells_something() -> None:
    told = []

    def job(tell: Callable[[str], None]) -> int:
        for number in range(10**9):
            tell(str(number))
            told.append(number)
        return 0

    run = beside(job)
    assert next(run) == "0"
    run.close()
    assert told == list(range(len(told)))  # and not for ever
    assert all("beside" not in thread.name for thread in threading.enumerate())
