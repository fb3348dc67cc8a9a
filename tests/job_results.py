"""Runs a job to its end, as the command line does, and keeps what it said."""

from collections.abc import Generator
from typing import TypeVar

from moe_core.jobs.events import Event

Result = TypeVar("Result")


def result_of(job: Generator[Event, None, Result], events: list[Event] | None = None) -> Result:
    """The job's result; its events go to `events`."""
    while True:
        try:
            event = next(job)
        except StopIteration as done:
            result: Result = done.value
            return result
        if events is not None:
            events.append(event)
