"""Writes reports as self-contained pages: of the open trace in the scope shown, and of the session's what-ifs."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from app.content.remedies import Say
from app.state.state import State
from moe_core.analyses.expert_contributions import compute as contributions
from moe_core.errors import MoeCoreError
from moe_core.reports.formats.html_page import HTML
from moe_core.reports.what_if_page import ReportedWhatIf, what_if_page
from moe_core.traces.result_file import write_result


def save_report(parent: QWidget, state: State, say: Say) -> None:
    """Ask for a path and write the page of the trace there; `say` tells how that went."""
    if (shown := state.trace) is None:
        return

    def page() -> str:
        (text,) = HTML.render(contributions(shown.trace, state.scope, None)).values()
        return text

    _save(parent, "Save report", shown.path.with_suffix(".html"), page, say)


def save_what_ifs(parent: QWidget, state: State, say: Say) -> None:
    """Ask for a path and write the page of the what-ifs there; `say` tells how that went."""
    if state.trace is None or not state.history:
        return
    suggested = state.trace.path.with_suffix(".what-ifs.html")
    _save(parent, "Save report of the what-ifs", suggested, lambda: what_if_page(reported(state)), say)


def reported(state: State) -> list[ReportedWhatIf]:
    """The what-ifs of the session, as their page takes them."""
    return [
        ReportedWhatIf(
            each.title, each.comparison, each.controls, each.seconds, each.before.path.name, each.after.path.name
        )
        for each in state.history
    ]


def _save(parent: QWidget, title: str, suggested: Path, page: Callable[[], str], say: Say) -> None:
    chosen, _ = QFileDialog.getSaveFileName(parent, title, str(suggested), "HTML page (*.html)")
    if not chosen:
        return
    path = Path(chosen)
    try:
        write_result(path, page())
    except (OSError, MoeCoreError) as error:
        say(f"The report cannot be written to {path}: {error}", about="report")
    else:
        say(f"The report is in {path}.", is_failure=False)
