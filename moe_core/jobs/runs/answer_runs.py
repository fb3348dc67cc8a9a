"""Asks questions again under one intervention after the other; only the answers are kept, no trace.

Axes: n questions asked, C choices.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_core.interventions.intervention import Intervention
from moe_core.jobs.clock import Clock, run_batches
from moe_core.jobs.events import Event
from moe_core.jobs.runs.run_plan import RunPlan
from moe_core.jobs.runs.running_model import Kept, RunningModel
from moe_core.models.inference.batches import BatchRan, Prompts
from moe_core.numbers.paired_statistics import MeanChange, PairedChange, mean_change, paired_change
from moe_core.traces.records import Status


@dataclass(frozen=True, eq=False)
class Answers:
    """What was answered: choices [n], -1 where a question failed, and log-probabilities [n, C] in nats, NaN there.

    `experts` [n, L, K] are those of the answer position, where they are kept.
    """

    predicted: NDArray[np.intp]
    logprobs: NDArray[np.float64]
    experts: NDArray[np.uint16] | None = None


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
    ) -> None:
        """`questions` are places in the plan's quiz, in the order in which answers are wanted; `kept` is of them."""
        self._kept = kept
        self._keeps_experts = keeps_experts
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
        batches = self.model.ask(
            Prompts(
                tokenised,
                self._questions,
                [],
                self.plan.specification.batch_tokens,
                keep_tokens=False,
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
            return 0

        yield from run_batches(batches, tokenised, self._clock, keep)
        of_asked = None if experts is None else experts[self._questions]
        return Answers(predicted[self._questions], logprobs[self._questions], of_asked)


def answer_change(gold: NDArray[np.int8], before: Answers, after: Answers) -> AnswerChange:
    """The paired change between two runs of the same questions; `gold` [n] is -1 where the quiz gives no answer."""
    counts = (gold >= 0) & (before.predicted >= 0) & (after.predicted >= 0)
    right = gold[counts].astype(np.intp)
    logprobs = [np.take_along_axis(run.logprobs[counts], right[:, None], axis=1)[:, 0] for run in (before, after)]
    return AnswerChange(
        accuracy=paired_change(before.predicted[counts] == right, after.predicted[counts] == right),
        gold_logprob=mean_change(logprobs[1] - logprobs[0]),
    )
