"""Files that are written for a person, reports and bundles: jobs like any other, beside the one that owns the model."""

from pathlib import Path

from app.content.job_words import about
from app.content.remedies import Say
from app.running.job_thread import Job, JobEnded, MakeJob
from app.running.queue.job_queue import JobQueue
from app.running.queue.queued_job import QueuedJob
from moe_core.errors import MoeCoreError
from moe_core.traces.result_file import refuse_trace

NOTHING_KEPT = "nothing of it is written, and what was there stays"


class Exports:
    """`start` queues one; how it ended is told."""

    def __init__(self, queue: JobQueue, say: Say) -> None:
        self._queue = queue
        self._say = say

    def start(self, title: str, words: str, trace: Path, path: Path, job: Job) -> None:
        """Write `path`, of a trace, as the job does; it has begun nothing yet, and all that it needs is its own."""
        self.start_with(title, words, trace, path, lambda engine: job, needs_model=False)

    def start_with(self, title: str, words: str, trace: Path, path: Path, make: MakeJob, *, needs_model: bool) -> None:
        """The same of a job that is made when its turn comes, maybe in the thread that owns the model."""
        try:
            refuse_trace(path)
        except (OSError, MoeCoreError) as error:
            self._say(f"{title} cannot be written to {path}: {error}", about=title)
            return
        self._queue.add(
            QueuedJob(
                f"{title}: {path.name}",
                about(trace.name, words),
                (title, path),
                make,
                trace,
                writes=path,
                kept=NOTHING_KEPT,
                goes_on=False,
                needs_model=needs_model,
                ended=self._on_ended,
            )
        )

    def _on_ended(self, ended: JobEnded) -> None:
        if ended.outcome == "done":
            self._say(f"The {ended.kind.lower()} is in {ended.result}.", is_failure=False, about=ended.kind)
