"""What a person is asked before something that runs is stopped, and what becomes of each job when the window closes."""

from collections.abc import Iterable

from PySide6.QtWidgets import QMessageBox, QWidget

from app.running.job_runner import JobRunner
from app.running.queue.job_queue import JobQueue
from app.state.job_state import JobEntry, JobStatus
from app.widgets.safe_text import as_message
from moe_core.numbers.formatting import count

_MOST_NAMED = 8


def ask_to_stop(parent: QWidget, runner: JobRunner) -> None:
    """Stop the job after its batch, where that is wanted; the question goes away with the job."""
    if runner.is_stopping:
        return
    question = f"Stop {runner.title}? It ends after the batch in flight; {runner.kept}."
    box = QMessageBox(QMessageBox.Icon.Question, "moescope", as_message(question), parent=parent)
    stop = box.addButton("Stop", QMessageBox.ButtonRole.AcceptRole)
    stay = box.addButton("Go on", QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(stay)
    box.setEscapeButton(stay)
    runner.ended.connect(box.reject)
    box.exec()
    if box.clickedButton() is stop:
        runner.cancel()
    box.deleteLater()


def may_close(parent: QWidget, queue: JobQueue, runners: Iterable[JobRunner]) -> bool:
    """Whether nothing is left to do, or the person closes all the same; what becomes of each job is said."""
    busy = [runner for runner in runners if runner.is_busy]
    jobs = [entry for entry in queue.unfinished if entry.status is not JobStatus.PAUSED]
    if not busy and not jobs:
        return True
    known = {entry.title for entry in jobs}
    lines = [f"{runner.title} stops after the batch in flight: {runner.kept}." for runner in busy]
    lines = [line for line, runner in zip(lines, busy, strict=True) if runner.title not in known]
    lines += [_fate(queue, entry) for entry in jobs[:_MOST_NAMED]]
    if more := len(jobs) - _MOST_NAMED:
        lines += [f"… and {count(more)} more."] if more > 0 else []
    answer = QMessageBox.question(
        parent,
        "moescope",
        as_message("\n".join(["Close moescope? Not all of its jobs are done.", "", *lines])),
        QMessageBox.StandardButton.Close | QMessageBox.StandardButton.Cancel,
        QMessageBox.StandardButton.Cancel,
    )
    return answer == QMessageBox.StandardButton.Close


def _fate(queue: JobQueue, entry: JobEntry) -> str:
    """What becomes of a job, in a sentence."""
    job = queue.job(entry.number)
    is_offered = job is not None and bool(job.kind)
    if entry.status is JobStatus.RUNNING:
        after = ", and the next start offers to go on" if is_offered else ""
        return f"{entry.title} stops after the batch in flight: {entry.kept}{after}."
    return f"{entry.title} waits: {'the next start offers it again' if is_offered else 'it is not run'}."
