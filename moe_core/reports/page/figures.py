"""The figures of the HTML report, drawn from the same numbers as its tables.

Axes: L layers, E experts.
"""

from math import log

import numpy as np

from moe_core.analyses.contribution_tables import ExpertContributions, ScopeTables
from moe_core.figures.axis import round_ticks
from moe_core.numbers.formatting import count, percent, percent_with_interval, significant
from moe_core.reports.charts import heat_map, interval_dots, layer_curves
from moe_core.reports.charts.heat_map import HeatMap
from moe_core.reports.charts.interval_dots import DotRow, IntervalDots
from moe_core.reports.charts.layer_curves import Curve, LayerCurves
from moe_core.reports.charts.markup import Markup
from moe_core.reports.sentences import accuracy


def used_share(tables: ScopeTables) -> Markup:
    """Heat map of the share of tokens routed to each expert; the colour bar marks an even spread, K / E."""
    cells = tables.cells
    E, top_k = cells.used_share.shape[1], len(tables.layers[0].top_weights)
    high = float(cells.used_share.max())
    chart = HeatMap(
        label=f"Share of tokens routed to each expert, scope {tables.scope}",
        values=cells.used_share,
        is_unused=cells.token_count == 0,
        hover=_hover(tables),
        low=0.0,
        high=high,
        tick_texts=_percent_ticks(0.0, high),
        mark=(top_k / E, f"even spread {percent(top_k / E)}"),
    )
    return heat_map.draw(chart)


def expert_accuracy(report: ExpertContributions) -> Markup:
    """Heat map of every expert's accuracy, blank where fewer questions chose it than a rank needs."""
    cells = report.main.cells
    values = np.where(cells.questions >= report.min_questions, cells.accuracy, np.nan)
    # At least ten points wide: experts that hardly differ should not look as if they did.
    usual = report.accuracy.estimate
    low, high = float(np.nanmin([*values.ravel(), usual - 0.05])), float(np.nanmax([*values.ravel(), usual + 0.05]))
    low, high = max(low, 0.0), min(high, 1.0)
    chart = HeatMap(
        label=f"Accuracy of each expert, scope {report.main.scope}",
        values=values,
        is_unused=cells.token_count == 0,
        hover=_hover(report.main),
        low=low,
        high=high,
        tick_texts=_percent_ticks(low, high),
        mark=(usual, f"all questions {percent(usual)}"),
    )
    return heat_map.draw(chart)


def entropy_curves(report: ExpertContributions) -> Markup:
    """Top-k entropy per layer in every scope, with ln K and the paper's range where it applies."""
    top_k = report.specification.model.top_k
    ranges = [figure for figure in report.published if figure.name == "topk_entropy" and figure.high is not None]
    chart = LayerCurves(
        label=f"Entropy of the top-{top_k} gate weights per layer, mean and standard deviation over tokens",
        unit="nats",
        curves=[_curve(tables) for tables in (report.main, *report.others)],
        reference=(log(top_k), f"ln {top_k} = {significant(log(top_k), 4)}"),
        published=next(
            ((figure.low, figure.high or figure.low, "published\nrange of means") for figure in ranges), None
        ),
    )
    return layer_curves.draw(chart)


def _curve(tables: ScopeTables) -> Curve:
    return Curve(
        name=f"{tables.scope}: mean ± std over tokens",
        style=str(tables.scope),
        mean=np.array([row.entropy_mean for row in tables.layers]),
        std=np.array([row.entropy_std for row in tables.layers]),
    )


def accuracy_by_subject(report: ExpertContributions) -> Markup:
    """Dots with intervals, best subject first; lines at the overall accuracy and at chance."""
    ordered = sorted(report.subjects, key=lambda row: (-np.nan_to_num(row.accuracy.estimate, nan=-1.0), row.name))
    rows = [
        DotRow(
            name=row.name,
            value=row.accuracy.estimate,
            lower=row.accuracy.lower,
            upper=row.accuracy.upper,
            text=percent_with_interval(row.accuracy.estimate, row.accuracy.lower, row.accuracy.upper),
            n=count(row.accuracy.n),
        )
        for row in ordered
    ]
    lines = [(report.accuracy.estimate, f"all {percent(report.accuracy.estimate)}")]
    lines.append((report.chance, f"chance {percent(report.chance)}"))
    return interval_dots.draw(IntervalDots(f"Accuracy by subject; overall {accuracy(report)}", rows, lines))


def _percent_ticks(low: float, high: float) -> list[tuple[float, str]]:
    return [(value, f"{value * 100:.4g} %") for value, _ in round_ticks(low, high, 4)]


def _hover(tables: ScopeTables) -> list[list[str]]:
    L, E = tables.cells.token_count.shape
    return [[_hover_text(tables, layer, expert) for expert in range(E)] for layer in range(L)]


def _hover_text(tables: ScopeTables, layer: int, expert: int) -> str:
    cells, at = tables.cells, (layer, expert)
    if cells.token_count[at] == 0:
        return f"layer {layer}, expert {expert}\nnever used in scope {tables.scope}"
    lines = [
        f"layer {layer}, expert {expert}",
        f"{percent(cells.used_share[at])} of tokens ({count(cells.token_count[at])})",
        f"mean gate weight when chosen {significant(cells.gate_weight[at])}",
    ]
    if cells.questions[at]:
        interval = percent_with_interval(cells.accuracy[at], cells.lower[at], cells.upper[at])
        support = f"{count(cells.questions[at])} questions, weight {significant(cells.weight[at])}"
        lines.append(f"accuracy {interval}, {support}")
    return "\n".join(lines)
