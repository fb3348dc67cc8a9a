"""A session as a file: it brings back trace, filter, selection and mask, also where the trace has moved."""

from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.__main__ import opens_window
from app.actions.file_menu import open_session
from app.content.mask_editing import with_experts
from app.start.application import open_first
from app.state.what_if_state import Mode
from app.window.main_window import MainWindow
from app.window.remembered.session_file import read_session, save_session
from moe_core.errors import MoeCoreError
from moe_core.measures.question_filter import QuestionFilter
from moe_core.measures.question_table import Outcome
from moe_core.measures.scope import Scope
from tests.app.synthetic_what_if import synthetic_what_if
from tests.traces.synthetic_run import SyntheticRun, record

DIALOGS = "app.actions.file_menu.QFileDialog"


@pytest.fixture
def file(window: MainWindow, trace_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A session saved from the window, in which something else was done afterwards."""
    path = tmp_path / "mine.moescope-session"
    monkeypatch.setattr(f"{DIALOGS}.getSaveFileName", lambda *asked: (str(tmp_path / "mine"), ""))
    monkeypatch.setattr(f"{DIALOGS}.getOpenFileName", lambda *asked: (str(path), ""))
    window.open_trace(trace_path)
    state = with_experts(window.session.state, {(1, 3)})
    wrong = QuestionFilter(outcomes=(Outcome.WRONG,))
    window.session.set(replace(state, filter=wrong, question=9, scope=Scope.PROMPT, metric="gate_weight"))
    window.session.request("save_session")
    assert path.exists()
    window.session.set(replace(window.session.state, filter=QuestionFilter(), question=0, scope=Scope.ANSWER))
    return path


def is_as_saved(window: MainWindow, path: Path) -> bool:
    """Whether the window shows what was saved."""
    state = window.session.state
    return (
        state.trace is not None
        and state.trace.path == path
        and state.filter.outcomes == (Outcome.WRONG,)
        and (state.question, state.scope, state.metric) == (9, Scope.PROMPT, "gate_weight")
        and state.intervention.mask == frozenset({(1, 3)})
    )


def test_it_brings_back_what_was_saved(window: MainWindow, file: Path, trace_path: Path) -> None:
    """Also where the same trace is open, and something else is shown of it."""
    window.session.request("open_session")
    assert is_as_saved(window, trace_path)


def test_the_program_starts_with_it(window: MainWindow, file: Path, trace_path: Path) -> None:
    """As it does with a trace."""
    assert opens_window([str(file)])
    assert open_first(window, str(file))
    assert is_as_saved(window, trace_path)


def test_a_trace_that_moved_is_found_or_asked_for(
    window: MainWindow, file: Path, trace_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the file by itself; elsewhere the person says where, and another trace is refused."""
    window.session.request("close_trace")
    moved = trace_path.rename(tmp_path / "elsewhere.h5")
    other = record(tmp_path / "other.h5", SyntheticRun())
    asked: list[Path] = [other, moved]
    monkeypatch.setattr("app.actions.file_menu.ask_for_trace", lambda *_: asked.pop(0))
    window.session.request("open_session")
    assert "is not the trace of the session" in window.message_bar.text
    assert window.session.state.trace is None
    window.session.request("open_session")
    assert is_as_saved(window, moved)


def test_a_what_if_that_moved_with_its_trace_is_shown_again(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    """As it was left, its difference in front; the person is asked for the trace alone."""
    made = synthetic_what_if(window.session, tmp_path, mode=Mode.DIFFERENCE)
    file, elsewhere = tmp_path / "mine.moescope-session", tmp_path / "elsewhere"
    save_session(file, window.session.state)
    window.session.request("close_trace")
    elsewhere.mkdir()
    before, after = (path.rename(elsewhere / path.name) for path in (made.before.path, made.after.path))
    monkeypatch.setattr("app.actions.file_menu.ask_for_trace", lambda *_: before)
    assert open_session(window, file)
    qtbot.waitUntil(lambda: window.session.state.what_if is not None)
    shown = window.session.state.what_if
    assert shown is not None
    assert (shown.after.path, window.session.state.mode) == (after, Mode.DIFFERENCE)


def test_another_file_is_told(window: MainWindow, file: Path) -> None:
    """In one sentence, with its path; nothing is closed."""
    for text in ("", "[]", "{}", '{"format": "moescope-session", "version": 2}'):
        file.write_text(text)
        with pytest.raises(MoeCoreError, match="holds no session"):
            read_session(file)
    window.session.request("open_session")
    assert "holds no session" in window.message_bar.text
    assert window.session.state.trace is not None
