"""A long job in a thread beside, whose events an iterator yields while it runs."""

import queue
import threading
from collections.abc import Callable, Generator
from typing import Any, TypeVar

from msgspec import Struct

Event = TypeVar("Event")
Result = TypeVar("Result")


class _Ended(Struct, frozen=True, eq=False):
    result: Any = None
    error: BaseException | None = None


def beside(
    job: Callable[[Callable[[Event], None]], Result],
) -> Generator[Event, None, Result]:
    """Yield what a job tells and return its result; what it raises is raised here.

    Thread: the job runs in one of its own. Closing the iterator ends it where it next tells
    something, and waits for that.

    Args:
        job: called with a function that takes the events.
    """
    said: queue.SimpleQueue[Event | _Ended] = queue.SimpleQueue()
    stopped = threading.Event()

    def tell(event: Event) -> None:
        if stopped.is_set():
            raise InterruptedError
        said.put(event)

    def run() -> None:
        try:
            said.put(_Ended(job(tell)))
        except BaseException as error:
            said.put(_Ended(error=error))

    thread = threading.Thread(target=run, name=f"beside {threading.current_thread().name}")
    thread.start()
    try:
        while True:
            event = said.get()
            if not isinstance(event, _Ended):
                yield event
            elif event.error is not None:
                raise event.error
            else:
                result: Result = event.result
                return result
    finally:
        stopped.set()
        thread.join()
