"""The experiments that were run on a trace, as the files beside it have them, finished or not."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from moe_core.errors import MoeCoreError
from moe_core.experiments import EXPERIMENTS
from moe_core.experiments.experiment import Experiment
from moe_core.experiments.points.file import kept_files, request_in
from moe_core.experiments.points.run import Unfinished
from moe_core.experiments.request import ExperimentRequest
from moe_core.experiments.result import ExperimentResult
from moe_core.experiments.tasks import pruning
from moe_core.numbers.formatting import count


@dataclass(frozen=True)
class KeptExperiment:
    """One file: what it is of, and what was found. Where it has no result, `problem` is a sentence that says why.

    `is_unfinished`: since the same request would go on with it.
    """

    experiment: Experiment
    path: Path
    request: ExperimentRequest | None = None
    result: ExperimentResult | None = None
    problem: str = ""
    is_unfinished: bool = False


def experiments_beside(trace: Path) -> Iterator[KeptExperiment]:
    """Every experiment of a trace that was begun, the one run last first; each is concluded from its answers anew.

    Of compared tasks it is what was pruned, since nothing else of them is asked or kept.
    """
    known = {experiment.name: experiment for experiment in (*EXPERIMENTS, pruning.TASKS)}
    for name, path in kept_files(trace, tuple(known)):
        yield _kept(known[name], trace, path)


def _kept(experiment: Experiment, trace: Path, path: Path) -> KeptExperiment:
    request = None
    try:
        request = request_in(path, trace)
        experiment = pruning.kept_in(path, request) if experiment is pruning.TASKS else experiment
        found = experiment.kept_result(request, path)
    except MoeCoreError as error:
        return KeptExperiment(experiment, path, request, problem=str(error))
    if isinstance(found, Unfinished):
        so_far = f"{count(found.n_done)} of {count(found.n_runs)} runs are done: the same experiment goes on from them."
        return KeptExperiment(experiment, path, request, problem=so_far, is_unfinished=True)
    return KeptExperiment(experiment, path, request, found)
