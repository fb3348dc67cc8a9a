"""One window for everything unexpected: a report to copy, without prompts unless they are asked for."""

import traceback
from dataclasses import dataclass
from types import TracebackType

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QLabel, QPlainTextEdit, QWidget

from app.dialogs.about import versions_text
from app.log_records import LogRecord, installed_records
from app.running.job_runner import JobRunner
from app.running.job_thread import JobEnded
from app.widgets.parts import in_column, only_read

_LOG_LINES = 40
_MOST_FAILURES = 20
_SIZE = (720, 520)


@dataclass(frozen=True)
class Failure:
    """An error as text: `place` has files and lines of the program only, `message` may quote what it worked on."""

    place: str
    message: str = ""


def failure_of(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> Failure:
    """An exception as text, which pins no tensor as the exception itself would."""
    place = "".join(traceback.format_tb(trace)) + kind.__name__
    return Failure(place, "".join(traceback.format_exception_only(error)).strip())


def report_text(failures: list[Failure], records: list[LogRecord], device: str, *, with_messages: bool) -> str:
    """Versions, device, errors and the end of the log; messages, which may quote prompts and paths, if asked for."""
    parts = [versions_text() + f"\n{device or 'no GPU in use'}"]
    for failure in failures:
        parts.append(failure.place + (f"\n{failure.message}" if with_messages and failure.message else ""))
    lines = [record.text if with_messages else record.outline for record in records[-_LOG_LINES:]]
    return "\n\n".join([*parts, "The end of the log:\n" + "\n".join(lines)])


class ErrorReport(QDialog):
    """Shows the first error and all that come while it is open."""

    def __init__(self, runner: JobRunner, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("error-report")
        self.setWindowTitle("Something unexpected happened")
        self.resize(*_SIZE)
        self._runner = runner
        self._failures: list[Failure] = []
        self._heading = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self.report = only_read(QPlainTextEdit())
        self.report.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.report.setAccessibleName("Report")
        self.report.setToolTip("What would help to find the cause; nothing is sent anywhere")
        self.with_messages = QCheckBox("Include &messages, which may quote prompts and paths")
        self.with_messages.setToolTip("Add what errors and log lines say to where they come from")
        self.with_messages.toggled.connect(self._write)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.copy = buttons.addButton("&Copy report", QDialogButtonBox.ButtonRole.ActionRole)
        self.copy.setToolTip("Put the report on the clipboard")
        self.copy.clicked.connect(self._copy)
        buttons.rejected.connect(self.reject)
        buttons.button(QDialogButtonBox.StandardButton.Close).setToolTip("Close the report; the window goes on")
        in_column(self, self._heading, self.report, self.with_messages, buttons, margins=None)

    def add(self, failure: Failure) -> None:
        self._show("An error in moescope. The window goes on; nothing that was recorded is lost.", failure)

    def add_crash(self, text: str) -> None:
        self._show(
            "moescope crashed when it last ran. What had been recorded is kept, and can be resumed.", Failure(text)
        )

    def on_job_ended(self, ended: JobEnded) -> None:
        """Show an error that nobody expected of a job."""
        if ended.trace:
            self.add(Failure(ended.trace, ended.error))

    def reject(self) -> None:
        self._failures.clear()
        super().reject()

    def _show(self, heading: str, failure: Failure) -> None:
        if not self._failures:
            self._heading.setText(heading)
        if failure not in self._failures and len(self._failures) < _MOST_FAILURES:
            self._failures.append(failure)
        self._write()
        self.show()

    def _write(self) -> None:
        records = installed_records().since(0)
        device = self._runner.gpu_memory_text()
        with_messages = self.with_messages.isChecked()
        self.report.setPlainText(report_text(self._failures, records, device, with_messages=with_messages))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.report.toPlainText())
