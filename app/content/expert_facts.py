"""What analyses say of one expert: its nearest ones by weight and by output, and how large its output is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.content.atlas_request import key_for, request_for
from app.state.atlas_state import AtlasKey
from app.state.state import State
from moe_core.measures.question_filter import Expert
from moe_core.models.weights.expert_weights import MATRICES

if TYPE_CHECKING:
    from moe_core.analyses.analysis import AnalysisResult
    from moe_core.jobs.analysis_sources import AnalysisRequest

FloatArray = NDArray[np.float64]
BY_WEIGHT, BY_OUTPUT, BY_NORM = "expert-neuron-mean-similarity", "expert-output-similarity", "norm-score-ranks"


@dataclass(frozen=True, eq=False)
class Nearest:
    """The other experts of the layer, the most similar first; `lower` and `upper` are NaN where nothing varies.

    `parts` are the similarities by matrix, where there are several; `notes` say what stands behind them.
    """

    experts: tuple[int, ...]
    similarity: FloatArray
    lower: FloatArray
    upper: FloatArray
    parts: Mapping[str, FloatArray]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class OutputNorm:
    """The mean norm of an expert's output with its interval, and its rank among the E of its layer, 1 the largest."""

    mean: float
    lower: float
    upper: float
    rank: int
    n_experts: int


def missing_facts(state: State) -> "list[tuple[AtlasKey, AnalysisRequest]]":
    """What the page of the selected experts is made of and is not known for the questions shown."""
    if state.trace is None or not state.experts:
        return []
    return [(key, request) for key, request in _wanted(state) if key not in state.atlas.results]


def nearest_by_weight(state: State, expert: Expert) -> Nearest | None:
    """By the mean cosine of the averaged neurons of all matrices; None where that is not computed."""
    if (result := _result(state, BY_WEIGHT)) is None:
        return None
    of: dict[str, FloatArray] = {name: _row(result, name, expert) for name in MATRICES if name in result.found.values}
    return _nearest(expert, np.mean(list(of.values()), axis=0), None, of, result.found.notes)


def nearest_by_output(state: State, expert: Expert) -> Nearest | None:
    """By the similarity of outputs for the same tokens; None where that is not computed."""
    if (result := _result(state, BY_OUTPUT)) is None:
        return None
    bounds = _row(result, "lower", expert), _row(result, "upper", expert)
    return _nearest(expert, _row(result, "similarity", expert), bounds, {}, result.found.notes)


def output_norm(state: State, expert: Expert) -> OutputNorm | None:
    """How large the expert's outputs are; None where that is not computed."""
    if (result := _result(state, BY_NORM)) is None:
        return None
    layer, number = expert
    of_layer = result.found.values["norm"][layer]
    mean, lower, upper = (
        float(result.found.values[key][layer, number]) for key in ("norm", "norm_lower", "norm_upper")
    )
    return OutputNorm(mean, lower, upper, int((of_layer > mean).sum()) + 1, len(of_layer))


def _wanted(state: State) -> "list[tuple[AtlasKey, AnalysisRequest]]":
    from moe_core.analyses import ANALYSES

    requests = (request_for(state, each) for each in ANALYSES if each.name in (BY_WEIGHT, BY_OUTPUT, BY_NORM))
    return [(key_for(state, request), request) for request in requests if request is not None]


def _result(state: State, name: str) -> "AnalysisResult | None":
    key = next((key for key, request in _wanted(state) if request.name == name), None)
    return None if key is None else state.atlas.results.get(key)


def _row(result: "AnalysisResult", key: str, expert: Expert) -> FloatArray:
    return np.asarray(result.found.values[key][expert])


def _nearest(
    expert: Expert,
    similarity: FloatArray,
    bounds: tuple[FloatArray, FloatArray] | None,
    parts: Mapping[str, FloatArray],
    notes: tuple[str, ...],
) -> Nearest:
    order = [other for other in np.argsort(-similarity, kind="stable").tolist() if other != expert[1]]
    nothing = np.full(len(similarity), np.nan)
    lower, upper = bounds or (nothing, nothing)
    return Nearest(
        tuple(order),
        similarity[order],
        lower[order],
        upper[order],
        {name: of[order] for name, of in parts.items()},
        notes,
    )
