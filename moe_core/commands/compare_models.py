"""`moescope compare-models`: several models on the same quiz, and whether what is found of one holds for the others."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from moe_core.commands.console.options import AsJson, PageFile, check_target, write_text
from moe_core.comparison.models_beside import compare_models
from moe_core.measures.scope import Scope
from moe_core.reports.pages.models import models_json, models_lines, models_page
from moe_core.system.console_text import print_result
from moe_core.traces.reader import open_trace


def compare_models_of(
    traces: Annotated[list[Path], typer.Argument(readable=False, help="Traces of the same quiz, the reference first.")],
    scope: Annotated[Scope, typer.Option(help="Which tokens count.")] = Scope.ANSWER,
    html: PageFile = None,
    as_json: AsJson = False,
) -> None:
    """Compare models: accuracy paired by question, experts never used, evenness of load, entropy by relative depth."""
    check_target(html, *traces)
    with ExitStack() as opened:
        found = compare_models([opened.enter_context(open_trace(path)) for path in traces], scope)
    print_result(models_json(found), models_lines(found), as_json=as_json)
    write_text("page", html, partial(models_page, found), as_json=as_json)
