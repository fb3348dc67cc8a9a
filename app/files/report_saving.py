"""Writes reports as self-contained pages: of the open trace in the scope shown, and of the session's what-ifs."""

from collections.abc import Callable, Generator
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from app.state.state import State
from moe_core.analyses.expert_contributions import compute as contributions
from moe_core.errors import MoeCoreError
from moe_core.experiments.tasks.request import TasksRequest
from moe_core.experiments.tasks.run import compare_tasks
from moe_core.jobs.events import Event, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.measures.scope import Scope
from moe_core.reports.formats.html_page import HTML
from moe_core.reports.tasks_page import tasks_page
from moe_core.reports.what_if_page import ReportedWhatIf, what_if_page
from moe_core.traces.reader import open_trace
from moe_core.traces.result_file import write_result


def ask_for_page(parent: QWidget, title: str, suggested: Path) -> Path | None:
    """Where the page goes; None where the person changes their mind."""
    chosen, _ = QFileDialog.getSaveFileName(parent, title, str(suggested), "HTML page (*.html)")
    return Path(chosen) if chosen else None


def write_report(path: Path, trace: Path, scope: Scope) -> Generator[Event, None, Path]:
    """Events while the page of a trace is made, its path in the end; raises MoeCoreError where that cannot be."""
    yield Stage(f"Reading {trace.name}")
    with open_trace(trace) as opened:
        found = contributions(opened, scope, None)
    yield Stage(f"Writing {path.name}")
    (page,) = HTML.render(found).values()
    return _written(path, lambda: page)


def write_what_ifs(path: Path, made: list[ReportedWhatIf]) -> Generator[Event, None, Path]:
    """Events while the page of what-ifs is made, its path in the end; raises MoeCoreError where that cannot be."""
    yield Stage(f"Writing {path.name}")
    return _written(path, lambda: what_if_page(made))


def write_tasks(path: Path, request: TasksRequest, engine: Engine) -> Generator[Event, None, Path]:
    """Events while tasks are compared and their page is made, its path in the end; raises MoeCoreError likewise."""
    found = yield from compare_tasks(request, engine)
    return _written(path, lambda: tasks_page(found))


def reported(state: State) -> list[ReportedWhatIf]:
    """The what-ifs of the session, as their page takes them."""
    return [
        ReportedWhatIf(
            each.title, each.comparison, each.controls, each.seconds, each.before.path.name, each.after.path.name
        )
        for each in state.history
    ]


def _written(path: Path, page: Callable[[], str]) -> Path:
    try:
        write_result(path, page())
    except OSError as error:
        raise MoeCoreError(f"The report cannot be written to {path}: {error}") from error
    return path
