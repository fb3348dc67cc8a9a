"""A trace that takes a while to read: what was shown stands meanwhile, and it can be left."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.state import slices
from app.window.main_window import MainWindow
from moe_core.traces.checking import row_checksums
from tests.traces.synthetic_run import SyntheticRun, record


@pytest.fixture(autouse=True)
def bit_by_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """One row after the other."""
    monkeypatch.setattr(slices, "AT_ONCE_S", 0.0)
    monkeypatch.setattr(slices, "_SLICE_S", 0.0)
    monkeypatch.setattr(row_checksums, "_CHUNK_BYTES", 1)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A trace of many steps."""
    return record(tmp_path / "large.h5", SyntheticRun(n_questions=60))


def test_it_is_shown_when_it_is_read(window: MainWindow, large: Path, qtbot: QtBot) -> None:
    """The line at the bottom says how far that is, and what is to be done then is done then."""
    happened: list[str] = []
    assert window.open_trace(large, lambda: happened.append("then"))
    assert window.session.state.trace is None
    assert window.is_preparing
    qtbot.waitUntil(lambda: "Reading large.h5" in window.status_line.text)
    qtbot.waitUntil(lambda: bool(happened))
    assert window.session.state.trace is not None
    assert window.session.state.trace.path == large
    assert window.status_line.text == ""
    qtbot.waitUntil(lambda: not window.is_preparing)


def test_escape_leaves_it(window: MainWindow, large: Path, qtbot: QtBot) -> None:
    """And nothing is shown later."""
    window.open_trace(large)
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not window.opening.is_working
    qtbot.wait(0)
    assert window.session.state.trace is None


def test_another_one_supersedes_it(window: MainWindow, large: Path, trace_path: Path, qtbot: QtBot) -> None:
    """The last one that was asked for is shown."""
    window.open_trace(large)
    window.open_trace(trace_path)
    qtbot.waitUntil(lambda: not window.opening.is_working)
    assert window.session.state.trace is not None
    assert window.session.state.trace.path == trace_path


def test_one_that_is_cut_short_meanwhile_is_told(window: MainWindow, large: Path, qtbot: QtBot) -> None:
    """What was shown stays."""
    window.open_trace(large)
    with large.open("r+b") as file:
        file.truncate(large.stat().st_size // 2)
    qtbot.waitUntil(lambda: not window.opening.is_working)
    assert "was cut short" in window.message_bar.text
    assert window.session.state.trace is None
