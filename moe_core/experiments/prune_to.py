"""Removes experts until a size is reached, those that move the answers least first, as long as accuracy is kept.

After every step the effects are predicted anew in the model that is left (docs/effect-map.md). Effects are predicted on
one half of the questions; on the other each step's accuracy is measured, and the first step whose loss may be too large
ends it: tested in this order every step may have the full 5 % of error. The largest mask that passed is exported.
"""

from collections.abc import Generator, Sequence
from dataclasses import replace
from math import ceil
from pathlib import Path

from moe_core.errors import ExperimentError
from moe_core.experiments.design import Design, ExperimentOptions, Goal, ModelSize, PlannedPoint, size_of
from moe_core.experiments.effect_order import budget_for
from moe_core.experiments.experiment import Experiment, Growing
from moe_core.experiments.request import ExperimentRequest
from moe_core.experiments.result import ExperimentPoint, PointAxis
from moe_core.experiments.shrinking.next_step import Left, next_step
from moe_core.experiments.shrinking.path_file import PruningPath, pruning_path
from moe_core.experiments.shrinking.size_in_bytes import experts_that_fit, size_in_bytes
from moe_core.experiments.text import size_text
from moe_core.interventions.intervention import act_on
from moe_core.jobs.events import Event, Notice
from moe_core.jobs.models.engine import Engine
from moe_core.measures.question_halves import Halves, split_in_halves
from moe_core.measures.scope import Scope
from moe_core.numbers.formatting import count, counted, fixed, percent
from moe_core.numbers.paired_statistics import PairedChange, largest_loss
from moe_core.traces.reader import Trace

SERIES = "by effect, predicted anew"
_STEPS_OF_A_LAYER = 16


def design(trace: Trace, rows: tuple[int, ...], options: ExperimentOptions) -> Design:
    """A point for every step that is known by now; more of them come as these pass."""
    size, halves = size_of(trace), split_in_halves(trace, rows, options.seed)
    goal = goal_of(size, options, trace.specification.model.abilities.n_groups)
    path = _path(trace, halves, goal)
    sizes = [n for n in goal.sizes if n <= path.n_removed]
    caveats = (
        "Each step is tested only where the one before passed, so that the bound holds for the chosen one with 95 % "
        "confidence; it is the bound of a loss on questions like these",
        "Speed and memory are those of this machine while the experiment ran",
    )
    points = tuple(_point(path, n, size) for n in sizes)
    return Design(size, Scope.PROMPT, halves.measured_on, points, halves.description, caveats, goal)


def goal_of(size: ModelSize, options: ExperimentOptions, n_groups: int = 1) -> Goal:
    """How many experts of each layer are to go, in which steps; raises ExperimentError for a size that is none."""
    if size.n_experts <= size.top_k:
        raise ExperimentError(f"Every token needs all {size.n_experts} experts of a layer: none can be removed.")
    n_left = _n_left(options.keep, size)
    per_step = options.step or max(1, size.n_experts // _STEPS_OF_A_LAYER)
    per_step = ceil(per_step / n_groups) * n_groups
    n_removed = (size.n_experts - n_left) // n_groups * n_groups
    if n_removed < 1:
        raise ExperimentError(f"A layer of {size.n_experts} experts that keeps {n_left} of them loses none: say fewer.")
    return Goal(n_removed, per_step, options.loss)


def goes_on(points: Sequence[ExperimentPoint], design: Design) -> bool:
    """Whether the last step passed, and the goal is not reached."""
    assert design.goal is not None
    return len(points) < len(design.goal.sizes) and all(passes(point, design.goal.loss) for point in points)


def passes(point: ExperimentPoint, loss: float) -> bool:
    """Whether the point loses less accuracy than this, with 95 % confidence on one side."""
    return largest_loss(point.change) < loss


def choose(points: Sequence[ExperimentPoint], design: Design) -> int | None:
    """The place of the largest mask up to which all passed; None where the first one did not."""
    assert design.goal is not None
    n = next((n for n, point in enumerate(points) if not passes(point, design.goal.loss)), len(points))
    return n - 1 if n else None


def settle(request: ExperimentRequest, trace: Trace) -> Generator[Event, None, ExperimentRequest]:
    """The same request with a number of experts in the place of a size in bytes."""
    n_bytes = size_in_bytes(request.options.keep)
    if n_bytes is None:
        return request
    n_left = yield from experts_that_fit(trace, request.model, n_bytes)
    return replace(request, options=replace(request.options, keep=str(n_left)))


def prepare(
    request: ExperimentRequest, trace: Trace, rows: tuple[int, ...], engine: Engine
) -> Generator[Event, None, None]:
    """Forgets the way where it is to be begun anew; says what it may cost."""
    size, halves = size_of(trace), split_in_halves(trace, rows, request.options.seed)
    goal = goal_of(size, request.options, trace.specification.model.abilities.n_groups)
    path = _path(trace, halves, goal)
    if request.begins_anew:
        path.forget()
    n_steps, passes_over = len(goal.sizes), sum(_passes(size, goal))
    yield Notice(
        f"At most {counted(n_steps, 'step')}: {count(round(passes_over))} forward passes over the choosing half to "
        f"predict, {count(n_steps)} over the measured one"
    )


def extend(
    request: ExperimentRequest, trace: Trace, rows: tuple[int, ...], engine: Engine
) -> Generator[Event, None, None]:
    """One step more on the way, where it is not known yet."""
    size, halves = size_of(trace), split_in_halves(trace, rows, request.options.seed)
    goal = goal_of(size, request.options, trace.specification.model.abilities.n_groups)
    path = _path(trace, halves, goal)
    gone = [set(layer) for layer in path.removed(path.n_removed)] if path.steps else [set()] * size.n_layers
    keep = tuple(tuple(expert for expert in range(size.n_experts) if expert not in layer) for layer in gone)
    n_groups = trace.specification.model.abilities.n_groups
    n_next = min(goal.per_step, (size.n_experts - size.top_k - path.n_removed) // n_groups * n_groups)
    yield from next_step(request, trace, halves.chosen_on, path, Left(keep, n_next), engine)


def conclude(points: Sequence[ExperimentPoint], design: Design) -> str:
    """The largest mask that passed, what it costs and brings; and what ended it."""
    assert design.goal is not None
    chosen, bound = choose(points, design), f"{fixed(100 * design.goal.loss, 1)} points"
    if not points:
        return "No step was made."
    if chosen is None:
        first = points[0]
        return (
            f"No mask passed: without {_share(first, design)} held-out accuracy changes by {first.change.delta_text}, "
            f"and with 95 % confidence the loss may be {_loss(first.change)} points, where less "
            f"than {bound} are allowed (n = {count(first.change.n)}): ask more questions, or allow more."
        )
    point = points[chosen]
    text = (
        f"{_share(point, design)} can go: held-out accuracy changes by {point.change.delta_text}, and with 95 % "
        f"confidence the loss is below {_loss(point.change)} points, where {bound} are allowed "
        f"(n = {count(point.change.n)})."
    )
    if point.size is not None:
        text += f" The smaller model: {size_text(point.size)}."
    if chosen + 1 < len(points):
        after = points[chosen + 1]
        text += (
            f" Without {_share(after, design)} the loss may be {_loss(after.change)} points "
            f"({after.change.delta_text})."
        )
    return text[0].upper() + text[1:]


def count_runs(size: ModelSize, options: ExperimentOptions) -> int:
    """Every step's measurement, and the forward passes of its prediction, which are over as many questions."""
    goal = goal_of(size, options)
    return len(goal.sizes) + ceil(sum(_passes(size, goal)))


def default_out(trace: Path, n_left: int) -> Path:
    """Where the smaller model goes if nothing else is said: beside the trace, under a name that is free."""
    names = (f"{trace.stem}-{n_left}-experts{'' if n == 1 else f'-{n}'}" for n in range(1, 10_000))
    return next(trace.with_name(name) for name in names if not trace.with_name(name).exists())


def _n_left(text: str, size: ModelSize) -> int:
    """How many experts of each layer are to stay: `50%` of them, `16`, or `smallest`; of bytes at least as many."""
    word = text.strip().lower()
    try:
        if word == "smallest" or size_in_bytes(word) is not None:
            n_left = size.top_k
        elif word.endswith("%"):
            n_left = round(float(word[:-1]) / 100 * size.n_experts)
        else:
            n_left = int(word)
    except (ValueError, OverflowError) as error:
        raise ExperimentError(
            f'"{text[:40]}" is no size: write 50% of the experts, 16 for so many of each layer, 6GB of weights, or '
            "smallest."
        ) from error
    if not size.top_k <= n_left < size.n_experts:
        raise ExperimentError(
            f"Of {size.n_experts} experts in each layer {size.top_k} to {size.n_experts - 1} can stay, since a token "
            f"chooses {size.top_k}: {text[:40]} is {n_left}."
        )
    return n_left


def _path(trace: Trace, halves: Halves, goal: Goal) -> PruningPath:
    return pruning_path(trace, halves.chosen_on, goal.per_step)


def _passes(size: ModelSize, goal: Goal) -> list[float]:
    """Forward passes that each step's prediction takes."""
    n_gone = [0, *goal.sizes[:-1]]
    n_left = [size.n_layers * (size.n_experts - n) for n in n_gone]
    return [budget_for(n) * n for n in n_left]


def _point(path: PruningPath, n: int, size: ModelSize) -> PlannedPoint:
    share = n / size.n_experts
    gone = zip(size.layers, path.removed(n), strict=True) if n else ()
    experts = [(layer, expert) for layer, members in gone for expert in members]
    label = f"{percent(share)} ({n} of {size.n_experts})"
    mask = act_on(experts, "reroute", name=f"{percent(share)} removed {SERIES}")
    return PlannedPoint(SERIES, label, share, mask, is_sized=True)


def _loss(change: PairedChange) -> str:
    return fixed(100 * largest_loss(change), 1)


def _share(point: ExperimentPoint, design: Design) -> str:
    n = point.n_experts // design.size.n_layers
    return f"{count(n)} of {count(design.size.n_experts)} experts of every layer ({percent(point.planned.x)})"


PRUNE_TO = Experiment(
    name="prune-to",
    title="Prune to a size",
    question="How much smaller can the model become before it loses more accuracy than allowed?",
    reads=("keep", "loss", "step"),
    scope=Scope.PROMPT,
    quantity="accuracy",
    axis=PointAxis("share of experts removed per layer", is_share=True),
    halves=True,
    design=design,
    conclude=conclude,
    count_runs=count_runs,
    settle=settle,
    prepare=prepare,
    growing=Growing(goes_on, extend, choose),
)
