"""One job in the thread that owns the model: how it is pumped, what it tells on its way, and how it ended."""

import logging
import threading
import time
import traceback
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from PySide6.QtCore import QObject, Signal, Slot

from app.content.remedies import with_remedies
from app.running.thread_priority import yield_to_the_window
from moe_core.errors import AnyRemedy, MoeCoreError, RunError
from moe_core.jobs.events import Event, Notice, Progress, Stage

if TYPE_CHECKING:
    from moe_core.jobs.models.engine import Engine

log = logging.getLogger(__name__)

_LONGEST_ERROR = 300

KEPT = "what is recorded is kept"
"""What becomes of a job that is stopped, in words, where nothing else is said of it."""

Job = Generator[Event, None, Any]
MakeJob = Callable[["Engine"], Job]
"""Makes the generator, in the thread that runs it; the engine keeps the model between jobs."""


@dataclass(frozen=True)
class JobEnded:
    """How a job ended. `error` is one sentence, `remedies` what helps, and `notes` its details.

    They are empty unless `outcome` is `failed`. `kept` tells what is left of a job that was stopped, `word` what that
    was for it, such as paused, and `trace` where in the program an error came from that nobody expected.
    """

    title: str
    outcome: Literal["done", "cancelled", "failed"]
    result: Any = None
    error: str = ""
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    remedies: tuple[AnyRemedy, ...] = ()
    trace: str = ""
    kept: str = KEPT
    word: str = "stopped"

    @property
    def kind(self) -> str:
        """What jobs of one kind begin their titles with: `Recording`, `What if`, `Comparing`."""
        return self.title.partition(":")[0] if ":" in self.title else self.title.partition(" ")[0]

    @property
    def sentence(self) -> str:
        """The error with what helps."""
        return with_remedies(self.error, self.remedies)


class Run:
    """One job on its way: both threads hold it. Only text and frozen events leave the job's thread."""

    def __init__(self, title: str, make_job: MakeJob, kept: str = KEPT, workers: str = "") -> None:
        self.title = title
        self.workers = workers
        self.make_job = make_job
        self.kept = kept
        self.word = ""
        self.cancelled = threading.Event()
        self._lock = threading.Lock()
        self._notices: list[Notice] = []
        self._latest: Stage | Progress | None = None

    def keep(self, event: Event) -> None:
        """Put an event where the other thread finds it."""
        with self._lock:
            if isinstance(event, Notice):
                self._notices.append(event)
            else:
                self._latest = event

    def take_events(self) -> tuple[list[Notice], Stage | Progress | None]:
        """What came since the last call."""
        with self._lock:
            notices, latest = self._notices, self._latest
            self._notices, self._latest = [], None
        return notices, latest


class Engines:
    """This program, or the workers that a job names; one of them holds a model at a time, for one thread."""

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._workers = ""

    def at(self, workers: str) -> "Engine":
        """The engine whose models are held by the workers at this address, "" for this program.

        That of another place lets its model go first. Raises ClusterError for what is no address.
        """
        if self._engine is None or workers != self._workers:
            engine = _engine_on(workers)
            self.release()
            self._engine, self._workers = engine, workers
        return self._engine

    def release(self) -> None:
        """Let go of the model, wherever it is."""
        if self._engine is not None:
            self._engine.release()


def _engine_on(workers: str) -> "Engine":
    from moe_core.jobs.models.engine import Engine
    from moe_core.jobs.workers.spread_model import engine_on

    return engine_on(workers) if workers else Engine()


class Worker(QObject):
    """Lives in the job thread. Only text and frozen results leave it: an exception would pin the model's tensors."""

    ended = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.engines = Engines()

    @Slot(object)
    def run(self, run: Run) -> None:
        """Pump a job to its end, or until it is cancelled."""
        yield_to_the_window()
        started = time.monotonic()
        ended = self._pump(run)
        self.ended.emit((run, replace(ended, seconds=time.monotonic() - started)))

    def _pump(self, run: Run) -> JobEnded:
        try:
            job = run.make_job(self.engines.at(run.workers))
            while not run.cancelled.is_set():
                run.keep(next(job))
            job.close()
        except StopIteration as done:
            return JobEnded(run.title, "done", result=done.value)
        except MoeCoreError as error:
            if isinstance(error, RunError):  # the device is out of memory or lost: the model goes, the window stays
                self.engines.release()
            notes = tuple(getattr(error, "__notes__", ()))
            return JobEnded(run.title, "failed", error=str(error), notes=notes, remedies=error.remedies)
        except Exception as error:  # the one place that pumps jobs: whatever it was, the window goes on
            log.exception("%s failed unexpectedly", run.title)
            with suppress(Exception):
                self.engines.release()
            sentence = f"{run.title} failed unexpectedly: {_in_one_line(error)}. The log has the details."
            trace = "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__
            return JobEnded(run.title, "failed", error=sentence, trace=trace)
        return JobEnded(run.title, "cancelled", kept=run.kept, word=run.word)


def _in_one_line(error: Exception) -> str:
    return " ".join(repr(error).split())[:_LONGEST_ERROR]
