"""Several models on the same questions, as text, JSON and one HTML page."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from moe_core.comparison.aspects import COMPUTED_BY, Aspect, differing_aspects
from moe_core.comparison.models_beside import Estimate, ModelBeside, ModelsBeside
from moe_core.comparison.pairing import shape_text
from moe_core.figures.colour.colours import SERIES
from moe_core.figures.curves import Curve, CurveFigure, Reference, Style
from moe_core.numbers.formatting import (
    NOTHING,
    counted,
    finite,
    number_with_interval,
    p_number,
    percent,
    percent_with_interval,
)
from moe_core.reports.charts.figure import inline_svg
from moe_core.reports.page.page import paragraph, section, text_table, whole_page, wide
from moe_core.reports.svg.markup import Markup, element
from moe_core.system.console_text import aligned

TITLE = "Models on the same questions"
HEADS = ("trace", "model", "MoE layers × experts, top-k", "accuracy", "delta, points", "p")
ROUTING_HEADS = ("trace", "never used", "evenness of load", "entropy / ln K")
DEPTH_HEADS = ("trace", *(f"{20 * part}-{20 * part + 20} % deep" for part in range(5)))
_DASHES: tuple[tuple[float, ...], ...] = ((), (5, 2.5), (1.5, 2), (8, 2, 2, 2))
NOTE = (
    "Accuracies are Wilson 95 %, deltas Tango 95 % with McNemar's exact p against the first trace, over the same "
    "questions; other intervals are of a jackknife over blocks of questions, and none is given where leaving out a "
    "block changes nothing. Evenness: entropy of the experts' shares of the tokens over ln E, 1 where all get alike."
)


def models_json(found: ModelsBeside) -> dict[str, Any]:
    """One object: `scope`, `n`, `n_scored`, `never_used_at_most` (the share of further questions that may use an expert
    that none did), and for each model its run, accuracy, change and routing; `remarks` name what was computed unlike.
    """
    return {
        "scope": found.scope.value,
        "n": found.n,
        "n_scored": found.n_scored,
        "never_used_at_most": found.unseen_at_most,
        "models": [_model_json(model) for model in found.models],
        "remarks": remarks(found),
    }


def models_lines(found: ModelsBeside) -> list[str]:
    """Three tables as text, the first trace first."""
    lines = [heading(found), ""]
    for heads, rows in _tables(found):
        lines += [*aligned([heads, *rows]), ""]
    return [*lines, *(f"note: {remark}" for remark in remarks(found)), NOTE, never_used_note(found)]


def models_page(found: ModelsBeside) -> str:
    """The whole page; texts of models and people are escaped."""
    head = element("header", element("h1", TITLE), paragraph(heading(found), class_="quiet"))
    return whole_page(TITLE, head, *(section(name, *content) for name, content in models_parts(found).items()))


def models_parts(found: ModelsBeside) -> dict[str, list[Markup]]:
    """Tables and the figure under their titles, for a page of their own or a part of another one."""
    accuracy, routing, depth = _tables(found)
    notes = [f"{NOTE} {never_used_note(found)}", *(f"{remark}." for remark in remarks(found))]
    return {
        "Accuracy": [text_table(*accuracy, n_left=3)],
        "Experts used": [text_table(*routing)],
        "Entropy by relative depth, over ln K": [wide(inline_svg(depth_figure(found))), text_table(*depth)],
        "How to read this": [paragraph(note, class_="note") for note in notes],
    }


def depth_figure(found: ModelsBeside) -> CurveFigure:
    """Entropy of the gate weights over ln K of every layer, at its depth relative to the model's last one."""
    return CurveFigure(
        curves=tuple(_curve(at, model, found.n) for at, model in enumerate(found.models)),
        x_name="depth, %",
        x_title="relative depth of the layer, %",
        y_title="entropy / ln K",
        references=(Reference(1.0, "all K alike"),),
        floor=0.0,
        title=f"Entropy of the gate weights over ln K by relative depth, scope {found.scope}",
    )


def _curve(at: int, model: ModelBeside, n: int) -> Curve:
    layers, values = np.array(model.routing.layers), np.array(model.routing.entropy_by_layer)
    depth = np.rint(100 * layers / max(1, *layers)).astype(np.intp)
    nothing, style = np.full(len(layers), np.nan), Style(dash=_DASHES[at % len(_DASHES)])
    name = f"{model.name} ({model.run.model.name})"
    return Curve(name, depth, values, nothing, nothing, SERIES[at % len(SERIES)], style, n)


def remarks(found: ModelsBeside) -> list[str]:
    """What differs of how the runs were computed, which moves numbers a little: each with the traces of each kind."""
    apart = differing_aspects([model.run for model in found.models], COMPUTED_BY)
    return [f"{aspect.name}: {_by_trace(aspect, found.models)}" for aspect in apart]


def _by_trace(aspect: Aspect, models: Sequence[ModelBeside]) -> str:
    names: dict[str, list[str]] = {}
    for model in models:
        names.setdefault(aspect.text(model.run), []).append(model.name)
    return "; ".join(f"{text} in {', '.join(of)}" for text, of in names.items())


def never_used_note(found: ModelsBeside) -> str:
    """How much "never" means over so many questions."""
    return (
        f"Never used: by none of {counted(found.n, 'question')}; up to {percent(found.unseen_at_most)} of further ones "
        "may still use such an expert (Wilson 95 %)."
    )


def heading(found: ModelsBeside) -> str:
    """What is compared over what."""
    asked = counted(found.n, "question")
    return (
        f"{len(found.models)} models, {asked} that all answered ({found.n_scored:,} scored), scope {found.scope.value}"
    )


def _tables(found: ModelsBeside) -> list[tuple[Sequence[str], list[Sequence[str]]]]:
    return [
        (HEADS, [_accuracy(model) for model in found.models]),
        (ROUTING_HEADS, [_used(model) for model in found.models]),
        (DEPTH_HEADS, [(model.name, *map(_number, model.routing.entropy_by_fifth)) for model in found.models]),
    ]


def _accuracy(model: ModelBeside) -> Sequence[str]:
    right, change, of = model.accuracy, model.change, model.run.model
    delta = (NOTHING, NOTHING) if change is None else (change.delta_number, p_number(change.p))
    shape = shape_text(of)
    return (model.name, of.name, shape, right.text, *delta)


def _used(model: ModelBeside) -> Sequence[str]:
    never = model.routing.never_used
    return (
        model.name,
        percent_with_interval(never.value, never.lower, never.upper),
        _number(model.routing.evenness),
        _number(model.routing.entropy),
    )


def _number(estimate: Estimate) -> str:
    return number_with_interval(estimate.value, estimate.lower, estimate.upper)


def _model_json(model: ModelBeside) -> dict[str, Any]:
    right, change, routing = model.accuracy, model.change, model.routing
    return {
        "trace": model.name,
        "model": model.run.model.name,
        "quiz": model.run.quiz.name,
        "n_layers": model.run.model.n_layers,
        "n_experts": model.run.model.n_experts,
        "top_k": model.run.model.top_k,
        "accuracy": finite(right.estimate),
        "accuracy_ci95": [finite(right.lower), finite(right.upper)],
        "delta": None if change is None else finite(change.delta),
        "delta_ci95": None if change is None else [finite(change.lower), finite(change.upper)],
        "mcnemar_p": None if change is None else finite(change.p),
        **{name: _plain(getattr(routing, name)) for name in ("never_used", "evenness", "entropy")},
        "entropy_by_fifth": [_plain(part) for part in routing.entropy_by_fifth],
        "layers": list(routing.layers),
        "entropy_by_layer": [finite(value) for value in routing.entropy_by_layer],
        "evenness_by_layer": [finite(value) for value in routing.evenness_by_layer],
    }


def _plain(estimate: Estimate) -> dict[str, float | None]:
    return {name: finite(value) for name, value in asdict(estimate).items()}
