"""`moescope resume`: goes on with a partial trace, or asks the damaged questions of one again."""

import sys
from pathlib import Path

import typer

from moe_core.commands.command import Command
from moe_core.commands.job_console import JobInterruptedError, run_job
from moe_core.commands.record import print_result
from moe_core.jobs.resume import ResumeRequest, resume


def resume_trace(
    trace: Path = typer.Argument(..., readable=False, help="The trace to go on with."),
    model: str = typer.Option("", help="Where the same model lies now, if elsewhere: hub id or folder."),
    offline: bool = typer.Option(False, help="Use nothing from the network."),
    allow_network_folder: bool = typer.Option(False, help="Write to a network file system, where less is promised."),
    as_json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
) -> None:
    """Ask the questions that a trace still lacks; it knows its model, its prompts and its intervention itself."""
    request = ResumeRequest(trace, model, offline, allow_network_folder)
    try:
        result = run_job(resume(request))
    except JobInterruptedError:
        print("moescope: stopped; the same command goes on where it was.", file=sys.stderr)
        raise
    print_result(result, as_json=as_json)


COMMAND = Command(name="resume", run=resume_trace)
