"""Writes reports as self-contained pages: of the open trace, of the session's what-ifs, of tasks also as data."""

import json
from collections.abc import Callable, Generator
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from app.files.figures.export import may_replace
from app.state.state import State
from moe_core.analyses.expert_contributions import compute as contributions
from moe_core.errors import MoeCoreError
from moe_core.experiments.tasks.request import TasksRequest
from moe_core.experiments.tasks.result import TasksResult
from moe_core.experiments.tasks.run import compare_tasks
from moe_core.experiments.tasks.text import tasks_csv, tasks_json
from moe_core.jobs.events import Event, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.measures.scope import Scope
from moe_core.reports.formats.html_page import HTML
from moe_core.reports.pages.tasks import tasks_page
from moe_core.reports.pages.what_if import ReportedWhatIf, what_if_page
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


def ask_for_tasks(parent: QWidget, suggested: Path) -> Path | None:
    """Where what tasks use goes, as a page, CSV or JSON; the ending is that of the kind that was chosen."""
    kinds = {f"{kind} (*{suffix})": suffix for suffix, (kind, _) in _TASK_FORMATS.items()}
    chosen, kind = QFileDialog.getSaveFileName(parent, "Save the comparison of tasks", str(suggested), ";;".join(kinds))
    if not chosen:
        return None
    path = Path(chosen)
    if path.suffix.lower() in _TASK_FORMATS:
        return path
    path = path.with_name(path.name + kinds.get(kind, ".html"))
    return path if not path.exists() or may_replace(parent, path) else None  # the dialog asked about the other name


def write_tasks(path: Path, request: TasksRequest, engine: Engine) -> Generator[Event, None, Path]:
    """Events while tasks are compared and written in the format of the path, which comes in the end.

    Raises MoeCoreError where that cannot be.
    """
    found = yield from compare_tasks(request, engine)
    _, text = _TASK_FORMATS[path.suffix.lower()]
    return _written(path, lambda: text(found))


_TASK_FORMATS: dict[str, tuple[str, Callable[[TasksResult], str]]] = {
    ".html": ("HTML page", tasks_page),
    ".csv": ("CSV, a row for each task and expert", tasks_csv),
    ".json": ("JSON", lambda found: json.dumps(tasks_json(found), allow_nan=False)),
}


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
