"""What an experiment found: points with their paired changes, and the curves that they make."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from moe_core.experiments.design import PlannedPoint
from moe_core.figures.points import PointFigure
from moe_core.interventions.intervention import Intervention
from moe_core.jobs.events import Notice
from moe_core.jobs.runs.size_and_speed import SizeAndSpeed
from moe_core.measures.scope import Scope
from moe_core.numbers.difference_tests import holm
from moe_core.numbers.intervals import Proportion
from moe_core.numbers.paired_statistics import MeanChange, PairedChange
from moe_core.traces.specification import Specification

Quantity = Literal["accuracy", "delta", "gold"]
"""What the figure shows: accuracy, its change, or the change of the right answer's log-probability in nats."""

CLEAR_P = 0.05


@dataclass(frozen=True)
class PointAxis:
    """What the points of an experiment go along; without a title their places have names and are no scale.

    `is_share`: in 0..1, and shown in percent.
    """

    title: str = ""
    is_share: bool = False


@dataclass(frozen=True)
class TouchedRoutings:
    """How many of the baseline's routings over the measured questions go to the experts of a mask.

    `answer` of `n_answer` at answer positions, `prompt` of `n_prompt` over all prompt tokens.
    """

    answer: int
    n_answer: int
    prompt: int
    n_prompt: int

    @property
    def prompt_share(self) -> float:
        """Share of the prompt tokens' routings, 0..1."""
        return self.prompt / self.n_prompt if self.n_prompt else float("nan")


@dataclass(frozen=True, eq=False)
class PointAnswers:
    """Of each question measured [n] the log-probability of the right answer, and whether the answer is another one.

    `exchanged` [n, L] is the share of the experts at the answer position that were not chosen before, where that is
    kept, `prompt_exchanged` [n, L] the mean of that share over all prompt tokens. NaN where a question failed.
    """

    gold_logprobs: NDArray[np.float64]
    has_changed: NDArray[np.float64]
    exchanged: NDArray[np.float64] | None = None
    prompt_exchanged: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class ExperimentPoint:
    """A point that was run, or that acts on no expert and therefore is the baseline.

    `size` is what the smaller model took and did beside the full one, where that was measured. `answered` is what is
    known question by question.
    """

    planned: PlannedPoint
    change: PairedChange
    gold_logprob: MeanChange
    touched: TouchedRoutings
    size: SizeAndSpeed | None = field(default=None, compare=False)  # a time is never the same again
    answered: PointAnswers | None = field(default=None, compare=False, repr=False)

    @property
    def intervention(self) -> Intervention:
        """What was done to the experts."""
        return self.planned.intervention

    @property
    def n_experts(self) -> int:
        """How many experts anything was done to."""
        return len(self.intervention.experts)


@dataclass(frozen=True)
class PointMade(Notice):
    """A point is finished; `text` says what it is in one line."""

    point: ExperimentPoint


@dataclass(frozen=True)
class ResultDetail:
    """What an experiment found besides its points: a figure, and the numbers behind it, with their names."""

    figure: PointFigure
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | int, ...], ...]


@dataclass(frozen=True)
class ExperimentResult:
    """All points of one experiment, what they say in one sentence (`finding`), and what limits that (`caveats`).

    `baseline` is the accuracy without an intervention over the measured questions. `specification` is the baseline's.
    `kept` is the file that holds the answers, None where nothing was asked, or nothing could be written. `chosen` is
    the place of the point that is the answer, where the experiment looks for one.
    """

    name: str
    title: str
    trace: str
    specification: Specification
    scope: Scope
    seed: int
    setting: str
    baseline: Proportion
    points: tuple[ExperimentPoint, ...]
    finding: str
    caveats: tuple[str, ...]
    seconds: float
    quantity: Quantity = "delta"
    axis: PointAxis = PointAxis()
    kept: Path | None = None
    chosen: int | None = None
    details: tuple["ResultDetail", ...] = ()

    @property
    def chosen_point(self) -> ExperimentPoint | None:
        """The point that is the answer, where the experiment looks for one."""
        return None if self.chosen is None else self.points[self.chosen]


@dataclass(frozen=True)
class ResultCurve:
    """One series of points in order of x. A value of several random draws is their mean, its bounds their range;
    any other has its 95 % interval. `members` are the points' places in the result, for each x.
    """

    name: str
    is_random: bool
    x: tuple[float, ...]
    labels: tuple[str, ...]
    values: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    members: tuple[tuple[int, ...], ...]


def curves_of(points: Sequence[ExperimentPoint], quantity: Quantity) -> tuple[ResultCurve, ...]:
    """The curves, in the order in which their first points stand; shares 0..1."""
    names = dict.fromkeys(point.planned.series for point in points)
    return tuple(_curve(name, points, quantity) for name in names)


def clear_losses(points: Sequence[ExperimentPoint]) -> list[bool]:
    """Whether accuracy is lower at each point of one curve, p below 0.05 after Holm's correction over the curve."""
    corrected = holm([point.change.p for point in points]).tolist()
    return [p < CLEAR_P and point.change.delta < 0 for p, point in zip(corrected, points, strict=True)]


def _curve(name: str, points: Sequence[ExperimentPoint], quantity: Quantity) -> ResultCurve:
    members: dict[float, list[int]] = {}
    for place, point in enumerate(points):
        if point.planned.series == name:
            members.setdefault(point.planned.x, []).append(place)
    groups = [tuple(members[x]) for x in sorted(members)]
    bounds = [_bounds([points[place] for place in group], quantity) for group in groups]
    values, lower, upper = zip(*bounds, strict=True)
    return ResultCurve(
        name=name,
        is_random=any(points[place].planned.repeat for group in groups for place in group),
        x=tuple(sorted(members)),
        labels=tuple(points[group[0]].planned.label for group in groups),
        values=values,
        lower=lower,
        upper=upper,
        members=tuple(groups),
    )


def _bounds(group: Sequence[ExperimentPoint], quantity: Quantity) -> tuple[float, float, float]:
    first = group[0].change
    if quantity == "gold":
        gold = group[0].gold_logprob
        means = [point.gold_logprob.mean for point in group]
        return (
            (float(np.mean(means)), min(means), max(means))
            if group[0].planned.repeat
            else (gold.mean, gold.lower, gold.upper)
        )
    if not group[0].planned.repeat:
        after = first.after
        is_delta = quantity == "delta"
        return (first.delta, first.lower, first.upper) if is_delta else (after.estimate, after.lower, after.upper)
    values = [point.change.delta if quantity == "delta" else point.change.after.estimate for point in group]
    return float(np.mean(values)), min(values), max(values)
