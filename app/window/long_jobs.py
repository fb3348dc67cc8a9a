"""Tells a person who looks at something else that a long job has ended."""

import logging

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication, QMainWindow, QSystemTrayIcon

from app.running.job_thread import JobEnded
from app.running.queue.job_queue import JobQueue
from app.running.queue.queued_job import QueuedJob
from moe_core.numbers.formatting import duration

log = logging.getLogger(__name__)

LONG_S = 30.0
"""From here on a job is worth a word to who is elsewhere."""
_SHOWN_MS = 10_000


class LongJobs(QObject):
    """A notification of the desktop where it takes any, and in any case the mark that windows have for that."""

    def __init__(self, queue: JobQueue, window: QMainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._tray: QSystemTrayIcon | None = None
        queue.ended.connect(self._on_ended)

    def _on_ended(self, job: QueuedJob, ended: JobEnded) -> None:
        if ended.seconds < LONG_S or ended.outcome == "cancelled" or self._window.isActiveWindow():
            return
        took = f"after {duration(ended.seconds)}"
        text = f"Done {took}." if ended.outcome == "done" else f"Failed {took}: {ended.error}"
        QApplication.alert(self._window)
        if not (QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages()):
            log.info("%s: %s The desktop takes no notifications.", job.title, text)
            return
        if self._tray is None:
            self._tray = QSystemTrayIcon(self._window.windowIcon(), self)
            self._tray.setToolTip("moescope")
            self._tray.messageClicked.connect(self._on_clicked)
        self._tray.show()  # which a message needs; it goes when the window is looked at
        self._tray.showMessage(job.title, text, self._window.windowIcon(), _SHOWN_MS)

    def _on_clicked(self) -> None:
        self._window.raise_()
        self._window.activateWindow()
        if self._tray is not None:
            self._tray.hide()
