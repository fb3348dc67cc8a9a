"""What an experiment is: a question about experts, the runs that answer it, and the sentence that says the answer."""

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from moe_core.errors import ExperimentError
from moe_core.experiments.design import Design, ExperimentOptions, ModelSize, scored_rows
from moe_core.experiments.points.file import file_at, point_file
from moe_core.experiments.points.run import ExperimentPlan, MadePoints, Unfinished, how_far, kept_points, run_points
from moe_core.experiments.request import ExperimentRequest
from moe_core.experiments.result import ExperimentPoint, ExperimentResult, PointAxis, Quantity, ResultDetail
from moe_core.jobs.events import Event, Notice, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.runs.rerun_plan import SubsetRows, choose_rows
from moe_core.measures.scope import Scope
from moe_core.numbers.formatting import count, counted, duration
from moe_core.numbers.paired_statistics import paired_change
from moe_core.traces.reader import Trace, open_trace

Settle = Callable[[ExperimentRequest, Trace], Generator[Event, None, ExperimentRequest]]
Prepare = Callable[[ExperimentRequest, Trace, tuple[int, ...], Engine], Generator[Event, None, None]]


@dataclass(frozen=True)
class Growing:
    """How a design goes on from what its points found: `goes_on` says whether, `extend` finds out what comes next and
    leaves it where the design reads it, `choose` tells the place of the point that is the answer.
    """

    goes_on: Callable[[Sequence[ExperimentPoint], Design], bool]
    extend: Prepare
    choose: Callable[[Sequence[ExperimentPoint], Design], int | None]


@dataclass(frozen=True)
class Experiment:
    """One experiment. `question` is what it answers; `reads` names the options it takes besides seed and subset.

    `design` chooses experts and questions from the trace alone: it is given the rows that take part and the options.
    `conclude` makes one sentence of the finished points. `count_runs` tells without a trace how often questions are
    asked, at most; `halves`: on half of those that take part. `settle` puts into options what only the model's files
    tell, before all else. `prepare` runs before the design, which may read what it
    leaves beside the trace. `growing`: more points come of what the first ones found. `detail` makes of
    the finished points what stands beside them.
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
    settle: Settle | None = None
    prepare: Prepare | None = None
    growing: Growing | None = None
    detail: Callable[[Sequence[ExperimentPoint], Design], tuple[ResultDetail, ...]] | None = None

    def run(self, request: ExperimentRequest, engine: Engine | None = None) -> Generator[Event, None, ExperimentResult]:
        """Events while it runs, a PointMade for every finished point among them; the result in the end.

        Every finished run is kept in a file beside the trace, and the same request goes on from what is kept. Raises
        ExperimentError for a trace or options it cannot be run with, before a model is loaded; what else is wrong, a
        baseline that cannot be reproduced here, say the errors of `what_if`.
        """
        start = time.monotonic()
        request.options.check()
        engine = engine or Engine()
        with open_trace(request.baseline) as baseline:
            _refuse_what_if(baseline)
            if self.settle is not None:
                request = yield from self.settle(request, baseline)
            if self.prepare is not None:
                self.plan(request, baseline)  # what cannot be done is said before a model is loaded
                taking_part = scored_rows(baseline, choose_rows(baseline, request.subset).rows)
                yield from self.prepare(request, baseline, taking_part, engine)
            yield Stage("Choosing the experts")
            plan = self.plan(request, baseline)
            for problem in plan.file.problems:
                yield Notice(problem.removesuffix("."))
            made = yield from run_points(request, baseline, plan, engine)
            while self.growing is not None and self.growing.goes_on(made.points, plan.design):
                began = time.monotonic()
                rows = scored_rows(baseline, choose_rows(baseline, request.subset).rows)
                yield from self.growing.extend(request, baseline, rows, engine)
                plan = replace(self.plan(request, baseline), file=made.file or plan.file)
                made = yield from run_points(request, baseline, plan, engine, known=made.points)
                if self.growing.goes_on(made.points, plan.design):
                    yield Notice(_time_left(made, plan.design, time.monotonic() - began))
            return self._result(request, baseline, plan, made, time.monotonic() - start)

    def plan(self, request: ExperimentRequest, baseline: Trace) -> ExperimentPlan:
        """What will be done, and what of it is done already; raises ExperimentError where that is nothing."""
        _refuse_what_if(baseline)
        rows = choose_rows(baseline, request.subset)
        taking_part = scored_rows(baseline, rows.rows)
        design = self.design(baseline, taking_part, request.options)
        caveats = (*design.caveats, *_left_out(rows, taking_part, baseline))
        file = point_file(self.name, self.reads, request, baseline, design)
        return ExperimentPlan(design, rows.description, file, caveats)

    def kept_result(self, request: ExperimentRequest, path: Path) -> ExperimentResult | Unfinished:
        """What the experiment in a file found, of its answers and the trace; how far it is where runs are missing.

        Raises AnswerFileError where the file is of another trace, or of other questions of this one.
        """
        with open_trace(request.baseline) as baseline:
            plan = self.plan(request, baseline)
            plan = replace(plan, file=file_at(path, plan.file.of, baseline, plan.design))
            if plan.file.missing(plan.design):
                return how_far(plan)
            made = kept_points(baseline, plan)
            if self.growing is not None and self.growing.goes_on(made.points, plan.design):
                return how_far(plan)
            return self._result(request, baseline, plan, made, 0.0)

    def _result(
        self, request: ExperimentRequest, baseline: Trace, plan: ExperimentPlan, made: MadePoints, seconds: float
    ) -> ExperimentResult:
        right = made.before.predicted == baseline.gold[list(plan.design.measured)]
        return ExperimentResult(
            name=self.name,
            title=self.title,
            trace=baseline.path.name,
            specification=baseline.specification,
            scope=plan.design.scope,
            seed=request.options.seed,
            setting=plan.design.setting,
            baseline=paired_change(right, right).before,
            points=made.points,
            finding=self.conclude(made.points, plan.design),
            caveats=(*plan.caveats, *made.caveats),
            seconds=seconds,
            quantity=self.quantity,
            axis=self.axis,
            kept=made.kept,
            details=() if self.detail is None else self.detail(made.points, plan.design),
            chosen=self.growing.choose(made.points, plan.design) if self.growing else None,
        )


def _time_left(made: MadePoints, design: Design, step_s: float) -> str:
    """What is still to come of a design that grows, by its last step."""
    assert design.goal is not None
    n = len(design.goal.sizes) - len(made.points)
    return f"At most {counted(n, 'further step')}: about {duration(n * step_s)} here"


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
