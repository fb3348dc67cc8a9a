"""What those have in common that queue jobs for a session and put what comes of them into its state."""

from PySide6.QtCore import QObject

from app.content.remedies import Say
from app.running.job_runner import JobRunner
from app.running.job_thread import JobEnded
from app.running.queue.job_queue import JobQueue
from app.state.session import Session
from moe_core.jobs.events import Notice

NOTHING_KEPT = "nothing of it is kept"


class SessionJobs(QObject):
    """A subclass adds its jobs to the queue, and hears of every job what it says and how it ended."""

    def __init__(
        self, session: Session, runner: JobRunner, queue: JobQueue, say: Say, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._queue = queue
        self._say = say
        runner.noticed.connect(self._on_noticed)
        runner.ended.connect(self._on_ended)

    def _on_noticed(self, notice: Notice) -> None:
        """What a job says while it runs is nobody's business, unless a subclass makes it its own."""

    def _on_ended(self, ended: JobEnded) -> None:
        raise NotImplementedError
