"""What the grid of experts shows of a state: a metric's values, which cells are special, ranks, and words for them.

Axes: L layers, E experts.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.content.effects import EFFECT_METRICS
from app.content.grids.difference_support import line_text, side_facts, test_columns, unsupported
from moe_core.figures.table import FigureTable
from moe_core.measures.metric import Metric, MetricValues
from moe_core.measures.metrics import METRICS
from moe_core.measures.routing_sample import RoutingSample
from moe_core.measures.support import support_text
from moe_core.numbers.formatting import (
    count,
    counted,
    number_with_interval,
    percent,
    percent_with_interval,
    points,
    points_with_interval,
    short,
    significant,
)

FloatArray = NDArray[np.float64]
Marginal = Literal["mean", "sum"]

GRID_METRICS: tuple[Metric, ...] = (
    *(metric for metric in METRICS if metric.axes == ("layer", "expert")),
    *EFFECT_METRICS,
)
"""The metrics that the grid can show, in menu order."""


def grid_metric(name: str) -> Metric:
    """The metric of that name; the first one where the grid cannot show it."""
    return next((metric for metric in GRID_METRICS if metric.name == name), GRID_METRICS[0])


@dataclass(frozen=True)
class ExpertGrid:
    """A metric over one selection of questions and scope."""

    metric: Metric
    values: MetricValues
    sample: RoutingSample

    @property
    def n_questions(self) -> int:
        """Questions behind the grid: answered ones of the selection."""
        return len(self.sample.questions)

    @property
    def range_key(self) -> str:
        """Grids of the same key share the range that a person chose for the colours."""
        return self.metric.name

    @property
    def range_values(self) -> FloatArray:
        """The values [L, E] that the whole range of the colours spans."""
        return self.values.values

    @property
    def is_signed(self) -> bool:
        """Whether 0 is a middle that colours diverge from."""
        return self.metric.is_signed

    @property
    def is_share(self) -> bool:
        """Whether values are shares of right answers, or differences of such."""
        return self.metric.is_percent

    @property
    def is_difference(self) -> bool:
        """Whether values are differences that may be noise."""
        return self.values.is_supported is not None

    @cached_property
    def unsupported(self) -> NDArray[np.bool_]:
        """Differences that their test does not support [L, E]; none where values are no differences."""
        return unsupported(self.values)

    def side_text(self, value: float) -> str:
        """One of the two values that a difference is between."""
        return percent(value) if self.is_share else significant(value, 4)

    @cached_property
    def is_never_used(self) -> NDArray[np.bool_]:
        """Experts that no token of the scope chose [L, E]."""
        return np.equal(self.sample.counts.tokens, 0)

    @cached_property
    def ranks(self) -> NDArray[np.intp]:
        """Rank among all experts [L, E], 1 = largest value, equal ones alike; 0 without a value."""
        return _ranks(self.values.values.reshape(1, -1)).reshape(self.values.values.shape)

    @cached_property
    def ranks_in_layer(self) -> NDArray[np.intp]:
        """Rank among the experts of the layer [L, E]."""
        return _ranks(self.values.values)

    def marginals(self, kind: Marginal) -> tuple[FloatArray, FloatArray]:
        """Mean or sum over the experts of each layer [L] and the layers of each expert [E]; NaN where none has any.

        Of differences: how many are supported. Bars of noise would be as long as any.
        """
        if (supported := self.supported) is not None:
            return supported.sum(axis=1).astype(np.float64), supported.sum(axis=0).astype(np.float64)
        known = ~np.isnan(self.values.values)
        filled = np.where(known, self.values.values, 0.0)
        found = []
        for axis in (1, 0):
            n = known.sum(axis=axis)
            total = np.where(n > 0, filled.sum(axis=axis), np.nan)
            found.append(total if kind == "sum" else total / np.maximum(n, 1))
        return found[0], found[1]

    def marginal_name(self, kind: Marginal) -> str:
        """What the bars at the sides show."""
        return kind if self.faded is None else "supported"

    @property
    def supported(self) -> NDArray[np.bool_] | None:
        """Cells that are no noise [L, E]; None where no cell can be."""
        return self.values.is_supported

    def value_text(self, value: float) -> str:
        """A value as a paper prints it: shares of right answers in percent, their differences in points."""
        if not self.is_share:
            return significant(value, 4)
        return points(value) if self.is_signed else percent(value)

    @property
    def tick_unit(self) -> str:
        """The unit of `tick_text`."""
        if not self.is_share:
            return self.metric.unit
        return "points" if self.is_signed else "%"

    @property
    def colour_title(self) -> str:
        """What colours stand for, in `tick_unit`."""
        return f"{self.metric.title} [{self.tick_unit}]" if self.tick_unit else self.metric.title

    def tick_text(self, value: float) -> str:
        """A round value at the colour bar, in `tick_unit`, no longer than needed."""
        if not self.is_share:
            return short(value)
        return short(value * 100, signed=self.is_signed)

    def cell_value_text(self, layer: int, expert: int) -> str:
        value, lower, upper = self.values.values[layer, expert], self.values.lower, self.values.upper
        if lower is None or upper is None or np.isnan(value):
            return self.value_text(float(value))
        ends = float(lower[layer, expert]), float(upper[layer, expert])
        if not self.is_share:
            return number_with_interval(float(value), *ends, signed=self.is_signed)
        return (points_with_interval if self.is_signed else percent_with_interval)(float(value), *ends)

    def cell_facts(self, layer: int, expert: int) -> list[str]:
        facts = [self.cell_value_text(layer, expert)] if self.ranks[layer, expert] else ["no value"]
        facts += side_facts(self.values, (layer, expert), self.metric.side_names, self.side_text)
        facts += (
            [support_text(self.values, (layer, expert))] if self.is_difference and self.ranks[layer, expert] else []
        )
        if self.is_never_used[layer, expert]:
            facts.append("never used in this scope")
        support = int(self.values.support[layer, expert])
        facts.append(f"n = {count(support)} of {counted(self.n_questions, self.sample.item)}")
        return [*facts, *self.rank_facts(layer, expert)]

    def rank_facts(self, layer: int, expert: int) -> list[str]:
        """Where a cell's value stands among the others; nothing for a cell without a value."""
        if not (rank := int(self.ranks[layer, expert])):
            return []
        n_layer, n_all = int((self.ranks_in_layer[layer] > 0).sum()), int((self.ranks > 0).sum())
        in_layer = int(self.ranks_in_layer[layer, expert])
        return [f"rank {in_layer} of {n_layer} in the layer, {count(rank)} of {count(n_all)} in all"]

    def line_facts(self, layer: int | None, expert: int | None, kind: Marginal) -> list[str]:
        values = self.values.values[layer] if layer is not None else self.values.values[:, expert]
        rows, columns = self.marginals(kind)
        marginal = float(rows[layer] if layer is not None else columns[expert])
        never = self.is_never_used[layer] if layer is not None else self.is_never_used[:, expert]
        of = "experts" if layer is not None else "layers"
        unused = f"never used: {int(never.sum())} of {len(never)}"
        if (supported := self.supported) is not None:
            return [line_text(supported[layer] if layer is not None else supported[:, expert], of), unused]
        return [f"{kind} over {int((~np.isnan(values)).sum())} {of}: {self.value_text(marginal)}", unused]

    def note(self) -> str:
        """Why no cell has a value, or none a colour; empty where one has."""
        if not np.isnan(self.values.values).all():
            return ""
        if self.metric in EFFECT_METRICS:
            return "No effects are known of this trace: “Predict effects” in the menu Effects finds them."
        if not self.sample.is_scored.any():
            return f"No question shown has a known right answer, so “{self.metric.title}” has no value."
        if self.sample.is_correct.sum() in (0, self.sample.is_scored.sum()):
            alike = "right" if self.sample.is_correct.any() else "wrong"
            return f"Every question shown was answered {alike}, so there is nothing to compare."
        return f"“{self.metric.title}” has no value for these {self.sample.item}s."

    @property
    def faded(self) -> NDArray[np.bool_] | None:
        """Cells that may be noise, and have hardly any colour [L, E]; None where no cell can be."""
        return self.unsupported if self.is_difference else None

    @property
    def faded_name(self) -> str:
        """Why a cell has hardly any colour."""
        return "not supported"

    @property
    def blank_name(self) -> str:
        """What a cell without a value means."""
        return "no value"

    def n_text(self) -> str:
        return f"n = {counted(self.n_questions, self.sample.item)}"

    def n_tip(self) -> str:
        left_out = self.left_out_text()
        return f"Answered questions that pass the filter{f'; left out: {left_out}' if left_out else ''}"

    def left_out_text(self) -> str:
        """Questions of the selection that are not among them; empty where all are."""
        return ", ".join(f"{count(n)} {why}" for why, n in self.sample.left_out.items())

    def table(self) -> FigureTable:
        n_experts, layers = self.values.values.shape[1], np.array(self.sample.layers, np.intp)
        columns: dict[str, NDArray[np.generic]] = {"layer": np.repeat(layers, n_experts)}
        columns |= {"expert": np.tile(np.arange(n_experts), len(layers))}
        columns |= self.value_columns()
        columns |= {"never used": self.is_never_used.astype(np.int8)}
        columns |= {"rank in layer": self.ranks_in_layer, "rank in all": self.ranks}
        lists = [_without_nan(column.reshape(-1)) for column in columns.values()]
        return FigureTable(tuple(columns), list(zip(*lists, strict=True)))

    def value_columns(self) -> dict[str, NDArray[np.generic]]:
        """Value, interval and support [L, E each] under the headings of the table; of differences both sides, and p."""
        columns: dict[str, NDArray[np.generic]] = {}
        if self.values.sides is not None:
            columns |= dict(zip(self.metric.side_names, self.values.sides, strict=True))
        columns |= {self.heading: self.values.values, **test_columns(self.values)}
        return columns | {"questions": self.values.support.astype(np.int64)}

    @property
    def heading(self) -> str:
        return f"{self.metric.title} [{self.metric.unit}]" if self.metric.unit else self.metric.title


def _ranks(values: FloatArray) -> NDArray[np.intp]:
    """Competition ranks of each row, descending; 0 for NaN."""
    ranks = np.zeros(values.shape, np.intp)
    for row, ranked in zip(values, ranks, strict=True):
        known = np.flatnonzero(~np.isnan(row))
        descending = np.sort(-row[known])
        ranked[known] = np.searchsorted(descending, -row[known], "left") + 1
    return ranks


def _without_nan(column: NDArray[np.generic]) -> list[float | int | None]:
    return [None if value != value else value for value in column.tolist()]
