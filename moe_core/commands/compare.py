"""`moescope compare`: what changed between two traces of the same questions."""

import time
from pathlib import Path
from typing import Annotated

import typer

from moe_core.commands.console.options import AsJson
from moe_core.comparison.comparison import Comparison, compare
from moe_core.comparison.text import comparison_json, comparison_lines, interval_note, intervention_text
from moe_core.system.console_text import print_result
from moe_core.traces.reader import open_trace


def compare_traces(
    before: Annotated[
        Path, typer.Argument(metavar="A", readable=False, help="The trace before, usually the baseline.")
    ],
    after: Annotated[
        Path, typer.Argument(metavar="B", readable=False, help="The trace after, usually with an intervention.")
    ],
    as_json: AsJson = False,
) -> None:
    """Compare two traces question by question: accuracy, flips, log-probabilities and routing."""
    start = time.monotonic()
    with open_trace(before) as first, open_trace(after) as second:
        found = compare(first, second)
    lines = [heading(found, before.name, after.name), *comparison_lines(found), *interval_note([found])]
    print_result(comparison_json(found, time.monotonic() - start), lines, as_json=as_json)


def heading(comparison: Comparison, before: str, after: str) -> str:
    """Which model on which quiz, and what each trace is."""
    run = comparison.before
    first, second = map(intervention_text, (comparison.intervention_before, comparison.intervention_after))
    return f"{run.model.name} on {run.quiz.name}: {before} ({first}), then {after} ({second})"
