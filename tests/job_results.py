"""Runs a job to its end, as the command line does, and keeps what it said; a recording is one."""

from collections.abc import Generator
from pathlib import Path
from typing import Any, TypeVar

from moe_core.jobs.events import Event
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.runs.run_plan import RunOptions

Result = TypeVar("Result")

N = 18
"""Questions of the quiz that most jobs are tried on."""


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


def recorded(model: Path, quiz: Path, out: Path, engine: Engine, **options: Any) -> Path:
    """A finished baseline."""
    chosen = RunOptions(**{"batch_tokens": 200, **options})
    result_of(record(RecordRequest(ModelRequest(str(model), "cpu"), str(quiz), out, options=chosen), engine))
    return out
