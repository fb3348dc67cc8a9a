"""One action for each of the prepared experiments, which shows its options, and one that runs it."""

from dataclasses import replace

from PySide6.QtWidgets import QPushButton

from app.actions.action import Action, Menu, has_trace
from app.window.main_window import MainWindow
from moe_core.experiments import EXPERIMENTS
from moe_core.experiments.experiment import Experiment


def _show(window: MainWindow, name: str) -> None:
    state = window.session.state
    window.session.set(replace(state, experiments=replace(state.experiments, name=name)))
    window.enter_view("experiments")


def _run(window: MainWindow) -> None:
    window.show_view("experiments")
    if (button := window.views["experiments"].findChild(QPushButton, "run-experiment")) is not None:
        button.click()


def _experiment_action(experiment: Experiment) -> Action:
    return Action(
        f"experiment_{experiment.name.replace('-', '_')}",
        f"{experiment.title}…",
        experiment.question,
        lambda window: _show(window, experiment.name),
        is_enabled=has_trace,
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
EXPERIMENTS_MENU = Menu("Experiments", (tuple(map(_experiment_action, EXPERIMENTS)), _RUNNING))
