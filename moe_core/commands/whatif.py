"""`moescope whatif`: asks a trace's questions again with experts masked or boosted, and compares, paired."""

from pathlib import Path
from typing import Annotated

import typer

from moe_core.commands.compare import heading
from moe_core.commands.console.job_console import GOES_ON, run_job
from moe_core.commands.console.options import (
    MOST_SEED,
    AllowNetworkFolder,
    AsJson,
    Cluster,
    Effect,
    IdsFile,
    InterventionFile,
    ModelOptions,
    Place,
    RerunBaseline,
    SubsetText,
    engine_at,
    read_actions,
    read_subset,
    takes_groups,
)
from moe_core.comparison.control_distribution import ControlRequest
from moe_core.comparison.text import comparison_json, comparison_lines, controls_json, controls_lines, interval_note
from moe_core.jobs.what_if import WhatIfRequest, WhatIfResult, what_if
from moe_core.measures.scope import Scope
from moe_core.system.console_text import print_result


@takes_groups
def what_if_trace(
    trace: Annotated[Path, typer.Argument(readable=False, help="The baseline, whose own run is repeated.")],
    *,
    mask: Annotated[
        str, typer.Option(help="Act on experts, LAYER:EXPERT,.. by own layer numbers, or LAYER:EXPERT:NEURON,.. off")
    ] = "",
    effect: Annotated[Effect | None, typer.Option(help="What --mask does; reroute unless said.")] = None,
    boost: Annotated[float | None, typer.Option(help="Multiply the gate weight of --mask by this instead.")] = None,
    at: Annotated[Place | None, typer.Option(help="Act at all tokens, unless said, or at the answer alone.")] = None,
    intervention: InterventionFile = None,
    subset: SubsetText = "all",
    ids: IdsFile = None,
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="Seed of --subset N and of --controls.")] = 0,
    controls: Annotated[int, typer.Option(min=0, max=1000, help="Random masks like this one to run beside it.")] = 0,
    match: Annotated[Scope, typer.Option(help="Tokens whose load decides which experts are alike.")] = Scope.PROMPT,
    out: Annotated[
        Path | None, typer.Option(readable=False, help="The trace to write; else TRACE.what-if-N.h5.")
    ] = None,
    rerun_baseline: RerunBaseline = False,
    now: ModelOptions,
    ray: Cluster = None,
    allow_network_folder: AllowNetworkFolder = False,
    as_json: AsJson = False,
) -> None:
    """Re-run a trace with experts masked or boosted, and compare answers, log-probabilities and routing."""
    request = WhatIfRequest(
        baseline=trace,
        intervention=read_actions(mask, effect, boost, intervention, at),
        subset=read_subset(subset, ids, seed),
        out=out,
        rerun_baseline=rerun_baseline,
        controls=ControlRequest(controls, seed, match),
        model=now,
        allow_network_folder=allow_network_folder,
    )
    with engine_at(ray) as engine:
        result = run_job(what_if(request, engine, is_last=True), when_stopped=GOES_ON)
    _print_result(result, as_json=as_json)


def _print_result(result: WhatIfResult, *, as_json: bool) -> None:
    data = comparison_json(result.comparison, result.seconds)
    data |= {"trace": str(result.path), "baseline": str(result.baseline), "seconds_asking": result.seconds_asking}
    data["controls"] = None if result.controls is None else controls_json(result.controls)
    lines = [heading(result.comparison, result.baseline.name, result.path.name)]
    lines += [*comparison_lines(result.comparison), *interval_note([result.comparison])]
    if result.controls is not None:
        lines += controls_lines(result.controls, result.comparison)
    print_result(data, [*lines, f"Written: {result.path} ({result.seconds:.1f} s)"], as_json=as_json)
