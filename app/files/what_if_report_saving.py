"""Writes the what-ifs of the session as one self-contained page."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from app.state.state import State
from moe_core.errors import MoeCoreError
from moe_core.reports.what_if_page import ReportedWhatIf, what_if_page
from moe_core.traces.result_file import write_result


def save_what_ifs(parent: QWidget, state: State, say: Callable[..., None]) -> None:
    """Ask for a path and write the page there; `say` tells how that went."""
    if state.trace is None or not state.history:
        return
    suggested = state.trace.path.with_suffix(".what-ifs.html")
    chosen, _ = QFileDialog.getSaveFileName(parent, "Save report of the what-ifs", str(suggested), "HTML page (*.html)")
    if not chosen:
        return
    path = Path(chosen)
    made = [
        ReportedWhatIf(
            each.title, each.comparison, each.controls, each.seconds, each.before.path.name, each.after.path.name
        )
        for each in state.history
    ]
    try:
        page = what_if_page(made)
        write_result(path, page)
    except (OSError, MoeCoreError) as error:
        say(f"The report cannot be written to {path}: {error}")
    else:
        say(f"The report is in {path}.", is_failure=False)
