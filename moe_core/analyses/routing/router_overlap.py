"""How far two runs choose the same experts for the same tokens: mean |top-k of one and of the other| / k.

Between two checkpoints of one model this is OLMoE's router saturation (https://arxiv.org/abs/2409.02060, section 5.1).
"""

from collections.abc import Sequence

import numpy as np

from moe_core.analyses.analysis import Analysis, AnalysisOptions, AnalysisValues, FloatArray, Needs, Shown, Step, Work
from moe_core.analyses.layer_curve import layer_curve
from moe_core.analyses.routing.co_activation import OLMOE
from moe_core.analyses.selected_trace import SelectedTrace
from moe_core.errors import AnalysisError, Remedy
from moe_core.figures.curves import CurveFigure, Reference
from moe_core.measures.clustered import clustered_share
from moe_core.measures.scope import Scope
from moe_core.traces.layout import Segments
from moe_core.traces.reader import Trace
from moe_core.traces.records import ExpertIds

Rows = tuple[int, int]


def compute(both: Sequence[SelectedTrace], options: AnalysisOptions) -> Work:
    """Key overlap [L], 0..1, with lower and upper over questions; chance is k / E, what unrelated routers give.

    Raises AnalysisError where the two models differ in layers, experts or k, or no question has the same tokens.
    """
    first, second = (each.trace for each in both)
    _refuse_unlike(first, second)
    places, pairs = both[0].places(options), _pairs(both[0], second)
    K = first.specification.model.top_k
    counts, sizes = np.zeros((len(pairs), len(places))), np.zeros(len(pairs))
    for number, rows in enumerate(pairs):
        one, other = (_experts(trace, row, options.scope) for trace, row in zip((first, second), rows, strict=True))
        counts[number], sizes[number] = _common(one, other)[:, list(places)].sum(axis=0) / K, len(one)
        if number % 50 == 49 or number + 1 == len(pairs):
            yield Step(number + 1, len(pairs), "questions")
    of = clustered_share(counts, sizes)
    values = {"overlap": of.share, "lower": of.lower, "upper": of.upper}
    values["chance"] = np.full(len(places), K / first.specification.model.n_experts)
    layers = tuple(both[0].layers[place] for place in places)
    note = f"{int(sizes.sum()):,} tokens of {len(pairs):,} questions in both traces; intervals over questions."
    return AnalysisValues(layers, ("layer",), "share of experts in common", values, notes=(note,))


def _refuse_unlike(first: Trace, second: Trace) -> None:
    ours, theirs = (trace.specification.model for trace in (first, second))
    for what, one, other in (
        ("MoE layers", ours.n_layers, theirs.n_layers),
        ("experts per layer", ours.n_experts, theirs.n_experts),
        ("experts chosen per token", ours.top_k, theirs.top_k),
        ("tokenizer", ours.tokenizer_sha256[:8], theirs.tokenizer_sha256[:8]),
    ):
        if one != other:
            raise AnalysisError(f"The two models cannot be compared: {what} {one} and {other}.")


def _pairs(chosen: SelectedTrace, second: Trace) -> list[Rows]:
    """Rows of the questions that both answered with the same tokens."""
    ours, theirs = chosen.trace, {name: row for row, name in enumerate(second.ids)}
    pairs = [
        (int(row), theirs[ours.ids[row]])
        for row in chosen.routing(Scope.ANSWER).questions
        if ours.ids[row] in theirs and second.recorded[theirs[ours.ids[row]]]
    ]
    pairs = [
        (row, other)
        for row, other in pairs
        if np.array_equal(ours.prompt_token_ids(row), second.prompt_token_ids(other))
    ]
    if not pairs:
        raise AnalysisError("The two traces have no question with the same tokens in common.")
    return pairs


def _experts(trace: Trace, row: int, scope: Scope) -> ExpertIds:
    """The experts of a question's tokens in a scope [T, L, K]."""
    if scope is Scope.ANSWER:
        return trace.answer(row).experts[None]
    if not trace.dimensions.keeps_tokens:
        raise AnalysisError(
            f"{trace.path.name} keeps the answer position only, and not every token.", Remedy.KEEP_ALL_TOKENS
        )
    if scope is Scope.QUESTION:
        return trace.segment_tokens(row, Segments.QUESTIONS).routing.experts
    return trace.token_routing(row).experts


def _common(one: ExpertIds, other: ExpertIds) -> FloatArray:
    """How many experts two choices have in common [T, L]."""
    return np.asarray((one[..., :, None] == other[..., None, :]).sum(axis=(-1, -2)), np.float64)


def figure(found: AnalysisValues, shown: Shown) -> CurveFigure:
    """The overlap over the layers, with its interval, and what unrelated routers would give."""
    bounds = found.values["lower"], found.values["upper"]
    chance = Reference(float(found.values["chance"][0]), "unrelated routers, k / E")
    return layer_curve(found.layers, found.values["overlap"], found.unit, bounds=bounds, references=(chance,))


ROUTER_OVERLAP = Analysis(
    name="router-overlap",
    title="Overlap of two routers",
    question="How far do two runs choose the same experts for the same tokens?",
    source=OLMOE,
    needs=Needs.TWO_TRACES,
    reads=("scope", "subjects", "ids"),
    compute=compute,
    figure=figure,
)
