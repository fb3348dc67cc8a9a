"""What those have in common that queue jobs for a session and put what comes of them into its state."""

from PySide6.QtCore import QObject

from app.content.remedies import Say
from app.running.queue.job_queue import JobQueue
from app.state.session import Session

NOTHING_KEPT = "nothing of it is kept"


class SessionJobs(QObject):
    """A subclass adds jobs to the queue, each of which tells it what it says and how it ended."""

    def __init__(self, session: Session, queue: JobQueue, say: Say, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._queue = queue
        self._say = say
