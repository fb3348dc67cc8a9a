"""`moescope experiment tasks`: several traces of one model, and which experts which task uses."""

import json
from collections.abc import Callable
from pathlib import Path

from moe_core.commands.job_console import run_job
from moe_core.experiments.tasks.request import TasksRequest
from moe_core.experiments.tasks.result import TasksResult
from moe_core.experiments.tasks.run import compare_tasks
from moe_core.experiments.tasks.text import tasks_csv, tasks_json, tasks_lines
from moe_core.jobs.models.engine import Engine
from moe_core.reports.tasks_page import tasks_page
from moe_core.system.console_text import print_lines
from moe_core.traces.result_file import write_result, writing

TASKS = "tasks"


def run_tasks(
    request: TasksRequest, engine: Engine | None, csv: Path | None, html: Path | None, *, as_json: bool
) -> None:
    """Compare the tasks, print what was found, and write what is wanted."""
    found = run_job(compare_tasks(request, engine))
    if as_json:  # first of all: what took long is not lost where a file cannot be written
        print(json.dumps(tasks_json(found), allow_nan=False))
    else:
        print_lines([*tasks_lines(found), f"{found.seconds:.1f} s"])
    writers: tuple[tuple[Path | None, Callable[[TasksResult], str]], ...] = ((csv, tasks_csv), (html, tasks_page))
    for target, text in writers:
        if target is not None:
            with writing("result", target):
                write_result(target, text(found))
            if not as_json:
                print_lines([f"Written: {target}"])
