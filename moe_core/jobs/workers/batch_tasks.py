"""Batches as tasks: each carries its own prompts, so that a worker needs to know nothing of the quiz.

Numbers in a task count the questions and prefixes of its part; the driver, who made it, translates them back.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from moe_core.interventions.intervention import Intervention
from moe_core.jobs.workers.kept_tasks import Keeping, KeptOnWorkers
from moe_core.jobs.workers.packed_batch import PackedBatch
from moe_core.models.inference.planning.batch import AnswerGroup, Batch, Planned, batches_of
from moe_core.models.inference.planning.batches import BatchRan, Wanted
from moe_core.quizzes.prompting import TokenisedQuiz

_BEHIND_SAME_PREFIXES = 4
"""Batches of a task at most: they share a run of their prefixes, and a lost worker loses them all. A group of batches
whose answers are asked together is a task by itself."""


@dataclass(frozen=True, eq=False)
class BatchTask:
    """Batches over a part of a quiz, and what is wanted of them."""

    part: TokenisedQuiz
    batches: tuple[Planned, ...]
    wanted: Wanted
    keep_tokens: bool
    intervention: Intervention
    keeping: Keeping | None = None


@dataclass(frozen=True, eq=False)
class BatchesDone:
    """What came of a task; `remarks` are sentences for the user."""

    records: PackedBatch
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class PlannedTask:
    """A task and, for the driver alone, its own number, and those in the whole quiz of its questions and prefixes."""

    task: BatchTask
    number: int
    questions: tuple[int, ...]
    prefixes: tuple[int, ...]

    def records(self, done: BatchesDone, node: str) -> BatchRan:
        """The records of the task under their numbers in the whole quiz."""
        return done.records.unpacked(self.questions, self.prefixes, node)


def planned_tasks(
    batches: Iterable[Planned],
    tokenised: TokenisedQuiz,
    wanted: Wanted,
    *,
    keep_tokens: bool,
    intervention: Intervention,
    kept: KeptOnWorkers | None = None,
) -> Iterator[PlannedTask]:
    """The tasks that give what is wanted of these batches, each record once; made as they are asked for."""
    left = set(wanted.prefixes)
    for number, bundle in enumerate(_bundles(batches)):
        own = {prefix for batch in batches_of(bundle) for prefix in batch.prefixes}
        own |= {int(tokenised.prefix_of[teller]) for each in bundle for teller in each.tellers}
        told = left & own
        left -= told
        part, questions, prefixes = _part(bundle, tokenised, Wanted(wanted.questions, frozenset(told)))
        keeping = kept.of(bundle, tokenised) if kept else None
        yield PlannedTask(BatchTask(*part, keep_tokens, intervention, keeping), number, questions, prefixes)


def part_of(
    tokenised: TokenisedQuiz, questions: Sequence[int], prefixes: Collection[int] = ()
) -> tuple[TokenisedQuiz, tuple[int, ...]]:
    """These questions alone, and which prefixes it holds: theirs, and those named besides."""
    used = tuple(sorted({*prefixes, *(int(tokenised.prefix_of[question]) for question in questions)} - {-1}))
    place = {prefix: n for n, prefix in enumerate(used)} | {-1: -1}
    part = TokenisedQuiz(
        questions=tuple(tokenised.questions[question] for question in questions),
        prefixes=tuple(tokenised.prefixes[prefix] for prefix in used),
        prefix_of=np.array([place[int(tokenised.prefix_of[question])] for question in questions], np.int32),
        segments=tuple(tokenised.segments[question] for question in questions),
        target_ids=tokenised.target_ids[list(questions)],
    )
    return part, used


def _bundles(batches: Iterable[Planned]) -> Iterator[tuple[Planned, ...]]:
    """Batches behind the same prefixes together, a few at a time; others alone."""
    for prefixes, group in groupby(batches, key=lambda batch: batch.prefixes):
        members = list(group)
        size = _BEHIND_SAME_PREFIXES if prefixes and isinstance(members[0], Batch) else 1
        for start in range(0, len(members), size):
            yield tuple(members[start : start + size])


def _part(
    bundle: Sequence[Planned], tokenised: TokenisedQuiz, wanted: Wanted
) -> tuple[tuple[TokenisedQuiz, tuple[Planned, ...], Wanted], tuple[int, ...], tuple[int, ...]]:
    """The part of the quiz that a bundle needs, its batches and what is wanted as the part counts; and who that is."""
    questions = tuple(question for batch in bundle for question in batch.questions)
    part, prefixes = part_of(
        tokenised, questions, {n for each in bundle for batch in each.batches for n in batch.prefixes}
    )
    row = {question: n for n, question in enumerate(questions)}
    place = {prefix: n for n, prefix in enumerate(prefixes)}

    def in_part(batch: Batch) -> Batch:
        return replace(
            batch,
            prefixes=tuple(place[prefix] for prefix in batch.prefixes),
            questions=tuple(row[question] for question in batch.questions),
            tellers=frozenset(row[question] for question in batch.tellers),
        )

    batches = tuple(
        in_part(each) if isinstance(each, Batch) else AnswerGroup(tuple(map(in_part, each.batches))) for each in bundle
    )
    of_part = Wanted(
        frozenset(row[question] for question in questions if question in wanted.questions),
        frozenset(place[prefix] for prefix in wanted.prefixes),
    )
    return (part, batches, of_part), questions, prefixes
