"""The tables of the HTML report."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from moe_core.analyses.contribution_tables import ExpertContributions, ExpertScore, ScopeTables
from moe_core.numbers.formatting import NOTHING, count, mean_and_std, percent, percent_with_interval, significant
from moe_core.reports.page.page import cell, head, table
from moe_core.reports.sentences import experts_used, figures_beside
from moe_core.reports.svg.markup import Markup

_LONGEST_LIST = 128  # layers of the deepest models


def scopes(report: ExpertContributions) -> Markup:
    """What each scope reads, and how many experts it finds used."""
    rows = [
        [
            cell(str(tables.scope), "left"),
            cell(tables.scope.meaning_of(has_choices=report.has_choices), "left long"),
            cell(count(tables.n_tokens)),
            cell(experts_used(report, tables)),
            cell(percent(tables.never_used_share)),
        ]
        for tables in (report.main, *report.others)
    ]
    header = [head("scope", "left"), head("tokens that count", "left")]
    return table([[*header, head("tokens"), head("experts used per layer"), head("never used")]], rows)


def published(report: ExpertContributions) -> Markup:
    """The paper's figures beside those of every scope of this trace."""
    per_scope = [(tables, figures_beside(report, tables)) for tables in (report.main, *report.others)]
    rows = [
        [cell(figure.title, "left"), cell(figure.published), *(cell(figures[number].ours) for _, figures in per_scope)]
        for number, figure in enumerate(per_scope[0][1])
    ]
    ours = [head(f"this trace, {tables.scope}") for tables, _ in per_scope]
    return table([[head("figure", "left"), head("published"), *ours]], rows)


def used_and_entropy(report: ExpertContributions) -> Markup:
    """Tables 1 and 2 of the paper, every scope side by side."""
    model, every = report.specification.model, (report.main, *report.others)
    groups = [head(""), *(head(f"scope {tables.scope}", "group", colspan=3) for tables in every)]
    columns = [head("experts used", "gap"), head(f"top-{model.top_k} entropy"), head("full entropy")]
    rows = [
        [cell(str(row.layer))]
        + [cell for tables in every for cell in _used_and_entropy_cells(tables, place, model.n_experts)]
        for place, row in enumerate(report.main.layers)
    ]
    return table([groups, [head("layer"), *columns * len(every)]], rows)


def _used_and_entropy_cells(tables: ScopeTables, place: int, n_experts: int) -> list[Markup]:
    row = tables.layers[place]
    return [
        cell(f"{row.experts_used} / {n_experts}", "gap"),
        cell(mean_and_std(row.entropy_mean, row.entropy_std)),
        cell(mean_and_std(row.full_entropy_mean, row.full_entropy_std)),
    ]


def top_weights(report: ExpertContributions, tables: ScopeTables) -> Markup:
    """Table 3 of the paper in one scope; the bar behind each number compares it with the largest of all scopes."""
    largest = max(max(row.top_weights) for each in (report.main, *report.others) for row in each.layers) or 1.0
    header = [head("layer"), *(head(str(rank + 1)) for rank in range(len(tables.layers[0].top_weights)))]
    rows = [
        [cell(str(row.layer))]
        + [cell(significant(weight), "share", style=f"--share:{weight / largest:.3f}") for weight in row.top_weights]
        for row in tables.layers
    ]
    return table([header], rows)


def best_and_worst(tables: ScopeTables) -> Markup:
    """The extreme experts of each layer with interval and support."""
    columns = [head("expert", "gap"), head("accuracy"), head("questions"), head("weight")]
    groups = [head(""), head("best expert", "group", colspan=4), head("worst expert", "group", colspan=4)]
    rows = [[cell(str(row.layer)), *_score(row.best), *_score(row.worst)] for row in tables.layers]
    return table([groups, [head("layer"), *columns * 2]], rows)


def _score(score: ExpertScore | None) -> list[Markup]:
    if score is None:
        return [cell(NOTHING, "gap"), *[cell(NOTHING)] * 3]
    text = percent_with_interval(score.accuracy, score.lower, score.upper)
    return [cell(score.label, "gap"), cell(text), cell(count(score.questions)), cell(significant(score.weight))]


def run(report: ExpertContributions) -> Markup:
    """Everything that the run specification holds, name by name."""
    rows = [[cell(name, "left"), cell(value, "left long")] for name, value in _flat(asdict(report.specification))]
    return table([], rows)


def _flat(data: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    for name, value in data.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            yield prefix + name, _listed(value)
        else:
            yield prefix + name, NOTHING if value is None or value == "" else str(value)


def _listed(values: Sequence[object]) -> str:
    """The values, or how many and the first of them when they are many, such as ids of skipped questions."""
    if len(values) <= _LONGEST_LIST:
        return ", ".join(map(str, values)) or NOTHING
    return f"{count(len(values))}: {', '.join(map(str, values[:_LONGEST_LIST]))}, …"
