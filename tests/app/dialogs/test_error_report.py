"""Whatever goes wrong unexpectedly reaches one report, which can be copied and quotes nobody's prompts unasked."""

import logging
import sys
import threading
from collections.abc import Iterator
from typing import NoReturn

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.dialogs.error_report import ErrorReport
from app.log_records import installed_records
from app.start.crash_report import CrashReport
from app.window.main_window import MainWindow

SECRET = "What is the capital of France?"


def fail() -> NoReturn:
    """An error whose message quotes a prompt."""
    raise ZeroDivisionError(SECRET)


def report_failure() -> None:
    """As Python does with an error that nobody caught; pytest-qt would take it before."""
    try:
        fail()
    except ZeroDivisionError as error:
        sys.excepthook(type(error), error, error.__traceback__)


@pytest.fixture
def report(window: MainWindow) -> Iterator[ErrorReport]:
    """The report of a window that hears of every error."""
    installed_records().clear()
    made = ErrorReport(window.runner, window)
    crashes = CrashReport(window.message_bar.say, window, made.add)
    crashes.install()
    window.runner.ended.connect(made.on_job_ended)
    yield made
    crashes.uninstall()
    made.close()


def test_an_error_of_the_window_s_thread(report: ErrorReport, qtbot: QtBot) -> None:
    """With versions, device, the place, the end of the log; the message only when it is asked for."""
    logging.getLogger("somewhere").warning("asked %s", SECRET)
    report_failure()
    qtbot.waitUntil(report.isVisible)
    text = report.report.toPlainText()
    for part in ("moescope ", "Python ", "PySide6", "no GPU in use", "in fail", "ZeroDivisionError", "asked %s"):
        assert part in text
    assert SECRET not in text
    report.with_messages.click()
    assert report.report.toPlainText().count(SECRET) >= 2
    report.with_messages.click()
    assert SECRET not in report.report.toPlainText()


def test_it_can_be_copied(report: ErrorReport, qtbot: QtBot) -> None:
    """What is shown, and nothing more."""
    report_failure()
    qtbot.waitUntil(report.isVisible)
    button = next(found for found in report.findChildren(QPushButton) if "Copy" in found.text())
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == report.report.toPlainText()
    assert SECRET not in QGuiApplication.clipboard().text()


def test_an_error_of_any_thread(report: ErrorReport, qtbot: QtBot) -> None:
    """And a second one stands in the same report."""
    report_failure()
    thread = threading.Thread(target=lambda: [].pop())
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: "IndexError" in report.report.toPlainText())
    assert "ZeroDivisionError" in report.report.toPlainText()


def test_an_error_of_a_job(report: ErrorReport, window: MainWindow, qtbot: QtBot) -> None:
    """Which nobody expected; a sentence that a person can act on opens no report."""

    def job(engine: object) -> NoReturn:
        fail()

    with qtbot.waitSignal(window.runner.ended):
        window.runner.start("Dividing", job)
    assert report.isVisible()
    assert "in fail" in report.report.toPlainText()
    assert SECRET not in report.report.toPlainText()


def test_closed_it_begins_anew(report: ErrorReport, qtbot: QtBot) -> None:
    """What was dismissed does not come back with the next error."""
    report_failure()
    qtbot.waitUntil(report.isVisible)
    qtbot.keyClick(report, Qt.Key.Key_Escape)
    assert not report.isVisible()
    report.add_crash("Fatal Python error: Segmentation fault")
    assert report.isVisible()
    assert "ZeroDivisionError" not in report.report.toPlainText()
    assert "Segmentation fault" in report.report.toPlainText()
