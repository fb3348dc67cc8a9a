"""What several tasks use of one model's experts, as one HTML page: the finding, two figures, tables, what limits it."""

import numpy as np

from moe_core.experiments.tasks.result import TasksResult
from moe_core.experiments.tasks.text import METHODS, tables
from moe_core.figures.colour.colour_scale import ColourScale
from moe_core.figures.colour.colours import REFERENCE, SERIES
from moe_core.figures.curves import Style
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.figures.points import PointFigure, PointSeries
from moe_core.numbers.formatting import count, counted, percent, short
from moe_core.reports.charts.figure import inline_svg
from moe_core.reports.page.page import paragraph, section, text_table, whole_page, wide
from moe_core.reports.svg.markup import element

_TITLE = "Which experts the tasks use"
_SECTIONS = ("Tasks", "Never used, against chance", "Pruned by one task, measured on another")


def tasks_page(found: TasksResult) -> str:
    """The whole page; texts of models and quizzes are escaped."""
    names = ", ".join(task.name for task in found.tasks)
    head = f"{found.specification.model.name}: {names}; scope {found.scope}, seed {found.seed}"
    return whole_page(
        _TITLE,
        element("header", element("h1", _TITLE), paragraph(head, class_="quiet")),
        element("p", element("b", found.finding)),
        *([paragraph(found.problem)] if found.problem else []),
        wide(inline_svg(use_figure(found))),
        wide(inline_svg(using_figure(found))),
        *(
            section(title, text_table(heads, rows, n_left=2))
            for title, (heads, rows) in zip(_SECTIONS, tables(found), strict=False)
        ),
        element("ul", *(element("li", f"{caveat}.") for caveat in found.caveats)),
        paragraph(METHODS, class_="note"),
        element("footer", paragraph("Made by moescope.", class_="note")),
    )


def use_figure(found: TasksResult) -> PointFigure:
    """Share of all experts that each task uses: with all of its questions, and with as many as the smallest has."""
    tasks, n_all = found.tasks, found.tasks[0].counts.size
    places = tuple(float(at) for at in range(len(tasks)))
    nothing = (float("nan"),) * len(tasks)
    equal = [(task.equal.mean, task.equal.lower, task.equal.upper) for task in tasks]
    mean, lower, upper = (tuple(100 * value / n_all for value in values) for values in zip(*equal, strict=True))
    n = counted(tasks[0].equal.n, found.item)
    of_all = tuple(100 * task.n_used / n_all for task in tasks)
    texts = tuple(f"{task.name}: {count(task.n_used)} experts, n = {count(task.n)}" for task in tasks)
    at_equal = tuple(f"{task.name}: {short(task.equal.mean)} experts with {n}" for task in tasks)
    return PointFigure(
        series=(
            PointSeries(f"{n} each", places, mean, lower, upper, at_equal, SERIES[0], Style(marker="circle")),
            PointSeries(
                f"all {found.item}s",
                places,
                of_all,
                nothing,
                nothing,
                texts,
                REFERENCE,
                Style(dash=(3, 3), marker="diamond"),
            ),
        ),
        y_title="experts used, %",
        names=tuple(task.name for task in tasks),
        title="Experts used by each task",
    )


def using_figure(found: TasksResult) -> HeatMapFigure:
    """By how many of the tasks each expert is used."""
    using, n_tasks = found.n_tasks_using, len(found.tasks)
    shares = [task.shares for task in found.tasks]

    def describe(layer: int, expert: int) -> str:
        cell = layer, expert
        parts = [
            f"{task.name} {percent(task.counts[cell] / task.n)} [{percent(float(each.lower[cell]))}, "
            f"{percent(float(each.upper[cell]))}]"
            for task, each in zip(found.tasks, shares, strict=True)
        ]
        return f"{layer}:{expert}: {found.item}s that use it: {', '.join(parts)}"

    return HeatMapFigure(
        values=np.where(using == 0, np.nan, using).astype(np.float64),
        is_never_used=using == 0,
        scale=ColourScale("cividis", 0.0, float(n_tasks)),
        title="By how many tasks each expert is used",
        value_title="tasks that use the expert",
        describe=describe,
    )
