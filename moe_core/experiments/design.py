"""What an experiment will do, known before a model is loaded: which experts, in which runs, on which questions."""

from dataclasses import dataclass
from math import isfinite

import numpy as np

from moe_core.errors import ExperimentError
from moe_core.interventions.intervention import Intervention
from moe_core.interventions.layers import Layers
from moe_core.measures.scope import Scope
from moe_core.traces.reader import Trace
from moe_core.traces.records import Status

MOST_REPEATS = 1_000
_LARGEST_NOISE = 100


@dataclass(frozen=True)
class ExperimentOptions:
    """What can be chosen; an experiment reads those that it names.

    `seed` draws halves and random masks. `scope` None: the experiment's own. `factors` are those of a boost, `shares`
    0..1 of what is removed: experts of each layer, or neurons of an expert. `best` experts per layer are boosted, 0: as
    many as a token chooses. `repeats` random masks stand beside each chosen one. `keep` is what prune-to prunes to, as
    `50%` of the experts, `16` of each layer, `6GB` of weights or `smallest`, `loss` the accuracy (0..1) that it may
    cost, `step` how many experts of each layer go at once, 0: a sixteenth. `experts` are those whose neurons are
    switched off, `3:17,5:0`; empty: the most used one of each layer. `sizes` are those of noise, as a share of what it
    is added to.
    """

    seed: int = 0
    scope: Scope | None = None
    factors: tuple[float, ...] = (1.2, 1.5, 2.0)
    shares: tuple[float, ...] = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9)
    best: int = 0
    repeats: int = 5
    keep: str = "50%"
    loss: float = 0.05
    step: int = 0
    experts: str = ""
    sizes: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0)

    def check(self) -> None:
        """Raise ExperimentError where a value makes no sense."""
        if not self.factors or not all(isfinite(factor) and factor >= 0 for factor in self.factors):
            raise ExperimentError("Factors are numbers of 0 or more, at least one: 1.2,1.5,2.")
        if not all(0 <= share <= 1 for share in self.shares) or not any(self.shares):
            raise ExperimentError(
                "Shares of experts, or of an expert's neurons, lie between 0 and 1 (0 % and 100 %), at least one above "
                "0: 0.1,0.25,0.5."
            )
        if not 0 <= self.repeats <= MOST_REPEATS:
            raise ExperimentError(f"Give 0 to {MOST_REPEATS:,} random repeats, not {self.repeats:,}.")
        if min(self.best, self.seed, self.step) < 0:
            raise ExperimentError("Numbers of experts and the seed are 0 or more.")
        if not all(isfinite(size) and 0 <= size <= _LARGEST_NOISE for size in self.sizes) or not any(self.sizes):
            raise ExperimentError(
                f"Sizes of noise lie between 0 and {_LARGEST_NOISE}, at least one above 0: 0.01,0.1,1."
            )
        if not 0 < self.loss < 1:
            raise ExperimentError(f"The loss of accuracy lies between 0 and 1, such as 0.05; {self.loss:g} does not.")


@dataclass(frozen=True)
class PlannedPoint:
    """One run: a place `x` on a curve of the name `series`, and what is done there.

    `repeat` counts random draws from 1; 0 stands for a mask that was chosen. `label` names the point by itself.
    `is_sized`: memory and speed of the smaller model that the mask stands for are measured beside the full one.
    """

    series: str
    label: str
    x: float
    intervention: Intervention
    repeat: int = 0
    is_sized: bool = False


@dataclass(frozen=True)
class ModelSize:
    """The model's own numbers of its MoE layers, experts in each, and how many of them a token chooses."""

    layers: Layers
    n_experts: int
    top_k: int

    @property
    def n_layers(self) -> int:
        return len(self.layers)

    @property
    def n_all_experts(self) -> int:
        return len(self.layers) * self.n_experts


@dataclass(frozen=True)
class Goal:
    """`n_removed` experts of each layer are to go, `per_step` at once, while less than `loss` (0..1) is lost."""

    n_removed: int
    per_step: int
    loss: float

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many of each layer are gone after every step."""
        return (*range(self.per_step, self.n_removed, self.per_step), self.n_removed)


@dataclass(frozen=True)
class Design:
    """`measured` are rows of the trace, asked again for every point that acts on an expert; the others are baselines.

    `setting` says in one sentence which questions chose the experts and which measure; `caveats` what limits it.
    `goal` is what a design that grows is after. `keeps_routing`: which experts each run chooses at the answer
    position is kept (Scope.ANSWER), and how many at all prompt tokens are others than the trace's (Scope.PROMPT).
    """

    size: ModelSize
    scope: Scope
    measured: tuple[int, ...]
    points: tuple[PlannedPoint, ...]
    setting: str
    caveats: tuple[str, ...] = ()
    goal: Goal | None = None
    keeps_routing: Scope | None = None

    @property
    def n_runs(self) -> int:
        """How often the measured questions are asked."""
        return len(self._acting)

    @property
    def begins_late(self) -> bool:
        """Whether any run leaves the first layer as it is, so that what others leave of it can be taken over."""
        masks = [mask for mask in self._acting if mask.noise is None]
        return any(min(layer for layer, _ in mask.experts) > 0 for mask in masks)

    @property
    def _acting(self) -> list[Intervention]:
        return [point.intervention for point in self.points if not point.intervention.is_empty()]


def size_of(trace: Trace) -> ModelSize:
    """The size of the model that a trace is of."""
    model = trace.specification.model
    return ModelSize(model.layers, model.n_experts, model.top_k)


def scored_rows(trace: Trace, rows: tuple[int, ...]) -> tuple[int, ...]:
    """Those of the rows that were answered and have a gold answer; raises ExperimentError where there is none."""
    chosen = np.asarray(rows, dtype=np.intp)
    counts = (trace.status[chosen] == Status.ANSWERED) & (trace.gold[chosen] >= 0)
    if not counts.any():
        raise ExperimentError(
            f"{trace.path.name} holds no answered question with a known answer: there is no accuracy to measure."
        )
    return tuple(chosen[counts].tolist())
