"""The Log view: what was logged is what is read, copied and filtered, from whichever thread it came."""

import logging
import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QTextCursor
from pytestqt.qtbot import QtBot

from app.log_records import LIMIT, LogRecords
from app.state.session import Session
from app.views.log import LogView

log = logging.getLogger("tests.log_view")


@pytest.fixture
def view(session: Session, qtbot: QtBot) -> Iterator[LogView]:
    """The view alone, shown, of an empty log that takes every level."""
    log.setLevel(logging.DEBUG)
    made = LogView(session)
    made.records.clear()
    made.resize(700, 300)
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    yield made
    log.setLevel(logging.NOTSET)


def lines(view: LogView) -> list[str]:
    """What is read, without the times."""
    return [line[10:] if line[2:3] == ":" else line for line in view.text.toPlainText().splitlines()]


def wait_for(qtbot: QtBot, view: LogView, last: str) -> None:
    """Until the text ends so."""
    qtbot.waitUntil(lambda: view.text.toPlainText().endswith(last))


def test_shows_level_logger_and_message(view: LogView, qtbot: QtBot) -> None:
    """In the order in which they were logged, with the time before them."""
    log.info("first %d", 1)
    log.warning("second")
    wait_for(qtbot, view, "second")
    assert lines(view) == ["INFO      tests.log_view: first 1", "WARNING   tests.log_view: second"]
    assert view.text.toPlainText()[:8].count(":") == 2


@pytest.mark.parametrize(
    ("level", "expected"), [("All", "debug info warning error"), ("Info", "info warning error"), ("Error", "error")]
)
def test_filters_by_level(view: LogView, qtbot: QtBot, level: str, expected: str) -> None:
    """Chosen by key; what comes later is filtered alike, and nothing is lost by looking."""
    for name in ("debug", "info", "warning", "error"):
        getattr(log, name)(name)
    wait_for(qtbot, view, "error")
    qtbot.keyClicks(view.level, level)
    assert [line.split(": ")[1] for line in lines(view)] == expected.split()
    log.error("later")
    wait_for(qtbot, view, "later")
    assert [line.split(": ")[1] for line in lines(view)] == [*expected.split(), "later"]


def test_a_traceback_is_whole(view: LogView, qtbot: QtBot) -> None:
    """From its first line to the exception."""
    try:
        raise ValueError("the cause")
    except ValueError:
        log.exception("it failed")
    wait_for(qtbot, view, "ValueError: the cause")
    assert lines(view)[:2] == ["ERROR     tests.log_view: it failed", "Traceback (most recent call last):"]


def test_records_of_other_threads_arrive(view: LogView, qtbot: QtBot) -> None:
    """Each one, once, in each thread's order."""

    def speak(name: str) -> None:
        for number in range(200):
            log.info("%s %d", name, number)

    threads = [threading.Thread(target=speak, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    qtbot.waitUntil(lambda: len(lines(view)) == 600)
    said = [line.split(": ")[1] for line in lines(view)]
    assert [line for line in said if line.startswith("b")] == [f"b {number}" for number in range(200)]


def test_copies_what_is_shown(view: LogView, qtbot: QtBot) -> None:
    """The filtered text, plain: what looks like markup stays as it is."""
    log.info("hidden")
    log.error("<b>bold</b> & more")
    wait_for(qtbot, view, "more")
    qtbot.keyClicks(view.level, "Error")
    qtbot.mouseClick(view.copy_button, Qt.MouseButton.LeftButton)
    copied = QGuiApplication.clipboard().text()
    assert copied == view.text.toPlainText()
    assert copied.endswith("<b>bold</b> & more")
    assert "hidden" not in copied


def test_clear_forgets(view: LogView, qtbot: QtBot) -> None:
    """Only what comes afterwards is shown."""
    log.error("before")
    wait_for(qtbot, view, "before")
    qtbot.mouseClick(view.clear_button, Qt.MouseButton.LeftButton)
    assert view.text.toPlainText() == ""
    log.error("after")
    wait_for(qtbot, view, "after")
    assert len(lines(view)) == 1


def test_follows_only_while_scrolled_to_the_end(view: LogView, qtbot: QtBot) -> None:
    """Who reads further up is not torn away; back at the end, the text moves again."""
    for number in range(100):
        log.info("line %d", number)
    wait_for(qtbot, view, "line 99")
    scroll = view.text.verticalScrollBar()
    assert scroll.value() == scroll.maximum() > 0
    view.text.setFocus()
    qtbot.keyClick(view.text, Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
    assert scroll.value() == 0
    log.info("unseen")
    wait_for(qtbot, view, "unseen")
    assert scroll.value() == 0
    qtbot.keyClick(view.text, Qt.Key.Key_End, Qt.KeyboardModifier.ControlModifier)
    log.info("seen")
    wait_for(qtbot, view, "seen")
    end = QTextCursor(view.text.document())
    end.movePosition(QTextCursor.MoveOperation.End)
    assert view.text.cursorRect(end).bottom() <= view.text.viewport().height()


def test_what_is_logged_while_hidden_is_there_when_shown(view: LogView, qtbot: QtBot) -> None:
    """In another tab nothing is drawn; nothing is lost either."""
    view.hide()
    log.info("meanwhile")
    view.show()
    assert lines(view) == ["INFO      tests.log_view: meanwhile"]


def test_the_level_is_remembered(view: LogView, session: Session, qtbot: QtBot) -> None:
    """Nonsense in the settings changes nothing."""
    qtbot.keyClicks(view.level, "Warning")
    assert view.options() == {"level": "Warning"}
    other = LogView(session)
    qtbot.addWidget(other)
    other.set_options({"level": "Loud", "x": 1})
    assert other.level.currentText() == "All"
    other.set_options({"level": ["Error"]})
    assert other.level.currentText() == "All"
    other.set_options(view.options())
    assert other.level.currentText() == "Warning"


def test_is_bounded(view: LogView, qtbot: QtBot) -> None:
    """The oldest give way, kept and shown alike."""
    for number in range(2 * LIMIT):
        log.info("%d", number)
        if number == LIMIT // 2:
            wait_for(qtbot, view, f": {number}")
    wait_for(qtbot, view, f": {2 * LIMIT - 1}")
    assert len(view.records.since(0)) == LIMIT
    assert LIMIT <= view.text.blockCount() <= LIMIT * 1.1


def test_a_record_that_cannot_be_written_is_kept_as_it_is(view: LogView, qtbot: QtBot) -> None:
    """Logging never raises."""
    records = LogRecords()
    records.handle(logging.LogRecord("x", logging.INFO, "", 0, "%d apples", ("many",), None))
    assert records.since(0)[0].message == "%d apples"
