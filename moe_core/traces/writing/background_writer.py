"""Writes the batches of a trace in a thread of its own, so that the model runs the next one meanwhile."""

import logging
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Self

from moe_core.errors import TraceError
from moe_core.traces.records import PrefixRecord, QuestionRecord
from moe_core.traces.writing.writer import TraceWriter

log = logging.getLogger(__name__)

PATIENCE = 0.005
"""How long a batch is waited for, as a share of the time since the one before: it then counts at once."""


class BackgroundWriter:
    """Writes one batch after the other, each as durably as `TraceWriter.write`; at most one is waiting to be written.

    What failed is raised as the next batch comes, or by `flush`. Leaving waits for the batch that is being written.
    """

    def __init__(self, writer: TraceWriter) -> None:
        self._writer = writer
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="trace-writer")
        self._writing: Future[None] | None = None
        self._n_questions = 0
        self._last = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *stopped_by: object) -> None:
        self._thread.shutdown(wait=True)
        if self._writing is not None and isinstance(error := self._writing.exception(), TraceError):
            log.warning("The last batch was not written: %s", error)

    def write(self, records: Sequence[PrefixRecord | QuestionRecord]) -> int:
        """Have a batch written once the one before is durable; how many of its questions are not durable yet."""
        self.flush()
        self._writing = self._thread.submit(self._writer.write, records)
        self._n_questions = sum(isinstance(record, QuestionRecord) for record in records)
        wait([self._writing], timeout=PATIENCE * (time.monotonic() - self._last))
        if self._writing.done():
            self.flush()
        self._last = time.monotonic()
        return self._n_questions

    def flush(self) -> None:
        """Return once everything is durable; raises what `TraceWriter.write` raises."""
        writing, self._writing = self._writing, None
        self._n_questions = 0
        if writing is not None:
            writing.result()
