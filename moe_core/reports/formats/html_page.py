"""The report as one HTML page that needs nothing else: figures are inline SVG, no script, nothing is fetched."""

import numpy as np

from moe_core.analyses.contribution_tables import ExpertContributions
from moe_core.comparison.models_beside import ModelsBeside
from moe_core.measures.scope import Scope
from moe_core.measures.support import supported_text
from moe_core.numbers.formatting import count, percent, percent_interval
from moe_core.reports.charts.figure import inline_svg
from moe_core.reports.format import ReportFormat
from moe_core.reports.page import figures, tables
from moe_core.reports.page.page import paragraph, section, whole_page, wide
from moe_core.reports.pages.models import heading, models_parts
from moe_core.reports.sentences import (
    INTERVAL_NOTE,
    PAPER,
    best_expert_rule,
    coverage,
    nothing_to_report,
    scope_matters,
    setting,
    title,
)
from moe_core.reports.svg.markup import Markup, element, join


def render(report: ExpertContributions) -> dict[str, str]:
    """The whole page."""
    return {"report.html": whole_page(title(report), _sections(report))}


def _sections(report: ExpertContributions) -> list[Markup]:
    missing = nothing_to_report(report)
    if missing:
        return [_head(report), paragraph(missing), _run(report)]
    has_answers = report.accuracy.n > 0
    return [
        _head(report),
        _tiles(report),
        _scopes(report),
        _published(report),
        _experts(report),
        _entropy(report),
        _weights(report),
        *([_best_and_worst(report), _subjects(report)] if has_answers else []),
        *([] if report.beside is None else [_beside(report.beside)]),
        _run(report),
    ]


def _head(report: ExpertContributions) -> Markup:
    kind = None if report.coverage.complete and not report.coverage.n_failed else "warning"
    return element(
        "header",
        element("h1", title(report)),
        paragraph(setting(report), class_="quiet"),
        paragraph(coverage(report), class_=kind),
    )


def _tiles(report: ExpertContributions) -> Markup:
    found = report.accuracy
    interval = f"{percent_interval(found.lower, found.upper)}, n = {count(found.n)}"
    unused = [
        _tile(percent(report.tables(scope).never_used_share), f"of experts never used, scope {scope}")
        for scope in (Scope.ANSWER, Scope.PROMPT)
    ]
    return element(
        "div",
        _tile(percent(found.estimate), f"accuracy {interval}" if found.n else "accuracy: the quiz gives no answers"),
        _tile(count(report.coverage.n_questions), f"questions, {count(report.tables(Scope.PROMPT).n_tokens)} tokens"),
        *unused,
        class_="tiles",
    )


def _tile(number: str, caption: str) -> Markup:
    return element("div", element("b", number), element("span", caption), class_="tile")


def _scopes(report: ExpertContributions) -> Markup:
    return section("Which tokens are read", paragraph(scope_matters(report)), tables.scopes(report))


def _published(report: ExpertContributions) -> Markup:
    if not report.published:
        return Markup("")
    note = (
        f"{PAPER} used this model and this quiz. Its prompt, token position, single layers and overall accuracy are "
        f"not known here, so agreement is to be expected in kind, not in digits. This trace: {coverage(report)}."
    )
    return section("Beside the paper", tables.published(report), paragraph(note, class_="note"))


def _experts(report: ExpertContributions) -> Markup:
    parts = []
    for each in (report.main, *report.others):
        unused = f"{percent(each.never_used_share)} never used"
        parts.append(element("h3", f"Share of tokens routed to each expert, scope {each.scope}: {unused}"))
        parts.append(wide(inline_svg(figures.used_share(each))))
    if report.accuracy.n:
        parts.append(element("h3", f"Accuracy of each expert, scope {report.main.scope}"))
        parts.append(wide(inline_svg(figures.expert_accuracy(report))))
        parts += _right_minus_wrong(report)
    note = f"Point at a cell for its exact values and support. Accuracy is shown {best_expert_rule(report)}."
    return section("Experts", *parts, paragraph(note, class_="note"))


def _right_minus_wrong(report: ExpertContributions) -> list[Markup]:
    """The differences, and a switch for those that are not supported: one of style, for the page runs no script."""
    found = report.main.cells.right_minus_wrong
    if np.isnan(found.values).all():
        return []
    figure = figures.right_minus_wrong(report)
    switch = Markup('<input type="checkbox" id="unsupported" class="unsupported"/>')
    said = (
        f"{supported_text(found)}: what chance explains in a quiz of this size is faded. Intervals are 95 %, each of "
        "its difference alone."
    )
    label = element("label", "Show unsupported differences", for_="unsupported", class_="note")
    chart = element("div", switch, label, wide(inline_svg(figure)))
    return [element("h3", figure.title), paragraph(said, class_="note"), chart]


def _entropy(report: ExpertContributions) -> Markup:
    top_k = report.specification.model.top_k
    explained = (
        f"Entropy of a token's {top_k} gate weights, renormalised, in nats: 0 when one expert takes all, ln {top_k} "
        "when all weigh the same. Bands are one standard deviation over the tokens of the scope."
    )
    return section(
        "Experts used and entropy per layer (Tables 1 and 2)",
        paragraph(explained),
        wide(inline_svg(figures.entropy_curves(report))),
        tables.used_and_entropy(report),
    )


def _weights(report: ExpertContributions) -> Markup:
    columns = [
        element("div", element("h3", f"scope {each.scope}"), tables.top_weights(report, each))
        for each in (report.main, *report.others)
    ]
    explained = "Mean gate weights, renormalised, the largest first."
    return section("Gate weights per layer (Table 3)", paragraph(explained), element("div", columns, class_="columns"))


def _best_and_worst(report: ExpertContributions) -> Markup:
    note = f"Ranked {best_expert_rule(report)}. {INTERVAL_NOTE}"
    return section(
        f"Best and worst expert per layer, scope {report.main.scope}",
        tables.best_and_worst(report.main),
        paragraph(note, class_="note"),
    )


def _subjects(report: ExpertContributions) -> Markup:
    explained = "Wilson 95 % intervals, best subject first."
    chart = wide(inline_svg(figures.accuracy_by_subject(report)))
    return section("Accuracy by subject", paragraph(explained, class_="note"), chart)


def _beside(found: ModelsBeside) -> Markup:
    """What other models do with the same questions."""
    parts = [part for name, content in models_parts(found).items() for part in (element("h3", name), *content)]
    return section("Beside other traces", paragraph(heading(found)), *parts)


def _run(report: ExpertContributions) -> Markup:
    source = element("a", PAPER, href="https://arxiv.org/abs/2502.17187")
    tail = element("p", "Made by moescope from one trace; definitions follow ", source, ".", class_="note")
    return join([section("The run", tables.run(report)), element("footer", tail)])


HTML = ReportFormat(name="html", title="Web page", render=render)
