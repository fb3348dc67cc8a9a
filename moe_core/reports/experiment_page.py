"""An experiment's result as one HTML page that needs nothing else: the finding, a figure, a table, what limits it."""

from math import isfinite
from pathlib import Path

from moe_core.experiments.result import ExperimentPoint, ExperimentResult, ResultCurve, curves_of
from moe_core.experiments.text import METHODS, delta_text, gold_text, point_line, range_text
from moe_core.numbers.formatting import count, p_value, percent, percent_with_interval
from moe_core.reports.charts import point_curves
from moe_core.reports.charts.markup import Markup, element
from moe_core.reports.charts.point_curves import PointCurve, PointCurves

_STYLE = Path(__file__).parent / "page" / "style.css"
# Even if some text became markup, the page may run no script and fetch nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def experiment_page(result: ExperimentResult) -> str:
    """The whole page; texts of models and quizzes are escaped."""
    run, found = result.specification, result.baseline
    setting = (
        f"{run.model.name} on {run.quiz.name}, {run.protocol}, {run.shots}-shot, {run.model.dtype} on "
        f"{run.model.device}; experts chosen in scope {result.scope}, seed {result.seed}; baseline "
        f"{percent_with_interval(found.estimate, found.lower, found.upper)}, n = {count(found.n)}"
    )
    main = element(
        "main",
        element("header", element("h1", result.title), element("p", setting, class_="quiet")),
        element("p", element("b", result.finding)),
        element("p", f"{result.setting}."),
        element("div", _figure(result), class_="wide"),
        element("section", element("h2", "Points"), _table(result)),
        element("ul", *(element("li", caveat) for caveat in result.caveats)),
        element("p", METHODS, class_="note"),
        element("footer", element("p", f"Made by moescope from {result.trace}.", class_="note")),
    )
    page = element("html", _head(result.title), element("body", main), lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


def _head(title: str) -> Markup:
    return element(
        "head",
        Markup('<meta charset="utf-8">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        element("title", f"{title} · moescope"),
        element("style", Markup(_STYLE.read_text(encoding="utf-8"))),
    )


def _figure(result: ExperimentResult) -> Markup:
    curves = curves_of(result.points, result.quantity)
    is_delta, has_scale = result.quantity == "delta", bool(result.x_title)
    return point_curves.draw(
        PointCurves(
            label=result.finding,
            x_title=result.x_title,
            y_title="change of accuracy, points" if is_delta else "accuracy, %",
            curves=[_curve(curve, result) for curve in curves],
            reference=(0.0, "baseline") if is_delta else _baseline(result),
            names=() if has_scale else [label for curve in curves for label in curve.labels],
            x_is_share=result.x_title.startswith("share"),
        )
    )


def _baseline(result: ExperimentResult) -> tuple[float, str]:
    return result.baseline.estimate, f"baseline {percent(result.baseline.estimate)}"


def _curve(curve: ResultCurve, result: ExperimentResult) -> PointCurve:
    texts = []
    for members in curve.members:
        group = [result.points[place] for place in members]
        texts.append(
            f"{curve.name}, {group[0].planned.label}: {range_text([point.change.delta for point in group])}"
            if curve.is_random
            else point_line(group[0])
        )
    return PointCurve(curve.name, curve.x, curve.values, curve.lower, curve.upper, texts, curve.is_random)


def _table(result: ExperimentResult) -> Markup:
    heads = ("series", "point", "draw", "experts", "accuracy", "delta", "p", "gold log-probability", "prompt", "n")
    head = element("thead", element("tr", *(_cell("th", text, at) for at, text in enumerate(heads))))
    rows = [element("tr", *(_cell("td", text, at) for at, text in enumerate(_texts(point)))) for point in result.points]
    return element("div", element("table", head, element("tbody", *rows)), class_="wide")


def _texts(point: ExperimentPoint) -> tuple[str, ...]:
    planned, change = point.planned, point.change
    after = change.after
    return (
        planned.series,
        planned.label,
        str(planned.repeat or ""),
        count(point.n_experts),
        percent_with_interval(after.estimate, after.lower, after.upper),
        delta_text(change),
        p_value(change.p).removeprefix("p = ").removeprefix("p "),
        gold_text(point.gold_logprob),
        percent(point.touched.prompt_share) if isfinite(point.touched.prompt_share) else "",
        count(change.n),
    )


def _cell(tag: str, text: str, column: int) -> Markup:
    return element(tag, text, class_="left" if column < 2 else None)
