"""The claims of https://arxiv.org/abs/2406.18219, each checked on a model: a sentence with its numbers and interval.

Intervals are over the model's MoE layers (Student's t; Welch's for the difference of two models), or over questions
where the analysis gives those; a rank correlation with depth has Fisher's interval. What the paper found stands
beside. Where a claim cannot be checked, the sentence says why.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from moe_core.analyses.analysis import AnalysisResult, FloatArray
from moe_core.numbers.formatting import number_with_interval, significant
from moe_core.reports.over_layers import mean_over_layers, off_diagonal, trend, welch

Results = Mapping[str, AnalysisResult]
WEIGHTS, MATCHED, NORMS = "expert-weight-similarity", "expert-matched-similarity", "norm-score-ranks"
MEANS, OUTPUTS = "expert-neuron-mean-similarity", "expert-output-similarity"
_FEWEST_LAYERS = 4


@dataclass(frozen=True)
class Claim:
    """What the paper claims, what holds for this model in one sentence, and what the paper found.

    `beside` is the sentence about the model beside it; empty where there is none.
    """

    claim: str
    here: str
    paper: str
    beside: str = ""


@dataclass(frozen=True)
class _Checked:
    """A claim, what the paper found, and what says how it is with a model."""

    claim: str
    paper: str
    said_of: Callable[[Results], str]


def claims(results: Sequence[AnalysisResult], beside: Sequence[AnalysisResult] = ()) -> tuple[Claim, ...]:
    """Every claim of the paper, said of a model, and of the one beside it where there is one."""
    found, other = ({result.analysis.name: result for result in of} for of in (results, beside))
    made = [
        Claim(each.claim, each.said_of(found), each.paper, each.said_of(other) if other else "") for each in _CLAIMS
    ]
    return (*made, _scratch(found, other))


def _neurons(found: Results) -> str:
    if not {WEIGHTS, MATCHED} <= found.keys():
        return _without("the weights of experts with gates")
    matched = found[MATCHED].found.values
    after = matched["gate"]
    plain = np.where(np.isfinite(after), found[WEIGHTS].found.values["gate"], np.nan)  # the pairs that were matched
    mean, chance, tau = off_diagonal(after), matched["chance_gate"], off_diagonal(matched["tau_gate"])
    gain = mean_over_layers(mean - chance, signed=True)
    return (
        f"Matching the neurons of two experts raises the cosine of their gate projections from "
        f"{mean_over_layers(off_diagonal(plain))} to {mean_over_layers(mean)}, and by chance alone, where the "
        f"coordinates of one are shuffled, to {mean_over_layers(chance)}: {gain} more than "
        f"chance; Kendall's tau of the order is {mean_over_layers(tau)}, 0 by chance."
    )


def _norms(found: Results) -> str:
    if (result := found.get(NORMS)) is None:
        return _without("a trace of the model, on whose prompts its experts are run")
    values = result.found.values
    E = values["counts"].shape[1]
    n = int(values["counts"][0].sum() / E)
    return (
        f"The ranks of an output's norm and of its router score correlate by {mean_over_layers(values['correlation'])} "
        f"over layers (0 where unrelated); the best-scored expert has the largest norm for a share of "
        f"{mean_over_layers(values['top_share'])} of tokens, {significant(1 / E)} by chance, n = {n:,} tokens."
    )


def _depth(found: Results) -> str:
    if (result := found.get(MEANS)) is None or "gate" not in result.found.values:
        return _without("the weights of experts with gates")
    similar = off_diagonal(np.abs(result.found.values["gate"]))
    if len(similar) < _FEWEST_LAYERS:
        return f"Cannot be told of {len(similar)} MoE layers: at least {_FEWEST_LAYERS} are needed."
    rho, lower, upper = trend(similar[:-1])
    correlated = number_with_interval(rho, lower, upper) if np.isfinite(lower) else f"{significant(rho)} (few layers)"
    before = similar[-_FEWEST_LAYERS:-1]
    return (
        f"The mean absolute cosine of gate neurons correlates with depth by {correlated} without the last layer, where "
        f"it is {significant(float(similar[-1]))} after {mean_over_layers(before)} in the three before."
    )


def _outputs(found: Results) -> str:
    if OUTPUTS not in found:
        return _without("a trace of the model, on whose prompts its experts are run")
    if MEANS not in found or "gate" not in found[MEANS].found.values:
        return _without("the weights of experts with gates")
    weights, outputs = found[MEANS].found.values["gate"], found[OUTPUTS].found.values["similarity"]
    lower = np.tril_indices(weights.shape[1], -1)
    pairs = zip(weights, outputs, strict=True)
    related = np.array([_correlation(each[lower], other[lower]) for each, other in pairs])
    return (
        f"Over all pairs of experts, the cosine of mean gate neurons and the similarity of outputs correlate by "
        f"{mean_over_layers(related)} over layers (0 where unrelated)."
    )


_CLAIMS = (
    _Checked(
        "Neurons act as fine-grained experts",
        "Neurons act as fine-grained experts; read off activations and matched neurons.",
        _neurons,
    ),
    _Checked(
        "The router tends to choose experts with large outputs",
        "The router tends to select the experts with larger output norms.",
        _norms,
    ),
    _Checked(
        "Diversity grows with depth and falls at the end",
        "Similarity falls with depth and rises in the last layer or two.",
        _depth,
    ),
    _Checked(
        "Similar weights mean similar outputs", "The similarity of averaged weights reflects that of outputs.", _outputs
    ),
)


def _scratch(found: Results, other: Results) -> Claim:
    """The one claim that is about two models."""
    of = [_diversity(results) for results in (found, other)]
    here, beside = of
    said = f"Mean cosine of the experts' gate projections: {here[1]}"
    if here[0] is None or not other:
        said += "; whether that is more diverse is told beside another model only."
    elif beside[0] is None:
        said += f"; the other model: {beside[1]}."
    else:
        said += f", {beside[1]}; difference {welch(here[0], beside[0])}, intervals over layers."
    return Claim(
        "Models trained from scratch are more diverse than converted ones",
        said,
        "Experts of models trained from scratch are more diverse than those of models converted from a dense one.",
    )


def _diversity(results: Results) -> tuple[FloatArray | None, str]:
    """The mean cosine of each layer [L], None where it is not known, and what is said of it."""
    if WEIGHTS not in results or "gate" not in results[WEIGHTS].found.values:
        return None, "not known"
    of = off_diagonal(results[WEIGHTS].found.values["gate"])
    return of, f"{mean_over_layers(of)} in {results[WEIGHTS].model}"


def _without(what: str) -> str:
    return f"Cannot be told without {what}."


def _correlation(x: FloatArray, y: FloatArray) -> float:
    return float(np.corrcoef(x, y)[0, 1]) if np.ptp(x) > 0 and np.ptp(y) > 0 else float("nan")
