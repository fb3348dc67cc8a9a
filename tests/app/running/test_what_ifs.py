"""What-ifs from the window: run, stopped, refused, run by themselves; what comes of them is what the files hold."""

import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from pytestqt.qtbot import QtBot

from app.content.mask_editing import with_effect, with_experts
from app.running.job_thread import JobEnded
from app.running.what_ifs import request_of
from app.state.what_if_state import Mode, SubsetKind, WhatIf
from app.window.main_window import MainWindow
from moe_core.comparison.comparison import compare
from moe_core.interventions.intervention import act_on
from moe_core.jobs.events import Stage
from moe_core.measures.question_filter import QuestionFilter
from moe_core.traces.reader import open_trace
from tests.app.box_answer import stop

HARMFUL = (1, 25)
"""The expert without which the demo forgets its festivals."""


@pytest.fixture
def demo(window: MainWindow, demo_path: Path, tmp_path: Path) -> MainWindow:
    """The window on a demo of its own, beside which what-ifs may be written."""
    path = Path(shutil.copy(demo_path, tmp_path / "demo.h5"))
    assert window.open_trace(path)
    return window


def mask(window: MainWindow, *experts: tuple[int, int]) -> None:
    """Put these into the mask."""
    window.session.set(with_experts(window.session.state, experts))


def ask_few(window: MainWindow, **changes: object) -> None:
    """Ask only the festivals, so that a run takes a second."""
    state = window.session.state
    rerun = replace(state.rerun, subset=SubsetKind.SELECTION, **changes)  # type: ignore[arg-type]  # names of Rerun
    window.session.set(replace(state, filter=QuestionFilter(subjects=("festivals",)), rerun=rerun))


def run(qtbot: QtBot, window: MainWindow) -> JobEnded:
    """Press F5 and wait."""
    with qtbot.waitSignal(window.what_ifs.finished) as ended:
        qtbot.keyClick(window, Qt.Key.Key_F5)
    result = ended.args[0]
    assert isinstance(result, JobEnded)
    return result


def shown(window: MainWindow) -> WhatIf:
    """The what-if that is looked at."""
    made = window.session.state.what_if
    assert made is not None
    return made


def test_from_the_cell_to_the_comparison(demo: MainWindow, qtbot: QtBot) -> None:
    """Select, M, F5: the trace lies beside the baseline, and says what the window says; a second run goes beside it."""
    ask_few(demo)
    demo.session.set(replace(demo.session.state, experts=frozenset({HARMFUL})))
    qtbot.keyClick(demo, Qt.Key.Key_M)
    assert demo.session.state.intervention.reroute == {HARMFUL}
    assert run(qtbot, demo).outcome == "done"
    made = shown(demo)
    assert made.after.path.name == "demo.what-if-1.h5"
    trace = demo.session.state.trace
    assert made.before is trace
    with open_trace(made.before.path) as before, open_trace(made.after.path) as after:
        found = compare(before, after)
    assert made.comparison.accuracy == found.accuracy
    assert made.comparison.right_to_wrong == found.right_to_wrong
    assert found.n == 80
    assert found.accuracy.delta < -0.3
    assert demo.docks["what_if"].isVisible()
    mask(demo, HARMFUL, (0, 3))
    assert run(qtbot, demo).outcome == "done"
    assert shown(demo).after.path.name == "demo.what-if-2.h5"
    assert [each.after.path.name for each in demo.session.state.history] == ["demo.what-if-2.h5", "demo.what-if-1.h5"]


def test_the_traces_of_what_ifs_are_closed_when_nobody_needs_them(
    demo: MainWindow, qtbot: QtBot, trace_path: Path
) -> None:
    """Still open while it is in the history; opening another trace closes all of it."""
    ask_few(demo)
    mask(demo, HARMFUL)
    run(qtbot, demo)
    made = shown(demo)
    closed: list[str] = []
    for data in (made.before, made.after):
        data.close = lambda name=data.path.name: closed.append(name)  # type: ignore[method-assign, misc]
    demo.session.set(replace(demo.session.state, what_if=None))
    assert closed == []
    demo.open_trace(trace_path)
    assert sorted(closed) == ["demo.h5", "demo.what-if-1.h5"]
    assert (demo.session.state.what_if, demo.session.state.history) == (None, ())
    assert demo.session.state.mode is Mode.BASELINE


def test_stopped_and_run_again(demo: MainWindow, qtbot: QtBot, hold_after: Callable[[type, int], None]) -> None:
    """Esc and Stop keep what is there and show nothing new; F5 goes on from it."""
    mask(demo, HARMFUL)
    hold_after(Stage, 1)
    with qtbot.waitSignal(demo.what_ifs.finished) as ended:
        qtbot.keyClick(demo, Qt.Key.Key_F5)
        assert demo.session.state.running
        stop(demo, qtbot)
    assert ended.args[0].outcome == "cancelled"
    assert demo.session.state.what_if is None
    assert demo.session.state.running == ""
    ask_few(demo)
    assert run(qtbot, demo).outcome == "done"
    assert shown(demo).comparison.n == 80


def test_a_stopped_one_stands_in_the_history_as_far_as_it_got(
    demo: MainWindow, qtbot: QtBot, second_batch: threading.Event
) -> None:
    """After Esc, box, status line, history and file say the same; F5 goes on with it, and it is one row."""
    mask(demo, HARMFUL)
    trace = demo.session.state.trace
    assert trace is not None
    path = trace.path.with_name("demo.what-if-1.h5")

    def is_begun() -> bool:
        if not path.exists():
            return False
        with open_trace(path) as written:
            return bool(written.recorded.any())

    with qtbot.waitSignal(demo.what_ifs.finished) as ended:
        qtbot.keyClick(demo, Qt.Key.Key_F5)
        qtbot.waitUntil(is_begun)
        said = stop(demo, qtbot)
        second_batch.set()
    kept = "what is recorded is kept"
    assert said.endswith(f"It ends after the batch in flight; {kept}.")
    assert (ended.args[0].outcome, demo.status_line.text[-len(kept) :]) == ("cancelled", kept)
    qtbot.waitUntil(lambda: not demo.found_beside.is_looking)
    with open_trace(path) as written:
        n = int(written.recorded.sum())
    assert 0 < n < 800
    assert [each.title for each in demo.session.state.history] == [
        f"1:25 re-routed, not finished: {n} of 800 questions"
    ]
    assert run(qtbot, demo).outcome == "done"
    assert [each.after.path for each in demo.session.state.history] == [path]
    assert shown(demo).comparison.n == 800


def test_controls_run_beside_it(demo: MainWindow, qtbot: QtBot) -> None:
    """As many as asked for, with as many experts."""
    ask_few(demo, controls=5)
    mask(demo, HARMFUL)
    run(qtbot, demo)
    controls = shown(demo).controls
    assert controls is not None
    assert [len(each.intervention.experts) for each in controls.runs] == [1] * 5


def test_a_sample_larger_than_the_trace_is_all_of_it(demo: MainWindow) -> None:
    """No refusal for a number that was chosen for another trace."""
    state = demo.session.state
    sample = replace(state.rerun, subset=SubsetKind.SAMPLE, sample=5000)
    demo.session.set(replace(with_experts(state, [HARMFUL]), rerun=sample))
    assert request_of(demo.session.state).subset.sample == 800


def test_too_few_experts_left_is_not_run(demo: MainWindow, qtbot: QtBot) -> None:
    """F5 does nothing then; dropping them instead of re-routing is fine."""
    mask(demo, *((2, expert) for expert in range(31)))
    assert not demo.findChild(QAction, "action-run_what_if").isEnabled()
    qtbot.keyClick(demo, Qt.Key.Key_F5)
    assert not demo.runner.is_busy
    demo.session.set(with_effect(demo.session.state, "drop", 1.0))
    assert demo.findChild(QAction, "action-run_what_if").isEnabled()


def test_an_empty_selection_is_said(demo: MainWindow, qtbot: QtBot) -> None:
    """One sentence, nothing runs."""
    ask_few(demo)
    mask(demo, HARMFUL)
    demo.session.set(replace(demo.session.state, filter=QuestionFilter(text="no such text")))
    demo.session.request("run_what_if")
    assert "there is nothing to ask" in demo.message_bar.text
    assert not demo.runner.is_busy


def test_a_baseline_from_elsewhere_can_be_run_again_too(
    demo: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What differs is said, and kept in the state; with the baseline's own re-run the comparison is made."""
    from moe_core.jobs.models import recorded_model as job

    monkeypatch.setattr(job, "unlike", lambda recorded, loaded: ["dtype bfloat16 then, float32 now"])
    ask_few(demo)
    mask(demo, HARMFUL)
    assert run(qtbot, demo).outcome == "failed"
    assert "dtype bfloat16 then" in demo.session.state.mismatch
    view = demo.views["what_if"]
    button = view.editor.rerun_both  # type: ignore[attr-defined]  # it is the What if view
    assert button.isVisible()
    with qtbot.waitSignal(demo.what_ifs.finished) as ended:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert ended.args[0].outcome == "done"
    assert shown(demo).before.path.name == "demo.rerun-1.h5"
    assert demo.session.state.mismatch == ""
    assert not button.isVisible()


def test_runs_by_itself_once_the_mask_stays(demo: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Off by default; the last of two quick changes is what runs, and nothing is run twice."""
    ask_few(demo)
    mask(demo, (0, 1))
    assert not demo.what_ifs.is_waiting
    ask_few(demo, is_automatic=True)
    mask(demo, (0, 2))
    with qtbot.waitSignal(demo.what_ifs.finished) as ended:
        mask(demo, HARMFUL)
        assert demo.what_ifs.is_waiting
    assert ended.args[0].outcome == "done"
    assert shown(demo).intervention.reroute == {HARMFUL}
    assert not demo.what_ifs.is_waiting


@pytest.mark.skipif(os.name == "nt", reason="open files cannot be replaced")
def test_a_trace_that_was_replaced_is_compared_with_nothing(demo: MainWindow, qtbot: QtBot) -> None:
    """What is shown is the old file, and its rows are not those of the new one; said before, and in the end."""
    ask_few(demo)
    mask(demo, HARMFUL)
    path = demo.session.state.trace.path  # type: ignore[union-attr]  # the demo's
    shutil.copy(path, path.with_name("copy"))

    def replace_it(title: str) -> None:
        if path.with_name("copy").exists():
            path.with_name("copy").replace(path)

    demo.runner.started.connect(replace_it)
    assert run(qtbot, demo).outcome == "done"
    assert demo.session.state.what_if is None
    assert "was deleted, moved or replaced since it was opened" in demo.message_bar.text
    demo.message_bar.hide()
    demo.session.request("run_what_if")
    assert not demo.runner.is_busy
    assert "was deleted, moved or replaced since it was opened" in demo.message_bar.text


def test_whoever_opens_another_trace_meanwhile_stays_there(demo: MainWindow, qtbot: QtBot, trace_path: Path) -> None:
    """The what-if is finished, named in a sentence, and not shown beside the wrong trace."""
    ask_few(demo)
    mask(demo, HARMFUL)
    with qtbot.waitSignal(demo.what_ifs.finished):
        qtbot.keyClick(demo, Qt.Key.Key_F5)
        demo.open_trace(trace_path)
    assert demo.session.state.what_if is None
    assert "demo.what-if-1.h5" in demo.message_bar.text


def test_the_history_as_a_page(demo: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Self-contained, every text escaped, with the numbers of the window."""
    ask_few(demo)
    demo.session.set(replace(demo.session.state, intervention=act_on([HARMFUL], "reroute", name="<b>festivals")))
    run(qtbot, demo)
    page = tmp_path / "page.html"
    monkeypatch.setattr("app.files.report_saving.QFileDialog.getSaveFileName", lambda *_: (str(page), ""))
    with qtbot.waitSignal(demo.file_runner.ended):
        demo.session.request("save_what_ifs")
    text = page.read_text(encoding="utf-8")
    assert "&lt;b&gt;festivals" in text
    assert "<b>festivals" not in text
    assert f"{shown(demo).comparison.accuracy.delta * 100:+.1f}".replace("-", "−") in text
    assert "http" not in text.replace("http-equiv", "")
    assert shown(demo).comparison.right_to_wrong[0] in text
    page = shown(demo).after.path
    demo.session.request("save_what_ifs")
    assert "is a trace and is never overwritten" in demo.message_bar.text


def test_what_the_run_had_to_say_stays_beside_its_result(demo: MainWindow, qtbot: QtBot) -> None:
    """Asked for more controls than there are masks like this one: the result says so."""
    ask_few(demo, controls=20)
    mask(demo, HARMFUL)
    run(qtbot, demo)
    assert any("Only 7 other masks" in notice for notice in shown(demo).notices)
    assert "Only 7 other masks" in demo.views["what_if"].results.result.details.text()  # type: ignore[attr-defined]
