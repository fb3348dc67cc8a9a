"""`moescope resume`: goes on with a partial trace, or asks the damaged questions of one again."""

from pathlib import Path
from typing import Annotated

import typer

from moe_core.commands.console.job_console import GOES_ON, run_job
from moe_core.commands.console.options import AllowNetworkFolder, AsJson, Cluster, ModelPlace, Offline, engine_at
from moe_core.commands.record import print_result
from moe_core.jobs.models.recorded_model import ModelNow
from moe_core.jobs.resume import ResumeRequest, resume


def resume_trace(
    trace: Annotated[Path, typer.Argument(readable=False, help="The trace to go on with.")],
    model: ModelPlace = "",
    offline: Offline = False,
    ray: Cluster = None,
    allow_network_folder: AllowNetworkFolder = False,
    as_json: AsJson = False,
) -> None:
    """Ask the questions that a trace still lacks; it knows its model, its prompts and its intervention itself."""
    request = ResumeRequest(trace, ModelNow(model, offline=offline), allow_network_folder)
    with engine_at(ray) as engine:
        result = run_job(resume(request, engine), when_stopped=GOES_ON)
    print_result(result, as_json=as_json)
