"""`moescope whatif`: asks a trace's questions again with experts masked or boosted, and compares, paired."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from moe_core.commands.command import Command
from moe_core.commands.compare import heading
from moe_core.commands.job_console import JobInterruptedError, run_job
from moe_core.commands.record import Effect
from moe_core.comparison.control_distribution import ControlRequest
from moe_core.comparison.text import comparison_json, comparison_lines, controls_json, controls_lines
from moe_core.errors import InterventionError, MoeCoreError
from moe_core.interventions.file import read_intervention
from moe_core.interventions.intervention import Intervention, act_on, parse_experts
from moe_core.jobs.rerun_plan import Subset
from moe_core.jobs.what_if import WhatIfRequest, WhatIfResult, what_if
from moe_core.measures.scope import Scope
from moe_core.quizzes.selection import read_ids
from moe_core.system.console_text import print_lines


def what_if_trace(
    trace: Annotated[Path, typer.Argument(readable=False, help="The baseline, whose own run is repeated.")],
    mask: Annotated[str, typer.Option(help="Experts to act on: LAYER:EXPERT,..")] = "",
    effect: Annotated[Effect | None, typer.Option(help="What --mask does; reroute unless said.")] = None,
    boost: Annotated[float | None, typer.Option(help="Multiply the gate weight of --mask by this instead.")] = None,
    intervention: Annotated[Path | None, typer.Option(readable=False, help="A JSON file with an intervention.")] = None,
    subset: Annotated[str, typer.Option(help="all, or N questions drawn from all subjects in proportion.")] = "all",
    ids: Annotated[
        Path | None, typer.Option(readable=False, help="Only the questions whose ids stand here, one a line.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of --subset N and of --controls.")] = 0,
    controls: Annotated[int, typer.Option(min=0, max=1000, help="Random masks like this one to run beside it.")] = 0,
    match: Annotated[Scope, typer.Option(help="Tokens whose load decides which experts are alike.")] = Scope.PROMPT,
    out: Annotated[
        Path | None, typer.Option(readable=False, help="The trace to write; else TRACE.what-if-N.h5.")
    ] = None,
    rerun_baseline: Annotated[
        bool, typer.Option("--rerun-baseline", help="Ask the baseline's questions here too, and compare with that.")
    ] = False,
    model: Annotated[str, typer.Option(help="Where the model is now, if not where the trace says.")] = "",
    device: Annotated[str, typer.Option(help="Another device than the baseline's: auto, cpu, cuda:0, ..")] = "",
    dtype: Annotated[str, typer.Option(help="Another dtype than the baseline's.")] = "",
    offline: Annotated[bool, typer.Option("--offline", help="Use nothing from the network.")] = False,
    allow_network_folder: Annotated[
        bool, typer.Option("--allow-network-folder", help="Write to a network file system, where less is promised.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Re-run a trace with experts masked or boosted, and compare answers, log-probabilities and routing."""
    request = WhatIfRequest(
        baseline=trace,
        intervention=read_actions(mask, effect, boost, intervention),
        subset=read_subset(subset, ids, seed),
        out=out,
        rerun_baseline=rerun_baseline,
        controls=ControlRequest(controls, seed, match),
        model=model,
        device=device,
        dtype=dtype,
        offline=offline,
        allow_network_folder=allow_network_folder,
    )
    try:
        result = run_job(what_if(request))
    except JobInterruptedError:
        print("moescope: stopped; the same command goes on where it was.", file=sys.stderr)
        raise
    _print_result(result, as_json=as_json)


def read_actions(
    mask: str, effect: Effect | None = None, boost: float | None = None, path: Path | None = None
) -> Intervention:
    """The intervention that the options of the command line mean; raises InterventionError where they contradict."""
    if path is not None:
        if mask or effect or boost is not None:
            raise InterventionError("--intervention says all there is to do: leave out --mask, --effect and --boost.")
        return read_intervention(path)
    if boost is None:
        return act_on(parse_experts(mask), (effect or Effect.REROUTE).value)
    if effect is not None:
        raise InterventionError("An expert is either masked or boosted: give --effect or --boost, not both.")
    return act_on(parse_experts(mask), "boost", factor=boost)


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


def _print_result(result: WhatIfResult, *, as_json: bool) -> None:
    if as_json:
        data = comparison_json(result.comparison, result.seconds)
        data |= {"trace": str(result.path), "baseline": str(result.baseline)}
        data["controls"] = None if result.controls is None else controls_json(result.controls)
        print(json.dumps(data, allow_nan=False))
        return
    lines = [heading(result.comparison, result.baseline.name, result.path.name), *comparison_lines(result.comparison)]
    if result.controls is not None:
        lines += controls_lines(result.controls, result.comparison)
    print_lines([*lines, f"Written: {result.path} ({result.seconds:.1f} s)"])


COMMAND = Command(name="whatif", run=what_if_trace)
