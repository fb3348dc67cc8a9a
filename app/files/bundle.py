"""One zip file with all that a session has to show: report, figures, tables, masks, notes, and the commands behind."""

import json
import shlex
import time
import zipfile
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from PySide6.QtWidgets import QFileDialog, QWidget

from app.content.record_command import command_line
from app.files.figures.export import file_name
from app.files.figures.formats import USUAL
from app.files.report_saving import reported
from app.state.state import State
from app.widgets.figures.figure import Figure
from moe_core.analyses.expert_contributions import compute as contributions
from moe_core.errors import MoeCoreError
from moe_core.figures.table import FigureTable
from moe_core.interventions.intervention import Intervention
from moe_core.jobs.events import Event, Progress, Stage
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest
from moe_core.jobs.runs.run_plan import RunOptions
from moe_core.measures.scope import Scope
from moe_core.quizzes.chat_template import TemplateChoice
from moe_core.quizzes.selection import QuestionSelection
from moe_core.reports.charts.figure import AnyFigure, standalone_svg
from moe_core.reports.formats.csv_tables import CSV
from moe_core.reports.formats.html_page import HTML
from moe_core.reports.pages.what_if import what_if_page
from moe_core.system.whole_file import replacing
from moe_core.traces.reader import open_trace
from moe_core.traces.result_file import refuse_trace
from moe_core.traces.specification import Specification

Content = str | bytes
Part = tuple[str, Callable[[], Content]]
"""A file of the bundle, and what makes it when its turn comes."""


@dataclass(frozen=True)
class ShownFigure:
    """A figure as it is shown now."""

    title: str
    caption: str
    described: AnyFigure
    data: FigureTable


@dataclass(frozen=True)
class Bundle:
    """All that goes into one, as it is shown now; what is of the trace alone is read from it when it is written."""

    trace: Path
    scope: Scope
    parts: tuple[Part, ...]


def ask_for_bundle(parent: QWidget, trace: Path) -> Path | None:
    """Where the bundle goes; None where the person changes their mind."""
    suggested = trace.with_suffix(".zip")
    chosen, _ = QFileDialog.getSaveFileName(parent, "Export bundle", str(suggested), "Zip file (*.zip)")
    if not chosen:
        return None
    return Path(chosen) if chosen.lower().endswith(".zip") else Path(f"{chosen}.zip")


def bundle_of(state: State, figures: Iterable[Figure]) -> Bundle:
    """What the session has to show now; a trace is open."""
    assert state.trace is not None
    shown = [ShownFigure(each.title, each.caption, each.described, each.data) for each in figures]
    return Bundle(state.trace.path, state.scope, (*_figures(shown), *_session_parts(state)))


def write_bundle(path: Path, bundle: Bundle) -> Generator[Event, None, Path]:
    """Events while it is written, its path in the end; a file of that name is replaced once the new one is whole.

    Raises MoeCoreError where that cannot be.
    """
    refuse_trace(path)
    try:
        with replacing(path) as unfinished, zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as file:
            yield Stage(f"Reading {bundle.trace.name}")
            parts = (*_report_parts(bundle), *bundle.parts)
            started = time.monotonic()
            for number, (name, content) in enumerate(parts, start=1):
                file.writestr(name, content())
                yield Progress.at_pace(number, len(parts), "files", time.monotonic() - started)
    except OSError as error:
        raise MoeCoreError(f"The bundle cannot be written to {path}: {error}") from error
    return path


def _report_parts(bundle: Bundle) -> list[Part]:
    """What is made of the trace alone, by whoever writes the bundle."""
    with open_trace(bundle.trace) as trace:
        found = contributions(trace, bundle.scope, None)
        ids = "\n".join(trace.ids) + "\n"
    (page,) = HTML.render(found).values()
    tables = [(f"tables/{name}", _made(table)) for name, table in CSV.render(found).items()]
    return [("report.html", _made(page)), *tables, ("questions.txt", _made(ids))]


def _session_parts(state: State) -> Iterator[Part]:
    assert state.trace is not None
    if state.history:
        what_ifs = reported(state)
        yield "what-ifs.html", lambda: what_if_page(what_ifs)
    masks = dict(_masks(state))
    for name, intervention in masks.items():
        yield name, _made(json.dumps(intervention.to_file_json(), ensure_ascii=False) + "\n")
    if not state.notes.is_empty:
        yield "notes.json", _made(state.notes.to_json())
    files = {intervention: name for name, intervention in masks.items()}
    repeated: list[Repeated] = []
    for number, each in enumerate(state.history, start=1):
        questions = f"questions/{number:02}.txt"
        yield questions, _made("\n".join(each.after.trace.ids) + "\n")
        repeated.append(Repeated(each.title, files[each.intervention], questions))
    commands = bundle_commands(state, "questions.txt", files.get(state.trace.specification.actions, ""), repeated)
    yield "commands.txt", _made(commands)


def _made(content: Content) -> Callable[[], Content]:
    return lambda: content


def _figures(figures: Iterable[ShownFigure]) -> Iterator[Part]:
    """Each as a figure and as its data; those that show nothing are left out."""
    for number, figure in enumerate((figure for figure in figures if len(figure.data.rows)), start=1):
        name = f"figures/{number:02}-{file_name('', figure.title)}"
        yield f"{name}.svg", partial(_svg, figure)
        yield f"{name}.csv", partial(figure.data.as_csv, f"{figure.title} · {figure.caption}")


def _svg(figure: ShownFigure) -> str:
    return standalone_svg(
        figure.described, width_mm=USUAL.width_mm, title=figure.title, caption=figure.caption, with_selection=False
    )


def _masks(state: State) -> Iterator[tuple[str, Intervention]]:
    """Every mask once: kept, being edited, of a what-if, or of the trace itself."""
    of_trace = [] if state.trace is None else [state.trace.specification.actions]
    every = [*state.masks, state.intervention, *(each.intervention for each in state.history), *of_trace]
    for number, mask in enumerate(dict.fromkeys(mask for mask in every if not mask.is_empty()), start=1):
        yield f"masks/{number:02}-{file_name('', mask.name) or 'mask'}.json", mask


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
            ModelRequest(model, device=run.model.device, dtype=run.model.dtype, compile=run.model.compiled),
            quiz,
            trace,
            selection=QuestionSelection(ids_file=Path(questions)),
            options=RunOptions(run.shots, run.protocol, run.tokens, template=template),
        )
    )


def _line(*words: object) -> str:
    return shlex.join(["moescope", *map(str, words)])
