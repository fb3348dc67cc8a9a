"""Writes the report of the open trace, in the scope shown, as one self-contained page."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from app.state.state import State
from moe_core.analyses.expert_contributions import EXPERT_CONTRIBUTIONS
from moe_core.errors import MoeCoreError
from moe_core.reports.formats.html_page import HTML
from moe_core.traces.result_file import write_result


def save_report(parent: QWidget, state: State, say: Callable[..., None]) -> None:
    """Ask for a path and write the page there; `say` tells how that went."""
    if state.trace is None:
        return
    suggested = state.trace.path.with_suffix(".html")
    chosen, _ = QFileDialog.getSaveFileName(parent, "Save report", str(suggested), "HTML page (*.html)")
    if not chosen:
        return
    path = Path(chosen)
    try:
        (page,) = HTML.render(EXPERT_CONTRIBUTIONS.compute(state.trace.trace, state.scope, None)).values()
        write_result(path, page)
    except (OSError, MoeCoreError) as error:
        say(f"The report cannot be written to {path}: {error}")
    else:
        say(f"The report is in {path}.", is_failure=False)
