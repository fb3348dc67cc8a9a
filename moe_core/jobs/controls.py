"""Runs random interventions like the given one beside it; only what they change is kept, no trace.

Axes: n questions compared.
"""

from collections.abc import Generator
from typing import TYPE_CHECKING

import numpy as np

from moe_core.comparison.comparison import Comparison
from moe_core.comparison.control_distribution import Control, ControlRequest, Controls, share_as_harmful
from moe_core.comparison.random_masks import expert_load, matched_masks
from moe_core.jobs.answer_runs import AnswerRuns, Answers, answer_change
from moe_core.jobs.events import Event, Notice, Stage
from moe_core.jobs.run_plan import RunPlan
from moe_core.traces.reader import Trace

if TYPE_CHECKING:
    from moe_core.models.loading.building import LoadedModel


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
    place = {question.id: n for n, question in enumerate(plan.tokenised.questions)}
    pairs = comparison.pairs
    answer_runs = AnswerRuns(loaded, plan, [place[name] for name in pairs.ids])
    before = Answers(pairs.predicted_before.astype(np.intp), pairs.logprobs_before.astype(np.float64))
    clock = answer_runs.clock(len(masks), "control questions")
    runs = []
    for mask in masks:
        change = answer_change(pairs.gold, before, (yield from answer_runs.run(mask, clock)))
        runs.append(Control(mask, change.accuracy, change.gold_logprob.mean))
    return Controls(
        request=request,
        runs=tuple(runs),
        p_accuracy=share_as_harmful([run.change.delta for run in runs], comparison.accuracy.delta),
        p_gold_logprob=share_as_harmful([run.gold_logprob for run in runs], comparison.gold_logprob.mean),
    )
