"""What surrounds the window: uncaught errors, Qt's messages, docks and settings that are remembered, dropped files."""

import errno
import logging
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6 import QtGui
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl, qWarning
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QMenu, QMessageBox
from pytestqt.qtbot import QtBot

from app.__main__ import opens_window
from app.actions.menus import Menus
from app.content.mask_editing import with_experts
from app.running.job_runner import JobRunner
from app.settings import Settings
from app.start import application, qt_messages
from app.start.application import open_first
from app.start.crash_report import CrashReport
from app.window.demo import demo_request, has_demo
from app.window.main_window import MainWindow
from moe_core.errors import TraceError
from moe_core.traces.library import trace_paths


@pytest.fixture
def said(qapp: QApplication) -> Iterator[list[str]]:
    """What a crash report says."""
    sentences: list[str] = []
    report = CrashReport(sentences.append)
    report.install()
    yield sentences
    report.uninstall()


def fail(text: str) -> None:
    """Raise an error, always at the same place."""
    raise ZeroDivisionError(text)


def report_failure(text: str) -> None:
    """What Python does with an error that nobody caught; pytest-qt would take it before it gets there."""
    try:
        fail(text)
    except ZeroDivisionError as error:
        sys.excepthook(type(error), error, error.__traceback__)


def test_an_uncaught_error_is_logged_each_time_and_said_once(
    said: list[str], qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    """As a view that fails at every redraw would do."""
    report_failure("the first")
    report_failure("the second")
    qtbot.waitUntil(lambda: bool(said))
    logged = [record for record in caplog.records if record.name == "app.start.crash_report"]
    assert [str(record.exc_info[1]) for record in logged if record.exc_info] == ["the first", "the second"]
    assert said == ["An error in moescope: ZeroDivisionError: the first. The window goes on; the log has the details."]


def test_an_error_of_a_thread_is_said_in_the_window_s_thread(
    said: list[str], qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    """And the thread's end is no silence."""
    thread = threading.Thread(target=fail, args=("in a thread",))
    thread.start()
    thread.join()
    assert said == []
    qtbot.waitUntil(lambda: bool(said))
    assert "in a thread" in said[0]
    assert "in a thread" in caplog.text


def test_ctrl_c_is_no_error(said: list[str], qtbot: QtBot, capsys: pytest.CaptureFixture[str]) -> None:
    """Python says it as ever."""
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    QApplication.processEvents()
    assert said == []
    assert "KeyboardInterrupt" in capsys.readouterr().err


def test_the_window_goes_on_after_an_error(window: MainWindow, trace_path: Path, qtbot: QtBot) -> None:
    """The sentence stands in the message bar until it is dismissed."""
    report = CrashReport(window.message_bar.say, window)
    report.on_error(ValueError, ValueError("of a view"), None)
    qtbot.waitUntil(lambda: "ValueError: of a view" in window.message_bar.text)
    assert window.open_trace(trace_path)


def test_qt_s_messages_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """At their level; what the offscreen platform says of every window is dropped."""
    caplog.set_level(logging.DEBUG)
    before = qt_messages.qInstallMessageHandler(None)
    try:
        qt_messages.log_qt_messages()
        qWarning("something of Qt's")
        qWarning("This plugin does not support propagateSizeHints()")
    finally:
        qt_messages.qInstallMessageHandler(before)
    logged = [(record.levelname, record.message) for record in caplog.records if record.name.startswith("qt")]
    assert logged == [("WARNING", "something of Qt's")]


def test_a_hidden_dock_stays_hidden_until_the_layout_is_reset(tmp_path: Path, qtbot: QtBot) -> None:
    """Through the View menu and the settings file."""
    first = opened_window(tmp_path, qtbot)
    toggle(first, "Entropy")
    assert first.docks["entropy"].isHidden()
    first.close_without_asking()
    second = opened_window(tmp_path, qtbot)
    assert second.docks["entropy"].isHidden()
    second.session.request("reset_layout")
    assert not second.docks["entropy"].isHidden()
    toggle(second, "Entropy")
    toggle(second, "Entropy")
    assert not second.docks["entropy"].isHidden()
    second.close_without_asking()
    first.deleteLater()
    second.deleteLater()


def test_a_moved_dock_is_remembered_and_put_back(tmp_path: Path, qtbot: QtBot) -> None:
    """In another area, and floating."""
    first = opened_window(tmp_path, qtbot)
    first.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, first.docks["question"])
    first.docks["expert"].setFloating(True)
    first.close_without_asking()
    second = opened_window(tmp_path, qtbot)
    assert second.dockWidgetArea(second.docks["question"]) == Qt.DockWidgetArea.BottomDockWidgetArea
    assert second.docks["expert"].isFloating()
    second.session.request("reset_layout")
    assert second.dockWidgetArea(second.docks["question"]) != Qt.DockWidgetArea.BottomDockWidgetArea
    assert not second.docks["expert"].isFloating()
    second.close_without_asking()
    first.deleteLater()
    second.deleteLater()


@pytest.mark.parametrize(
    "content", [b"\x00\xff\xfe" * 100, b"[General\nlayout=", b"layout=////\ngeometry=%%%\nview-log=[1]\nrecent=7\n"]
)
def test_damaged_settings_do_not_keep_the_window_from_starting(tmp_path: Path, qtbot: QtBot, content: bytes) -> None:
    """It starts as if there were none, and they can be written again."""
    (tmp_path / "settings.ini").write_bytes(content)
    window = opened_window(tmp_path, qtbot)
    assert all(not dock.isHidden() for dock in window.docks.values())
    window.close_without_asking()
    window.deleteLater()
    again = opened_window(tmp_path, qtbot)
    again.close_without_asking()
    again.deleteLater()
    assert b"layout" in (tmp_path / "settings.ini").read_bytes()


def test_unreadable_settings_are_set_aside(tmp_path: Path) -> None:
    """Nothing that a person wrote is lost."""
    (tmp_path / "settings.ini").write_bytes(b"[General\nno end of the section's name")
    settings = Settings(tmp_path / "settings.ini")
    assert settings.text("scheme") == ""
    settings.put("scheme", "dark")
    settings.save()
    assert Settings(tmp_path / "settings.ini").text("scheme") == "dark"
    assert (tmp_path / "settings.damaged.ini").read_bytes().startswith(b"[General\n")


def test_what_are_no_settings_at_all_is_set_aside(tmp_path: Path) -> None:
    """Qt reads any text as settings, and would write them over it."""
    path = tmp_path / "settings.ini"
    for name, content in (("settings.damaged.ini", b"a letter to a friend\n"), ("settings.damaged-2.ini", bytes(3000))):
        path.write_bytes(content)
        assert f"kept as {name}" in Settings(path).notice
        assert (tmp_path / name).read_bytes() == content
    assert (tmp_path / "settings.damaged.ini").read_bytes() == b"a letter to a friend\n"
    path.write_bytes(b"")
    assert Settings(path).notice == ""


def test_settings_that_cannot_be_set_aside_are_not_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a folder that cannot be written."""
    (tmp_path / "settings.ini").write_bytes(b"a letter to a friend\n")
    monkeypatch.setattr(Path, "replace", refuse)
    notice = Settings(tmp_path / "settings.ini").notice
    assert "kept as" not in notice
    assert "Permission denied" in notice


def refuse(*_: object) -> None:
    """What the system does."""
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


@pytest.mark.parametrize("value", ["[" * 100_000, '{"a":' * 100_000, "9" * 5000, "null"])
def test_a_setting_that_is_no_object_is_the_default(tmp_path: Path, value: str) -> None:
    """Not even one that is nested too deeply to be read keeps the window from starting."""
    settings = Settings(tmp_path / "settings.ini")
    settings.put("recent", value)
    assert settings.data("recent") == {}
    assert settings.recent == []


@pytest.mark.parametrize("folder", ["/" + "y" * 5000, "/dev/null/traces", "/a\0b"], ids=ascii)
def test_a_library_that_no_system_can_open_costs_nothing_else(
    window: MainWindow, trace_path: Path, folder: str, qtbot: QtBot
) -> None:
    """Settings may name such a folder, or one that may not be looked into: traces are opened from elsewhere then."""
    window.show_view("traces")
    with qtbot.captureExceptions() as unexpected:
        window.session.set(replace(window.session.state, library=Path(folder)))
        assert window.open_trace(trace_path)
        window.session.set(with_experts(window.session.state, frozenset({(0, 3)})))
        window.mask_files.keep("mine")
        reasons = ("too long", "Not a directory", "null byte")
        assert any(reason in window.message_bar.text for reason in reasons)
        with pytest.raises(TraceError, match="cannot be read"):
            trace_paths(Path(folder))
        window.recording.start(demo_request(Path(folder)))
        refusals = "cannot be written", "is a file, not a folder"
        qtbot.waitUntil(lambda: any(refusal in window.message_bar.text for refusal in refusals))
        qtbot.waitUntil(lambda: not window.runner.is_busy)
        assert not has_demo(Path(folder))
    assert unexpected == []


def test_the_question_on_closing_shows_names_as_they_are(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mask from a stranger names the what-if that runs; the box would take markup in it for markup."""
    asked: list[str] = []
    monkeypatch.setattr(JobRunner, "is_busy", True)
    monkeypatch.setattr(JobRunner, "title", "What if: <img src=x>")
    monkeypatch.setattr(
        QMessageBox, "question", lambda *given: (asked.append(given[2]), QMessageBox.StandardButton.Cancel)[1]
    )
    assert not window.close()
    monkeypatch.undo()
    assert "What if: <img src=x> stops after the batch in flight" in asked[0]
    assert not QtGui.Qt.mightBeRichText(asked[0])


def test_a_dropped_file_opens(window: MainWindow, trace_path: Path) -> None:
    """Only a local file is accepted."""
    assert drop(window, [QUrl.fromLocalFile(str(trace_path))])
    assert window.session.state.trace is not None
    assert window.session.state.trace.path == trace_path
    window.session.close()
    assert not drop(window, [QUrl("https://example.org/trace.h5")])
    assert window.session.state.trace is None


def test_a_dropped_file_that_is_no_trace_is_said(window: MainWindow, tmp_path: Path) -> None:
    """In one sentence."""
    (tmp_path / "notes.txt").write_text("no trace")
    drop(window, [QUrl.fromLocalFile(str(tmp_path / "notes.txt"))])
    assert "notes.txt" in window.message_bar.text


def test_the_last_trace_is_shown_again(tmp_path: Path, trace_path: Path, qtbot: QtBot) -> None:
    """Where it is still there."""
    first = opened_window(tmp_path, qtbot)
    first.open_trace(trace_path)
    first.close_without_asking()
    second = opened_window(tmp_path, qtbot)
    open_first(second, None)
    assert second.session.state.trace is not None
    second.close_without_asking()
    trace_path.unlink()
    third = opened_window(tmp_path, qtbot)
    open_first(third, None)
    assert third.session.state.trace is None
    assert third.message_bar.text == ""
    third.close_without_asking()
    for window in (first, second, third):
        window.deleteLater()


def opened_window(folder: Path, qtbot: QtBot) -> MainWindow:
    """A window with the settings of a folder."""
    settings = Settings(folder / "settings.ini")
    settings.library = folder / "library"
    window = MainWindow(settings)
    Menus(window)
    with qtbot.waitExposed(window):
        window.show()
    return window


def toggle(window: MainWindow, title: str) -> None:
    """Hide or show a view by the menu."""
    views = next(menu for menu in window.findChildren(QMenu) if menu.title() == "Views")
    next(action for action in views.actions() if action.text() == title).trigger()


def drop(window: MainWindow, urls: list[QUrl]) -> bool:
    """Drag something over the window and let it go there; whether the window takes it."""
    data = QMimeData()
    data.setUrls(urls)
    given = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    enter = QDragEnterEvent(QPointF(50, 50), *given)
    QApplication.sendEvent(window, enter)
    if not enter.isAccepted():
        return False
    event = QDropEvent(QPointF(50, 50), *given)
    QApplication.sendEvent(window, event)
    return event.isAccepted()


def test_a_fresh_start_takes_no_settings(capsys: pytest.CaptureFixture[str]) -> None:
    """Both together contradict each other: a usage error."""
    with pytest.raises(SystemExit) as left:
        application.parse(["--fresh", "--settings", "s.ini"])
    assert left.value.code == 2
    assert "not allowed with" in capsys.readouterr().err


def test_a_fresh_start_neither_follows_nor_changes_the_user_s_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are in a folder of their own, which is gone afterwards."""
    seen: list[Path] = []
    monkeypatch.setattr(application, "_run", lambda options: seen.append(options.settings) or 0)
    assert application.run(["--fresh"]) == 0
    assert opens_window(["--fresh"])
    assert seen[0] is not None
    assert not seen[0].parent.exists()
