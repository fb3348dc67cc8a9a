"""A real window on a real trace, offscreen unless the test run says that it has a display of its own."""

import gc
import itertools
import math
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QThreadPool, QTimer
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app import theme
from app.actions.menus import Menus
from app.running.job_thread import JobEnded, Run, Worker
from app.settings import Settings
from app.start.application import configure
from app.state import slices
from app.state.session import Session
from app.window.main_window import MainWindow
from moe_core.jobs.events import Event
from moe_core.traces.records import PrefixRecord, QuestionRecord
from moe_core.traces.writing.writer import TraceWriter

if not os.environ.get("MOESCOPE_TEST_DISPLAY") and "offscreen" not in os.environ.get("QT_QPA_PLATFORM", ""):
    os.environ["QT_QPA_PLATFORM"] = "offscreen"

TINY_TRACE = Path(__file__).resolve().parents[1] / "data" / "demo-format-1.h5"


@pytest.fixture(autouse=True)
def light_colours(qapp: QApplication) -> None:
    """The application set up as the program's own, in light colours, and the mouse on nothing that will be shown."""
    configure(qapp)
    theme.apply(qapp, "light")
    QCursor.setPos(qapp.primaryScreen().geometry().bottomRight())  # else where the test before has left it


@pytest.fixture(autouse=True)
def garbage_of_one_thread() -> Iterator[None]:
    """As in the program: else a thread that runs Python destroys plots of earlier tests while others are painted."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(autouse=True)
def short_work_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is added up or read for a few questions is there at once, however slow or busy the machine is."""
    monkeypatch.setattr(slices, "AT_ONCE_S", math.inf)


@pytest.fixture(autouse=True)
def nothing_left_behind(light_colours: None) -> Iterator[None]:
    """Fails a test that leaves a thread, a window or a running timer."""
    before = set(threading.enumerate())
    yield
    QThreadPool.globalInstance().waitForDone()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    windows = [window for window in QApplication.topLevelWidgets() if window.isVisible()]
    timers = [timer for window in QApplication.topLevelWidgets() for timer in window.findChildren(QTimer)]
    assert not windows, f"windows left behind: {windows}"
    assert not [timer for timer in timers if timer.isActive()], "running timers left behind"
    # Python keeps a dummy for every thread of Qt's in which it ever ran, ended or not; the window's is asked itself.
    threads = [thread for thread in threading.enumerate() if not thread.name.startswith("Dummy")]
    assert set(threads) <= before, "threads left behind"


@pytest.fixture
def trace_path(tmp_path: Path) -> Path:
    """A complete trace of a tiny model (24 questions, 3 layers x 16 experts, top-4, all tokens kept)."""
    return Path(shutil.copy(TINY_TRACE, tmp_path / "tiny.h5"))


@pytest.fixture(scope="session")
def demo_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo, recorded: 800 questions, 8 layers x 32 experts; not to be written to."""
    from app.window.demo import demo_request
    from moe_core.jobs.record import record
    from tests.job_results import result_of

    return result_of(record(demo_request(tmp_path_factory.mktemp("library")))).path


@pytest.fixture(scope="session")
def demo_what_if(demo_path: Path) -> Path:
    """The demo without expert 1:25, which costs the subject festivals 60 points; not to be written to."""
    from moe_core.interventions.intervention import parse_mask
    from moe_core.jobs.what_if import WhatIfRequest, what_if
    from tests.job_results import result_of

    return result_of(what_if(WhatIfRequest(demo_path, parse_mask("1:25")))).path


@pytest.fixture
def session(qapp: QApplication) -> Iterator[Session]:
    """A session with no trace open."""
    made = Session()
    yield made
    made.close()


@pytest.fixture
def opened(session: Session, trace_path: Path) -> Session:
    """A session with the tiny trace open."""
    session.open(trace_path)
    return session


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    """The real window with settings and library of its own; closing it must end its thread and leave no window."""
    settings = Settings(tmp_path / "settings.ini")
    settings.library = tmp_path / "library"
    made = MainWindow(settings)
    Menus(made)
    with qtbot.waitExposed(made):
        made.show()
    yield made
    made.close_without_asking()
    assert not made.runner.has_thread
    made.deleteLater()


@pytest.fixture
def second_batch(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A recording of the window waits for this event before it writes another batch than the first."""
    may_come, is_first, write = threading.Event(), threading.Event(), TraceWriter.write
    is_first.set()

    def write_in_time(writer: TraceWriter, records: Sequence[PrefixRecord | QuestionRecord]) -> None:
        if not is_first.is_set():
            may_come.wait()
        is_first.clear()
        write(writer, records)

    monkeypatch.setattr(TraceWriter, "write", write_in_time)
    yield may_come
    may_come.set()


HoldAfter = Callable[[type[Event], int], None]


@pytest.fixture
def hold_after(monkeypatch: pytest.MonkeyPatch) -> HoldAfter:
    """`hold_after(kind, n)`: the next job goes no further than its n-th event of that kind, until it is cancelled."""

    def hold(kind: type[Event], n: int) -> None:
        pump, keep, numbers = Worker._pump, Run.keep, itertools.count(1)
        pumped: list[Run] = []

        def pump_and_note(worker: Worker, run: Run) -> JobEnded:
            pumped.append(run)
            return pump(worker, run)

        def keep_and_wait(run: Run, event: Event) -> None:
            keep(run, event)
            if run is pumped[0] and isinstance(event, kind) and next(numbers) == n:
                run.cancelled.wait()

        monkeypatch.setattr(Worker, "_pump", pump_and_note)
        monkeypatch.setattr(Run, "keep", keep_and_wait)

    return hold
