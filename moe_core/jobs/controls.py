"""Runs random interventions like the given one beside it; only what they change is kept, no trace.

Axes: n questions compared.
"""

from collections.abc import Generator
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from moe_core.comparison import Comparison
from moe_core.control_distribution import Control, ControlRequest, Controls, share_as_harmful
from moe_core.intervention import Intervention
from moe_core.jobs.clock import Clock
from moe_core.jobs.events import Event, Notice, Stage
from moe_core.paired_statistics import mean_change, paired_change
from moe_core.random_masks import expert_load, matched_masks
from moe_core.routing_trace import QuestionRecord, Status
from moe_core.run_plan import RunPlan
from moe_core.storage.trace_reader import Trace

if TYPE_CHECKING:
    from moe_core.model_loading.building import LoadedModel


def run_controls(
    request: ControlRequest, reference: Trace, comparison: Comparison, loaded: "LoadedModel", plan: RunPlan
) -> Generator[Event, None, Controls | None]:
    """What `request.n` random interventions do to the compared questions; None where none was asked for or exists."""
    if request.n < 1:
        return None
    load = expert_load(reference, comparison.pairs.rows_before.tolist(), request.scope)
    masks = matched_masks(plan.intervention, load, request.n, request.seed)
    if not masks:
        yield Notice("There is no other mask of this size among experts of similar load: no controls")
        return None
    if len(masks) < request.n:
        yield Notice(f"Only {len(masks)} other masks of this size exist among experts of similar load")
    yield Stage(f"Running {len(masks)} random masks like this one")
    runner = _Runner(comparison, loaded, plan)
    clock = Clock(len(masks) * runner.n, len(masks) * runner.n, len(masks) * runner.n_tokens, unit="control questions")
    runs = []
    for mask in masks:
        runs.append((yield from runner.run(mask, clock)))
    return Controls(
        request=request,
        runs=tuple(runs),
        p_accuracy=share_as_harmful([run.change.delta for run in runs], comparison.accuracy.delta),
        p_gold_logprob=share_as_harmful([run.gold_logprob for run in runs], comparison.gold_logprob.mean),
    )


class _Runner:
    """Asks the compared questions under one intervention after the other; keeps answers only."""

    def __init__(self, comparison: Comparison, loaded: "LoadedModel", plan: RunPlan) -> None:
        self._loaded = loaded
        self._plan = plan
        place = {question.id: n for n, question in enumerate(plan.tokenised.questions)}
        pairs = comparison.pairs
        self._questions = [place[name] for name in pairs.ids]
        self._gold = pairs.gold
        self._right_before = (pairs.predicted_before == pairs.gold) & pairs.is_scored
        self._logprobs_before = pairs.logprobs_before

    @property
    def n(self) -> int:
        """Questions asked under each intervention."""
        return len(self._questions)

    @property
    def n_tokens(self) -> int:
        """Tokens of their prompts."""
        return sum(map(self._plan.tokenised.prompt_length, self._questions))

    def run(self, intervention: Intervention, clock: Clock) -> Generator[Event, None, Control]:
        """What one intervention does; questions that fail under it are left out."""
        from moe_core.inference.asking import ask

        predicted = np.full(len(self._plan.tokenised.questions), -1)
        logprobs = np.full(self._plan.tokenised.target_ids.shape, np.nan)
        batches = ask(
            self._loaded,
            self._plan.tokenised,
            self._questions,
            [],
            batch_tokens=self._plan.specification.batch_tokens,
            keep_tokens=False,
            intervention=intervention,
        )
        with closing(batches):
            for records in batches:
                answered = [record for record in records if isinstance(record, QuestionRecord)]
                for record in answered:
                    if record.answer.status is Status.ANSWERED:
                        predicted[record.question] = record.answer.predicted
                        logprobs[record.question] = record.answer.choice_logprobs
                clock.count(self._plan.tokenised, answered)
                yield clock.progress()
        return self._judge(intervention, predicted[self._questions], logprobs[self._questions])

    def _judge(self, intervention: Intervention, predicted: NDArray[np.intp], logprobs: NDArray[np.float64]) -> Control:
        counts = (self._gold >= 0) & (predicted >= 0)
        gold = self._gold[counts].astype(np.intp)[:, None]
        before = np.take_along_axis(self._logprobs_before[counts].astype(np.float64), gold, axis=1)
        after = np.take_along_axis(logprobs[counts], gold, axis=1)
        change = paired_change(self._right_before[counts], predicted[counts] == gold[:, 0])
        return Control(intervention, change, mean_change((after - before)[:, 0]).mean)
