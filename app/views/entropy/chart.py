"""Turns entropy curves into what a curve plot draws, what a figure's table holds, and what a note says."""

from dataclasses import dataclass
from math import isfinite

import numpy as np

from app.state.trace_data import TraceData
from app.views.entropy.curves import THIS_QUESTION, EntropyOptions, NamedCurve, Split
from moe_core.analyses.published_figures import figures_for, published_entropy
from moe_core.figures.curves import Curve, CurveFigure, Range, Reference
from moe_core.figures.table import FigureTable
from moe_core.measures.entropy_by_layer import Band, EntropyCurve, EntropyKind, largest_entropy, largest_reference
from moe_core.measures.question_table import OUTCOMES
from moe_core.measures.routing_sample import RoutingSample
from moe_core.measures.scope import Scope
from moe_core.numbers.formatting import count, counted, finite, significant


@dataclass(frozen=True)
class EntropyChart:
    """Everything the view shows at once. `curves` are in nats; the one of the current question, if any, comes last."""

    data: TraceData
    sample: RoutingSample
    options: EntropyOptions
    curves: tuple[NamedCurve, ...]
    layer: int
    question: int | None

    @property
    def largest(self) -> float:
        """ln k or ln E, nats."""
        return largest_entropy(self.sample, self.options.kind)

    @property
    def can_be_normalised(self) -> bool:
        return self.largest > 0

    @property
    def is_normalised(self) -> bool:
        """Whether shares of the largest entropy are shown."""
        return self.options.normalised and self.can_be_normalised

    @property
    def unit(self) -> str:
        return f"share of {self.largest_name}" if self.is_normalised else "nats"

    @property
    def quantity(self) -> str:
        if self.options.kind is EntropyKind.TOPK:
            return f"top-{self.sample.top_k} entropy"
        return f"entropy over all {self.sample.n_experts} experts"

    def plot(self) -> CurveFigure:
        return CurveFigure(
            curves=tuple(self._curve(named) for named in self.curves),
            x_name="layer",
            x_title="MoE layer",
            y_title=f"{self.quantity}, {self.unit}",
            references=(self._reference(),),
            ranges=self._published(),
            selected=self.sample.layers[self.layer],
            from_zero=self.options.from_zero,
            to_references=self.options.to_maximum,
            floor=0.0,
            readout=readout_with_std if self.options.band is Band.STD else readout_with_bounds,
        )

    def table(self) -> FigureTable:
        shown = [(named, self._scaled(named)) for named in self.curves if named.name not in self.options.hidden]
        low, high = self.bounds
        columns = ("layer", "curve", "n", f"mean ({self.unit})", f"low: {low}", f"high: {high}")
        rows = [
            (layer, self._long_name(named), curve.n_questions, *values)
            for named, curve in shown
            for layer, values in zip(self.sample.layers, _rows(curve), strict=True)
        ]
        return FigureTable(columns, rows)

    def describe(self) -> str:
        """What lines and bands are, and of which question one of them is; for the caption."""
        parts = [f"{self.quantity}, {self.unit}", f"line: mean over tokens; band: {self.band_text}"]
        parts += [self._long_name(named) for named in self.curves if named.name == THIS_QUESTION]
        return " · ".join(parts + self.remarks())

    def note(self) -> str:
        """One line below the plot: what is averaged, what the band is, and what is missing."""
        n, n_tokens = len(self.sample.questions), self.sample.n_tokens
        of = "" if self.sample.scope is Scope.ANSWER else f"{count(n_tokens)} tokens of "
        return " · ".join([f"Mean over {of}{counted(n, self.sample.item)}", f"band: {self.band_text}", *self.remarks()])

    def remarks(self) -> list[str]:
        sample, table = self.sample, self.data.table
        said = []
        if sample.left_out:
            said.append("left out: " + ", ".join(f"{count(n)} {why}" for why, n in sample.left_out.items()))
        if self.options.split is Split.OUTCOME and not sample.is_scored.any():
            said.append("right and wrong are unknown: the quiz names no right answers")
        if not self.can_be_normalised:
            said.append(f"{self.largest_name} = 0: normalised it is undefined")
        if self.question is not None and self.curves[-1].name != THIS_QUESTION:
            said.append(f"this question has no curve: {OUTCOMES[table.outcome[self.question]]}")
        return said

    def _curve(self, named: NamedCurve) -> Curve:
        entropy = self._scaled(named)
        layers = np.array(self.sample.layers, np.intp)
        look = named.look
        return Curve(
            named.name, layers, entropy.mean, entropy.low, entropy.high, look.colour, look.style, entropy.n_questions
        )

    def _scaled(self, named: NamedCurve) -> EntropyCurve:
        return named.entropy.divided_by(self.largest) if self.is_normalised else named.entropy

    def _reference(self) -> Reference:
        if self.is_normalised:
            return Reference(1.0, f"maximum: {self.largest_name}")
        return largest_reference(self.n_choices)

    def _published(self) -> tuple[Range, ...]:
        """The paper's range of this quantity over layers, where model and quiz are the paper's."""
        if self.is_normalised or self.options.kind is not EntropyKind.TOPK:
            return ()
        return published_entropy(figures_for(self.data.specification))

    def _long_name(self, named: NamedCurve) -> str:
        """The name, with the id where it is the current question's."""
        if not named.is_of_question or self.question is None:
            return named.name
        return f"{named.name} ({self.data.table.ids[self.question]})"

    @property
    def largest_name(self) -> str:
        return f"ln {self.n_choices}"

    @property
    def n_choices(self) -> int:
        """Among how many experts the weight is spread."""
        return self.sample.top_k if self.options.kind is EntropyKind.TOPK else self.sample.n_experts

    @property
    def bounds(self) -> tuple[str, str]:
        """What the lower and the upper edge of a band are."""
        return ("mean − std", "mean + std") if self.options.band is Band.STD else ("25 %", "75 %")

    @property
    def band_text(self) -> str:
        """What a band is, in words."""
        if self.options.band is Band.QUARTILES:
            return f"middle half of the {self.sample.item}s"
        return f"± 1 standard deviation over {self.sample.item if self.sample.scope is Scope.ANSWER else 'token'}s"


def readout_with_std(curve: Curve, place: int) -> str:
    """`1.98 ± 0.0512`; without the second part where there is no band."""
    mean, low, high = (float(array[place]) for array in (curve.mean, curve.low, curve.high))
    return significant(mean) + (f" ± {significant((high - low) / 2)}" if isfinite(high) else "")


def readout_with_bounds(curve: Curve, place: int) -> str:
    """`1.98 [1.95, 2.01]`; without the second part where there is no band."""
    mean, low, high = (float(array[place]) for array in (curve.mean, curve.low, curve.high))
    return significant(mean) + (f" [{significant(low)}, {significant(high)}]" if isfinite(high) else "")


def _rows(curve: Curve | EntropyCurve) -> list[tuple[float | None, ...]]:
    """Mean, low and high at each layer; None where undefined."""
    values = np.stack([curve.mean, curve.low, curve.high], axis=1).tolist()
    return [tuple(map(finite, row)) for row in values]
