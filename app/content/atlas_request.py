"""Which analysis the state asks for, of which questions, and what of it is shown."""

from typing import TYPE_CHECKING

from app.state.atlas_state import AtlasKey
from app.state.state import State

if TYPE_CHECKING:
    from moe_core.analyses.analysis import Analysis, AnalysisOptions, AnalysisResult, Shown
    from moe_core.analyses.kept.making import Making
    from moe_core.jobs.analysis_sources import AnalysisRequest

WINDOW_QUESTIONS = 16
"""Questions that the model is run on from the window."""
SAMPLED_PAIRS = 20
"""Pairs of experts of a layer that are matched where a sample is asked for."""


def analysis_of(state: State) -> "Analysis[object]":
    """The analysis that is chosen; the first one where it is not known any more."""
    from moe_core.analyses import ANALYSES

    return next((each for each in ANALYSES if each.name == state.atlas.analysis), ANALYSES[0])


def request_of(state: State) -> "AnalysisRequest | None":
    """What would be computed now; None without a trace."""
    return request_for(state, analysis_of(state))


def request_for(state: State, analysis: "Analysis[object]") -> "AnalysisRequest | None":
    """An analysis of what is shown; None without a trace."""
    from moe_core.analyses.analysis import Needs
    from moe_core.jobs.analysis_sources import AnalysisRequest

    if state.trace is None:
        return None
    other = None if state.what_if is None else state.what_if.after.path
    needs_other = analysis.needs is Needs.TWO_TRACES
    return AnalysisRequest(
        analysis.name, state.trace.path, other if needs_other else None, options=_options(state, analysis)
    )


def key_of(state: State) -> AtlasKey | None:
    """Under what its result is kept."""
    request = request_of(state)
    return None if request is None else key_for(state, request)


def key_for(state: State, request: "AnalysisRequest") -> AtlasKey:
    """Under what the result of a request about the trace shown is kept in memory."""
    assert state.trace is not None
    other = state.what_if.after.fingerprint if state.what_if is not None and request.other else ""
    return AtlasKey(f"{state.trace.fingerprint} {state.revision}", other, request.name, request.options)


def kept_as(state: State, request: "AnalysisRequest") -> "Making | None":
    """What would make the result of a request, as its file beside the trace says it; None without a trace."""
    from moe_core.analyses import ANALYSES
    from moe_core.analyses.kept.making import fingerprint_of, making_of

    if state.trace is None:
        return None
    analysis = next(each for each in ANALYSES if each.name == request.name)
    other = state.what_if.after.trace if state.what_if is not None and request.other else None
    model = state.trace.specification.model
    return making_of(
        analysis, request.options, model=fingerprint_of(model), trace=state.trace.trace, other=other, dtype=model.dtype
    )


def result_of(state: State) -> "AnalysisResult | None":
    """What was computed of just this; None where nothing was."""
    key = key_of(state)
    return None if key is None else state.atlas.results.get(key)


def why_not(state: State) -> str:
    """Why the chosen analysis cannot be computed now; empty where it can."""
    if state.trace is None:  # said without looking, which imports all analyses
        return "Open a trace to look at its model."
    from moe_core.analyses.analysis import Needs

    analysis = analysis_of(state)
    if "expert" in analysis.reads and not state.experts:
        return "Select an expert in the grid: this analysis is of one expert."
    if analysis.needs is Needs.TWO_TRACES and state.what_if is None:
        return "Show a what-if, or compare with another trace: this analysis is of two."
    return ""


def can_be_of_one(analysis: "Analysis[object]") -> bool:
    """Whether it is a mean over questions that may be asked of one alone, token by token."""
    return analysis.needs.runs_model and "question" in analysis.reads and "expert" not in analysis.reads


def own_number(state: State, place: int) -> int:
    """The model's own number of the MoE layer at a place."""
    assert state.trace is not None
    return state.layers[place]


def shown_part(state: State, result: "AnalysisResult") -> "Shown":
    """The array, the layer and the expert that are looked at."""
    from moe_core.analyses.analysis import Shown

    keys = list(result.found.values)
    key = state.atlas.key if state.atlas.key in keys else keys[0]
    layers = list(result.found.layers)
    own = own_number(state, state.layer)
    place = layers.index(own) if own in layers else len(layers) - 1
    selected = [expert for layer, expert in sorted(state.experts) if layer == state.layer]
    return Shown(key, place, selected[0] if selected else None)


def _options(state: State, analysis: "Analysis[object]") -> "AnalysisOptions":
    from moe_core.analyses.analysis import AnalysisOptions

    assert state.trace is not None
    reads, trace = analysis.reads, state.trace
    ids = None
    if "ids" in reads and not state.filter.is_empty:
        ids = tuple(trace.table.ids[row] for row in trace.rows(state.scope, state.filter).tolist())
    defaults = AnalysisOptions()
    expert = min(state.experts) if "expert" in reads and state.experts else None
    question = trace.table.ids[state.question] if "question" in reads and state.question is not None else ""
    if can_be_of_one(analysis) and not state.atlas.is_of_question:
        question = ""  # the mean over questions
    return AnalysisOptions(
        layers=(own_number(state, state.layer),) if "pairs" in reads else None,
        scope=state.scope if "scope" in reads else defaults.scope,
        ids=ids,
        n_questions=WINDOW_QUESTIONS,
        pairs=state.atlas.pairs if "pairs" in reads else 0,
        drop_outliers=state.atlas.drops_outliers and "drop_outliers" in reads,
        to_layer=state.atlas.to_layer if "to_layer" in reads and state.atlas.to_layer in state.layers else None,
        expert=None if expert is None else (own_number(state, expert[0]), expert[1]),
        question=question,
    )
