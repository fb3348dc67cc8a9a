"""A model's card as one HTML page that needs nothing else: claims checked, then every analysis with its figures."""

from moe_core.analyses.analysis import AnalysisResult, Shown
from moe_core.numbers.formatting import count
from moe_core.reports.analysis_result import layer_rows
from moe_core.reports.atlas_claims import claims
from moe_core.reports.charts.figure import inline_svg
from moe_core.reports.page.page import paragraph, section, text_table, whole_page, wide
from moe_core.reports.svg.markup import Markup, element

_MOST_LABELLED = 4_096


def atlas_page(
    model: str,
    results: tuple[AnalysisResult, ...],
    beside: tuple[AnalysisResult, ...] = (),
    skipped: tuple[str, ...] = (),
) -> str:
    """The whole page; texts of models, quizzes and tokens are escaped."""
    checked = [(claim.claim, claim.here, claim.paper) for claim in claims(results, beside)]
    names = {result.model for result in beside}
    said = f"{len(results)} analyses" + (f", beside {', '.join(sorted(names))}" if names else "")
    left_out = [element("ul", *(element("li", sentence) for sentence in skipped))] if skipped else []
    return whole_page(
        f"Atlas of {model}",
        element("header", element("h1", f"Atlas of {model}"), paragraph(said, class_="quiet")),
        section("The claims of arXiv 2406.18219", *_claims(checked)),
        *map(_analysis, results),
        *([section("Left out", *left_out)] if skipped else []),
        element("footer", paragraph("Made by moescope.", class_="note")),
    )


def _claims(checked: list[tuple[str, str, str]]) -> list[Markup]:
    if not checked:
        return [paragraph("None of the claims can be checked with what was computed.", class_="note")]
    return [
        part
        for claim, here, paper in checked
        for part in (element("h3", claim), paragraph(here), paragraph(f"The paper: {paper}", class_="note"))
    ]


def _analysis(result: AnalysisResult) -> Markup:
    """The question, a figure of the first, the middle and the last layer, and every array in numbers."""
    found = result.found
    key = next(iter(found.values))
    places = sorted({0, len(found.layers) // 2, len(found.layers) - 1}) if found.values[key].ndim > 2 else [0]
    if found.values[key].size > _MOST_LABELLED * len(found.layers):
        places = places[len(places) // 2 :][:1]  # thousands of marks each
    figures = [result.analysis.figure(found, Shown(key, place)) for place in places]
    parts = [part for figure in figures for part in (element("h4", figure.title), wide(inline_svg(figure)))]
    heads = ("array", "layer", "mean", "lowest", "highest")
    notes = [paragraph(note, class_="note") for note in found.notes]
    table = text_table(heads, layer_rows(found), n_left=2)
    numbers = element("details", element("summary", "Numbers of every layer"), table)
    about = f"{result.analysis.question} {count(len(found.layers))} MoE layers; {found.unit}. {result.analysis.source}"
    return section(result.analysis.title, paragraph(about, class_="quiet"), *parts, *notes, numbers)
