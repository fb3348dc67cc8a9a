"""Runs batches to their end and tells how far that is, how fast, and how long it will still take."""

import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import closing

from moe_core.jobs.events import Event, NodeShare, Notice, Progress
from moe_core.models.inference.planning.batches import Asked, BatchesUnderWay, BatchHalved, BatchRan
from moe_core.quizzes.prompting import TokenisedQuiz
from moe_core.traces.records import QuestionRecord, Status


class Clock:
    """Counts a run; time left is judged by tokens, since questions differ in length and the longest come first."""

    def __init__(self, n_planned: int, n_pending: int, pending_tokens: int, unit: str = "questions") -> None:
        self._start = time.monotonic()
        self._n_planned = n_planned
        self._n_recorded = n_planned - n_pending
        self._pending_tokens = pending_tokens
        self._unit = unit
        self.n_asked = self.n_failed = self.n_tokens = 0
        self.n_waiting = 0  # of those asked, to be kept
        self._by_node = Counter[str]()

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return time.monotonic() - self._start

    @property
    def nodes(self) -> tuple[NodeShare, ...]:
        """What each node of a cluster has done, by name; empty in one process."""
        return tuple(NodeShare(node, done) for node, done in sorted(self._by_node.items()))

    def count(self, tokenised: TokenisedQuiz, records: Sequence[QuestionRecord], node: str = "") -> None:
        """Add the questions of one batch."""
        if node:
            self._by_node[node] += len(records)
        self.n_asked += len(records)
        self.n_failed += sum(record.answer.status is not Status.ANSWERED for record in records)
        self.n_tokens += sum(tokenised.prompt_length(record.question) for record in records)

    def progress(self) -> Progress:
        """Where the run stands."""
        left = self._pending_tokens - self.n_tokens
        return Progress(
            done=self._n_recorded + self.n_asked - self.n_waiting,
            total=self._n_planned,
            unit=self._unit,
            per_second=self.n_asked / self.seconds if self.n_asked else 0.0,
            eta_s=self.seconds * left / self.n_tokens if self.n_tokens else None,
            note=f"{self.n_failed:,} failed" if self.n_failed else "",
            nodes=self.nodes,
        )


def run_batches(
    batches: Generator[Asked, None, None], tokenised: TokenisedQuiz, clock: Clock, keep: Callable[[BatchRan], int]
) -> Generator[Event, None, None]:
    """Progress after every batch, once `keep` has taken what it gave and told how many questions wait to be kept.

    Those count as done with a later batch. Closing this ends the forward passes too.
    """
    with closing(batches):
        for batch in batches:
            match batch:
                case BatchHalved(text=text):
                    yield Notice(text)
                case BatchesUnderWay(text=text):
                    if text:
                        yield Notice(text)
                    yield clock.progress()
                case BatchRan(questions=questions, node=node):
                    clock.n_waiting = keep(batch)
                    clock.count(tokenised, questions, node)
                    yield clock.progress()
