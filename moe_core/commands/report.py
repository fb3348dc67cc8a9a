"""`moescope report`: the tables of https://arxiv.org/abs/2502.17187 for one trace."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from moe_core.analyses.expert_contributions import EXPERT_CONTRIBUTIONS
from moe_core.commands.command import Command
from moe_core.errors import MoeCoreError
from moe_core.measures.scope import Scope
from moe_core.reports.formats.csv_tables import CSV
from moe_core.reports.formats.html_page import HTML
from moe_core.reports.formats.json_format import JSON
from moe_core.reports.formats.text import TEXT
from moe_core.traces.reader import open_trace
from moe_core.traces.result_file import refuse_trace, write_result


def report(
    trace: Annotated[
        Path, typer.Argument(readable=False, help="The trace to report, finished or not.", show_default=False)
    ],
    scope: Annotated[Scope, typer.Option(help="Which tokens count.")] = Scope.ANSWER,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
    csv: Annotated[
        Path | None,
        typer.Option(readable=False, help="Write layers, experts, subjects and questions as CSV into this folder."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(readable=False, help="Write one self-contained page to this file.")
    ] = None,
    min_questions: Annotated[
        int | None, typer.Option(min=1, help="Questions that must have chosen an expert before it is ranked.")
    ] = None,
) -> None:
    """Print experts used, entropies, gate weights and accuracies of a trace."""
    for target in (csv, html):
        _refuse_to_replace(trace, target)
    with open_trace(trace) as opened:
        found = EXPERT_CONTRIBUTIONS.compute(opened, scope, min_questions)
    if csv is not None:
        _write_files(csv, CSV.render(found))
    if html is not None:
        (page,) = HTML.render(found).values()
        _write_files(html.parent, {html.name: page})
    (text,) = (JSON if as_json else TEXT).render(found).values()
    _print(text)
    if not as_json:
        for target in (csv, html):
            if target is not None:
                _print(f"Written: {target}\n")


def _print(text: str) -> None:
    """Print what the terminal or pipe can show; a model's name or a rule may hold what its encoding lacks."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, errors="replace").decode(encoding), end="")


def _refuse_to_replace(trace: Path, target: Path | None) -> None:
    if target is not None and target.exists() and trace.exists() and target.samefile(trace):
        raise MoeCoreError(f"{target} is the trace itself: give the report another name.")
    if target is not None:
        refuse_trace(target)


def _write_files(folder: Path, texts: Mapping[str, str]) -> None:
    """Write each text, replacing a file of that name in one step."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            write_result(folder / name, text)
    except OSError as error:
        raise MoeCoreError(f"The report cannot be written to {folder}: {error.strerror or error}.") from error


COMMAND = Command(name="report", run=report)
