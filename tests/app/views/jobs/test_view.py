"""The Jobs view with real keys, clicks and drags: what it lists, what can be done with each, what it opens."""

import shutil
import threading
from collections.abc import Generator, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QStyleOptionViewItem
from pytestqt.qtbot import QtBot

from app.running.queue.queued_job import QueuedJob
from app.state.job_state import JobEntry, JobStatus
from app.views.jobs.job_model import COLUMNS, RESULT, SHARE, STATE
from app.views.jobs.view import JobsView
from app.window.main_window import MainWindow
from moe_core.errors import TraceError
from moe_core.jobs.events import Event, Progress, Stage
from tests.app.test_accessibility import nameless, unexplained


class Endless:
    """Jobs that go on until they are told to end."""

    def __init__(self) -> None:
        self.may_end = threading.Event()

    def job(self, title: str, *, trace: Path, **options: object) -> QueuedJob:
        """One of that title."""

        def steps() -> Generator[Event, None, None]:
            while not self.may_end.wait(0.01):
                yield Progress(1, 4, "steps", 1.0, 3.0)

        return QueuedJob(title, f"of {title}", title, lambda engine: steps(), trace, view="questions", **options)  # type: ignore[arg-type]  # names of its own


@pytest.fixture
def endless() -> Iterator[Endless]:
    """They end with the test."""
    made = Endless()
    yield made
    made.may_end.set()


@pytest.fixture
def view(window: MainWindow, endless: Endless, trace_path: Path) -> JobsView:
    """The view with one job that runs and three that wait."""
    for title in ("one", "two", "three", "four"):
        assert window.queue.add(endless.job(title, trace=trace_path))
    window.message_bar.hide()
    window.enter_view("jobs")
    made = window.views["jobs"]
    assert isinstance(made, JobsView)
    return made


def column(view: JobsView, heading: str) -> list[str]:
    """What a column reads, from the top."""
    place = [title for title, _, _ in COLUMNS].index(heading)
    return [view.model.index(row, place).data() for row in range(view.model.rowCount())]


def test_an_empty_list_says_what_fills_it(window: MainWindow) -> None:
    """With a button that does."""
    window.enter_view("jobs")
    assert not window.views["jobs"].body.isVisible()


def test_every_job_says_what_it_is_asked_with_and_how_far_it_is(view: JobsView, qtbot: QtBot) -> None:
    """In the order in which they run; the one that runs has a bar."""
    assert column(view, "Job") == ["one", "two", "three", "four"]
    assert column(view, "State") == ["running", "waiting", "waiting", "waiting"]
    assert column(view, "Asked with")[0] == "of one"
    qtbot.waitUntil(lambda: view.model.index(0, STATE).data(SHARE) == 0.25)
    assert column(view, "Time")[0] == "3 seconds left"
    assert view.summary.text().startswith("4 jobs not finished.")


def test_the_result_is_seen_in_a_narrow_window(view: JobsView) -> None:
    """Without scrolling: it comes right after how far the job is."""
    view.table.setFixedWidth(326)
    assert view.table.columnViewportPosition(RESULT) < 326 - 90


def test_the_keyboard_does_all_of_it(view: JobsView, window: MainWindow, qtbot: QtBot) -> None:
    """Choose, move, pause, go on, cancel; the row stays chosen where it goes."""
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    view.table.setFocus()
    qtbot.keyClick(view.table, Qt.Key.Key_Down)
    qtbot.keyClick(view.table, Qt.Key.Key_Down)
    qtbot.keyClick(view.table, Qt.Key.Key_Up, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert column(view, "Job") == ["one", "three", "two", "four"]
    assert view.table.currentIndex().row() == 1
    qtbot.keyClick(view.table, Qt.Key.Key_F8, Qt.KeyboardModifier.ControlModifier)
    assert column(view, "State")[1] == "paused"
    qtbot.keyClick(view.table, Qt.Key.Key_F8, Qt.KeyboardModifier.ShiftModifier)
    assert column(view, "State")[1] == "waiting"
    qtbot.keyClick(view.table, Qt.Key.Key_Delete, Qt.KeyboardModifier.ControlModifier)
    assert column(view, "State") == ["running", "waiting", "waiting", "cancelled"]


def test_a_sentence_is_cut_at_its_end_and_whole_in_its_tip(window: MainWindow, qtbot: QtBot, trace_path: Path) -> None:
    """Why a job failed begins with what matters; the name of a file is told by both its ends."""
    about = partial(JobEntry, title="What if", about="of all", kept="all", trace=trace_path)
    problem = "There is no room on the disk for the trace. " + "Free some, or choose another folder. " * 8
    failed, done = (
        about(1, status=JobStatus.FAILED, problem=problem),
        about(2, status=JobStatus.DONE, result=trace_path),
    )
    window.session.set(replace(window.session.state, jobs=(failed, done), job=1))
    window.enter_view("jobs")
    view, cuts = window.views["jobs"], []
    assert isinstance(view, JobsView)
    for row in range(2):
        option, index = QStyleOptionViewItem(), view.model.index(row, RESULT)
        option.widget, option.textElideMode = view.table, view.table.textElideMode()  # type: ignore[attr-defined]
        view.table.itemDelegate().initStyleOption(option, index)
        cuts.append(option.textElideMode)  # type: ignore[attr-defined]
    assert cuts == [Qt.TextElideMode.ElideRight, Qt.TextElideMode.ElideMiddle]
    assert problem.split(".")[0] in view.model.index(0, RESULT).data(Qt.ItemDataRole.ToolTipRole)
    assert problem in view.about.text()


def test_a_job_is_dragged_to_its_place(view: JobsView) -> None:
    """As a drop between two rows tells it; the one that runs cannot be dragged."""
    data = view.model.mimeData([view.model.index(3, 0)])
    view.model.dropMimeData(data, Qt.DropAction.MoveAction, 1, 0, QModelIndex())
    assert column(view, "Job") == ["one", "four", "two", "three"]
    data = view.model.mimeData([view.model.index(1, 0)])
    view.model.dropMimeData(data, Qt.DropAction.MoveAction, -1, -1, QModelIndex())
    assert column(view, "Job") == ["one", "two", "three", "four"]
    assert not view.model.flags(view.model.index(0, 0)) & Qt.ItemFlag.ItemIsDragEnabled
    assert view.model.flags(view.model.index(1, 0)) & Qt.ItemFlag.ItemIsDragEnabled


def test_buttons_are_what_the_chosen_job_allows(view: JobsView, window: MainWindow, qtbot: QtBot) -> None:
    """And do the same as the actions, which menus, keys and palette have."""
    view.table.selectRow(0)
    usable = {name for name, each in view.buttons.items() if each.isEnabled()}
    assert usable == {"pause_job", "cancel_job", "open_job", "hold_jobs"}
    for name, each in view.buttons.items():
        action = window.findChild(QAction, f"action-{name}")
        assert action is not None
        assert action.isEnabled() == each.isEnabled(), name
    for row, ways in ((1, {"job_down"}), (2, {"job_up", "job_down"}), (3, {"job_up"})):  # not beyond those that wait
        view.table.selectRow(row)
        for name in ("job_up", "job_down"):
            action = window.findChild(QAction, f"action-{name}")
            assert action.isEnabled() == view.buttons[name].isEnabled() == (name in ways)
    view.table.selectRow(2)
    qtbot.mouseClick(view.buttons["job_up"], Qt.MouseButton.LeftButton)
    qtbot.mouseClick(view.buttons["cancel_job"], Qt.MouseButton.LeftButton)
    assert column(view, "Job") == ["one", "two", "four", "three"]
    qtbot.mouseClick(view.buttons["clear_jobs"], Qt.MouseButton.LeftButton)
    assert column(view, "Job") == ["one", "two", "four"]


def test_a_double_click_opens_what_the_job_is_about(view: JobsView, window: MainWindow, qtbot: QtBot) -> None:
    """The trace, in the view that shows it."""
    place = view.table.visualRect(view.model.index(1, 0)).center()
    qtbot.mouseClick(view.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseDClick(view.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert window.session.state.trace is not None
    assert window.session.state.trace.path.name == "tiny.h5"


def test_why_a_job_failed_stands_in_its_row_and_below(window: MainWindow, qtbot: QtBot, trace_path: Path) -> None:
    """The sentence with its remedy; the place of a file that is not there is said, too."""

    def failing() -> Generator[Event, None, None]:
        yield Stage("Trying")
        raise TraceError("There is no room.")

    window.queue.add(QueuedJob("bad", "", "bad", lambda engine: failing(), trace_path))
    qtbot.waitUntil(lambda: not window.runner.is_busy)
    window.enter_view("jobs")
    view = window.views["jobs"]
    assert isinstance(view, JobsView)
    assert column(view, "Result") == ["There is no room."]
    assert view.about.text() == "bad. There is no room."
    window.session.request("open_job")
    assert window.message_bar.text == "bad: no file of it is there."


def test_a_what_if_is_opened_with_its_trace(
    window: MainWindow, qtbot: QtBot, demo_path: Path, demo_what_if: Path, tmp_path: Path
) -> None:
    """Whatever trace is shown by then, and however it was left."""
    demo = Path(shutil.copy(demo_path, tmp_path / "demo.h5"))
    made = Path(shutil.copy(demo_what_if, tmp_path / "demo.what-if-1.h5"))
    job = QueuedJob("What if", "", made, lambda engine: result_at_once(made), demo, view="what_if")
    window.queue.add(job)
    qtbot.waitUntil(lambda: window.session.state.jobs[0].status is JobStatus.DONE)
    window.session.set(replace(window.session.state, job=1))
    window.session.request("open_job")
    qtbot.waitUntil(lambda: window.session.state.what_if is not None)
    shown = window.session.state.what_if
    assert shown is not None
    assert shown.after.path == made


def result_at_once(path: Path) -> Generator[Event, None, Path]:
    """A job whose result is this file."""
    yield Stage("Working")
    return path


def test_every_control_has_a_name_and_explains_itself(view: JobsView) -> None:
    """With jobs in every state that can be had at once."""
    assert nameless(view) == ""
    assert unexplained(view) == ""


def test_the_menu_of_a_row_has_the_actions(view: JobsView) -> None:
    """From the one table of actions."""
    names = [action.objectName() for action in view.actions_named("open_job", "pause_job", "job_first")]
    assert names == ["action-open_job", "action-pause_job", "action-job_first"]
    assert view.table.indexAt(QPoint(5, 5)).isValid()
