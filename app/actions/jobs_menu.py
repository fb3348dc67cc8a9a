"""What waits and what runs: its order, its pauses, its end, and what came of it."""

from collections.abc import Callable

from app.actions.action import Action, Menu
from app.running.queue.job_queue import JobQueue
from app.state.job_state import JobEntry, JobStatus, entry_of, unfinished
from app.state.state import State
from app.window.job_results import open_result
from app.window.main_window import MainWindow


def _chosen(state: State) -> JobEntry | None:
    return entry_of(state.jobs, state.job)


def _for_chosen(may: Callable[[JobEntry], bool]) -> Callable[[State], bool]:
    def is_enabled(state: State) -> bool:
        entry = _chosen(state)
        return entry is not None and may(entry)

    return is_enabled


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


_can_move = _for_chosen(lambda entry: entry.may_move)
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
        _can_move,
    ),
    Action(
        "job_up",
        "Run the job earlier",
        "Move the chosen job one place up",
        lambda w: _move(w, -1),
        ("Ctrl+Shift+Up",),
        _can_move,
    ),
    Action(
        "job_down",
        "Run the job later",
        "Move the chosen job one place down",
        lambda w: _move(w, 1),
        ("Ctrl+Shift+Down",),
        _can_move,
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
