"""One action for each of the prepared experiments, which shows its options, and one that runs it."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QPushButton

from app.actions.action import Action, Menu, has_trace
from app.window.main_window import MainWindow
from moe_core.errors import TraceError
from moe_core.numbers.formatting import counted
from moe_core.traces.library import trace_paths

if TYPE_CHECKING:
    from moe_core.experiments.tasks.request import TasksRequest


def _show(window: MainWindow, name: str) -> None:
    state = window.session.state
    window.session.set(replace(state, experiments=replace(state.experiments, name=name)))
    window.enter_view("experiments")


def _run(window: MainWindow) -> None:
    window.show_view("experiments")
    if (button := window.views["experiments"].findChild(QPushButton, "run-experiment")) is not None:
        button.click()


def _compare_tasks(window: MainWindow) -> None:
    from app.dialogs.tasks import TasksDialog
    from app.files.report_saving import ask_for_tasks, write_tasks

    state = window.session.state
    shown = None if state.trace is None else state.trace.path
    folder = state.library or window.settings.library
    try:
        traces = trace_paths(folder)
    except TraceError:  # the list of traces says it
        traces = []

    def write(request: "TasksRequest") -> None:
        first = request.traces[0]
        if path := ask_for_tasks(window, first.with_name("tasks.html")):
            words = f"{counted(len(request.traces), 'trace')}, scope {request.scope}"
            make = partial(write_tasks, path, request)
            window.exports.start_with("Comparison of tasks", words, first, path, make, needs_model=bool(request.prune))

    dialog = TasksDialog(traces, shown, window)
    dialog.accepted_request.connect(write)
    dialog.open()


def _experiment_action(name: str, title: str, question: str) -> Action:
    return Action(
        f"experiment_{name.replace('-', '_')}",
        f"{title}…",
        question,
        lambda window: _show(window, name),
        is_enabled=has_trace,
    )


# As the experiments say it themselves, which are imported only when one is looked at: a third of the window's start.
_EXPERIMENTS = (
    _experiment_action(
        "never-used",
        "Switch off the never-used experts",
        "Does the model answer as well without the experts that it never used?",
    ),
    _experiment_action(
        "boost-best",
        "Boost the most accurate experts",
        "Does a larger gate weight for the experts with the highest accuracy give more right answers?",
    ),
    _experiment_action(
        "pruning-curve",
        "Pruning curve",
        "How many experts of every layer can be removed, and in which order, before accuracy falls?",
    ),
    _experiment_action(
        "prune-to",
        "Prune to a size",
        "How much smaller can the model become before it loses more accuracy than allowed?",
    ),
    _experiment_action(
        "neurons",
        "Neurons as experts",
        "Do the neurons of an expert that fire most matter more than as many others of it?",
    ),
    _experiment_action(
        "perturbation",
        "Perturbation",
        "How many experts and answers change with a little noise, and is that so where gates are nearly even?",
    ),
)
_TASKS = (
    Action(
        "compare_tasks",
        "Compare tasks…",
        "Which experts do several traces of one model use, and which none? Written as a page, CSV or JSON",
        _compare_tasks,
    ),
)
_RUNNING = (
    Action(
        "run_experiment",
        "Run the experiment",
        "Run the experiment whose options the Experiments view shows",
        _run,
        ("F8",),
        has_trace,
    ),
)
EXPERIMENTS_MENU = Menu("Experiments", (_EXPERIMENTS, _TASKS, _RUNNING))
