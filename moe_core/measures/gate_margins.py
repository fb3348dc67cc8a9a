"""How near to each other the scores of a router are: evenness of the chosen ones, and the gap to the first not chosen.

Axes: n questions, L MoE layers, E experts, K chosen experts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_core.measures.cube import blocks
from moe_core.measures.entropy_by_layer import EntropyKind, entropy_sums
from moe_core.measures.routing_sample import sample
from moe_core.measures.scope import Scope
from moe_core.traces.reader import Trace

FloatArray = NDArray[np.float64]

_SMALLEST = 2.0**-24
"""The smallest number of 16 bit: traces keep router probabilities so, and smaller ones are 0 there."""


@dataclass(frozen=True, eq=False)
class GateMargins:
    """Of each question and layer [n, L], at the answer position or the mean over all prompt tokens.

    `evenness` is the entropy of the renormalised gate weights over ln K, 1 where all K weigh the same. `gap` is the
    logarithm of the K-th router probability over the (K+1)-th, which is the difference of their logits: 0 where both
    are as likely; NaN where probabilities are not known, or all experts are chosen.
    """

    evenness: FloatArray
    gap: FloatArray


def gate_margins(trace: Trace, rows: Sequence[int]) -> GateMargins:
    """At the answer position of these questions, ascending."""
    chosen, size = np.asarray(rows, dtype=np.intp), trace.dimensions
    weights = trace.answer_weights[chosen].astype(np.float64)  # [n, L, K]
    shares = weights / np.maximum(weights.sum(-1, keepdims=True), np.finfo(np.float64).tiny)
    entropy = -np.sum(shares * np.log(np.maximum(shares, np.finfo(np.float64).tiny)), axis=-1)
    evenness = entropy / np.log(size.top_k) if size.top_k > 1 else np.full(entropy.shape, np.nan)
    gaps = np.full(entropy.shape, np.nan)
    if size.top_k < size.n_experts:
        places = (size.n_experts - size.top_k - 1, size.n_experts - size.top_k)
        for part in blocks(len(chosen), size.n_layers * size.n_experts):
            probabilities = np.asarray(trace.router_probs[chosen[part]], np.float64)
            ordered = np.partition(probabilities, places, axis=-1)[..., list(places)]
            gaps[part] = gap(ordered[..., 1], ordered[..., 0])
    return GateMargins(evenness, gaps)


def prompt_margins(trace: Trace, rows: Sequence[int], gaps: FloatArray) -> GateMargins:
    """Means over all prompt tokens of these questions, ascending, whose `gaps` [n, L] were measured."""
    drawn = sample(trace, Scope.PROMPT, np.asarray(rows, dtype=np.intp))
    means = entropy_sums(drawn, EntropyKind.TOPK) / drawn.routing.n_tokens[drawn.questions][:, None]
    top_k = trace.dimensions.top_k
    return GateMargins(means / np.log(top_k) if top_k > 1 else np.full(means.shape, np.nan), gaps)


def gap(last: FloatArray, following: FloatArray) -> FloatArray:
    """Logarithm of the K-th router probability over the (K+1)-th; probabilities as small as a trace can tell apart."""
    last, following = np.maximum(last, _SMALLEST), np.maximum(following, _SMALLEST)
    return np.asarray(np.log(last) - np.log(following))
