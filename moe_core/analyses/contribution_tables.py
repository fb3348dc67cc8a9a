"""What a report of one trace holds: plain numbers and arrays, ready to be printed in any format.

Axes: N questions of the trace, L MoE layers, E experts, K chosen experts, C choices.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moe_core.analyses.published_figures import PublishedFigure
from moe_core.comparison.models_beside import ModelsBeside
from moe_core.measures.metric import MetricValues
from moe_core.measures.scope import Scope
from moe_core.models.expert_names import Names
from moe_core.numbers.intervals import Proportion
from moe_core.traces.specification import Specification

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ExpertScore:
    """One expert's weighted accuracy, its 95 % interval, and its support: questions, and their total weight.

    `name` is what a person calls it, mostly empty.
    """

    expert: int
    accuracy: float
    lower: float
    upper: float
    weight: float
    questions: int
    name: str = ""

    @property
    def label(self) -> str:
        """Its number, and its name where it has one."""
        return f"{self.expert} “{self.name}”" if self.name else str(self.expert)


@dataclass(frozen=True)
class LayerRow:
    """One MoE layer by the model's own number. Entropies in nats.

    `best` and `worst` are None when no expert has the support that a rank needs.
    """

    layer: int
    experts_used: int
    entropy_mean: float
    entropy_std: float
    full_entropy_mean: float
    full_entropy_std: float
    top_weights: tuple[float, ...]
    best: ExpertScore | None
    worst: ExpertScore | None


@dataclass(frozen=True)
class ExpertCells:
    """Every expert, each array [L, E]; `questions` and `weight`, of questions with gold, support `accuracy`.

    `right_minus_wrong` is the difference of the mean gate share in right and in wrong answers.
    """

    token_count: FloatArray
    used_share: FloatArray
    gate_weight: FloatArray
    accuracy: FloatArray
    lower: FloatArray
    upper: FloatArray
    questions: FloatArray
    weight: FloatArray
    right_minus_wrong: MetricValues


@dataclass(frozen=True)
class ScopeTables:
    """The paper's tables in one scope; `never_used_share` is NaN when no question counts.

    `names` are what a person calls experts.
    """

    scope: Scope
    n_tokens: int
    never_used_share: float
    layers: tuple[LayerRow, ...]
    cells: ExpertCells
    names: Names = field(default_factory=dict)


@dataclass(frozen=True)
class SubjectRow:
    """One subject: its questions that count, and the accuracy over those with a gold answer."""

    name: str
    n_questions: int
    accuracy: Proportion


@dataclass(frozen=True)
class AskedQuestions:
    """Every planned question, rows as in the trace."""

    ids: tuple[str, ...]
    subjects: tuple[str, ...]
    gold: NDArray[np.int8]
    predicted: NDArray[np.int8]
    n_choices: NDArray[np.uint8]
    choice_logprobs: NDArray[np.float32]
    status: NDArray[np.uint8]


@dataclass(frozen=True)
class Failure:
    """Why questions failed, and how many."""

    reason: str
    n: int


@dataclass(frozen=True)
class Coverage:
    """How many questions stand where; `n_questions`, recorded and not failed, are those that count.

    `n_in_smaller_batches` were asked in parts of their batch, for want of memory; they count as any.
    """

    complete: bool
    n_planned: int
    n_recorded: int
    n_questions: int
    n_skipped: int
    n_damaged: int
    n_in_smaller_batches: int
    failures: tuple[Failure, ...]

    @property
    def n_failed(self) -> int:
        return self.n_recorded - self.n_questions


@dataclass(frozen=True)
class ExpertContributions:
    """The report of https://arxiv.org/abs/2502.17187 for one trace: `main` in the scope asked for, `others` beside it.

    `chance` is the mean of 1 / choices over the questions with gold. `published` is empty unless model and quiz match.
    Plain text has no choices. `beside` are this trace and others over the questions that all of them answered.
    """

    specification: Specification
    coverage: Coverage
    accuracy: Proportion
    chance: float
    min_questions: int
    subjects: tuple[SubjectRow, ...]
    main: ScopeTables
    others: tuple[ScopeTables, ...]
    published: tuple[PublishedFigure, ...]
    questions: AskedQuestions
    has_choices: bool = True
    beside: ModelsBeside | None = None

    def tables(self, scope: Scope) -> ScopeTables:
        """The tables of `answer`, `prompt` or the scope asked for."""
        return next(tables for tables in (self.main, *self.others) if tables.scope is scope)

    @property
    def intervention(self) -> dict[str, Any] | None:
        """What was done to the experts in this run; None for a baseline."""
        return self.specification.intervention
