"""An experiment's result as one HTML page that needs nothing else: the finding, a figure, a table, what limits it."""

from math import isfinite

from moe_core.experiments.result import ExperimentPoint, ExperimentResult, ResultDetail
from moe_core.experiments.text import METHODS, detail_rows, size_text
from moe_core.numbers.formatting import count, p_number, percent
from moe_core.reports.charts.figure import inline_svg
from moe_core.reports.experiment_figure import figure_of
from moe_core.reports.page.page import paragraph, section, text_table, whole_page, wide
from moe_core.reports.svg.markup import Markup, element

_HEADS = ("series", "point", "draw", "experts", "accuracy", "delta", "p", "gold log-probability", "prompt", "n")
_SIZE_HEADS = ("weights, peak and speed beside the full model",)


def experiment_page(result: ExperimentResult) -> str:
    """The whole page; texts of models and quizzes are escaped."""
    run, found = result.specification, result.baseline
    setting = (
        f"{run.model.name} on {run.quiz.name}, {run.protocol}, {run.shots}-shot, {run.model.dtype} on "
        f"{run.model.device}; experts chosen in scope {result.scope}, seed {result.seed}; "
        f"baseline {found.text}, n = {count(found.n)}"
    )
    figure = figure_of(result.points, result.quantity, result.axis, result.title)
    return whole_page(
        result.title,
        element("header", element("h1", result.title), paragraph(setting, class_="quiet")),
        element("p", element("b", result.finding)),
        paragraph(f"{result.setting}."),
        wide(inline_svg(figure)),
        section("Points", _table(result)),
        *map(_detail, result.details),
        element("ul", *(element("li", caveat) for caveat in result.caveats)),
        paragraph(METHODS, class_="note"),
        element("footer", paragraph(f"Made by moescope from {result.trace}.", class_="note")),
    )


def _detail(detail: ResultDetail) -> Markup:
    table = text_table(detail.columns, detail_rows(detail))
    return section(detail.figure.title, wide(inline_svg(detail.figure)), table)


def _table(result: ExperimentResult) -> Markup:
    if all(point.size is None for point in result.points):
        return text_table(_HEADS, map(_texts, result.points), n_left=2)
    rows = [(*_texts(point), "" if point.size is None else size_text(point.size)) for point in result.points]
    return text_table((*_HEADS, *_SIZE_HEADS), rows, n_left=2)


def _texts(point: ExperimentPoint) -> tuple[str, ...]:
    planned, change = point.planned, point.change
    after = change.after
    return (
        planned.series,
        planned.label,
        str(planned.repeat or ""),
        count(point.n_experts),
        after.text,
        change.delta_text,
        p_number(change.p),
        point.gold_logprob.nats_text,
        percent(point.touched.prompt_share) if isfinite(point.touched.prompt_share) else "",
        count(change.n),
    )
