"""The window as a whole: opening, recording, closing."""

from pathlib import Path

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow


def test_opens_a_trace_and_names_it(window: MainWindow, trace_path: Path) -> None:
    """Title and recent files know the trace."""
    assert window.open_trace(trace_path)
    assert window.windowTitle().startswith("tiny.h5")
    assert window.settings.recent == [trace_path]


def test_a_file_that_is_no_trace_is_said_in_one_sentence(window: MainWindow, tmp_path: Path) -> None:
    """The message bar shows it until Esc."""
    (tmp_path / "bad.h5").write_bytes(b"nothing")
    assert not window.open_trace(tmp_path / "bad.h5")
    assert "bad.h5" in window.message_bar.text
    window.escape()
    assert window.message_bar.text == ""


def test_the_demo_is_recorded_and_shown(window: MainWindow, qtbot: QtBot) -> None:
    """From the first start to the finished trace, with progress on the way."""
    seen: list[str] = []
    window.runner.progressed.connect(lambda event: seen.append(window.status_line.text))
    with qtbot.waitSignal(window.recording.finished, timeout=60_000) as ended:
        window.trigger("demo")
    assert ended.args[0].outcome == "done"
    assert window.session.state.trace is not None
    assert window.session.state.trace.trace.complete
    assert any("questions/s" in text and "left" in text for text in seen)


def test_a_cancelled_recording_keeps_what_it_has_and_is_resumed(window: MainWindow, qtbot: QtBot) -> None:
    """Esc stops after a batch; the same action goes on from there."""
    window.trigger("demo")
    qtbot.waitUntil(lambda: window.session.state.trace is not None, timeout=60_000)
    with qtbot.waitSignal(window.recording.finished, timeout=60_000) as ended:
        qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert ended.args[0].outcome == "cancelled"
    trace = window.session.state.trace
    assert trace is not None
    recorded = int(trace.trace.recorded.sum())
    assert 0 < recorded < len(trace.table.ids)
    with qtbot.waitSignal(window.recording.finished, timeout=60_000) as ended:
        window.trigger("demo")
    assert ended.args[0].outcome == "done"
    assert ended.args[0].result.n_questions == len(trace.table.ids) - recorded
