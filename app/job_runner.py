"""Runs jobs one at a time in a thread of its own, which lives as long as the window and owns the model."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from PySide6.QtCore import QObject, Qt, QThread, QTimer, Signal, Slot

from moe_core.errors import MoeCoreError
from moe_core.jobs.engine import Engine
from moe_core.jobs.events import Event, Notice, Progress, Stage

log = logging.getLogger(__name__)

POLL_MS = 80

Job = Generator[Event, None, Any]
MakeJob = Callable[[Engine], Job]
"""Makes the generator, in the thread that runs it; the engine keeps the model between jobs."""


@dataclass(frozen=True)
class JobEnded:
    """How a job ended. `error` is one sentence and `notes` its details, empty unless `outcome` is `failed`."""

    title: str
    outcome: Literal["done", "cancelled", "failed"]
    result: Any = None
    error: str = ""
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


class JobRunner(QObject):
    """Starts, shows and cancels jobs. All signals come in the thread that made the runner.

    `started` carries the job's title, `progressed` the last Stage or Progress (about 12 times a second), `noticed`
    every Notice, `ended` a JobEnded.
    """

    started = Signal(str)
    progressed = Signal(object)
    noticed = Signal(object)
    ended = Signal(object)
    _submitted = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread = QThread()
        self._thread.setObjectName("moescope jobs")
        self._worker = _Worker()
        self._worker.moveToThread(self._thread)
        self._submitted.connect(self._worker.run, Qt.ConnectionType.QueuedConnection)
        self._worker.ended.connect(self._on_ended, Qt.ConnectionType.QueuedConnection)
        self._poll = QTimer(self, interval=POLL_MS)
        self._poll.timeout.connect(self._show_events)
        self._title = ""

    @property
    def is_busy(self) -> bool:
        """Whether a job runs."""
        return bool(self._title)

    @property
    def has_thread(self) -> bool:
        """Whether the thread runs, with a job or waiting for one."""
        return self._thread.isRunning()

    @property
    def title(self) -> str:
        """The running job's title; empty when none runs."""
        return self._title

    def start(self, title: str, make_job: MakeJob) -> None:
        """Run a job; there must be none running."""
        assert not self.is_busy
        if not self._thread.isRunning():
            self._thread.start()
        self._title = title
        self._worker.cancelled.clear()
        self._poll.start()
        self.started.emit(title)
        self._submitted.emit((title, make_job))

    def cancel(self) -> None:
        """Stop the running job after the step in flight; what it has written stays."""
        self._worker.cancelled.set()

    def close(self) -> None:
        """Cancel what runs, wait for it, and end the thread."""
        self.cancel()
        self._poll.stop()
        if self._thread.isRunning():
            self._thread.quit()
            self._thread.wait()
        self._worker.engine.release()
        self._title = ""

    def gpu_memory_text(self) -> str:
        """Memory in use on the GPU, as `GPU 13.1 of 139 GiB`; empty without a GPU, or before torch uses it."""
        torch = sys.modules.get("torch")  # looking must not import it
        if torch is None or not hasattr(torch, "cuda") or not torch.cuda.is_initialized():
            return ""
        free, total = torch.cuda.mem_get_info()
        return f"GPU {(total - free) / 2**30:.1f} of {total / 2**30:.0f} GiB"

    @Slot(object)
    def _on_ended(self, ended: JobEnded) -> None:
        if not self.is_busy:
            return  # closed meanwhile
        self._poll.stop()
        self._show_events()
        self._title = ""
        self.ended.emit(ended)

    @Slot()
    def _show_events(self) -> None:
        notices, latest = self._worker.take_events()
        for notice in notices:
            self.noticed.emit(notice)
        if latest is not None:
            self.progressed.emit(latest)


class _Worker(QObject):
    """Lives in the job thread. Only text and frozen results leave it: an exception would pin the model's tensors."""

    ended = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.engine = Engine()
        self.cancelled = threading.Event()
        self._lock = threading.Lock()
        self._notices: list[Notice] = []
        self._latest: Stage | Progress | None = None

    def take_events(self) -> tuple[list[Notice], Stage | Progress | None]:
        """What came since the last call."""
        with self._lock:
            notices, latest = self._notices, self._latest
            self._notices, self._latest = [], None
        return notices, latest

    @Slot(object)
    def run(self, submitted: tuple[str, MakeJob]) -> None:
        """Pump a job to its end, or until it is cancelled."""
        title, make_job = submitted
        started = time.monotonic()
        ended = self._pump(title, make_job)
        seconds = time.monotonic() - started
        self.ended.emit(JobEnded(ended.title, ended.outcome, ended.result, ended.error, ended.notes, seconds))

    def _pump(self, title: str, make_job: MakeJob) -> JobEnded:
        try:
            job = make_job(self.engine)
            while not self.cancelled.is_set():
                self._keep(next(job))
            job.close()
        except StopIteration as done:
            return JobEnded(title, "done", result=done.value)
        except MoeCoreError as error:
            return JobEnded(title, "failed", error=str(error), notes=tuple(getattr(error, "__notes__", ())))
        except Exception as error:  # the one place that pumps jobs: whatever it was, the window goes on
            log.exception("%s failed unexpectedly", title)
            with suppress(Exception):
                self.engine.release()
            return JobEnded(title, "failed", error=f"{title} failed unexpectedly: {error!r}. The log has the details.")
        return JobEnded(title, "cancelled")

    def _keep(self, event: Event) -> None:
        with self._lock:
            if isinstance(event, Notice):
                self._notices.append(event)
            else:
                self._latest = event
