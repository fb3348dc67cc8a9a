"""The line at the bottom: what runs, how far it is, how long it takes, and the button that cancels it."""

from functools import partial

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton, QStatusBar

from app.running.job_runner import JobRunner
from app.running.job_thread import JobEnded
from app.widgets.eliding_label import ElidingLabel
from app.widgets.parts import named
from moe_core.commands.console.job_console import progress_text
from moe_core.jobs.events import Progress, Stage

_MEMORY_MS = 1000


class StatusLine(QStatusBar):
    """Follows JobRunners; the first one that is busy is shown."""

    def __init__(self, *runners: JobRunner) -> None:
        super().__init__()
        self._runners = runners
        self._text = named(ElidingLabel(), "Status")
        self._memory = named(QLabel(), "GPU memory")
        self._bar = named(QProgressBar(textVisible=False), "Progress")
        self._bar.setMaximumSize(180, 10)
        self._cancel = named(QPushButton("Cancel"), "Cancel the running job", "Stop after the batch in flight")
        self._cancel.clicked.connect(self._on_cancel)
        self.addWidget(self._text, 1)
        for widget in (self._memory, self._bar, self._cancel):
            self.addPermanentWidget(widget)
            widget.hide()
        self._poll_memory = QTimer(self, interval=_MEMORY_MS)
        self._poll_memory.timeout.connect(self._show_memory)
        for runner in runners:
            runner.started.connect(partial(self._on_started, runner))
            runner.progressed.connect(partial(self._on_progressed, runner))
            runner.stopping.connect(partial(self._on_stopping, runner))
            runner.ended.connect(self._on_ended)

    @property
    def text(self) -> str:
        return self._text.whole_text

    def say(self, text: str) -> None:
        self._text.set_text(text)

    def show_reading(self, name: str, share: float) -> None:
        """Say how much of a trace is read, 0..1; what a job that runs has to say comes first."""
        if self._shown is None:
            self.say(f"Reading {name} … {share:.0%}")
            self._bar.setRange(0, 100)
            self._bar.setValue(round(100 * share))
            self._bar.show()

    def end_reading(self) -> None:
        """There is nothing to wait for."""
        if self._shown is None and not self._bar.isHidden():
            self.say("")
            self._bar.hide()

    @property
    def _shown(self) -> JobRunner | None:
        return next((runner for runner in self._runners if runner.is_busy), None)

    def _on_started(self, runner: JobRunner, title: str) -> None:
        if runner is self._shown:
            self.say(f"{title} …")
            self._show_runner(runner)

    def _show_runner(self, runner: JobRunner) -> None:
        self._bar.setRange(0, 0)
        self._bar.show()
        self._cancel.setEnabled(not runner.is_stopping)
        self._cancel.setToolTip(f"Stop after the batch in flight; {runner.kept}")
        self._cancel.show()
        self._poll_memory.start()

    def _on_progressed(self, runner: JobRunner, event: object) -> None:
        if runner.is_stopping or runner is not self._shown:
            return  # what was on its way when it was cancelled must not hide that it stops
        match event:
            case Stage(text):
                self.say(f"{text} …")
                self._bar.setRange(0, 0)
            case Progress():
                self.say(f"{runner.title}: {progress_text(event)}")
                self._bar.setRange(0, max(event.total, 1))
                self._bar.setValue(event.done)

    def _on_ended(self, ended: JobEnded) -> None:
        said = {"done": "done", "cancelled": f"{ended.word}; {ended.kept}", "failed": ended.error}
        self.say(f"{ended.title}: {said[ended.outcome]}")
        if (runner := self._shown) is not None:
            self._show_runner(runner)
            return
        self._poll_memory.stop()
        for widget in (self._memory, self._bar, self._cancel):
            widget.hide()

    def _on_stopping(self, runner: JobRunner) -> None:
        if runner is self._shown:
            self._cancel.setEnabled(False)
            self.say(f"{runner.title}: stopping after the step in flight …")

    def _on_cancel(self) -> None:
        if (runner := self._shown) is not None:
            runner.cancel()

    def _show_memory(self) -> None:
        text = self._runners[0].gpu_memory_text()
        self._memory.setText(text)
        self._memory.setVisible(bool(text))
