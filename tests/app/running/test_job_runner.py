"""The job thread: cancelled between steps, never lost by a failure, one model kept, told in the window's thread."""

import logging
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from PySide6.QtCore import QObject, QThread, Slot
from pytestqt.qtbot import QtBot

from app.running.job_runner import JobRunner
from app.running.job_thread import JobEnded
from app.window.status_line import StatusLine
from moe_core.errors import ModelError
from moe_core.jobs.events import Event, Notice, Progress, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest, load_model
from tests.patient_bot import TIMEOUT_MS

Job = Generator[Event, None, Any]


@pytest.fixture
def runner(qtbot: QtBot) -> Iterator[JobRunner]:
    """A runner whose thread is ended with the test."""
    made = JobRunner()
    yield made
    made.close()
    assert not made.has_thread


class Endless:
    """A hand-written job that loads for ever, a step every few milliseconds, and remembers how it was left."""

    def __init__(self) -> None:
        self.begun, self.closed = threading.Event(), threading.Event()

    def __call__(self, engine: Engine) -> Job:
        try:
            while True:
                yield Stage("Loading a part")
                self.begun.set()
                self.closed.wait(0.005)
        finally:
            self.closed.set()


def steps(*events: Event, result: object = None) -> Callable[[Engine], Job]:
    """A job that tells these events and is done."""

    def job(engine: Engine) -> Job:
        yield from events
        return result

    return job


def failing(error: Exception) -> Callable[[Engine], Job]:
    """A job that fails after its first step."""

    def job(engine: Engine) -> Job:
        yield Stage("Loading")
        raise error

    return job


class Listener(QObject):
    """Remembers in which thread each signal came."""

    def __init__(self, runner: JobRunner) -> None:
        super().__init__()
        self.heard: list[tuple[str, QThread]] = []
        runner.started.connect(self.on_started)
        runner.progressed.connect(self.on_progressed)
        runner.noticed.connect(self.on_noticed)
        runner.ended.connect(self.on_ended)

    @Slot(str)
    def on_started(self, title: str) -> None:
        self.heard.append(("started", QThread.currentThread()))

    @Slot(object)
    def on_progressed(self, event: object) -> None:
        self.heard.append(("progressed", QThread.currentThread()))

    @Slot(object)
    def on_noticed(self, notice: object) -> None:
        self.heard.append(("noticed", QThread.currentThread()))

    @Slot(object)
    def on_ended(self, ended: object) -> None:
        self.heard.append(("ended", QThread.currentThread()))


def run(qtbot: QtBot, runner: JobRunner, job: Callable[[Engine], Job], title: str = "A job") -> JobEnded:
    """How the job ended."""
    with qtbot.waitSignal(runner.ended) as ended:
        runner.start(title, job)
    result = ended.args[0]
    assert isinstance(result, JobEnded)
    return result


def test_every_signal_comes_in_the_thread_of_the_window(runner: JobRunner, qtbot: QtBot) -> None:
    """Started, the last progress, every notice and the end, in this order; the job itself ran elsewhere."""
    listener, threads = Listener(runner), list[int]()

    def job(engine: Engine) -> Job:
        threads.append(threading.get_ident())
        yield Notice("one")
        yield Notice("two")
        yield Progress(1, 1, "questions", 1.0, 0.0)
        return 7

    ended = run(qtbot, runner, job)
    assert (ended.outcome, ended.result) == ("done", 7)
    assert [name for name, _ in listener.heard] == ["started", "noticed", "noticed", "progressed", "ended"]
    assert {thread for _, thread in listener.heard} == {runner.thread()}
    assert threads != [threading.get_ident()]


def test_loading_is_cancelled_between_two_steps(runner: JobRunner, qtbot: QtBot) -> None:
    """The job is closed after the step in flight, and the status says so until then."""
    line, job = StatusLine(runner), Endless()
    qtbot.addWidget(line)
    told: list[str] = []
    runner.ended.connect(lambda ended: told.append(line.text))
    runner.start("Recording x.h5", job)
    qtbot.waitUntil(lambda: line.text == "Loading a part …")
    with qtbot.waitSignal(runner.ended) as ended:
        runner.cancel()
        assert line.text == "Recording x.h5: stopping after the step in flight …"
        runner.progressed.emit(Stage("Loading a part"))  # one that was on its way
        assert line.text == "Recording x.h5: stopping after the step in flight …"
    assert ended.args[0].outcome == "cancelled"
    assert job.closed.is_set()
    assert told == ["Recording x.h5: stopped; what is recorded is kept"]
    assert not runner.is_busy


def test_an_expected_failure_is_one_sentence_with_its_notes(runner: JobRunner, qtbot: QtBot) -> None:
    """What the error says is what the person reads."""
    error = ModelError("There is no such model.")
    error.add_note("row 3")
    ended = run(qtbot, runner, failing(error))
    assert (ended.outcome, ended.error, ended.notes) == ("failed", "There is no such model.", ("row 3",))


def test_an_unexpected_failure_has_its_traceback_in_the_log(
    runner: JobRunner, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    """One sentence in the window however long the error is, the rest in the log; the next job runs."""
    with caplog.at_level(logging.ERROR):
        ended = run(qtbot, runner, failing(RuntimeError("line one\nline two " + "x" * 5000)))
    assert ended.outcome == "failed"
    assert ended.error.startswith("A job failed unexpectedly: RuntimeError('line one")
    assert "\n" not in ended.error
    assert len(ended.error) < 400
    assert "Traceback" in caplog.text
    assert run(qtbot, runner, steps(result=1)).result == 1


def test_the_model_stays_for_the_next_run_of_the_same_request(
    runner: JobRunner, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs load once; another request lets go of it and loads anew."""
    loads: list[ModelRequest] = []

    def counted(request: ModelRequest) -> Job:
        loads.append(request)
        return load_model(request)

    def job(request: ModelRequest) -> Callable[[Engine], Job]:
        def load(engine: Engine) -> Job:
            loaded = yield from engine.load(request)
            return loaded.specification.dtype

        return load

    monkeypatch.setattr("moe_core.jobs.models.engine.load_model", counted)
    single, half = ModelRequest("demo", "cpu"), ModelRequest("demo", "cpu", "bfloat16")
    assert run(qtbot, runner, job(single)).result == "float32"
    assert run(qtbot, runner, job(single)).result == "float32"
    assert loads == [single]
    assert run(qtbot, runner, job(half)).result == "bfloat16"
    assert loads == [single, half]


def test_closing_while_a_job_runs_waits_for_it_and_leaves_no_thread(runner: JobRunner, qtbot: QtBot) -> None:
    """The job is closed, not torn down, and nothing is told afterwards."""
    job, told = Endless(), list[object]()
    runner.ended.connect(told.append)
    runner.start("A job", job)
    assert job.begun.wait(TIMEOUT_MS / 1000)
    runner.close()
    assert job.closed.is_set()
    assert not runner.has_thread
    assert not runner.is_busy
    assert told == []


def test_an_inquiry_does_not_make_the_runner_busy(runner: JobRunner, qtbot: QtBot) -> None:
    """It has its own signals; those of jobs stay silent."""
    listener, told = Listener(runner), list[str]()
    inquiry = runner.inquire("Look", steps(Stage("Looking"), result=3))
    inquiry.told.connect(told.append)
    assert not runner.is_busy
    with qtbot.waitSignal(inquiry.ended) as ended:
        pass
    assert (told, ended.args[0].result) == (["Looking"], 3)
    assert listener.heard == []


def test_an_inquiry_gives_way_to_a_job(runner: JobRunner, qtbot: QtBot) -> None:
    """The job starts as soon as the inquiry's step is done; the inquiry ends as cancelled."""
    asking, outcomes = Endless(), list[str]()
    inquiry = runner.inquire("Look", asking)
    inquiry.ended.connect(lambda ended: outcomes.append(ended.outcome))
    assert asking.begun.wait(TIMEOUT_MS / 1000)
    assert run(qtbot, runner, steps(result=5)).result == 5
    assert outcomes == ["cancelled"]


def test_closing_ends_an_inquiry_too(runner: JobRunner, qtbot: QtBot) -> None:
    """A window that is closed while it looks at a model leaves no thread."""
    asking = Endless()
    runner.inquire("Look", asking)
    assert asking.begun.wait(TIMEOUT_MS / 1000)
    runner.close()
    assert asking.closed.is_set()
