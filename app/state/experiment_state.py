"""What the window knows of experiments: those that were run on the trace shown, and the one that is looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moe_core.experiments.experiment import Experiment
    from moe_core.experiments.request import ExperimentRequest
    from moe_core.experiments.result import ExperimentPoint, ExperimentResult


@dataclass(frozen=True, eq=False)
class ExperimentRun:
    """One experiment on the trace at `path`: its points so far, and its result once it is done.

    `number` counts from 1, cancelled ones and those found beside traces among them. `kept` is the file with its
    answers, `problem` a sentence on why that gives no result, `notices` what the run had to say, a sentence each.
    `goes_on` is what to ask for where the file is not finished.
    """

    number: int
    experiment: "Experiment"
    path: Path
    points: "tuple[ExperimentPoint, ...]" = ()
    result: "ExperimentResult | None" = None
    kept: Path | None = None
    problem: str = ""
    notices: tuple[str, ...] = ()
    goes_on: "ExperimentRequest | None" = None

    @property
    def is_running(self) -> bool:
        """Whether points are still to come by themselves."""
        return self.result is None and not self.problem


@dataclass(frozen=True)
class ExperimentsState:
    """`name` is the experiment whose options are shown, the first one where it is empty; `runs` are those of the trace
    shown, the one that runs last; `number` is that of the run that is looked at, None: the last one.
    """

    name: str = ""
    runs: Sequence[ExperimentRun] = ()
    number: int | None = None

    @property
    def shown(self) -> ExperimentRun | None:
        """The run that is looked at."""
        last = self.runs[-1] if self.runs else None
        return next((run for run in self.runs if run.number == self.number), last)
