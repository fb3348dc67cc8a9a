"""The options that several commands take, and what some of them mean together."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, is_dataclass, replace
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from moe_core.errors import InterventionError, MoeCoreError
from moe_core.interventions.file import read_intervention
from moe_core.interventions.intervention import Intervention, parse_mask
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.recorded_model import ModelNow
from moe_core.jobs.runs.rerun_plan import Subset
from moe_core.jobs.runs.run_plan import MAX_BATCH_TOKENS
from moe_core.quizzes.selection import read_ids
from moe_core.system.console_text import print_lines
from moe_core.system.target_folder import existing_folder
from moe_core.traces.result_file import refuse_target, refuse_trace, write_result, writing

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Offline = Annotated[bool, typer.Option(help="Use nothing from the network.")]
AllowNetworkFolder = Annotated[bool, typer.Option(help="Write to a network file system, where less is promised.")]

Device = Annotated[str, typer.Option(help="auto, cpu, cuda:0, .., or balanced: spread over GPUs, CPU and disk")]
Dtype = Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")]
Compile = Annotated[
    bool, typer.Option("--compile", help="Run norms and experts compiled: faster on a GPU, other rounding.")
]
BatchTokens = Annotated[
    int | None, typer.Option(min=1, max=MAX_BATCH_TOKENS, help="Tokens per forward pass, padding included.")
]
MOST_SEED = 2**32 - 1
"""What files that keep a seed read back."""
Shots = Annotated[int, typer.Option(min=0, help="Worked examples before each question.")]
Sample = Annotated[int | None, typer.Option(min=1, help="Only N questions, drawn from all subjects in proportion.")]
IdsFile = Annotated[
    Path | None, typer.Option(readable=False, help="Only the questions whose ids stand in this file, one a line.")
]
InterventionFile = Annotated[Path | None, typer.Option(readable=False, help="A JSON file with an intervention.")]
PageFile = Annotated[Path | None, typer.Option(readable=False, help="Write one self-contained page to this file.")]

# Of a run that asks a trace's questions again.
SubsetText = Annotated[str, typer.Option(help="all, or N questions drawn from all subjects in proportion.")]
RerunBaseline = Annotated[
    bool, typer.Option("--rerun-baseline", help="Ask the baseline's questions here too, and compare with that.")
]
ModelPlace = Annotated[str, typer.Option(help="Where the model is now, if not where the trace says.")]
OtherDevice = Annotated[str, typer.Option(help="Another device than the baseline's: auto, cpu, cuda:0, ..")]
OtherDtype = Annotated[str, typer.Option(help="Another dtype than the baseline's.")]
Cluster = Annotated[
    str | None,
    typer.Option("--ray", help="Run on workers: local:N on this computer, or auto or HOST:PORT of a Ray cluster."),
]


@dataclass(frozen=True)
class ModelOptions(ModelNow):
    """Where a trace's model is now, as four options."""

    model: ModelPlace = ""
    device: OtherDevice = ""
    dtype: OtherDtype = ""
    offline: Offline = False


def takes_groups(command: Callable[..., None]) -> Callable[..., None]:
    """The command whose parameters that are dataclasses of options stand, each, as those options."""
    written = inspect.signature(command)
    groups: dict[str, Any] = {
        name: each.annotation for name, each in written.parameters.items() if is_dataclass(each.annotation)
    }
    options = {name: dict(inspect.signature(group).parameters) for name, group in groups.items()}
    parameters = [
        parameter.replace(kind=each.kind)
        for name, each in written.parameters.items()
        for parameter in options.get(name, {name: each}).values()
    ]
    spread = written.replace(parameters=parameters)

    @wraps(command)
    def run(*arguments: Any, **named: Any) -> None:
        bound = spread.bind(*arguments, **named)
        bound.apply_defaults()
        given = bound.arguments
        made = {name: group(**{key: given.pop(key) for key in options[name]}) for name, group in groups.items()}
        command(**given, **made)

    run.__dict__ |= {"__signature__": spread}
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def check_target(target: Path | None, *traces: Path | None) -> None:
    """Raise MoeCoreError where a result cannot be written to a file, be it for a trace that lies there.

    To be called before anything is run.
    """
    if target is not None:
        for trace in filter(None, traces):
            refuse_target(target, trace)
        refuse_trace(target)
        if target.is_dir():
            raise MoeCoreError(f"{target} is a folder: name the file to write.")
        if target.is_file() or not target.exists():  # what is none is written into, where it is
            existing_folder(target.parent)


def check_target_folder(folder: Path | None, *traces: Path | None) -> None:
    """The same for a folder that results are written into."""
    if folder is not None:
        for trace in filter(None, traces):
            refuse_target(folder, trace)
        refuse_trace(folder)
        existing_folder(folder)


def write_text(what: str, target: Path | None, text: Callable[[], str], *, as_json: bool) -> None:
    """Write a result where that is wanted, and say so, unless all that is said is JSON."""
    if target is not None:
        with writing(what, target):
            write_result(target, text())
        if not as_json:
            print_lines([f"Written: {target}"])


class Place(StrEnum):
    """At which tokens a mask acts."""

    ALL = "all"
    ANSWER = "answer"


class Effect(StrEnum):
    """What a mask does to its experts."""

    REROUTE = "reroute"
    DROP = "drop"


@contextmanager
def engine_at(cluster: str | None) -> Iterator[Engine | None]:
    """The engine that --ray means, and its workers end with it; None without one."""
    if cluster is None:
        yield None
        return
    from moe_core.jobs.workers.spread_model import engine_on

    engine = engine_on(cluster)
    try:
        yield engine
    finally:
        engine.release()


def read_actions(
    mask: str,
    effect: Effect | None = None,
    boost: float | None = None,
    path: Path | None = None,
    at: Place | None = None,
) -> Intervention:
    """The intervention that the options of the command line mean; raises InterventionError where they contradict."""
    if path is not None:
        if mask or effect or at or boost is not None:
            raise InterventionError(
                "--intervention says all there is to do: leave out --mask, --effect, --at and --boost."
            )
        return read_intervention(path)
    if boost is not None and effect is not None:
        raise InterventionError("An expert is either masked or boosted: give --effect or --boost, not both.")
    made = parse_mask(mask, (effect or Effect.REROUTE).value if boost is None else "boost", factor=boost)
    if boost is not None and made.neurons and not made.boost:
        raise InterventionError("There is no expert to boost: a neuron can only be switched off.")
    return replace(made, at_answer=at is Place.ANSWER)


def read_subset(subset: str, ids: Path | None, seed: int) -> Subset:
    """The questions that --subset and --ids mean; raises MoeCoreError where they are no choice or two."""
    if ids is not None:
        if subset != "all":
            raise MoeCoreError("Give either --subset or --ids, not both.")
        return Subset(ids=read_ids(ids))
    if subset == "all":
        return Subset()
    if not (subset.isdecimal() and len(subset) < 10):
        raise MoeCoreError(f'"{subset[:40]}" is no subset: give all, or how many questions.')
    return Subset(sample=int(subset), seed=seed)
