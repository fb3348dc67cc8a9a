"""A model's card as one HTML page that needs nothing else: claims checked, then every analysis with its figures."""

from moe_core.analyses.analysis import AnalysisResult, Shown
from moe_core.models.expert_names import Names
from moe_core.numbers.formatting import count
from moe_core.reports.analysis_result import layer_rows
from moe_core.reports.atlas_claims import Claim, claims
from moe_core.reports.charts.figure import inline_svg
from moe_core.reports.page.page import paragraph, section, text_table, whole_page, wide
from moe_core.reports.svg.markup import Markup, element

_MOST_LABELLED = 4_096


def atlas_page(
    model: str,
    results: tuple[AnalysisResult, ...],
    beside: tuple[AnalysisResult, ...] = (),
    skipped: tuple[str, ...] = (),
    names: Names | None = None,
) -> str:
    """The whole page; texts of models, quizzes and tokens are escaped."""
    other = {result.analysis.name: result for result in beside}
    checked = claims(results, beside)
    models = sorted({result.model for result in beside})
    said = f"{len(results)} analyses" + (f", beside {', '.join(models)}" if models else "")
    left_out = [element("ul", *(element("li", sentence) for sentence in skipped))] if skipped else []
    return whole_page(
        f"Atlas of {model}",
        element("header", element("h1", f"Atlas of {model}"), paragraph(said, class_="quiet")),
        section("The claims of arXiv 2406.18219", *_claims(checked, model, models)),
        *([_named(names)] if names else []),
        *(_analysis(result, other.get(result.analysis.name)) for result in results),
        *([section("Left out", *left_out)] if skipped else []),
        element("footer", paragraph("Made by moescope.", class_="note")),
    )


def _named(names: Names) -> Markup:
    rows = ((str(layer), str(expert), name) for (layer, expert), name in sorted(names.items()))
    return section("Named experts", text_table(("layer", "expert", "name"), rows, n_left=3))


def _claims(checked: tuple[Claim, ...], model: str, names: list[str]) -> list[Markup]:
    found = []
    for claim in checked:
        found += [element("h3", claim.claim), paragraph(f"{model}: {claim.here}" if claim.beside else str(claim.here))]
        found += [paragraph(f"{', '.join(names)}: {claim.beside}")] if claim.beside else []
        found.append(paragraph(f"The paper: {claim.paper}", class_="note"))
    return found


def _analysis(result: AnalysisResult, beside: AnalysisResult | None) -> Markup:
    """The question, figures of the first, the middle and the last layer, every array in numbers; of both models."""
    found = result.found
    about = f"{result.analysis.question} {count(len(found.layers))} MoE layers; {found.unit}. {result.analysis.source}"
    parts = _figures(result, is_beside=False)
    if beside is not None:
        columns = ((each.model, _figures(each, is_beside=True)) for each in (result, beside))
        parts = [element("div", *(element("div", element("h3", name), *of) for name, of in columns), class_="columns")]
    return section(result.analysis.title, paragraph(about, class_="quiet"), *parts)


def _figures(result: AnalysisResult, *, is_beside: bool) -> list[Markup]:
    """Those of several layers beside each other, two a row, unless they stand beside those of another model."""
    found = result.found
    key = next(iter(found.values))
    places = sorted({0, len(found.layers) // 2, len(found.layers) - 1}) if found.values[key].ndim > 2 else [0]
    if found.values[key].size > _MOST_LABELLED * len(found.layers):
        places = places[len(places) // 2 :][:1]  # thousands of marks each
    figures = [result.analysis.figure(found, Shown(key, place)) for place in places]
    is_half = is_beside or len(figures) > 1
    drawn = (wide(inline_svg(figure, is_half=is_half)) for figure in figures)
    parts = [element("div", element("h4", of.title), svg) for of, svg in zip(figures, drawn, strict=True)]
    if len(parts) > 1 and not is_beside:
        parts = [element("div", *parts, class_="columns")]
    heads = ("array", "layer", "mean", "lowest", "highest")
    table = text_table(heads, layer_rows(found), n_left=2)
    notes = [paragraph(note, class_="note") for note in found.notes]
    return [*parts, *notes, element("details", element("summary", "Numbers of every layer"), table)]
