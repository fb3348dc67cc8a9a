"""One action for each of the prepared experiments."""

from app.actions.action import Action, Menu, has_trace
from moe_core.experiments import EXPERIMENTS
from moe_core.experiments.experiment import Experiment


def _experiment_action(experiment: Experiment) -> Action:
    return Action(
        f"experiment_{experiment.name.replace('-', '_')}",
        f"{experiment.title}…",
        experiment.question,
        lambda window: window.show_experiment(experiment.name),
        is_enabled=has_trace,
    )


EXPERIMENTS_MENU = Menu("Experiments", (tuple(map(_experiment_action, EXPERIMENTS)),))
