"""The model of a trace is there before Run is pressed, and nobody hears of it: who only looks has nothing loaded."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTabBar
from pytestqt.qtbot import QtBot

from app.content.mask_editing import with_experts
from app.state.what_if_state import SubsetKind
from app.window.main_window import MainWindow
from moe_core.jobs.events import Stage
from moe_core.jobs.models import load_model
from moe_core.measures.question_filter import QuestionFilter


@pytest.fixture
def demo(window: MainWindow, demo_path: Path, tmp_path: Path) -> MainWindow:
    """The window on a demo of its own."""
    assert window.open_trace(Path(shutil.copy(demo_path, tmp_path / "demo.h5")))
    return window


def holds_model(window: MainWindow) -> bool:
    """Whether a model is kept for the jobs of the window."""
    return window.runner._worker.engines.at("").holds_model


def begins_nothing(window: MainWindow) -> bool:
    """Whether no model is loaded, and none will be."""
    return not (window.runner.has_thread or window.model_ahead.is_about_to_begin)


def select_and_mask(window: MainWindow, qtbot: QtBot, expert: tuple[int, int] = (1, 25)) -> None:
    """Select an expert, and press M."""
    window.session.set(replace(window.session.state, experts=frozenset({expert})))
    qtbot.keyClick(window, Qt.Key.Key_M)


def click_tab(window: MainWindow, qtbot: QtBot, title: str) -> None:
    """Click the tab of a view."""
    found = [(bar, at) for bar in window.findChildren(QTabBar) for at in range(bar.count()) if bar.tabText(at) == title]
    bar, at = found[0]
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(at).center())


def ask_few(window: MainWindow) -> None:
    """Ask only the festivals."""
    state = window.session.state
    rerun = replace(state.rerun, subset=SubsetKind.SELECTION)
    window.session.set(replace(state, filter=QuestionFilter(subjects=("festivals",)), rerun=rerun))


def test_a_mask_has_the_model_loaded_before_run_is_pressed(
    demo: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The what-if finds it where every job finds the model of the one before, and loads none."""
    ask_few(demo)
    select_and_mask(demo, qtbot)
    assert not demo.runner.is_busy
    qtbot.waitUntil(lambda: holds_model(demo))
    assert "what_if" in {view.name for view in demo.views.made}
    monkeypatch.setattr(load_model, "check_folder", None)  # to load would fail from here on
    said: list[str] = []
    demo.runner.progressed.connect(lambda event: said.append(event.text) if isinstance(event, Stage) else None)
    with qtbot.waitSignal(demo.what_ifs.finished) as ended:
        qtbot.keyClick(demo, Qt.Key.Key_F5)
    assert ended.args[0].outcome == "done"
    assert not [text for text in said if "Loading" in text]


def test_a_what_if_that_comes_before_the_model_is_there_loads_it_itself(demo: MainWindow, qtbot: QtBot) -> None:
    """What was begun gives way."""
    ask_few(demo)
    select_and_mask(demo, qtbot)
    with qtbot.waitSignal(demo.what_ifs.finished) as ended:
        qtbot.keyClick(demo, Qt.Key.Key_F5)
    assert ended.args[0].outcome == "done"
    assert holds_model(demo)


def test_who_only_looks_has_nothing_loaded(demo: MainWindow, qtbot: QtBot, trace_path: Path, tmp_path: Path) -> None:
    """To select experts or look at views is no sign, nor to open a trace on which a mask was left: 200 MB are a lot."""
    for title in ("Effects", "Atlas", "What if", "Entropy"):
        click_tab(demo, qtbot, title)
    demo.session.set(replace(demo.session.state, experts=frozenset({(1, 25)})))
    demo.session.set(replace(demo.session.state, workers="local:2"))  # so that the mask is none
    qtbot.keyClick(demo, Qt.Key.Key_M)
    assert demo.open_trace(trace_path)
    demo.session.set(replace(demo.session.state, workers=""))
    assert demo.open_trace(tmp_path / "demo.h5")
    assert demo.session.state.intervention.reroute == {(1, 25)}
    assert begins_nothing(demo)


def test_a_model_that_is_gone_is_told_when_run_is_pressed(window: MainWindow, trace_path: Path, qtbot: QtBot) -> None:
    """And not before."""
    window.open_trace(trace_path)
    select_and_mask(window, qtbot, (0, 5))
    qtbot.waitUntil(lambda: window.runner.has_thread and not window.runner._inquiries)
    assert window.message_bar.text == ""
    assert window.session.state.jobs == ()
    with qtbot.waitSignal(window.what_ifs.finished) as ended:
        qtbot.keyClick(window, Qt.Key.Key_F5)
    assert ended.args[0].outcome == "failed"
    assert "tiny-olmoe" in window.message_bar.text


def test_workers_hold_models_of_their_own(demo: MainWindow) -> None:
    """Where some are named, none is loaded here."""
    demo.session.set(replace(demo.session.state, workers="local:2"))
    demo.session.set(with_experts(demo.session.state, [(1, 25)]))
    assert begins_nothing(demo)
