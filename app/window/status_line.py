"""The line at the bottom: what runs, how far it is, how long it takes, and the button that cancels it."""

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton, QStatusBar

from app.running.job_runner import JobEnded, JobRunner
from app.widgets.eliding_label import ElidingLabel
from moe_core.commands.job_console import progress_text
from moe_core.jobs.events import Progress, Stage

_MEMORY_MS = 1000


class StatusLine(QStatusBar):
    """Follows a JobRunner."""

    def __init__(self, runner: JobRunner) -> None:
        super().__init__()
        self._runner = runner
        self._text = ElidingLabel()
        self._text.setAccessibleName("Status")
        self._memory = QLabel()
        self._memory.setAccessibleName("GPU memory")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setMaximumSize(180, 10)
        self._bar.setAccessibleName("Progress")
        self._cancel = QPushButton("Cancel")
        self._cancel.setAccessibleName("Cancel the running job")
        self._cancel.setToolTip("Stop after the batch in flight")
        self._cancel.clicked.connect(runner.cancel)
        self.addWidget(self._text, 1)
        for widget in (self._memory, self._bar, self._cancel):
            self.addPermanentWidget(widget)
            widget.hide()
        self._poll_memory = QTimer(self, interval=_MEMORY_MS)
        self._poll_memory.timeout.connect(self._show_memory)
        runner.started.connect(self._on_started)
        runner.progressed.connect(self._on_progressed)
        runner.stopping.connect(self._on_stopping)
        runner.ended.connect(self._on_ended)

    @property
    def text(self) -> str:
        """What the line says."""
        return self._text.whole_text

    def say(self, text: str) -> None:
        """Show a text until the next one."""
        self._text.set_text(text)

    def _on_started(self, title: str) -> None:
        self.say(f"{title} …")
        self._bar.setRange(0, 0)
        self._bar.show()
        self._cancel.setEnabled(True)
        self._cancel.setToolTip(f"Stop after the batch in flight; {self._runner.kept}")
        self._cancel.show()
        self._poll_memory.start()

    def _on_progressed(self, event: object) -> None:
        if self._runner.is_stopping:
            return  # what was on its way when it was cancelled must not hide that it stops
        match event:
            case Stage(text):
                self.say(f"{text} …")
                self._bar.setRange(0, 0)
            case Progress():
                self.say(f"{self._runner.title}: {progress_text(event)}")
                self._bar.setRange(0, max(event.total, 1))
                self._bar.setValue(event.done)

    def _on_ended(self, ended: JobEnded) -> None:
        self._poll_memory.stop()
        for widget in (self._memory, self._bar, self._cancel):
            widget.hide()
        said = {"done": "done", "cancelled": f"stopped; {ended.kept}", "failed": ended.error}
        self.say(f"{ended.title}: {said[ended.outcome]}")

    def _on_stopping(self) -> None:
        self._cancel.setEnabled(False)
        self.say(f"{self._runner.title}: stopping after the step in flight …")

    def _show_memory(self) -> None:
        text = self._runner.gpu_memory_text()
        self._memory.setText(text)
        self._memory.setVisible(bool(text))
