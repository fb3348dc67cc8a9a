"""Runs jobs one at a time in a thread of its own, which lives as long as the window and owns the model."""

import sys

from PySide6.QtCore import QObject, Qt, QThread, QTimer, Signal, Slot

from app.running.job_thread import KEPT, JobEnded, MakeJob, Run, Worker
from moe_core.jobs.events import Stage

POLL_MS = 80


class Inquiry(QObject):
    """A short job that only asks, such as how large a model is; it gives way to the next real job.

    `told` carries the text of its last step, `ended` a JobEnded; both come in the thread that asked.
    """

    told = Signal(str)
    ended = Signal(object)

    def __init__(self, run: Run, parent: QObject) -> None:
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
        self._worker = Worker()
        self._worker.moveToThread(self._thread)
        self._submitted.connect(self._worker.run, Qt.ConnectionType.QueuedConnection)
        self._worker.ended.connect(self._on_ended, Qt.ConnectionType.QueuedConnection)
        self._poll = QTimer(self, interval=POLL_MS)
        self._poll.timeout.connect(self._show_events)
        self._job: Run | None = None
        self._inquiries: dict[Run, Inquiry] = {}
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
        self._job = Run(title, make_job, kept, workers)
        self.started.emit(title)
        self._submit(self._job)

    def inquire(self, title: str, make_job: MakeJob) -> Inquiry:
        """Ask something in the job thread, after the inquiries before it; only where `takes_inquiries`."""
        assert self.takes_inquiries
        run = Run(title, make_job)
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

    def _submit(self, run: Run) -> None:
        if not self._thread.isRunning():
            self._thread.start()
        self._poll.start()
        self._submitted.emit(run)

    @Slot(object)
    def _on_ended(self, told: tuple[Run, JobEnded]) -> None:
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
