"""`moescope experiment`: one of the prepared experiments on a trace, answered in a sentence, a table and a figure."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from moe_core.commands.console.experiment_options import DEFAULTS, Chosen, Files, Pruning, SizeAndTrace
from moe_core.commands.console.job_console import BEGINS_ANEW, GOES_ON, JobInterruptedError, run_job
from moe_core.commands.console.options import (
    AsJson,
    Cluster,
    IdsFile,
    ModelOptions,
    RerunBaseline,
    SubsetText,
    engine_at,
    read_subset,
    takes_groups,
)
from moe_core.errors import ExperimentError
from moe_core.experiments import EXPERIMENTS
from moe_core.experiments.beside import KeptExperiment, experiments_beside
from moe_core.experiments.experiment import Experiment
from moe_core.experiments.points.file import kept_files
from moe_core.experiments.prune_to import PRUNE_TO, default_out
from moe_core.experiments.request import ExperimentRequest
from moe_core.experiments.result import ExperimentPoint, ExperimentResult, PointMade
from moe_core.experiments.tasks.pruning import NAME as TASKS
from moe_core.experiments.tasks.request import TasksRequest
from moe_core.experiments.tasks.run import compare_tasks
from moe_core.experiments.tasks.text import tasks_csv, tasks_json, tasks_lines
from moe_core.experiments.text import point_json, point_line, result_csv, result_json, result_lines
from moe_core.jobs.events import Event
from moe_core.jobs.export_pruned import ExportRequest, check_out, export_pruned
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.recorded_model import ModelNow
from moe_core.measures.scope import Scope
from moe_core.numbers.formatting import counted, data_size
from moe_core.reports.pages.experiment import experiment_page
from moe_core.reports.pages.tasks import tasks_page
from moe_core.system.console_text import print_lines, print_result
from moe_core.traces.reader import open_trace

_LIST = "list"
_NAMES = ", ".join([*(experiment.name for experiment in EXPERIMENTS), TASKS])


@takes_groups
def run_experiment(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"Which one: {_NAMES}; or {_LIST}: those run before.")],
    trace: SizeAndTrace,
    more: Annotated[list[Path] | None, typer.Argument(metavar="", hidden=True, readable=False)] = None,
    *,
    subset: SubsetText = "all",
    ids: IdsFile = None,
    chosen: Chosen,
    pruning: Pruning,
    files: Files,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin anew, and take over no point that was done before.")
    ] = False,
    rerun_baseline: RerunBaseline = False,
    now: ModelOptions,
    ray: Cluster = None,
    as_json: AsJson = False,
) -> None:
    """Run a prepared experiment: never-used experts off, the best ones boosted, a pruning curve, single neurons off ..

    Finished points are kept in a file beside the trace, and the same command goes on from them.
    """
    if name == TASKS:
        tasks = TasksRequest(
            (trace, *(more or ())), chosen.scope or Scope.ANSWER, chosen.seed, pruning.prune, rerun_baseline, now
        )
        _compare_tasks(tasks, files, ray, as_json=as_json)
        return
    trace, keep = _trace_and_size(name, (trace, *(more or ())))
    if name == _LIST:
        _print_kept(trace, as_json=as_json)
        return
    experiment = find_experiment(name)
    if pruning.out is not None:
        check_out(pruning.out)
    files.check(trace)
    asked = read_subset(subset, ids, chosen.seed)
    request = ExperimentRequest(trace, chosen.options(keep), asked, rerun_baseline, now, fresh)
    with engine_at(ray) as engine:
        result = _run(experiment, request, engine, as_json=as_json)
    _print_result(result, files, as_json=as_json)
    if pruning.export and result.chosen_point is not None:
        _export(trace, result.chosen_point, pruning.out, now, as_json=as_json)


def _compare_tasks(request: TasksRequest, files: Files, ray: str | None, *, as_json: bool) -> None:
    """Several traces of one model, and which experts which task uses."""
    files.check(*request.traces)
    with engine_at(ray) as engine:
        found = run_job(compare_tasks(request, engine), when_stopped=GOES_ON if request.prune else BEGINS_ANEW)
    print_result(tasks_json(found), [*tasks_lines(found), f"{found.seconds:.1f} s"], as_json=as_json)
    files.write(found, tasks_csv, tasks_page, as_json=as_json)


def _print_result(result: ExperimentResult, files: Files, *, as_json: bool) -> None:
    """Print it before anything is written: what took hours is not lost where a file cannot be."""
    kept = [] if result.kept is None else [f"Its answers are kept in {result.kept}"]
    print_result(result_json(result), [*result_lines(result), f"{result.seconds:.1f} s", *kept], as_json=as_json)
    files.write(result, result_csv, experiment_page, as_json=as_json)


def _trace_and_size(name: str, arguments: tuple[Path, ...]) -> tuple[Path, str]:
    """`[SIZE] TRACE` of the command line; raises ExperimentError where one is missing, or there is one too many."""
    wants_size = name == PRUNE_TO.name
    if len(arguments) != 1 + wants_size:
        usage = "prune-to SIZE TRACE, such as prune-to 50% T.h5" if wants_size else f"{name[:40]} TRACE"
        raise ExperimentError(f"Write: moescope experiment {usage}.")
    return arguments[-1], str(arguments[0]) if wants_size else DEFAULTS.keep


def _export(trace: Path, point: ExperimentPoint, out: Path | None, now: ModelNow, *, as_json: bool) -> None:
    """The smaller checkpoint of the mask that was found."""
    with open_trace(trace) as opened:
        n_left = opened.dimensions.n_experts - point.n_experts // opened.dimensions.n_layers
    model = ModelNow(now.model, offline=now.offline)
    made = run_job(export_pruned(ExportRequest(trace, point.intervention, out or default_out(trace, n_left), model)))
    text = f"Written: {made.path}, {made.n_experts} experts in every layer, {data_size(made.n_bytes)}"
    if as_json:  # of what is printed there only one object
        print(text, file=sys.stderr)
    else:
        print_lines([text])


def find_experiment(name: str) -> Experiment:
    """The experiment of that name; raises ExperimentError that lists them."""
    for experiment in EXPERIMENTS:
        if experiment.name == name:
            return experiment
    raise ExperimentError(f'There is no experiment "{name[:40]}": choose {_NAMES}.')


def _print_kept(trace: Path, *, as_json: bool) -> None:
    """Every experiment that was run on the trace, the last one first."""
    with open_trace(trace):  # what is no trace is said
        found = list(experiments_beside(trace))
    lines = [line for each in found for line in _kept_lines(each)]
    nothing = [f"No experiment was run on {trace.name} yet: choose {_NAMES}."]
    print_result([_kept_json(each) for each in found], lines or nothing, as_json=as_json)


def _kept_lines(kept: KeptExperiment) -> list[str]:
    said = kept.problem if kept.result is None else kept.result.finding
    return [f"{kept.path.name}: {kept.experiment.title}", f"  {said}"]


def _kept_json(kept: KeptExperiment) -> dict[str, Any]:
    result = None if kept.result is None else result_json(kept.result)
    return {
        "experiment": kept.experiment.name,
        "file": str(kept.path),
        "problem": kept.problem or None,
        "result": result,
    }


def _run(
    experiment: Experiment, request: ExperimentRequest, engine: Engine | None, *, as_json: bool
) -> ExperimentResult:
    finished: list[ExperimentPoint] = []

    def keep(event: Event) -> None:
        if isinstance(event, PointMade):
            finished.append(event.point)

    try:
        return run_job(experiment.run(request, engine), when_stopped="", heard=keep)
    except JobInterruptedError:
        if as_json:
            print(json.dumps({"complete": False, "points": [point_json(point) for point in finished]}))
        elif finished:
            print_lines(map(point_line, finished))
        n_run = sum(not point.intervention.is_empty() for point in finished)
        said = f"stopped; {counted(n_run, 'point')} finished"
        newest = kept_files(request.baseline, (experiment.name,))
        if n_run and newest:
            said += f" and kept in {newest[0][1].name}: the same command goes on from there"
        print(f"moescope: {said}.", file=sys.stderr)
        raise
