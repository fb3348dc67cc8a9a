"""A job run to its end where nobody wants to see every event, such as in a notebook."""

from collections.abc import Callable, Generator
from typing import TypeVar

from moe_core.jobs.events import Event

Result = TypeVar("Result")


def run(job: Generator[Event, None, Result], on_event: Callable[[Event], object] | None = None) -> Result:
    """What the job results in; `on_event` hears of every event. Whatever interrupts it closes the job.

    A job that was closed keeps what it had written, and the same request goes on there.
    """
    try:
        while True:
            event = next(job)
            if on_event is not None:
                on_event(event)
    except StopIteration as done:
        result: Result = done.value
        return result
    finally:
        job.close()
