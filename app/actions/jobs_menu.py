"""What waits and what runs: its order, its pauses, its end, and what came of it, which is opened."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices

from app.actions.action import Action, Menu
from app.files.trace_files import show_in_file_manager
from app.running.queue.job_queue import JobQueue
from app.running.queue.queued_job import QueuedJob
from app.state.job_state import JobEntry, JobStatus, entry_of, may_move, unfinished
from app.state.state import State
from app.window.main_window import MainWindow


def _chosen(state: State) -> JobEntry | None:
    return entry_of(state.jobs, state.job)


def _for_chosen(may: Callable[[JobEntry], bool]) -> Callable[[State], bool]:
    def is_enabled(state: State) -> bool:
        entry = _chosen(state)
        return entry is not None and may(entry)

    return is_enabled


def _may_move(step: int) -> Callable[[State], bool]:
    return lambda state: may_move(state.jobs, _chosen(state), step)


def _move(window: MainWindow, step: int) -> None:
    state = window.session.state
    if (entry := _chosen(state)) is not None:
        window.queue.move(entry.number, [*unfinished(state.jobs)].index(entry) + step)


def _with_chosen(does: Callable[[JobQueue, int], object]) -> Callable[[MainWindow], object]:
    def run(window: MainWindow) -> None:
        if (entry := _chosen(window.session.state)) is not None:
            does(window.queue, entry.number)

    return run


def _open(window: MainWindow) -> None:
    if (entry := _chosen(window.session.state)) is not None:
        open_result(window, entry)


_CHOSEN = (
    Action(
        "open_job",
        "Open what came of the job",
        "Show the result of the chosen job, or the trace that it is about",
        _open,
        is_enabled=lambda state: _chosen(state) is not None,
    ),
    Action(
        "pause_job",
        "Pause the job",
        "Stop the chosen job after the step in flight, and keep its place; nothing that it has made is lost",
        _with_chosen(JobQueue.pause),
        ("Ctrl+F8",),
        _for_chosen(lambda entry: entry.may_pause),
    ),
    Action(
        "resume_job",
        "Go on with the job",
        "Have the chosen job wait for its turn again, from where it was",
        _with_chosen(JobQueue.go_on),
        ("Shift+F8",),
        _for_chosen(lambda entry: entry.may_go_on),
    ),
    Action(
        "cancel_job",
        "Cancel the job",
        "Stop the chosen job after the step in flight, or take it out of those that wait",
        _with_chosen(JobQueue.cancel),
        ("Ctrl+Del",),
        _for_chosen(lambda entry: not entry.status.is_over),
    ),
)
_ORDER = (
    Action(
        "job_first",
        "Run the job next",
        "Put the chosen job before all that wait",
        _with_chosen(lambda queue, number: queue.move(number, 0)),
        ("Ctrl+Shift+Home",),
        _may_move(-1),
    ),
    Action(
        "job_up",
        "Run the job earlier",
        "Move the chosen job one place up",
        lambda w: _move(w, -1),
        ("Ctrl+Shift+Up",),
        _may_move(-1),
    ),
    Action(
        "job_down",
        "Run the job later",
        "Move the chosen job one place down",
        lambda w: _move(w, 1),
        ("Ctrl+Shift+Down",),
        _may_move(1),
    ),
)
_ALL = (
    Action(
        "hold_jobs",
        "Hold the jobs",
        "Begin no other job for now; what runs steps aside where it loses nothing by that",
        lambda w: w.queue.hold(),
        is_enabled=lambda state: not state.holds_jobs,
    ),
    Action(
        "resume_jobs",
        "Go on with all jobs",
        "Have every job that is paused, or held, run when its turn comes",
        lambda w: w.queue.go_on_with_all(),
        is_enabled=lambda state: (
            state.holds_jobs or any(entry.status is JobStatus.PAUSED for entry in unfinished(state.jobs))
        ),
    ),
    Action(
        "clear_jobs",
        "Clear the jobs that ended",
        "Take what is done, was cancelled or failed out of the list; the files stay",
        lambda w: w.queue.clear(),
        is_enabled=lambda state: any(entry.status.is_over for entry in state.jobs),
    ),
)
JOBS_MENU = Menu("Jobs", (_CHOSEN, _ORDER, _ALL))


def open_result(window: MainWindow, entry: JobEntry) -> None:
    """Show the result, or what the job is about where there is none yet; what cannot be shown is said."""
    job = window.queue.job(entry.number)
    if job is None:
        return
    if not job.view:
        _open_file(window, entry)
    elif _shows(window, job.trace) or _open_trace(window, job.trace):
        _look_at(window, job, entry)
        window.show_view(job.view)


def _look_at(window: MainWindow, job: QueuedJob, entry: JobEntry) -> None:
    """Choose, in the view that it opens, what the job was about."""
    from moe_core.experiments.request import NamedRequest
    from moe_core.jobs.analysis_sources import AnalysisRequest

    state = window.session.state
    match job.request:
        case AnalysisRequest(name=name):
            window.session.set(replace(state, atlas=replace(state.atlas, analysis=name, key="")))
        case NamedRequest(experiment=name):
            window.session.set(replace(state, experiments=replace(state.experiments, name=name)))
            window.experiments.look_at(entry.result)
        case _ if job.view == "what_if" and entry.result is not None:
            window.session.look_at_what_if(entry.result)


def _shows(window: MainWindow, trace: Path) -> bool:
    shown = window.session.state.trace
    return shown is not None and shown.path.absolute() == trace.absolute()


def _open_trace(window: MainWindow, trace: Path) -> bool:
    if not trace.exists():
        window.say(f"{trace} is not there yet: nothing of it was recorded.", is_failure=False)
        return False
    return window.open_trace(trace)


def _open_file(window: MainWindow, entry: JobEntry) -> None:
    path = entry.result
    if path is None or not path.exists():
        window.say(f"{entry.title}: no file of it is there.", is_failure=False)
    elif not (_is_opened(path) or show_in_file_manager(path)):
        window.say(f"No program could be started for it; the file is {path}.", is_failure=False)


def _is_opened(path: Path) -> bool:
    """Whether the page is in the browser; a zip file is better shown where it lies."""
    return path.suffix == ".html" and QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))
