"""What the line above the views says is how things are: the next success of its kind takes an error away."""

import itertools
import shutil
import threading
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.content.atlas_request import result_of
from app.running.job_thread import Job
from app.running.queue.queued_job import QueuedJob
from app.window.main_window import MainWindow
from moe_core.errors import TraceError
from moe_core.interventions.file import save_intervention
from moe_core.interventions.intervention import parse_mask
from moe_core.jobs import analyse
from moe_core.jobs.events import Event, Progress, Stage
from tests.app.box_answer import stop


def failing() -> Job:
    """A job that cannot be done."""
    yield Stage("Trying")
    raise TraceError("There is no room.")


def working() -> Generator[Event, None, str]:
    """A job that is done."""
    yield Stage("Working")
    return "done"


def endless() -> Job:
    """A job that is never done."""
    while True:
        yield Stage("Working")


def run(window: MainWindow, qtbot: QtBot, title: str, job: Job) -> str:
    """Run a job to its end; what is said then."""
    with qtbot.waitSignal(window.runner.ended):
        window.runner.start(title, lambda engine: job)
    return window.message_bar.text


def test_an_error_goes_with_the_next_success_of_its_kind(window: MainWindow, qtbot: QtBot) -> None:
    """Not with one of another kind, nor with one that was stopped."""
    assert run(window, qtbot, "Recording a.h5", failing()) == "There is no room."
    assert run(window, qtbot, "What if: 1:25", working()) == "There is no room."
    window.runner.start("Recording a.h5", lambda engine: endless())
    with qtbot.waitSignal(window.runner.ended):
        window.runner.cancel()
    assert window.message_bar.text == "There is no room."
    assert run(window, qtbot, "Recording b.h5", working()) == ""
    assert run(window, qtbot, "What if: 1:25", failing()) == "There is no room."
    assert run(window, qtbot, "What if: 0:1, 0:2", working()) == ""


@pytest.fixture
def clicked(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """What would take long is said at once, and an analysis then waits for this event: no machine ends it before."""
    may_go_on, n_told, tell = threading.Event(), itertools.count(), Progress.at_pace

    def tell_and_wait(*given: Any, **also: Any) -> Progress:
        if next(n_told) > 1:  # the second step says how long it will take
            may_go_on.wait()
        return tell(*given, **also)

    monkeypatch.setattr(analyse, "LONG_S", 0.0)
    monkeypatch.setattr(Progress, "at_pace", tell_and_wait)
    yield may_go_on
    may_go_on.set()


def test_what_can_be_done_at_once_is_offered_while_the_job_runs(
    window: MainWindow, qtbot: QtBot, demo_path: Path, tmp_path: Path, clicked: threading.Event
) -> None:
    """A match that will take long is said with a button; that stops it, and matches a sample in its place."""
    outcomes: list[str] = []
    window.runner.ended.connect(lambda run: outcomes.append(run.outcome))
    assert window.open_trace(Path(shutil.copy(demo_path, tmp_path / "demo.h5")))
    window.show_view("atlas")
    state = window.session.state
    window.session.set(replace(state, atlas=replace(state.atlas, analysis="expert-matched-similarity")))
    window.session.request("compute_analysis")
    qtbot.waitUntil(lambda: bool(window.message_bar.text))
    assert window.message_bar.text.startswith("All 1,503 pairs will take about")
    assert window.message_bar.text.endswith("A sample of the pairs takes less.")
    qtbot.mouseClick(window.message_bar.button, Qt.MouseButton.LeftButton)
    clicked.set()
    qtbot.waitUntil(lambda: len(outcomes) == 2)
    assert outcomes == ["cancelled", "done"]
    result = result_of(window.session.state)
    assert result is not None
    assert result.found.notes[-1].startswith("Sampled: 20 of 496 pairs of experts in each layer, drawn with seed 0")
    assert window.message_bar.text == ""


def test_to_wait_is_said_as_long_as_there_is_something_to_wait_for(window: MainWindow, qtbot: QtBot) -> None:
    """Asked for a second job, which begins by itself when the first one has ended."""
    jobs = [QueuedJob(name, "", name, lambda engine: endless(), Path("a.h5"), goes_on=False) for name in ("One", "Two")]
    assert all(map(window.queue.add, jobs))
    assert window.message_bar.text == "Two waits for One."
    with qtbot.waitSignal(window.runner.started):
        window.runner.cancel()
    assert window.message_bar.text == ""
    with qtbot.waitSignal(window.runner.ended):
        window.runner.cancel()


def test_a_mask_that_is_read_takes_away_the_one_that_was_not(window: MainWindow, tmp_path: Path) -> None:
    """Files of masks say little when all is well; what is only good to know stays."""
    (tmp_path / "bad.json").write_text("nothing", encoding="utf-8")
    save_intervention(tmp_path / "good.json", parse_mask("0:1"))
    window.mask_files.read_file(tmp_path / "bad.json")
    assert "bad.json is not used" in window.message_bar.text
    window.mask_files.read_file(tmp_path / "good.json")
    assert window.message_bar.text == ""
    window.say("The report is in page.html.", is_failure=False, about="report")
    window.mask_files.read_file(tmp_path / "good.json")
    assert window.message_bar.text == "The report is in page.html."


def test_recordings_what_ifs_and_experiments_ask_before_they_stop(window: MainWindow, qtbot: QtBot) -> None:
    """Esc, whatever runs: what the box says is kept is what the status line says when it has ended."""
    for title, kept in (("Recording a.h5", "what is recorded is kept"), ("Pruning curve", "finished points are kept")):
        window.runner.start(title, lambda engine: endless(), kept=kept)
        with qtbot.waitSignal(window.runner.ended):
            said = stop(window, qtbot)
        assert said == f"Stop {title}? It ends after the batch in flight; {kept}."
        assert window.status_line.text == f"{title}: stopped; {kept}"
