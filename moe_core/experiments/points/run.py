"""Runs the points of an experiment: what is kept is taken over, the rest is asked, and kept as soon as it is done."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from moe_core.errors import AnswerFileError, ExperimentError
from moe_core.experiments.design import Design, PlannedPoint
from moe_core.experiments.points.file import PointFile, begun, unlike
from moe_core.experiments.points.point import Found, PointMaker
from moe_core.experiments.request import ExperimentRequest
from moe_core.experiments.result import ExperimentPoint, PointMade
from moe_core.experiments.text import point_line
from moe_core.interventions.intervention import Intervention
from moe_core.jobs.events import Event, Notice, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.recorded_model import load_baseline_model
from moe_core.jobs.runs.answer_file import RunKeeper, keeping, same_actions
from moe_core.jobs.runs.answer_runs import AnswerRuns, Answers
from moe_core.jobs.runs.beside_full import beside_full
from moe_core.jobs.runs.rerun_plan import SubsetRows, plan_rerun
from moe_core.jobs.runs.running_model import KnownModel
from moe_core.measures.scope import Scope
from moe_core.numbers.formatting import count, counted, percent
from moe_core.traces.lock import writer_of
from moe_core.traces.reader import Trace


@dataclass(frozen=True)
class ExperimentPlan:
    """What will be run, over questions chosen as `selection` says; `file` holds what of it is done already."""

    design: Design
    selection: str
    file: PointFile
    caveats: tuple[str, ...]


@dataclass(frozen=True)
class MadePoints:
    """All points, the answers that they are compared with, and where their answers are kept, if anywhere.

    `file` is what is known by now, for a design that goes on from here.
    """

    points: tuple[ExperimentPoint, ...]
    before: Answers
    caveats: tuple[str, ...] = ()
    kept: Path | None = None
    file: PointFile | None = None


@dataclass(frozen=True)
class Unfinished:
    """An experiment of which `n_done` of `n_runs` are kept; the baseline counts where it is asked beside them."""

    n_done: int
    n_runs: int


def run_points(
    request: ExperimentRequest,
    baseline: Trace,
    plan: ExperimentPlan,
    engine: Engine,
    known: Sequence[ExperimentPoint] = (),
) -> Generator[Event, None, MadePoints]:
    """Every point; no model is loaded where everything is kept, or no point acts on an expert.

    Those that are `known`, since this run has made them before its design grew, are not told again.
    """
    if writer := writer_of(plan.file.path):
        raise ExperimentError(f"{plan.file.path.name} is being written by {writer}: wait until that has ended.")
    if plan.file.runs is not None and not known:
        yield from _told(plan)
    if not plan.file.missing(plan.design):
        made = kept_points(baseline, plan)
        yield from (PointMade(point_line(point), point) for point in made.points[len(known) :])
        return made
    loaded = yield from load_baseline_model(baseline, request.model, engine, rerun_baseline=request.rerun_baseline)
    design = plan.design
    for point in design.points:
        loaded.check_actions(point.intervention)
    yield Stage(f"Preparing {len(design.measured):,} prompts")
    measured = SubsetRows(design.measured, f"{plan.selection}; measured half")
    again = plan_rerun(baseline, measured, loaded)
    file = plan.file
    if found := unlike(file, again.specification):
        yield Notice(f"What {file.path.name} holds was asked elsewhere ({'; '.join(found)}): all is asked anew")
        file = file.anew()
    asks_baseline = request.rerun_baseline or _has_other_batches(baseline, design, loaded)
    plan = replace(plan, file=begun(file, again.specification, asks_baseline=asks_baseline))
    questions = range(len(design.measured))
    counts_tokens = design.keeps_routing is Scope.PROMPT
    if counts_tokens:  # tokens of a prefix that prompts share are to have noise of their own in each of them
        again = replace(again, tokenised=again.tokenised.uncut())
    kept = (yield from engine.kept_passes(again, questions)) if design.begins_late else None
    runs = AnswerRuns(
        loaded,
        again,
        questions,
        n_runs=len(plan.file.missing(design)),
        unit="answers",
        kept=kept,
        keeps_experts=design.keeps_routing is not None,
        tokens_before=(lambda question: baseline.token_routing(design.measured[question]).experts)
        if counts_tokens
        else None,
    )
    return (yield from _ask_and_keep(baseline, plan, runs, len(known)))


def _ask_and_keep(
    baseline: Trace, plan: ExperimentPlan, runs: AnswerRuns, n_known: int
) -> Generator[Event, None, MadePoints]:
    """Asks what is missing; where its file cannot be written that is said, and nothing is kept."""
    with ExitStack() as stack:
        keeper = None
        try:
            keeper = stack.enter_context(keeping(plan.file.runs)) if plan.file.runs else None
        except AnswerFileError as error:
            yield Notice(f"Finished points are not kept: {str(error).removesuffix('.')}")
        return (yield from _ask(baseline, plan, runs, keeper, n_known))


def kept_points(baseline: Trace, plan: ExperimentPlan) -> MadePoints:
    """All points of a file that lacks none."""
    found = Found.of(plan.file.runs)
    before, caveats = _compared_with(baseline, plan, found.answers)
    maker = PointMaker(baseline, plan.design.measured, before, found)
    points = tuple(map(maker.make, plan.design.points))
    return MadePoints(points, before, caveats, plan.file.path if plan.file.runs else None, plan.file)


def how_far(plan: ExperimentPlan) -> Unfinished:
    """How many runs there are, and how many of them the file holds."""
    n = len({same_actions(point.intervention) for point in plan.design.points} - {Intervention()})
    n += plan.file.asks_baseline
    n_to_come = len(plan.design.goal.sizes) - len(plan.design.points) if plan.design.goal else 0
    return Unfinished(n - len(plan.file.missing(plan.design)), n + n_to_come)


def _told(plan: ExperimentPlan) -> Iterator[Notice]:
    """What of a file is taken over."""
    assert plan.file.runs is not None
    name, n_dropped = plan.file.path.name, plan.file.runs.n_dropped
    if n_dropped:
        yield Notice(f"{counted(n_dropped, 'run')} in {name} cut short or damaged: what they held is asked again")
    done = how_far(plan)
    if done.n_done:
        runs = counted(done.n_runs, "run")
        yield Notice(f"{count(done.n_done)} of {runs} were done before and are taken over from {name}")


def _ask(
    baseline: Trace, plan: ExperimentPlan, runs: AnswerRuns, keeper: RunKeeper | None, n_known: int
) -> Generator[Event, None, MadePoints]:
    """Asks what is missing, point by point in the order of the design."""
    assert plan.file.runs is not None
    design, missing = plan.design, plan.file.missing(plan.design)
    found = Found.of(plan.file.runs)
    if Intervention() in missing:
        yield Stage(f"Asking {runs.n:,} questions without an intervention")
        yield from _ask_one(PlannedPoint("", "", 0.0, Intervention()), runs, keeper, found)
    before, caveats = _compared_with(baseline, plan, found.answers)
    for caveat in caveats:
        yield Notice(caveat)
    yield Stage(f"Asking {runs.n:,} questions {counted(len(missing), 'time')}")
    maker = PointMaker(baseline, design.measured, before, found)
    points = []
    for planned in design.points:
        actions = same_actions(planned.intervention)
        if actions in missing and not actions.is_empty():
            missing.remove(actions)
            yield from _ask_one(planned, runs, keeper, found)
        points.append(maker.make(planned))
        if len(points) > n_known:
            yield PointMade(point_line(points[-1]), points[-1])
    kept = keeper.path if keeper and not keeper.has_failed else None
    file = replace(plan.file, runs=replace(plan.file.runs, answers=found.answers, sizes=found.sizes))
    return MadePoints(tuple(points), before, caveats, kept, file)


def _ask_one(
    planned: PlannedPoint, runs: AnswerRuns, keeper: RunKeeper | None, found: Found
) -> Generator[Event, None, None]:
    """Puts what is answered under these actions with the others, on the disk too."""
    actions = same_actions(planned.intervention)
    found.answers[actions] = yield from runs.run(actions)
    if planned.is_sized:
        size = yield from beside_full(runs.model, runs.plan, actions, found.answers[actions])
        found.sizes.update({} if size is None else {actions: size})
    if keeper is not None and (problem := keeper.keep(actions, found.answers[actions], found.sizes.get(actions))):
        yield Notice(f"From here on finished points are not kept: {problem.removesuffix('.')}")


def _compared_with(
    baseline: Trace, plan: ExperimentPlan, answers: Mapping[Intervention, Answers]
) -> tuple[Answers, tuple[str, ...]]:
    """The answers without an intervention, and what is to be said of them."""
    recorded = _recorded_answers(baseline, plan.design.measured)
    if not plan.file.asks_baseline:
        return recorded, ()
    before = answers[Intervention()]
    differing = int((before.predicted != recorded.predicted).sum())
    n = len(plan.design.measured)
    caveat = (
        f"The baseline was asked again here in the same batches: {count(differing)} of {count(n)} answers "
        "differ from the trace's"
    )
    if before.exchanged is not None:
        share = float(np.nanmean(before.exchanged)) if np.isfinite(before.exchanged).any() else float("nan")
        caveat += f", and so do {percent(share)} of the experts at prompt tokens, with which noise is compared there"
    return before, (caveat,)


def _recorded_answers(trace: Trace, rows: Sequence[int]) -> Answers:
    chosen = list(rows)
    return Answers(
        trace.predicted[chosen].astype(np.intp),
        trace.choice_logprobs[chosen].astype(np.float64),
        trace.answer_experts[chosen].astype(np.uint16),
    )


def _has_other_batches(baseline: Trace, design: Design, loaded: KnownModel) -> bool:
    """Whether rounding alone could flip close calls, because other questions share a forward pass."""
    is_other = len(design.measured) < baseline.n_questions or design.keeps_routing is Scope.PROMPT
    return loaded.specification.dtype != "float32" and is_other
