"""One zip file with all that a session has to show: report, figures, tables, masks, notes, and the commands behind."""

import json
import os
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget

from app.content.remedies import Say
from app.files.bundle_commands import Repeated, bundle_commands
from app.files.figures.export import file_name
from app.files.figures.formats import svg_of
from app.files.report_saving import reported
from app.state.state import State
from app.widgets.figures.figure import Figure
from moe_core.analyses.expert_contributions import compute as contributions
from moe_core.errors import MoeCoreError
from moe_core.interventions.intervention import Intervention
from moe_core.reports.formats.csv_tables import CSV
from moe_core.reports.formats.html_page import HTML
from moe_core.reports.what_if_page import what_if_page
from moe_core.traces.result_file import refuse_trace


def ask_and_save_bundle(parent: QWidget, state: State, figures: Iterable[Figure], say: Say) -> None:
    """Ask for a path and write the bundle there; `say` tells how that went."""
    if state.trace is None:
        return
    suggested = state.trace.path.with_suffix(".zip")
    chosen, _ = QFileDialog.getSaveFileName(parent, "Export bundle", str(suggested), "Zip file (*.zip)")
    if not chosen:
        return
    path = Path(chosen) if chosen.lower().endswith(".zip") else Path(f"{chosen}.zip")
    QApplication.setOverrideCursor(Qt.CursorShape.WaitCursor)
    try:
        n_files = save_bundle(path, state, figures)
    except (OSError, MoeCoreError) as error:
        say(f"The bundle cannot be written to {path}: {error}")
    else:
        say(f"The bundle of {n_files} files is in {path}.", is_failure=False)
    finally:
        QApplication.restoreOverrideCursor()


def save_bundle(path: Path, state: State, figures: Iterable[Figure]) -> int:
    """The number of files in it; a file of that name is replaced once the new one is whole."""
    refuse_trace(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as bundle:
            for name, content in _contents(state, figures):
                bundle.writestr(name, content)
            n_files = len(bundle.namelist())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return n_files


def _contents(state: State, figures: Iterable[Figure]) -> Iterator[tuple[str, str | bytes]]:
    if state.trace is None:
        return
    found = contributions(state.trace.trace, state.scope, None)
    (page,) = HTML.render(found).values()
    yield "report.html", page
    for name, table in CSV.render(found).items():
        yield f"tables/{name}", table
    if state.history:
        yield "what-ifs.html", what_if_page(reported(state))
    yield from _figures(figures)
    masks = dict(_masks(state))
    for name, intervention in masks.items():
        yield name, json.dumps(intervention.to_json(), ensure_ascii=False) + "\n"
    if not state.notes.is_empty:
        yield "notes.json", state.notes.to_json()
    yield "questions.txt", "\n".join(state.trace.trace.ids) + "\n"
    files = {intervention: name for name, intervention in masks.items()}
    repeated: list[Repeated] = []
    for number, each in enumerate(state.history, start=1):
        questions = f"questions/{number:02}.txt"
        yield questions, "\n".join(each.after.trace.ids) + "\n"
        repeated.append(Repeated(each.title, files[each.intervention], questions))
    yield (
        "commands.txt",
        bundle_commands(state, "questions.txt", files.get(state.trace.specification.actions, ""), repeated),
    )


def _figures(figures: Iterable[Figure]) -> Iterator[tuple[str, str | bytes]]:
    """Each as a figure and as its data; those that show nothing are left out."""
    for number, figure in enumerate((figure for figure in figures if len(figure.data.rows)), start=1):
        name = f"figures/{number:02}-{file_name('', figure.title)}"
        yield f"{name}.svg", svg_of(figure)
        yield f"{name}.csv", figure.data.as_csv(f"{figure.title} · {figure.caption}")


def _masks(state: State) -> Iterator[tuple[str, Intervention]]:
    """Every mask once: kept, being edited, of a what-if, or of the trace itself."""
    of_trace = [] if state.trace is None else [state.trace.specification.actions]
    every = [*state.masks, state.intervention, *(each.intervention for each in state.history), *of_trace]
    for number, mask in enumerate(dict.fromkeys(mask for mask in every if not mask.is_empty()), start=1):
        yield f"masks/{number:02}-{file_name('', mask.name) or 'mask'}.json", mask
