"""Tells a person who looks at something else that a long job has ended."""

import logging
import shutil

from PySide6.QtCore import QObject, QProcess, Slot
from PySide6.QtWidgets import QApplication, QMainWindow, QSystemTrayIcon

from app.running.job_thread import JobEnded
from app.running.queue.job_queue import JobQueue
from app.running.queue.queued_job import QueuedJob
from moe_core.numbers.formatting import duration
from moe_core.system.desktop_entry import ICON

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
        how = f"done {took}." if ended.outcome == "done" else f"failed {took}: {ended.error}"
        text = f"{job.trace.name}: {how}"
        QApplication.alert(self._window)
        self._send(job.title, text)

    def _send(self, title: str, text: str) -> None:
        """By the program that Linux desktops have for it: several of them have no tray, and Qt knows no other way."""
        if (sender := shutil.which("notify-send")) is None:
            self._show_at_tray(title, text)
            return
        process = QProcess(self)
        process.setProperty("said", [title, text])
        process.finished.connect(self._on_sent)
        process.errorOccurred.connect(self._on_error)
        process.start(sender, ["-a", "moescope", "-i", str(ICON), "--", title, text])

    @Slot(int)
    def _on_sent(self, code: int) -> None:
        process = self.sender()
        process.deleteLater()
        if code:  # nobody on this desktop listens
            self._show_at_tray(*process.property("said"))

    @Slot(QProcess.ProcessError)
    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:  # of every other error `finished` tells, too
            self._on_sent(1)

    def _show_at_tray(self, title: str, text: str) -> None:
        if not (QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages()):
            log.info("%s: %s The desktop takes no notifications.", title, text)
            return
        if self._tray is None:
            self._tray = QSystemTrayIcon(self._window.windowIcon(), self, toolTip="moescope")
            self._tray.messageClicked.connect(self._on_clicked)
            self._window.windowHandle().activeChanged.connect(self._tray.hide)
        self._tray.show()  # which a message needs; it goes when the window is looked at
        self._tray.showMessage(title, text, self._window.windowIcon(), _SHOWN_MS)

    def _on_clicked(self) -> None:
        self._window.raise_()
        self._window.activateWindow()
