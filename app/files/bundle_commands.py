"""The command lines that make what a bundle holds, for whoever wants to check or repeat it."""

import shlex
from collections.abc import Iterable
from pathlib import Path

from app.state.state import State
from moe_core.traces.specification import Specification


def bundle_commands(state: State, masks: Iterable[tuple[str, str]]) -> str:
    """One command a line: the recording, the reports, the tables; `masks` are title and file of each what-if."""
    if state.trace is None:
        return ""
    trace, run = state.trace.path, state.trace.specification
    lines = [
        f"# {run.model.name} on {run.quiz.name}, questions: {run.quiz.selection}",
        _record(run, trace),
        _line("report", trace, "--scope", state.scope, "--html", "report.html", "--csv", "tables"),
        _line("export", trace, "--parquet", "routing"),
    ]
    for title, file in masks:
        lines += [f"# what-if: {' '.join(title.split())}", _line("whatif", trace, "--intervention", file)]
    return "\n".join(lines) + "\n"


def _record(run: Specification, trace: Path) -> str:
    model = run.model.source if Path(run.model.source).is_absolute() else run.model.name
    quiz = run.quiz.name
    if Path(run.quiz.source).is_absolute():
        quiz = f"mmlu:{run.quiz.source}" if quiz == "mmlu" else run.quiz.source
    options: list[object] = ["--model", model, "--quiz", quiz, "--protocol", run.protocol, "--shots", run.shots]
    options += ["--tokens", run.tokens, "--dtype", run.model.dtype, "--device", run.model.device]
    if run.template:
        options += ["--template", run.template]
    return _line("record", *options, "--out", trace)


def _line(*words: object) -> str:
    return shlex.join(["moescope", *map(str, words)])
