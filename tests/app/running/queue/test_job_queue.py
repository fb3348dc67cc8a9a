"""The queue: one job after the other, in the order that a person wants, and nothing of it is lost."""

import shutil
import threading
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.content.mask_editing import with_experts
from app.running.queue.queued_job import QueuedJob
from app.state.job_state import JobEntry, JobStatus
from app.state.what_if_state import SubsetKind
from app.window.main_window import MainWindow
from moe_core.errors import TraceError
from moe_core.jobs.events import Event, Progress, Stage
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.runs.run_plan import RunOptions
from moe_core.measures.question_filter import QuestionFilter
from moe_core.quizzes.selection import QuestionSelection
from moe_core.traces.reader import open_trace
from tests.app.window.remembered.test_trace_memories import opened
from tests.job_results import result_of
from tests.patient_bot import TIMEOUT_MS

W, R, P = JobStatus.WAITING, JobStatus.RUNNING, JobStatus.PAUSED


@pytest.fixture(autouse=True)
def no_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stepped aside goes on at once."""
    monkeypatch.setattr("app.running.queue.job_queue.QUIET_MS", 0)


class Gate:
    """Makes jobs that wait, each at its one step, until they may go on; remembers in which order they began."""

    def __init__(self) -> None:
        self.may_go_on = threading.Event()
        self.begun: list[str] = []
        self.one_began = threading.Event()

    def job(self, title: str, **options: object) -> QueuedJob:
        """A job of that title."""

        def steps() -> Generator[Event, None, str]:
            self.begun.append(title)
            self.one_began.set()
            yield Progress(1, 4, "steps", 1.0, 3.0)
            while not self.may_go_on.wait(0.01):
                yield Stage("Waiting")
            return title

        return QueuedJob(title, "as is", title, lambda engine: steps(), Path(f"/{title}.h5"), **options)  # type: ignore[arg-type]  # names of its own


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Open in the end, whatever happens."""
    made = Gate()
    yield made
    made.may_go_on.set()


def states(window: MainWindow) -> dict[str, JobStatus]:
    """Where every job is, in the order of the list."""
    return {entry.title: entry.status for entry in window.session.state.jobs}


def entry(window: MainWindow, title: str) -> JobEntry:
    """The entry of a job."""
    return next(each for each in window.session.state.jobs if each.title == title)


def wait_until_idle(window: MainWindow, qtbot: QtBot) -> None:
    """Until nothing runs, and nothing is about to."""
    qtbot.waitUntil(lambda: not {W, R} & {each.status for each in window.session.state.jobs})


def add(window: MainWindow, gate: Gate, *titles: str) -> None:
    """Ask for these, one after the other; the first one has begun then."""
    assert all(window.queue.add(gate.job(title)) for title in titles)
    assert gate.one_began.wait(TIMEOUT_MS / 1000)


def test_jobs_run_one_after_the_other_in_their_order(window: MainWindow, qtbot: QtBot, gate: Gate) -> None:
    """Which can be changed; what runs stays first, and what ended stands behind, the last one first."""
    add(window, gate, "a", "b", "c", "d")
    assert states(window) == {"a": R, "b": W, "c": W, "d": W}
    window.queue.move(entry(window, "d").number, 0)
    window.queue.move(entry(window, "b").number, 9)
    assert list(states(window)) == ["a", "d", "c", "b"]
    window.queue.move(entry(window, "a").number, 2)
    assert list(states(window)) == ["a", "d", "c", "b"]
    gate.may_go_on.set()
    wait_until_idle(window, qtbot)
    assert gate.begun == ["a", "d", "c", "b"]
    assert states(window) == dict.fromkeys("bcda", JobStatus.DONE)
    window.queue.clear()
    assert window.session.state.jobs == ()


def test_each_is_cancelled_by_itself(window: MainWindow, qtbot: QtBot, gate: Gate) -> None:
    """One that waits, one that is paused, one that runs; the others go on, and one that was cancelled may run again."""
    add(window, gate, "a", "b", "c", "d")
    window.queue.pause(entry(window, "c").number)
    for title in ("b", "c", "a"):
        window.queue.cancel(entry(window, title).number)
    qtbot.waitUntil(lambda: entry(window, "d").status is R)
    assert [entry(window, title).status for title in "abc"] == [JobStatus.STOPPED] * 3
    window.queue.go_on(entry(window, "b").number)
    gate.may_go_on.set()
    wait_until_idle(window, qtbot)
    assert gate.begun == ["a", "d", "b"]


def test_a_job_that_fails_says_why_and_the_next_one_begins(window: MainWindow, qtbot: QtBot, gate: Gate) -> None:
    """In one sentence with what helps; run again, it fails again."""

    def failing() -> Generator[Event, None, None]:
        yield Stage("Trying")
        raise TraceError("There is no room.")

    gate.may_go_on.set()
    window.queue.add(QueuedJob("bad", "", "bad", lambda engine: failing(), Path("/bad.h5")))
    window.queue.add(gate.job("good"))
    wait_until_idle(window, qtbot)
    assert states(window) == {"good": JobStatus.DONE, "bad": JobStatus.FAILED}
    assert entry(window, "bad").problem == "There is no room."
    window.queue.go_on(entry(window, "bad").number)
    assert entry(window, "bad").problem == ""
    wait_until_idle(window, qtbot)
    assert entry(window, "bad").problem == "There is no room."


def test_how_far_it_is_stands_in_the_list(window: MainWindow, qtbot: QtBot, gate: Gate) -> None:
    """The share and the time left, of what the job says."""
    add(window, gate, "a")
    qtbot.waitUntil(lambda: entry(window, "a").progress != "")
    seen = entry(window, "a")
    assert (seen.share, seen.eta_s) in ((0.25, 3.0), (None, None))
    assert seen.about == "as is"


def test_what_loses_everything_is_not_paused(window: MainWindow, gate: Gate) -> None:
    """It is said why; while it waits it can be."""
    window.queue.add(gate.job("a", goes_on=False, kept="nothing of it is kept"))
    window.queue.add(gate.job("b", goes_on=False))
    window.queue.pause(entry(window, "a").number)
    assert window.message_bar.text == "a cannot be paused, since nothing of it is kept: cancel it, or let it end."
    window.queue.pause(entry(window, "b").number)
    assert states(window) == {"a": R, "b": P}


def test_held_jobs_begin_only_when_they_may(window: MainWindow, qtbot: QtBot, gate: Gate) -> None:
    """What runs steps aside; what is asked for meanwhile waits; all of it goes on."""
    add(window, gate, "a", "b")
    qtbot.waitUntil(lambda: gate.begun == ["a"])
    window.queue.hold()
    qtbot.waitUntil(lambda: entry(window, "a").status is W)
    add(window, gate, "c")
    assert window.message_bar.text == "c waits: the jobs are held."
    assert not window.runner.is_busy
    gate.may_go_on.set()
    window.session.request("resume_jobs")
    wait_until_idle(window, qtbot)
    assert gate.begun == ["a", "a", "b", "c"]


def test_what_was_paused_took_all_of_its_time(window: MainWindow, qtbot: QtBot, gate: Gate) -> None:
    """Whoever is told that it has ended hears that, and not how long the last stretch took."""
    add(window, gate, "a")
    window.queue.hold()
    qtbot.waitUntil(lambda: entry(window, "a").status is W)
    before = replace(entry(window, "a"), seconds=3600.0)
    window.session.set(replace(window.session.state, jobs=(before,)))
    gate.may_go_on.set()
    with qtbot.waitSignal(window.queue.ended) as told:
        window.session.request("resume_jobs")
    assert told.args[1].seconds > 3600
    assert entry(window, "a").seconds == told.args[1].seconds


def test_two_jobs_never_write_the_same_file(window: MainWindow, gate: Gate, tmp_path: Path) -> None:
    """Nor is the same thing asked twice; both are said in a sentence."""
    path = tmp_path / "x.h5"
    window.queue.add(gate.job("a", writes=path))
    assert not window.queue.add(gate.job("b", writes=tmp_path / "." / "x.h5"))
    assert window.message_bar.text == "a writes x.h5 already: choose another name, or let that end first."
    assert not window.queue.add(gate.job("a"))
    assert window.message_bar.text == "a is among the jobs already, asked the same way: it is not asked twice."
    assert states(window) == {"a": R}


def test_what_is_paused_goes_on_when_it_is_asked_for_again(window: MainWindow, qtbot: QtBot, gate: Gate) -> None:
    """In its place, and once."""
    add(window, gate, "a", "b", "c")
    window.queue.pause(entry(window, "b").number)
    add(window, gate, "b")
    assert states(window) == {"a": R, "b": W, "c": W}


def test_what_needs_no_model_runs_beside(window: MainWindow, qtbot: QtBot, gate: Gate) -> None:
    """A report is not held up by a night of recording."""
    add(window, gate, "a")
    quick = Gate()
    quick.may_go_on.set()
    window.queue.add(quick.job("report", needs_model=False))
    qtbot.waitUntil(lambda: entry(window, "report").status is JobStatus.DONE)
    assert entry(window, "a").status is R


def request_into(out: Path) -> RecordRequest:
    """Eighty questions of the demo in small batches."""
    options = RunOptions(batch_tokens=128)
    return RecordRequest(ModelRequest("demo", "cpu"), "demo", out, QuestionSelection(limit=80), options)


def recorded(out: Path) -> list[np.ndarray]:
    """All that a trace says of its questions."""
    with open_trace(out) as trace:
        assert trace.complete
        return [np.asarray(array) for array in (trace.predicted, trace.choice_logprobs, trace.gold, trace.status)]


def test_a_paused_recording_loses_nothing(
    window: MainWindow, qtbot: QtBot, gate: Gate, tmp_path: Path, second_batch: threading.Event
) -> None:
    """Another job runs meanwhile; in the end the file says what one says that was never paused."""
    out = tmp_path / "t.h5"
    window.recording.start(request_into(out))
    qtbot.waitUntil(lambda: window.session.state.trace is not None)
    assert window.session.state.job is not None
    window.session.request("pause_job")
    second_batch.set()
    qtbot.waitUntil(lambda: entry(window, "Recording t.h5").status is P)
    assert window.status_line.text == "Recording t.h5: paused; what is recorded is kept"
    with open_trace(out) as trace:
        before = int(trace.recorded.sum())
    assert 0 < before < 80
    gate.may_go_on.set()
    add(window, gate, "other")
    qtbot.waitUntil(lambda: entry(window, "other").status is JobStatus.DONE)
    with qtbot.waitSignal(window.recording.finished) as ended:
        window.session.request("resume_job")
    assert ended.args[0].result.n_questions == 80 - before
    alone = result_of(record(request_into(tmp_path / "alone.h5"))).path
    for one, other in zip(recorded(out), recorded(alone), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture
def demo(window: MainWindow, demo_path: Path, tmp_path: Path) -> MainWindow:
    """The window on a demo of its own; what-ifs ask the festivals alone."""
    assert window.open_trace(Path(shutil.copy(demo_path, tmp_path / "demo.h5")))
    state = window.session.state
    rerun = replace(state.rerun, subset=SubsetKind.SELECTION)
    window.session.set(replace(state, filter=QuestionFilter(subjects=("festivals",)), rerun=rerun))
    return window


def test_what_was_asked_is_what_runs(demo: MainWindow, qtbot: QtBot, gate: Gate) -> None:
    """Whatever the mask, the filter and the trace shown are by then; the list says what it was asked with."""
    add(demo, gate, "a")
    demo.session.set(with_experts(demo.session.state, {(1, 25)}))
    demo.session.request("run_what_if")
    waiting = entry(demo, "What if: 1:25 re-routed")
    assert (waiting.status, waiting.about) == (W, "demo.h5 · 80 chosen")
    demo.session.set(replace(with_experts(demo.session.state, {(0, 0)}), filter=QuestionFilter()))
    with qtbot.waitSignal(demo.what_ifs.finished) as ended:
        gate.may_go_on.set()
    found = ended.args[0].result.comparison
    assert found.intervention_after.mask == {(1, 25)}
    assert found.n == 80


def test_a_live_what_if_goes_first_and_what_runs_goes_on(
    demo: MainWindow, qtbot: QtBot, tmp_path: Path, second_batch: threading.Event
) -> None:
    """A recording of the same model steps aside, and is whole in the end."""
    out = tmp_path / "t.h5"
    demo.recording.start(request_into(out))
    qtbot.waitUntil(lambda: demo.session.state.trace is not None and demo.session.state.trace.path == out)
    demo.queue.add(QueuedJob("last", "", "last", lambda engine: iter(()), out))  # type: ignore[arg-type, return-value]  # no generator, but done at once
    assert demo.open_trace(tmp_path / "demo.h5")
    state = demo.session.state
    automatic = replace(state.rerun, is_automatic=True, subset=SubsetKind.SELECTION)
    demo.session.set(replace(state, rerun=automatic, filter=QuestionFilter(subjects=("festivals",))))
    with qtbot.waitSignal(demo.what_ifs.finished) as ended:
        demo.session.set(with_experts(demo.session.state, {(1, 25)}))
        qtbot.waitUntil(lambda: any(each.is_live for each in demo.session.state.jobs))
        assert demo.session.state.jobs[0].is_live
        second_batch.set()
    assert ended.args[0].outcome == "done"
    assert entry(demo, "Recording t.h5").status in (W, R)
    assert entry(demo, "last").status is W
    qtbot.waitUntil(lambda: entry(demo, "Recording t.h5").status is JobStatus.DONE)
    recorded(out)


def test_a_live_what_if_waits_for_another_model(demo: MainWindow, qtbot: QtBot, gate: Gate) -> None:
    """Rather than have it loaded anew for every mask; a newer mask takes its place."""
    add(demo, gate, "a")
    demo.queue.add(gate.job("one", is_live=True))
    demo.queue.add(gate.job("two", is_live=True))
    assert list(states(demo).items()) == [("two", W), ("a", R)]
    gate.may_go_on.set()
    wait_until_idle(demo, qtbot)
    assert gate.begun == ["a", "two"]


def test_the_next_window_offers_what_was_left(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, demo_path: Path, second_batch: threading.Event
) -> None:
    """What ran and what waited, in their order, paused; they go on if that is wanted, and nothing is asked twice."""
    folder, out = tmp_path / "other", tmp_path / "t.h5"
    trace = Path(shutil.copy(demo_path, tmp_path / "demo.h5"))
    with opened(folder, qtbot) as first:
        first.recording.start(request_into(out))
        qtbot.waitUntil(lambda: first.session.state.trace is not None)
        assert first.open_trace(trace)
        first.session.set(replace(first.session.state, filter=QuestionFilter(subjects=("festivals",))))
        first.session.set(with_experts(first.session.state, {(1, 25)}))
        rerun = replace(first.session.state.rerun, subset=SubsetKind.SELECTION)
        first.session.set(replace(first.session.state, rerun=rerun))
        first.session.request("run_what_if")
        first.closing.connect(second_batch.set)
    with open_trace(out) as begun:
        n_before = int(begun.recorded.sum())
    assert 0 < n_before < 80
    with opened(folder, qtbot) as second:
        second.offer_jobs()
        assert states(second) == {"Recording t.h5": P, "What if: 1:25 re-routed": P}
        assert second.message_bar.text == "2 jobs are left over from before, and paused: Jobs lists what."
        assert second.message_bar.button.text() == "Go on"
        second.message_bar.button.click()
        wait_until_idle(second, qtbot)
        recorded(out)
        assert entry(second, "What if: 1:25 re-routed").result == tmp_path / "demo.what-if-1.h5"
        assert not list(folder.glob("*.jobs-*.json"))


def test_an_experiment_left_over_goes_on_from_its_points(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, demo_path: Path
) -> None:
    """An analysis and an effect map come back, too: every kind is made of its request again."""
    trace = Path(shutil.copy(demo_path, tmp_path / "demo.h5"))
    folder = tmp_path / "other"
    with opened(folder, qtbot) as first:
        first.queue.hold()
        assert first.open_trace(trace)
        for action in ("predict_effects", "compute_analysis", "experiment_never_used", "run_experiment"):
            first.session.request(action)
        asked = [(each.title, each.about) for each in first.session.state.jobs]
    assert len(asked) == 3
    with opened(folder, qtbot) as second:
        second.offer_jobs()
        assert [(each.title, each.about) for each in second.session.state.jobs] == asked
