"""The command lines that make what a bundle holds, for whoever wants to check or repeat it."""

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from app.content.record_command import command_line
from app.state.state import State
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest
from moe_core.jobs.runs.run_plan import RunOptions
from moe_core.quizzes.chat_template import TemplateChoice
from moe_core.quizzes.selection import QuestionSelection
from moe_core.traces.specification import Specification


class Repeated(NamedTuple):
    """A what-if, and the bundle's files that hold its intervention and the ids of its questions."""

    title: str
    intervention: str
    questions: str


def bundle_commands(state: State, questions: str, recorded_with: str, what_ifs: Iterable[Repeated]) -> str:
    """One command a line: the recording, the reports, the tables, the what-ifs.

    `questions` and `recorded_with` are the bundle's files of the trace's ids and of its intervention, "" without one.
    """
    if state.trace is None:
        return ""
    trace, run = state.trace.path, state.trace.specification
    lines = [
        f"# {run.model.name} on {run.quiz.name}, questions: {run.quiz.selection}",
        _record(run, trace, questions, is_text=not state.trace.trace.n_choices.any())
        + (f" --intervention {shlex.quote(recorded_with)}" if recorded_with else ""),
        _line("report", trace, "--scope", state.scope, "--html", "report.html", "--csv", "tables"),
        _line("export", trace, "--parquet", "routing"),
    ]
    for each in what_ifs:
        lines.append(f"# what-if: {' '.join(each.title.split())}")
        lines.append(_line("whatif", trace, "--intervention", each.intervention, "--ids", each.questions))
    return "\n".join(lines) + "\n"


def _record(run: Specification, trace: Path, questions: str, *, is_text: bool) -> str:
    model = run.model.source if Path(run.model.source).is_absolute() else run.model.name
    quiz = run.quiz.name
    if Path(run.quiz.source).is_absolute():
        prefix = "mmlu:" if quiz == "mmlu" else "text:" if is_text else ""
        quiz = f"{prefix}{run.quiz.source}"
    template = TemplateChoice(run.template, tuple(run.template_args.items()))
    return command_line(
        RecordRequest(
            ModelRequest(model, device=run.model.device, dtype=run.model.dtype),
            quiz,
            trace,
            selection=QuestionSelection(ids_file=Path(questions)),
            options=RunOptions(run.shots, run.protocol, run.tokens, template=template),
        )
    )


def _line(*words: object) -> str:
    return shlex.join(["moescope", *map(str, words)])
