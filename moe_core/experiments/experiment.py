"""What an experiment is: a question about experts, the runs that answer it, and the sentence that says the answer.

Axes: n questions measured, C choices.
"""

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from moe_core.comparison.random_masks import Load, expert_load
from moe_core.errors import ExperimentError
from moe_core.experiments.design import Design, ExperimentOptions, ModelSize, PlannedPoint, scored_rows
from moe_core.experiments.result import (
    ExperimentPoint,
    ExperimentResult,
    PointAxis,
    PointMade,
    Quantity,
    TouchedRoutings,
)
from moe_core.experiments.text import point_line
from moe_core.interventions.intervention import Intervention
from moe_core.jobs.answer_runs import AnswerRuns, Answers, answer_change
from moe_core.jobs.engine import Engine
from moe_core.jobs.events import Event, Notice, Stage
from moe_core.jobs.recorded_model import ModelNow, load_baseline_model
from moe_core.jobs.rerun_plan import Subset, SubsetRows, choose_rows, plan_rerun
from moe_core.measures.scope import Scope
from moe_core.numbers.formatting import count
from moe_core.numbers.paired_statistics import paired_change
from moe_core.traces.reader import Trace, open_trace

if TYPE_CHECKING:
    from moe_core.models.loading.building import LoadedModel


@dataclass(frozen=True)
class ExperimentRequest:
    """On which trace, over which of its questions, with which options; the rest is as in `WhatIfRequest`."""

    baseline: Path
    options: ExperimentOptions = field(default_factory=ExperimentOptions)
    subset: Subset = field(default_factory=Subset)
    rerun_baseline: bool = False
    model: ModelNow = field(default_factory=ModelNow)


@dataclass(frozen=True)
class Experiment:
    """One experiment. `question` is what it answers; `reads` names the options it takes besides seed and subset.

    `design` chooses experts and questions from the trace alone: it is given the rows that take part and the options.
    `conclude` makes one sentence of the finished points. `count_runs` tells without a trace how often questions are
    asked, at most; `halves`: on half of those that take part.
    """

    name: str
    title: str
    question: str
    reads: tuple[str, ...]
    scope: Scope
    quantity: Quantity
    axis: PointAxis
    halves: bool
    design: Callable[[Trace, tuple[int, ...], ExperimentOptions], Design]
    conclude: Callable[[Sequence[ExperimentPoint], Design], str]
    count_runs: Callable[[ModelSize, ExperimentOptions], int]

    def run(self, request: ExperimentRequest, engine: Engine | None = None) -> Generator[Event, None, ExperimentResult]:
        """Events while it runs, a PointMade for every finished point among them; the result in the end.

        Nothing is written. Raises ExperimentError for a trace or options it cannot be run with, before a model is
        loaded; what else is wrong, a baseline that cannot be reproduced here, say the errors of `what_if`.
        """
        start = time.monotonic()
        request.options.check()
        with open_trace(request.baseline) as baseline:
            _refuse_what_if(baseline)
            rows = choose_rows(baseline, request.subset)
            yield Stage("Choosing the experts")
            taking_part = scored_rows(baseline, rows.rows)
            design = self.design(baseline, taking_part, request.options)
            caveats = [*design.caveats, *_left_out(rows, taking_part, baseline)]
            points, before = yield from _run_points(request, baseline, rows, design, engine or Engine(), caveats)
            right = before.predicted == baseline.gold[list(design.measured)]
            return ExperimentResult(
                name=self.name,
                title=self.title,
                trace=baseline.path.name,
                specification=baseline.specification,
                scope=design.scope,
                seed=request.options.seed,
                setting=design.setting,
                baseline=paired_change(right, right).before,
                points=points,
                finding=self.conclude(points, design),
                caveats=tuple(caveats),
                seconds=time.monotonic() - start,
                quantity=self.quantity,
                axis=self.axis,
            )


def _run_points(
    request: ExperimentRequest,
    baseline: Trace,
    rows: SubsetRows,
    design: Design,
    engine: Engine,
    caveats: list[str],
) -> Generator[Event, None, tuple[tuple[ExperimentPoint, ...], Answers]]:
    """Every point and the answers they are compared with; no model is loaded where no point acts on an expert."""
    touched = _TouchCounter(baseline, design.measured)
    gold = baseline.gold[list(design.measured)]
    before = _recorded_answers(baseline, design.measured)
    runs = None
    if design.n_runs:
        loaded = yield from load_baseline_model(baseline, request.model, engine, rerun_baseline=request.rerun_baseline)
        yield Stage(f"Preparing {len(design.measured):,} prompts")
        measured = SubsetRows(design.measured, f"{rows.description}; measured half")
        plan = plan_rerun(baseline, measured, loaded)
        asks_baseline = request.rerun_baseline or _has_other_batches(baseline, design, loaded)
        n_runs = design.n_runs + asks_baseline
        runs = AnswerRuns(loaded, plan, range(len(design.measured)), n_runs=n_runs, unit="answers")
        if asks_baseline:
            yield Stage(f"Asking {runs.n:,} questions without an intervention")
            before = yield from _ask_baseline(runs, before, caveats)
        yield Stage(f"Asking {runs.n:,} questions {count(design.n_runs)} times")
    points = []
    for planned in design.points:
        after = before
        if runs is not None and not planned.intervention.is_empty():
            after = yield from runs.run(planned.intervention)
        points.append(_point(planned, gold, before, after, touched))
        yield PointMade(point_line(points[-1]), points[-1])
    return tuple(points), before


def _ask_baseline(runs: AnswerRuns, recorded: Answers, caveats: list[str]) -> Generator[Event, None, Answers]:
    before = yield from runs.run(Intervention())
    differing = int((before.predicted != recorded.predicted).sum())
    caveats.append(
        f"The baseline was asked again here in the same batches: {count(differing)} of {count(runs.n)} answers "
        "differ from the trace's"
    )
    yield Notice(caveats[-1])
    return before


def _point(
    planned: PlannedPoint, gold: NDArray[np.int8], before: Answers, after: Answers, touched: "_TouchCounter"
) -> ExperimentPoint:
    change = answer_change(gold, before, after)
    return ExperimentPoint(planned, change.accuracy, change.gold_logprob, touched.count(planned.intervention))


def _recorded_answers(trace: Trace, rows: Sequence[int]) -> Answers:
    chosen = list(rows)
    return Answers(trace.predicted[chosen].astype(np.intp), trace.choice_logprobs[chosen].astype(np.float64))


def _has_other_batches(baseline: Trace, design: Design, loaded: "LoadedModel") -> bool:
    """Whether rounding alone could flip close calls, because other questions share a forward pass."""
    return loaded.specification.dtype != "float32" and len(design.measured) < baseline.n_questions


def _refuse_what_if(baseline: Trace) -> None:
    if not baseline.specification.actions.is_empty():
        raise ExperimentError(
            f"{baseline.path.name} was recorded with an intervention: run the experiment on its baseline."
        )


def _left_out(rows: SubsetRows, taking_part: tuple[int, ...], baseline: Trace) -> list[str]:
    found = []
    if n := len(rows.rows) - len(taking_part):
        found.append(f"{count(n)} questions without a known answer, or that failed, are left out")
    if not baseline.complete:
        found.append(
            f"The trace is not complete: {count(int(baseline.recorded.sum()))} of {count(baseline.n_questions)} "
            "questions are recorded"
        )
    return found


class _TouchCounter:
    """Counts the baseline's routings over the measured questions that go to some experts."""

    def __init__(self, trace: Trace, rows: Sequence[int]) -> None:
        self._answer: Load = expert_load(trace, rows, Scope.ANSWER)
        self._prompt: Load = expert_load(trace, rows, Scope.PROMPT)

    def count(self, intervention: Intervention) -> TouchedRoutings:
        """Of one intervention, whatever it does to its experts."""
        layers, experts = np.array(sorted(intervention.experts), dtype=np.intp).reshape(-1, 2).T
        return TouchedRoutings(
            answer=int(self._answer[layers, experts].sum()),
            n_answer=int(self._answer.sum()),
            prompt=int(self._prompt[layers, experts].sum()),
            n_prompt=int(self._prompt.sum()),
        )
