"""Runs jobs one at a time in a thread of its own, which lives as long as the window and owns the model."""

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from PySide6.QtCore import QObject, Qt, QThread, QTimer, Signal, Slot

from app.content.remedies import with_remedies
from app.running.engines import Engines
from app.running.thread_priority import yield_to_the_window
from moe_core.errors import AnyRemedy, MoeCoreError, RunError
from moe_core.jobs.events import Event, Notice, Progress, Stage

if TYPE_CHECKING:
    from moe_core.jobs.models.engine import Engine

log = logging.getLogger(__name__)

POLL_MS = 80
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


class Inquiry(QObject):
    """A short job that only asks, such as how large a model is; it gives way to the next real job.

    `told` carries the text of its last step, `ended` a JobEnded; both come in the thread that asked.
    """

    told = Signal(str)
    ended = Signal(object)

    def __init__(self, run: "_Run", parent: QObject) -> None:
        super().__init__(parent)
        self._run = run

    def cancel(self) -> None:
        """Stop after the step in flight; `ended` comes then."""
        self._run.cancelled.set()


class JobRunner(QObject):
    """Starts, shows and cancels jobs. All signals come in the thread that made the runner.

    `started` carries the job's title, `progressed` the last Stage or Progress (about 12 times a second), `noticed`
    every Notice, `ended` a JobEnded; `stopping` comes when the job is cancelled. Inquiries have signals of their own
    and show in none of these.
    """

    started = Signal(str)
    progressed = Signal(object)
    noticed = Signal(object)
    stopping = Signal()
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
        self._job: _Run | None = None
        self._inquiries: dict[_Run, Inquiry] = {}
        self._is_closed = False

    @property
    def takes_inquiries(self) -> bool:
        """Whether `inquire` may be called now."""
        return not self.is_busy and not self._is_closed

    @property
    def is_busy(self) -> bool:
        """Whether a job runs; inquiries do not count."""
        return self._job is not None

    @property
    def has_thread(self) -> bool:
        """Whether the thread runs, with a job or waiting for one."""
        return self._thread.isRunning()

    @property
    def title(self) -> str:
        """The running job's title; empty when none runs."""
        return self._job.title if self._job else ""

    @property
    def kept(self) -> str:
        """What is left of the running job where it is stopped, in words; empty when none runs."""
        return self._job.kept if self._job else ""

    @property
    def is_stopping(self) -> bool:
        """Whether the running job was cancelled, and is in its last step."""
        return self._job is not None and self._job.cancelled.is_set()

    def start(self, title: str, make_job: MakeJob, *, kept: str = KEPT, workers: str = "") -> None:
        """Run a job as soon as inquiries have given way; there must be none running.

        `workers` is the address of those that hold the model for it, if this program does not.
        """
        assert not self.is_busy
        for inquiry in self._inquiries.values():
            inquiry.cancel()
        self._job = _Run(title, make_job, kept, workers)
        self.started.emit(title)
        self._submit(self._job)

    def inquire(self, title: str, make_job: MakeJob) -> Inquiry:
        """Ask something in the job thread, after the inquiries before it; only where `takes_inquiries`."""
        assert self.takes_inquiries
        run = _Run(title, make_job)
        inquiry = self._inquiries[run] = Inquiry(run, self)
        self._submit(run)
        return inquiry

    def cancel(self, word: str = "stopped") -> None:
        """Stop the running job after the step in flight; what it has written stays. `word` says what that is for it."""
        if self._job is not None and not self.is_stopping:
            self._job.word = word
            self._job.cancelled.set()
            self.stopping.emit()

    def close(self) -> None:
        """Cancel what runs, wait for it, and end the thread."""
        self._is_closed = True
        self.cancel()
        for inquiry in self._inquiries.values():
            inquiry.cancel()
        self._poll.stop()
        if self._thread.isRunning():
            self._thread.quit()
            self._thread.wait()
        self._worker.engines.release()
        self._job = None
        self._inquiries.clear()

    def gpu_memory_text(self) -> str:
        """Memory in use on the GPU, as `GPU 13.1 of 139 GiB`; empty without a GPU, or before torch uses it."""
        torch = sys.modules.get("torch")  # looking must not import it
        if torch is None or not hasattr(torch, "cuda") or not torch.cuda.is_initialized():
            return ""
        free, total = torch.cuda.mem_get_info()
        return f"GPU {(total - free) / 2**30:.1f} of {total / 2**30:.0f} GiB"

    def _submit(self, run: "_Run") -> None:
        if not self._thread.isRunning():
            self._thread.start()
        self._poll.start()
        self._submitted.emit(run)

    @Slot(object)
    def _on_ended(self, told: tuple["_Run", JobEnded]) -> None:
        run, ended = told
        self._show_events()
        if inquiry := self._inquiries.pop(run, None):
            inquiry.ended.emit(ended)
            inquiry.deleteLater()
        is_job = run is self._job
        if is_job:
            self._job = None
        if not self.is_busy and not self._inquiries:
            self._poll.stop()
        if is_job:  # last: whoever hears it may start the next one
            self.ended.emit(ended)

    @Slot()
    def _show_events(self) -> None:
        for run, inquiry in list(self._inquiries.items()):  # a listener may ask the next thing
            if isinstance(latest := run.take_events()[1], Stage):
                inquiry.told.emit(latest.text)
        if self._job is None:
            return
        notices, latest = self._job.take_events()
        for notice in notices:
            self.noticed.emit(notice)
        if latest is not None:
            self.progressed.emit(latest)


class _Run:
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


class _Worker(QObject):
    """Lives in the job thread. Only text and frozen results leave it: an exception would pin the model's tensors."""

    ended = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.engines = Engines()

    @Slot(object)
    def run(self, run: _Run) -> None:
        """Pump a job to its end, or until it is cancelled."""
        yield_to_the_window()
        started = time.monotonic()
        ended = self._pump(run)
        self.ended.emit((run, replace(ended, seconds=time.monotonic() - started)))

    def _pump(self, run: _Run) -> JobEnded:
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
