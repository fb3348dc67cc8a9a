"""Asks the questions that a trace does not hold yet and writes what the routers did, batch by batch."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from moe_core.errors import Remedy, RunError
from moe_core.jobs.clock import Clock, run_batches
from moe_core.jobs.events import Event, NodeShare
from moe_core.jobs.runs.run_plan import RunPlan
from moe_core.jobs.runs.running_model import Kept, RunningModel
from moe_core.models.inference.planning.batches import Prompts
from moe_core.traces.writing.background_writer import BackgroundWriter
from moe_core.traces.writing.writer import TraceWriter


@dataclass(frozen=True)
class RecordResult:
    """A finished run; the counts are of this run alone. `n_failed`: questions with a value that is not finite.

    Without `has_answers` the quiz does not say which choices are right. `nodes` are those of a cluster that took part.
    `item`: what was recorded, a question or a text.
    """

    path: Path
    n_questions: int
    n_failed: int
    n_tokens: int
    seconds: float
    has_answers: bool = True
    nodes: tuple[NodeShare, ...] = ()
    item: str = "question"


NO_ANSWERS = "The quiz names no right answers: accuracy is not defined"


def fill_trace(
    path: Path, model: RunningModel, plan: RunPlan, kept: Kept | None = None
) -> Generator[Event, None, RecordResult]:
    """Ask every question that `path` does not hold yet and write its rows, batch by batch, while the next one runs.

    Progress counts the questions whose rows are durable. Raises RunError at the end where not one of them could be
    answered.
    """
    tokenised, specification = plan.tokenised, plan.specification
    with TraceWriter(path) as writer, BackgroundWriter(writer) as background:
        pending = writer.pending_questions
        tokens = sum(map(tokenised.prompt_length, pending))
        clock = Clock(len(tokenised.questions), len(pending), tokens, f"{tokenised.item}s")
        yield clock.progress()
        batches = model.ask(
            Prompts(
                tokenised,
                range(len(tokenised.questions)),
                writer.pending_prefixes,
                specification.batch_tokens,
                keep_tokens=specification.tokens == "all",
                intervention=specification.actions,
                pending=pending,
                batch_plan=writer.specification.batch_plan,
            ),
            kept,
        )
        yield from run_batches(batches, tokenised, clock, lambda batch: background.write(batch.records))
        if clock.n_waiting:
            background.flush()
            clock.n_waiting = 0
            yield clock.progress()
    if clock.n_asked and clock.n_failed == clock.n_asked:
        raise RunError(
            f"None of {clock.n_asked:,} questions could be answered, since the model's numbers were not finite: "
            f"{path} says of each which.",
            Remedy.USE_FLOAT32,
        )
    has_answers = any(question.gold is not None for question in tokenised.questions)
    counts = clock.n_asked, clock.n_failed, clock.n_tokens, clock.seconds
    return RecordResult(path, *counts, has_answers, clock.nodes, tokenised.item)
