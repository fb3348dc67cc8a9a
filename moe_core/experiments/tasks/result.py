"""What was found of several tasks.

Axes: L MoE layers, E experts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_core.experiments.result import ExperimentPoint
from moe_core.experiments.tasks.overlap import Overlap
from moe_core.experiments.tasks.usage import TaskUse
from moe_core.interventions.layers import Layers
from moe_core.measures.scope import Scope
from moe_core.traces.specification import Specification


@dataclass(frozen=True)
class PrunedFor:
    """The experts that `by` does not need are gone, and the questions of `on` are asked: places among the tasks."""

    by: int
    on: int
    point: ExperimentPoint


@dataclass(frozen=True)
class TasksResult:
    """All tasks in the order asked for; `everywhere` is what all leave unused, `pairs` every two, by their places.

    `pruned` is empty where nothing was asked; `problem` says why where something was to be. `item`: what is counted,
    questions, or texts where no task asks anything.
    """

    specification: Specification
    scope: Scope
    seed: int
    layers: Layers
    tasks: tuple[TaskUse, ...]
    everywhere: Overlap
    pairs: tuple[tuple[int, int, Overlap], ...]
    pruned: tuple[PrunedFor, ...]
    finding: str
    caveats: tuple[str, ...]
    item: str
    seconds: float
    problem: str = ""

    @property
    def n_tasks_using(self) -> NDArray[np.int64]:
        """By how many tasks each expert is used [L, E]."""
        found: NDArray[np.int64] = np.sum([~task.never_used for task in self.tasks], axis=0)
        return found

    @property
    def unused_everywhere(self) -> tuple[tuple[int, int], ...]:
        """The experts that no task uses, in order."""
        cells = np.argwhere(self.n_tasks_using == 0).tolist()
        return tuple(self.layers.expert((place, expert)) for place, expert in cells)
