"""The figures of the HTML report, described from the same numbers as its tables.

Axes: L layers, E experts.
"""

from functools import partial

import numpy as np

from moe_core.analyses.contribution_tables import ExpertContributions, ScopeTables, SubjectRow
from moe_core.analyses.published_figures import published_entropy
from moe_core.figures.bars import BarFigure, BarRow
from moe_core.figures.colour.colour_maps import DIVERGING
from moe_core.figures.colour.colour_scale import ColourScale, value_range
from moe_core.figures.colour.colours import BASELINE, SERIES
from moe_core.figures.curves import Curve, CurveFigure, Reference, Style
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.interventions.layers import Cell
from moe_core.measures.entropy_by_layer import largest_reference
from moe_core.measures.scope import Scope
from moe_core.measures.support import support_text
from moe_core.numbers.formatting import (
    count,
    mean_and_std,
    number_with_interval,
    percent,
    percent_tick,
    percent_with_interval,
    short,
    significant,
)
from moe_core.reports.sentences import accuracy

_MAP = "cividis"
_LOOKS = {
    Scope.ANSWER: (BASELINE, Style(marker="circle")),
    Scope.PROMPT: (SERIES[1], Style(dash=(5, 2.5), marker="square")),
    Scope.QUESTION: (SERIES[2], Style(dash=(1.5, 2), marker="diamond")),
}


def used_share(tables: ScopeTables) -> HeatMapFigure:
    """Share of tokens routed to each expert; the colour bar marks an even spread, K / E."""
    cells = tables.cells
    even = len(tables.layers[0].top_weights) / cells.used_share.shape[1]
    is_unused = cells.token_count == 0
    return HeatMapFigure(
        values=np.where(is_unused, np.nan, cells.used_share),
        is_never_used=is_unused,
        scale=ColourScale(_MAP, 0.0, float(cells.used_share.max())),
        title=f"Share of tokens routed to each expert, scope {tables.scope}",
        value_title="share of tokens routed to the expert",
        mark=Reference(even, f"even spread {percent(even)}"),
        format_value=percent_tick,
        row_names=_row_names(tables),
        describe=partial(_hover_text, tables),
    )


def expert_accuracy(report: ExpertContributions) -> HeatMapFigure:
    """Every expert's accuracy, blank where fewer questions chose it than a rank needs."""
    cells = report.main.cells
    is_unused = cells.token_count == 0
    values = np.where((cells.questions >= report.min_questions) & ~is_unused, cells.accuracy, np.nan)
    # At least ten points wide: experts that hardly differ should not look as if they did.
    usual = report.accuracy.estimate
    low, high = float(np.nanmin([*values.ravel(), usual - 0.05])), float(np.nanmax([*values.ravel(), usual + 0.05]))
    return HeatMapFigure(
        values=values,
        is_never_used=is_unused,
        scale=ColourScale(_MAP, max(low, 0.0), min(high, 1.0)),
        title=f"Accuracy of each expert, scope {report.main.scope}",
        value_title="accuracy, weighted by the expert's gate weight",
        blank_name="used by too few questions",
        mark=Reference(usual, f"all questions {percent(usual)}"),
        format_value=percent_tick,
        row_names=_row_names(report.main),
        describe=partial(_hover_text, report.main),
    )


def right_minus_wrong(report: ExpertContributions) -> HeatMapFigure:
    """What right answers use more than wrong ones; differences that may be noise are faded."""
    found, is_unused = report.main.cells.right_minus_wrong, report.main.cells.token_count == 0
    assert found.is_supported is not None
    return HeatMapFigure(
        values=found.values,
        is_never_used=is_unused,
        scale=ColourScale(DIVERGING[0], *value_range(found.values, "full", is_signed=True, is_log=False)),
        is_signed=True,
        faded=~found.is_supported & ~np.isnan(found.values),
        title=f"Gate share in right answers less that in wrong ones, scope {report.main.scope}",
        value_title="mean gate share in right answers less that in wrong ones",
        format_value=partial(short, signed=True),
        row_names=_row_names(report.main),
        describe=partial(_difference_text, report.main),
    )


def entropy_curves(report: ExpertContributions) -> CurveFigure:
    """Top-k entropy per layer in every scope, with ln K and the paper's range where it applies."""
    top_k = report.specification.model.top_k
    return CurveFigure(
        curves=tuple(_curve(tables) for tables in (report.main, *report.others)),
        x_name="layer",
        x_title="MoE layer",
        y_title=f"top-{top_k} entropy, nats",
        references=(largest_reference(top_k),),
        ranges=published_entropy(report.published),
        floor=0.0,
        readout=_mean_and_std,
        title=f"Entropy of the top-{top_k} gate weights per layer, mean and standard deviation over tokens",
    )


def _curve(tables: ScopeTables) -> Curve:
    mean = np.array([row.entropy_mean for row in tables.layers])
    std = np.array([row.entropy_std for row in tables.layers])
    name, (colour, style) = f"{tables.scope}: mean ± std over tokens", _LOOKS[tables.scope]
    layers = np.array([row.layer for row in tables.layers], np.intp)
    return Curve(name, layers, mean, mean - std, mean + std, colour, style, tables.n_tokens)


def _mean_and_std(curve: Curve, place: int) -> str:
    return mean_and_std(float(curve.mean[place]), float(curve.high[place] - curve.mean[place]))


def accuracy_by_subject(report: ExpertContributions) -> BarFigure:
    """Dots with intervals, best subject first; lines at the overall accuracy and at chance."""
    ordered = sorted(report.subjects, key=lambda row: (-np.nan_to_num(row.accuracy.estimate, nan=-1.0), row.name))
    usual = report.accuracy.estimate
    return BarFigure(
        rows=tuple(map(_subject, ordered)),
        references=(
            Reference(usual, f"all {percent(usual)}"),
            Reference(report.chance, f"chance {percent(report.chance)}"),
        ),
        largest=1.0,
        is_dots=True,
        unit="accuracy",
        n_title="n",
        title=f"Accuracy by subject; overall {accuracy(report)}",
        format_value=percent_tick,
    )


def _subject(row: SubjectRow) -> BarRow:
    found = row.accuracy
    text, n = found.text, count(found.n)
    return BarRow(
        row.name,
        found.estimate,
        text,
        tip=f"{row.name}: {text}, n = {n}",
        lower=found.lower,
        upper=found.upper,
        n=n,
        colour=BASELINE,
    )


def _row_names(tables: ScopeTables) -> tuple[str, ...]:
    return tuple(str(row.layer) for row in tables.layers)


def _name(tables: ScopeTables, at: Cell) -> str:
    return f"layer {tables.layers[at[0]].layer}, expert {at[1]}"


def _difference_text(tables: ScopeTables, place: int, expert: int) -> str:
    found, at = tables.cells.right_minus_wrong, (place, expert)
    if found.sides is None or found.lower is None or found.upper is None or np.isnan(found.values[at]):
        return _name(tables, at)
    ends = float(found.lower[at]), float(found.upper[at])
    right, wrong = (significant(float(side[at])) for side in found.sides)
    lines = [
        _name(tables, at),
        number_with_interval(float(found.values[at]), *ends, signed=True),
        f"right answers {right}, wrong answers {wrong}",
        support_text(found, at),
        f"{count(found.support[at])} questions",
    ]
    return "\n".join(lines)


def _hover_text(tables: ScopeTables, place: int, expert: int) -> str:
    cells, at = tables.cells, (place, expert)
    if cells.token_count[at] == 0:
        return f"{_name(tables, at)}\nnever used in scope {tables.scope}"
    lines = [
        _name(tables, at),
        f"{percent(cells.used_share[at])} of tokens ({count(cells.token_count[at])})",
        f"mean gate weight when chosen {significant(cells.gate_weight[at])}",
    ]
    if cells.questions[at]:
        interval = percent_with_interval(cells.accuracy[at], cells.lower[at], cells.upper[at])
        support = f"{count(cells.questions[at])} questions, weight {significant(cells.weight[at])}"
        lines.append(f"accuracy {interval}, {support}")
    return "\n".join(lines)
