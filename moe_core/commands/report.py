"""`moescope report`: the tables of https://arxiv.org/abs/2502.17187 for one trace."""

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from moe_core.analyses.contribution_tables import ExpertContributions
from moe_core.analyses.expert_contributions import compute as contributions
from moe_core.commands.console.options import PageFile, check_target, check_target_folder, write_text
from moe_core.commands.console.remedies import in_words
from moe_core.comparison.models_beside import compare_models
from moe_core.errors import Remedy
from moe_core.measures.scope import Scope
from moe_core.reports.format import ReportFormat
from moe_core.reports.formats.csv_tables import CSV
from moe_core.reports.formats.html_page import HTML
from moe_core.reports.formats.json_format import JSON
from moe_core.reports.formats.text import TEXT
from moe_core.system.console_text import print_text
from moe_core.traces.reader import open_trace
from moe_core.traces.result_file import write_result, writing


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
    html: PageFile = None,
    beside: Annotated[
        list[Path] | None,
        typer.Option(readable=False, help="Another trace of the same quiz, set beside this one; may be given again."),
    ] = None,
    min_questions: Annotated[
        int | None, typer.Option(min=1, help="Questions that must have chosen an expert before it is ranked.")
    ] = None,
) -> None:
    """Print experts used, entropies, gate weights and accuracies of a trace."""
    traces = trace, *(beside or ())
    check_target(html, *traces)
    check_target_folder(csv, *traces)
    with ExitStack() as opened:
        first, *others = (opened.enter_context(open_trace(path)) for path in traces)
        found = contributions(first, scope, min_questions)
        if others:
            found = replace(found, beside=compare_models([first, *others], scope))
    print_text(_only_text(JSON if as_json else TEXT, found))
    if not as_json and not found.coverage.n_recorded:
        print_text(f"{in_words(Remedy.RESUME)}\n")
    if csv is not None:
        with writing("report", csv):
            for name, text in CSV.render(found).items():
                write_result(csv / name, text)
        if not as_json:
            print_text(f"Written: {csv}\n")
    write_text("report", html, partial(_only_text, HTML, found), as_json=as_json)


def _only_text(form: ReportFormat, found: ExpertContributions) -> str:
    """Of a format that is one file."""
    (text,) = form.render(found).values()
    return text
