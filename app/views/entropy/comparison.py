"""Entropy in a what-if: the curves of both sides, or of what changed, and what is said of them."""

from dataclasses import dataclass, replace
from math import isfinite

from app import theme
from app.content.grids.comparison_values import ComparedSamples, compared_row, entropy_difference
from app.state.state import State
from app.state.trace_data import TraceData
from app.state.what_if_state import Mode, WhatIf
from app.views.entropy.chart import EntropyChart
from app.views.entropy.curves import THIS_QUESTION, EntropyOptions, Look, NamedCurve, parts, question_curve
from moe_core.figures.curves import Curve, CurveFigure, Range, Reference, Style
from moe_core.figures.table import FigureTable
from moe_core.measures.entropy_by_layer import EntropyCurve, FloatArray, one_question
from moe_core.numbers.formatting import count, elide, finite, fixed, significant

_BASELINE = Look(theme.BASELINE, Style(marker="circle"))
_WHAT_IF = Look(theme.WHAT_IF, Style(dash=(5, 2.5), marker="square"))
_QUESTION_BEFORE = Look(theme.BASELINE, Style(dash=(1.5, 2), marker="diamond", width=1.8))
_QUESTION_AFTER = Look(theme.WHAT_IF, Style(dash=(1.5, 2), marker="triangle", width=1.8))
_QUESTION_CHANGE = Look("", Style(dash=(1.5, 2), marker="diamond", width=1.8))
_LONGEST_TITLE = 40


def selection_curves(samples: ComparedSamples, mode: Mode, options: EntropyOptions) -> tuple[NamedCurve, ...]:
    """Baseline and what-if; or the change of all questions, and of the parts that these were before."""
    if mode is Mode.WHAT_IF:
        sides = (("baseline", _BASELINE, samples.before), ("what-if", _WHAT_IF, samples.after))
        return tuple(NamedCurve.of(name, look, sample, options) for name, look, sample in sides)
    found = []
    for name, look, sample in parts(samples.before, options.split):
        part = samples if sample is samples.before else samples.part_of(sample)
        is_outcome = look.colour in (theme.RIGHT, theme.WRONG)
        title = f"{name} before" if is_outcome else name
        found.append(NamedCurve(title, look, entropy_difference(part, options.kind)))
    return tuple(found)


def curves_of_question(
    samples: ComparedSamples, state: State, what_if: WhatIf, options: EntropyOptions
) -> tuple[NamedCurve, ...]:
    """The current question before and after, or its change; nothing where it was not compared."""
    if (rows := compared_row(state)) is None:
        return ()
    before, after = rows
    if state.mode is Mode.WHAT_IF:
        was = question_curve(samples.before, what_if.before, before, options)
        is_now = question_curve(samples.after, what_if.after, after, options)
        assert was is not None  # it was compared: both sides have answered it
        assert is_now is not None
        return replace(was, look=_QUESTION_BEFORE), replace(
            is_now, name=f"{THIS_QUESTION}, what-if", look=_QUESTION_AFTER
        )
    part = ComparedSamples(
        one_question(samples.before, what_if.before.trace, before),
        one_question(samples.after, what_if.after.trace, after),
        n_left_out=0,
    )
    return (NamedCurve(THIS_QUESTION, _QUESTION_CHANGE, entropy_difference(part, options.kind), is_of_question=True),)


@dataclass(frozen=True)
class WhatIfChart(EntropyChart):
    """Both sides over the questions compared; `sample` is the side before."""

    samples: ComparedSamples
    title: str

    def note(self) -> str:
        n = count(self.samples.n)
        return " · ".join([f"{self._shown}, n = {n} compared", f"band: {self.band_text}", *self.remarks()])

    def remarks(self) -> list[str]:
        left_out = self.samples.n_left_out
        said = [f"{count(left_out)} of the selection not compared"] if left_out else []
        if not self.can_be_normalised:
            said.append(f"{self.largest_name} = 0: normalised it is undefined")
        if self.question is not None and not any(named.is_of_question for named in self.curves):
            said.append("this question was not compared")
        return said

    @property
    def _shown(self) -> str:
        return f"what-if “{elide(self.title, _LONGEST_TITLE)}”"


@dataclass(frozen=True)
class ChangeChart(WhatIfChart):
    """After less before, paired question by question, around zero."""

    @property
    def quantity(self) -> str:
        """What is shown, in words."""
        return f"change of {super().quantity}"

    @property
    def bounds(self) -> tuple[str, str]:
        """Ends of the interval."""
        return "95 %", "95 %"

    @property
    def band_text(self) -> str:
        """The interval, in words."""
        return "95 % interval of the mean paired difference, questions drawn at random"

    def plot(self) -> CurveFigure:
        """What the plot draws."""
        return replace(super().plot(), to_references=True, from_zero=False, floor=None, readout=self._change_text)

    def table(self) -> FigureTable:
        """As of any chart, with the means before and after beside the change."""
        plain = super().table()
        shown = [named for named in self.curves if named.name not in self.options.hidden]
        sides = [sides for named in shown for sides in zip(*_sides(self._scaled(named)), strict=True)]
        columns = (*plain.columns, f"before ({self.unit})", f"after ({self.unit})")
        rows = [(*row, *map(finite, both)) for row, both in zip(plain.rows, sides, strict=True)]
        return FigureTable(columns, rows)

    def _change_text(self, curve: Curve, place: int) -> str:
        """`−0.0120 [−0.0171, −0.0069], 1.98 → 1.97`, numbers below each other; a single question has no interval."""
        mean, low, high = (float(array[place]) for array in (curve.mean, curve.low, curve.high))
        named = next(named for named in self.curves if named.name == curve.name)
        before, after = (significant(float(side[place])) for side in _sides(self._scaled(named)))
        interval = f" [{_change(low)}, {_change(high)}]" if isfinite(low) else ""
        return f"{_change(mean)}{interval}, {before} → {after}"

    @property
    def _shown(self) -> str:
        return f"{super()._shown} less baseline"

    def _reference(self) -> Reference:
        return Reference(0.0, "no change")

    def _published(self) -> tuple[Range, ...]:
        return ()


def comparison_chart(
    state: State, data: TraceData, samples: ComparedSamples, options: EntropyOptions, curves: tuple[NamedCurve, ...]
) -> WhatIfChart:
    """The chart of the mode that is on."""
    kind = WhatIfChart if state.mode is Mode.WHAT_IF else ChangeChart
    title = "" if state.what_if is None else state.what_if.title
    return kind(data, samples.before, options, curves, state.layer, state.question, samples, title)


def _change(value: float) -> str:
    return fixed(value, 4, signed=True)


def _sides(change: EntropyCurve) -> tuple[FloatArray, FloatArray]:
    """The means before and after [L each]."""
    assert change.sides is not None
    return change.sides
