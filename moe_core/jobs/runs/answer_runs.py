"""Asks questions again under one intervention after the other; only the answers are kept, no trace.

Axes: n questions asked, C choices.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_core.interventions.intervention import Intervention
from moe_core.jobs.clock import Clock, run_batches
from moe_core.jobs.events import Event
from moe_core.jobs.runs.run_plan import RunPlan
from moe_core.jobs.runs.running_model import Kept, RunningModel
from moe_core.models.inference.planning.batches import BatchRan, Prompts
from moe_core.numbers.paired_statistics import MeanChange, PairedChange, mean_change, paired_change
from moe_core.traces.records import ExpertIds, Status

TokensBefore = Callable[[int], ExpertIds]
"""The experts [T, L, K] that every token of a question's prompt chose before."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What was answered: choices [n], -1 where a question failed, and log-probabilities [n, C] in nats, NaN there.

    `experts` [n, L, K] are those of the answer position, where they are kept. `exchanged` [n, L] is the share of the
    experts at all prompt tokens that were not chosen there before, where that is counted.
    """

    predicted: NDArray[np.intp]
    logprobs: NDArray[np.float64]
    experts: NDArray[np.uint16] | None = None
    exchanged: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class AnswerChange:
    """What changed over the questions that have a gold answer and both runs answered; nats."""

    accuracy: PairedChange
    gold_logprob: MeanChange


class AnswerRuns:
    """Asks some questions of a plan `n_runs` times, each time under another intervention; one clock counts all runs."""

    def __init__(
        self,
        model: RunningModel,
        plan: RunPlan,
        questions: Sequence[int],
        *,
        n_runs: int,
        unit: str,
        kept: Kept | None = None,
        keeps_experts: bool = False,
        tokens_before: TokensBefore | None = None,
    ) -> None:
        """`questions` are places in the plan's quiz, in the order in which answers are wanted; `kept` is of them.

        With `tokens_before`, every prompt is to be a segment of its own, and its experts are compared with those.
        """
        self._kept = kept
        self._keeps_experts = keeps_experts
        self._tokens_before = tokens_before
        self.model = model
        self.plan = plan
        self._questions = list(questions)
        self.n = len(self._questions)
        n_tokens = sum(map(plan.tokenised.prompt_length, self._questions))
        self._clock = Clock(n_runs * self.n, n_runs * self.n, n_runs * n_tokens, unit=unit)

    def run(self, intervention: Intervention) -> Generator[Event, None, Answers]:
        """The answers under one intervention; an empty one asks as the baseline did."""
        tokenised = self.plan.tokenised
        predicted = np.full(len(tokenised.questions), -1)
        logprobs = np.full(tokenised.target_ids.shape, np.nan)
        model = self.plan.specification.model
        shape = (len(tokenised.questions), model.n_layers, model.top_k)
        experts = np.zeros(shape, np.uint16) if self._keeps_experts else None
        before = self._tokens_before
        exchanged = np.full(shape[:2], np.nan, np.float32) if before else None  # as it is kept
        batches = self.model.ask(
            Prompts(
                tokenised,
                self._questions,
                [],
                self.plan.specification.batch_tokens,
                keep_tokens=before is not None,
                intervention=intervention,
                batch_plan=self.plan.specification.batch_plan,
            ),
            self._kept,
        )

        def keep(batch: BatchRan) -> int:
            for record in batch.questions:
                if record.answer.status is Status.ANSWERED:
                    predicted[record.question] = record.answer.predicted
                    logprobs[record.question] = record.answer.choice_logprobs
                if experts is not None:
                    experts[record.question] = record.answer.experts
                if exchanged is not None and before is not None and record.routing.tokens is not None:
                    moved = exchanged_share(record.routing.tokens.experts, before(record.question))  # [T, L]
                    exchanged[record.question] = moved.mean(axis=0)
            return 0

        yield from run_batches(batches, tokenised, self._clock, keep)
        asked = self._questions
        return Answers(
            predicted[asked],
            logprobs[asked],
            None if experts is None else experts[asked],
            None if exchanged is None else exchanged[asked].astype(np.float64),
        )


def exchanged_share(experts: ExpertIds, before: ExpertIds) -> NDArray[np.float64]:
    """Share of the K chosen experts [.., K] that are not among those chosen before [.., K]."""
    stayed = (experts[..., :, None] == before[..., None, :]).any(-1).mean(-1)
    return np.asarray(1.0 - stayed)


def answer_change(gold: NDArray[np.int8], before: Answers, after: Answers) -> AnswerChange:
    """The paired change between two runs of the same questions; `gold` [n] is -1 where the quiz gives no answer."""
    counts = (gold >= 0) & (before.predicted >= 0) & (after.predicted >= 0)
    right = gold[counts].astype(np.intp)
    logprobs = [np.take_along_axis(run.logprobs[counts], right[:, None], axis=1)[:, 0] for run in (before, after)]
    return AnswerChange(
        accuracy=paired_change(before.predicted[counts] == right, after.predicted[counts] == right),
        gold_logprob=mean_change(logprobs[1] - logprobs[0]),
    )
