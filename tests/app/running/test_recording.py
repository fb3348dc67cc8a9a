"""Recording from the window: watched while it grows, stopped, resumed, refused, and never the end of the window."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMessageBox, QPushButton, QToolButton
from pytestqt.qtbot import QtBot

from app.dialogs.record.dialog import RecordDialog
from app.running import recording
from app.running.job_thread import JobEnded
from app.window.job_outcomes import MOST_NOTES
from app.window.main_window import MainWindow
from moe_core.jobs.events import Progress, Stage
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.runs.run_plan import RunOptions
from moe_core.quizzes.selection import QuestionSelection
from moe_core.traces.reader import open_trace
from tests.app.box_answer import BoxAnswer
from tests.job_results import result_of


def demo_into(out: Path, *, limit: int | None = None, batch_tokens: int = 256, device: str = "cpu") -> RecordRequest:
    """The demo in small batches, so that a run has many of them."""
    options = RunOptions(batch_tokens=batch_tokens)
    return RecordRequest(ModelRequest("demo", device), "demo", out, QuestionSelection(limit=limit), options)


def run(qtbot: QtBot, window: MainWindow, request: RecordRequest) -> JobEnded:
    """How the recording ended."""
    with qtbot.waitSignal(window.recording.finished) as ended:
        window.recording.start(request)
    result = ended.args[0]
    assert isinstance(result, JobEnded)
    return result


def recorded(window: MainWindow) -> int:
    """How many questions of the trace shown are there."""
    trace = window.session.state.trace
    return 0 if trace is None else int(trace.trace.recorded.sum())


def test_from_the_dialog_to_the_trace(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    """What the form asks for is recorded, shown, remembered as recent, and then a complete trace."""
    window.session.request("record")
    dialog = window.findChild(RecordDialog)
    assert dialog is not None
    dialog.form.amount.setCurrentIndex(1)
    dialog.form.count.setValue(20)
    out = dialog.values.path
    with qtbot.waitSignal(window.recording.finished) as ended:
        qtbot.mouseClick(dialog.record, Qt.MouseButton.LeftButton)
    assert (ended.args[0].outcome, ended.args[0].result.n_questions) == ("done", 20)
    trace = window.session.state.trace
    assert trace is not None
    assert trace.path == out
    assert trace.trace.complete
    assert window.settings.recent == [out]


def test_a_growing_trace_can_be_looked_at(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is shown after the first batch, and has more questions every time that it is read again."""
    monkeypatch.setattr(recording, "REFRESH_S", 0.0)
    window.recording.start(demo_into(tmp_path / "t.h5", batch_tokens=32))  # half a minute, were it not left
    qtbot.waitUntil(lambda: window.session.state.trace is not None)
    first, revision = recorded(window), window.session.state.revision
    assert window.runner.is_busy
    qtbot.waitUntil(lambda: window.session.state.revision >= revision + 2)
    assert 0 < first < recorded(window)
    assert "left" in window.status_line.text


def test_whoever_opens_another_trace_meanwhile_stays_there(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, trace_path: Path
) -> None:
    """The recording goes on to its end without taking the window over."""
    with qtbot.waitSignal(window.recording.finished) as ended:
        window.recording.start(demo_into(tmp_path / "t.h5", limit=120))
        qtbot.waitUntil(lambda: window.session.state.trace is not None)
        assert window.open_trace(trace_path)
    assert ended.args[0].outcome == "done"
    assert window.session.state.trace is not None
    assert window.session.state.trace.path == trace_path


def test_cancelled_while_loading(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, hold_after: Callable[[type, int], None]
) -> None:
    """Cancel before the first question: no file, no trace shown, and the next run works."""
    request = demo_into(tmp_path / "t.h5", limit=10)
    hold_after(Stage, 1)
    with qtbot.waitSignal(window.recording.finished) as ended:
        window.recording.start(request)
        cancel = next(button for button in window.status_line.findChildren(QPushButton) if button.text() == "Cancel")
        qtbot.mouseClick(cancel, Qt.MouseButton.LeftButton)
        assert "stopping after the step in flight" in window.status_line.text
    assert ended.args[0].outcome == "cancelled"
    assert not request.out.exists()
    assert window.session.state.trace is None
    assert run(qtbot, window, request).outcome == "done"


def test_a_second_recording_waits_for_the_first(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    """It is said what it waits for; it runs by itself then, and does not take the place of what is looked at."""
    with qtbot.waitSignal(window.recording.finished):
        window.recording.start(demo_into(tmp_path / "one.h5", limit=40))
        window.recording.start(demo_into(tmp_path / "two.h5", limit=4))
        assert window.message_bar.text == "Recording two.h5 waits for Recording one.h5."
    with qtbot.waitSignal(window.recording.finished) as ended:
        pass
    assert (ended.args[0].outcome, ended.args[0].result.path) == ("done", tmp_path / "two.h5")
    assert window.message_bar.text == ""
    assert window.session.state.trace is not None
    assert window.session.state.trace.path == tmp_path / "one.h5"


def test_closing_asks_and_leaves_a_file_that_can_be_resumed(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, second_batch: threading.Event
) -> None:
    """Esc in the box goes on; Close stops after the batch, and recording again asks only what is left."""
    request = demo_into(tmp_path / "t.h5", batch_tokens=128)
    window.recording.start(request)
    qtbot.waitUntil(lambda: window.session.state.trace is not None)
    stay = BoxAnswer(window, QMessageBox.StandardButton.Cancel, Qt.Key.Key_Escape)
    assert not window.close()
    assert "Recording t.h5 stops after the batch in flight: what is recorded is kept, and the next start" in stay.said
    assert window.runner.is_busy
    window.closing.connect(second_batch.set)
    BoxAnswer(window, QMessageBox.StandardButton.Close, Qt.Key.Key_Space)
    assert window.close()
    assert not window.runner.has_thread
    with open_trace(request.out) as trace:
        done, planned = int(trace.recorded.sum()), len(trace.ids)
        assert trace.damaged == ()
    assert 0 < done < planned
    assert result_of(record(request)).n_questions == planned - done


def bad_quiz(folder: Path, trace_path: Path) -> RecordRequest:
    """A quiz with more bad rows than the window wants to name, though most are good."""
    rows = "".join(f"Question {n}?,yes,no,{'A' if n < 12 else 'Z'}\n" for n in range(12 + MOST_NOTES + 2))
    (folder / "bad.csv").write_text(f"question,A,B,answer\n{rows}", encoding="utf-8")
    return RecordRequest(ModelRequest("demo", "cpu"), str(folder / "bad.csv"), folder / "t.h5")


def empty_quiz(folder: Path, _: Path) -> RecordRequest:
    """A quiz with a heading and nothing below it."""
    (folder / "empty.csv").write_text("question,A,B,answer\n", encoding="utf-8")
    return RecordRequest(ModelRequest("demo", "cpu"), str(folder / "empty.csv"), folder / "t.h5")


FAILURES: dict[str, tuple[Callable[[Path, Path], RecordRequest], str]] = {
    "no model": (
        lambda folder, _: RecordRequest(ModelRequest(str(folder / "gone")), "demo", folder / "t.h5"),
        "There is no folder",
    ),
    "bad rows": (bad_quiz, "… and 2 more: the log has them all."),
    "empty quiz": (empty_quiz, "holds no question"),
    "no GPU": (lambda folder, _: demo_into(folder / "t.h5", device="cuda:99"), 'There is no device "cuda:99"'),
    "folder is a file": (lambda folder, trace: demo_into(trace / "t.h5"), "is a file, not a folder"),
    "complete": (lambda folder, trace: demo_into(trace), "is complete"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failed_run_says_why_and_the_window_goes_on(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, trace_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One sentence with the log at hand; what was shown stays, and the next run works."""
    make_request, sentence = FAILURES[name]
    window.open_trace(trace_path)
    shown = window.session.state.trace
    window.recording.start(make_request(tmp_path, trace_path))
    qtbot.waitUntil(lambda: not window.runner.is_busy)
    qtbot.waitUntil(lambda: sentence in window.message_bar.text)
    assert len(window.message_bar.text.splitlines()) <= MOST_NOTES + 2
    assert window.message_bar.text.splitlines()[0] in caplog.text
    assert window.session.state.trace is shown
    show_log = next(button for button in window.message_bar.findChildren(QToolButton) if button.text() == "Show log")
    qtbot.mouseClick(show_log, Qt.MouseButton.LeftButton)
    assert window.docks["log"].isVisible()
    ended = run(qtbot, window, demo_into(tmp_path / "next.h5", limit=8))
    assert (ended.outcome, ended.result.n_questions) == ("done", 8)


@pytest.mark.skipif(not Path("/sys/kernel").exists(), reason="needs a folder that even root cannot write to")
def test_a_folder_that_cannot_be_written_to(window: MainWindow, qtbot: QtBot) -> None:
    """Whether the folder has to be made or the file: one sentence."""
    for out in ("/sys/moescope.h5", "/sys/moescope/moescope.h5"):
        assert run(qtbot, window, demo_into(Path(out), limit=4)).outcome == "failed"
        assert "Nothing can be written into the folder /sys (Permission denied)" in window.message_bar.text


def test_a_disk_that_fails_in_the_middle_keeps_what_is_shown(
    window: MainWindow,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    second_batch: threading.Event,
) -> None:
    """The partial trace stays open with all that was written, and can be resumed."""
    from moe_core.system import positioned_file

    request = demo_into(tmp_path / "t.h5", limit=200)
    real = positioned_file.PositionedFile.write

    def write(self: positioned_file.PositionedFile, *arguments: object) -> None:
        if window.session.state.trace is not None:  # as soon as it is looked at
            raise OSError(28, "No space left on device")
        real(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(positioned_file.PositionedFile, "write", write)
    with qtbot.waitSignal(window.recording.finished) as ended:
        window.recording.start(request)
        qtbot.waitUntil(lambda: window.session.state.trace is not None)
        second_batch.set()
    assert ended.args[0].outcome == "failed"
    assert "No space left on device" in window.message_bar.text
    assert 0 < recorded(window) < 200
    monkeypatch.undo()
    before = recorded(window)
    assert run(qtbot, window, request).result.n_questions == 200 - before


def test_a_partial_trace_is_resumed_by_a_click(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    """Opened later, without the form that began it: the button is there until nothing is missing."""
    out = tmp_path / "t.h5"
    job = record(demo_into(out, limit=40, batch_tokens=60))
    while not (isinstance(event := next(job), Progress) and event.done):
        pass
    job.close()
    window.show()
    window.open_trace(out)
    before = recorded(window)
    button = next(found for found in window.findChildren(QToolButton) if found.text() == "Resume")
    assert 0 < before < 40
    qtbot.waitUntil(button.isVisible)
    with qtbot.waitSignal(window.recording.finished) as ended:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        assert not window.findChild(QAction, "action-resume").isEnabled()
    assert ended.args[0].outcome == "done"
    assert ended.args[0].result.n_questions == 40 - before
    assert recorded(window) == 40
    qtbot.waitUntil(lambda: not button.isVisible())
    assert not window.findChild(QAction, "action-resume").isEnabled()
