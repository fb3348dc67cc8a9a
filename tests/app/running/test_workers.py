"""The address of workers: one field in three places, remembered, and jobs that run there."""

from collections.abc import Generator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.actions.file_menu import _record
from app.dialogs.record.dialog import RecordDialog
from app.settings import Settings
from app.views.experiments.view import ExperimentsView
from app.views.traces.list_model import ENTRY
from app.views.traces.view import TracesView
from app.views.what_if.view import WhatIfView
from app.widgets.fields.address_field import AddressField
from app.window.main_window import MainWindow
from moe_core.jobs.events import Event, Progress
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.runs.fill_trace import RecordResult
from moe_core.jobs.runs.run_plan import RunOptions
from moe_core.quizzes.selection import QuestionSelection

DEMO = "demo"


def type_address(field: AddressField, text: str) -> None:
    """As a person does, and on to the next field."""
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Return)
    field.clearFocus()


def fields(window: MainWindow) -> tuple[AddressField, AddressField]:
    """Those of the docks."""
    what_if, experiments = window.views["what_if"], window.views["experiments"]
    assert isinstance(what_if, WhatIfView)
    assert isinstance(experiments, ExperimentsView)
    return what_if.editor.choices.workers, experiments.form.workers


def show_both(window: MainWindow) -> None:
    """Bring both views into sight."""
    for name in ("what_if", "experiments"):
        window.show_view(name)
        QApplication.processEvents()


def dialog_of(window: MainWindow) -> RecordDialog:
    """The record dialog, open."""
    _record(window)
    dialog = window.findChild(RecordDialog)
    assert dialog is not None
    return dialog


def test_what_is_typed_in_one_place_stands_in_all(window: MainWindow, demo_path: Path, qtbot: QtBot) -> None:
    """What if, Experiments and the record dialog show one address, which is remembered for the next window."""
    window.open_trace(demo_path)
    qtbot.waitUntil(lambda: window.session.state.trace is not None)
    show_both(window)
    in_what_if, in_experiments = fields(window)
    type_address(in_experiments, "head:6379")
    assert window.session.state.workers == "head:6379"
    window.show_view("what_if")
    QApplication.processEvents()
    assert in_what_if.text() == "head:6379"
    dialog = dialog_of(window)
    assert dialog.form.workers.text() == "head:6379"
    assert "--ray head:6379" in dialog.form.command.text
    dialog.reject()
    window.close()
    assert Settings(window.settings.path).text("workers") == "head:6379"


def test_what_is_no_address_is_said_and_not_taken(window: MainWindow, qtbot: QtBot) -> None:
    """The sentence stands beside the field, and nothing can be recorded with it."""
    dialog = dialog_of(window)
    type_address(dialog.form.workers, "nowhere")
    assert window.session.state.workers == ""
    assert "is no address of a cluster" in dialog.form.notes["workers"].text()
    assert "is no address of a cluster" in dialog.form.workers.toolTip()
    assert not dialog.record.isEnabled()
    type_address(dialog.form.workers, "local:2")
    assert dialog.form.notes["workers"].text() == ""
    assert dialog.record.isEnabled()
    dialog.reject()


@pytest.mark.slow
def test_a_recording_runs_on_two_workers(
    window: MainWindow, demo_path: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for in the dialog; the status says what each has done, and the trace is the same as ever."""
    pytest.importorskip("ray", reason="the extra [ray] is not installed")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    said: list[Progress] = []
    window.runner.progressed.connect(lambda event: said.append(event) if isinstance(event, Progress) else None)
    dialog = dialog_of(window)
    dialog.form.model.setEditText(DEMO)
    dialog.form.quiz.setEditText(DEMO)
    dialog.form.amount.setCurrentIndex(dialog.form.amount.findData("first"))
    dialog.form.count.setValue(60)
    dialog.form.out.setText(str(tmp_path / "spread.h5"))
    type_address(dialog.form.workers, "local:2")
    qtbot.waitUntil(dialog.record.isEnabled)
    with qtbot.waitSignal(window.runner.ended) as ended:
        dialog.record.click()
    assert ended.args[0].outcome == "done", ended.args[0].error
    assert window.session.state.workers == "local:2"
    shares = said[-1].nodes
    assert sum(share.done for share in shares) == 60


def test_a_recording_is_shown_though_workers_load_before_there_is_a_file(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, trace_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they say of themselves is no answer yet: the trace takes the place of what was shown once it is there."""

    def behind_workers(request: RecordRequest, engine: Engine) -> Generator[Event, None, RecordResult]:
        yield Progress(1, 2, "workers", 0.0, None)
        return (yield from record(request, engine))

    monkeypatch.setattr("moe_core.jobs.record.record", behind_workers)
    window.open_trace(trace_path)
    qtbot.waitUntil(lambda: window.session.state.trace is not None)
    options = RunOptions(batch_tokens=256)
    request = RecordRequest(ModelRequest(DEMO), DEMO, tmp_path / "t.h5", QuestionSelection(limit=40), options)
    with qtbot.waitSignal(window.recording.finished):
        window.recording.start(request)
    assert window.session.state.trace is not None
    assert window.session.state.trace.path == tmp_path / "t.h5"


def test_the_library_lists_what_a_recording_became(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, trace_path: Path
) -> None:
    """Whole, when it has ended, though another trace is shown by then."""
    window.show_view("traces")
    view = window.views["traces"]
    assert isinstance(view, TracesView)
    out = tmp_path / "library" / "t.h5"
    request = RecordRequest(ModelRequest(DEMO), DEMO, out, QuestionSelection(limit=200), RunOptions(batch_tokens=256))
    with qtbot.waitSignal(window.recording.finished):
        window.recording.start(request)
        qtbot.waitUntil(lambda: window.session.state.trace is not None)
        window.open_trace(trace_path)
        qtbot.waitUntil(lambda: view.model.rowCount() == 1)
    qtbot.waitUntil(lambda: view.model.index(0, 0).data(ENTRY).condition == "complete")
