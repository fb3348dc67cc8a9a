"""Opens what came of a job where it can be looked at: its trace, its what-if, its view, its file."""

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices

from app.files.trace_files import show_in_file_manager
from app.running.queue.queued_job import QueuedJob
from app.state.experiment_state import NamedRequest
from app.state.job_state import JobEntry
from app.window.main_window import MainWindow
from moe_core.jobs.analysis_sources import AnalysisRequest


def open_result(window: MainWindow, entry: JobEntry) -> None:
    """Show the result, or what the job is about where there is none yet; what cannot be shown is said."""
    job = window.queue.job(entry.number)
    if job is None:
        return
    if not job.view:
        _open_file(window, entry)
    elif _shows(window, job.trace) or _open_trace(window, job.trace):
        _look_at(window, job, entry)
        window.show_view(job.view)


def _look_at(window: MainWindow, job: QueuedJob, entry: JobEntry) -> None:
    """Choose, in the view that it opens, what the job was about."""
    state = window.session.state
    match job.request:
        case AnalysisRequest(name=name):
            window.session.set(replace(state, atlas=replace(state.atlas, analysis=name, key="")))
        case NamedRequest(experiment=name):
            window.session.set(replace(state, experiments=replace(state.experiments, name=name)))
            window.experiments.look_at(entry.result)
        case _ if job.view == "what_if" and entry.result is not None:
            window.session.look_at_what_if(entry.result)


def _shows(window: MainWindow, trace: Path) -> bool:
    shown = window.session.state.trace
    return shown is not None and shown.path.absolute() == trace.absolute()


def _open_trace(window: MainWindow, trace: Path) -> bool:
    if not trace.exists():
        window.say(f"{trace} is not there yet: nothing of it was recorded.", is_failure=False)
        return False
    return window.open_trace(trace)


def _open_file(window: MainWindow, entry: JobEntry) -> None:
    path = entry.result
    if path is None or not path.exists():
        window.say(f"{entry.title}: no file of it is there.", is_failure=False)
    elif not (_is_opened(path) or show_in_file_manager(path)):
        window.say(f"No program could be started for it; the file is {path}.", is_failure=False)


def _is_opened(path: Path) -> bool:
    """Whether the page is in the browser; a zip file is better shown where it lies."""
    return path.suffix == ".html" and QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))
