"""The claims of https://arxiv.org/abs/2406.18219, each checked on a model: a sentence with its numbers and interval.

Intervals are over the model's MoE layers (Student's t), or over questions where the analysis gives those; a rank
correlation with depth has Fisher's interval. What the paper found stands beside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from moe_core.analyses.analysis import AnalysisResult, FloatArray
from moe_core.numbers.formatting import significant

Results = Mapping[str, AnalysisResult]


@dataclass(frozen=True)
class Claim:
    """What the paper claims, what holds for this model in one sentence, and what the paper found."""

    claim: str
    here: str
    paper: str


def claims(results: Sequence[AnalysisResult], beside: Sequence[AnalysisResult] = ()) -> tuple[Claim, ...]:
    """Every claim that these results can say something about."""
    found = {result.analysis.name: result for result in results}
    other = {result.analysis.name: result for result in beside}
    checked = (_neurons(found), _norms(found), _depth(found), _outputs(found), _scratch(found, other))
    return tuple(claim for claim in checked if claim is not None)


def off_diagonal(values: FloatArray) -> FloatArray:
    """The mean over all pairs of different experts, layer by layer [L] of [L, E, E]; NaN pairs are left out."""
    E = values.shape[1]
    pairs: FloatArray = values[:, ~np.eye(E, dtype=bool)]
    known = np.isfinite(pairs)
    n = known.sum(axis=1)
    sums = np.where(known, pairs, 0.0).sum(axis=1)
    return np.asarray(np.divide(sums, n, out=np.full(len(n), np.nan), where=n > 0))


def over_layers(values: FloatArray) -> str:
    """`0.283 [0.279, 0.287]`: the mean over layers and its 95 % interval (Student's t)."""
    from scipy.stats import t

    known = values[np.isfinite(values)]
    if len(known) < 2:
        return f"{significant(float(known.mean()))} (one layer)" if len(known) else "unknown"
    half = float(t.ppf(0.975, len(known) - 1) * known.std(ddof=1) / np.sqrt(len(known)))
    mean = float(known.mean())
    return f"{significant(mean)} [{significant(mean - half)}, {significant(mean + half)}]"


def trend(values: FloatArray) -> tuple[float, float, float]:
    """Rank correlation with depth and its 95 % interval by Fisher's z; NaN ends for fewer than five layers."""
    from scipy.stats import spearmanr

    if len(values) < 3 or np.ptp(values) == 0:
        return np.nan, np.nan, np.nan
    rho = float(spearmanr(np.arange(len(values)), values).statistic)
    if len(values) < 5:
        return rho, np.nan, np.nan
    z, half = np.arctanh(np.clip(rho, -0.999999, 0.999999)), 1.96 / np.sqrt(len(values) - 3)
    return rho, float(np.tanh(z - half)), float(np.tanh(z + half))


def _neurons(found: Results) -> Claim | None:
    if not {"expert-weight-similarity", "expert-matched-similarity"} <= found.keys():
        return None
    plain = found["expert-weight-similarity"].found.values["gate"]
    after = found["expert-matched-similarity"].found.values["gate"]
    plain = np.where(np.isfinite(after), plain, np.nan)  # the same pairs, where some were drawn
    tau = off_diagonal(found["expert-matched-similarity"].found.values["tau_gate"])
    return Claim(
        "Neurons act as fine-grained experts",
        f"Matching the neurons of two experts raises the cosine of their gate projections from "
        f"{over_layers(off_diagonal(plain))} to {over_layers(off_diagonal(after))} (unrelated weights rise too); the "
        f"order is unrelated to the old one where Kendall's tau is near 0: {over_layers(tau)}.",
        "Neurons act as fine-grained experts; read off activations and matched neurons.",
    )


def _norms(found: Results) -> Claim | None:
    if (result := found.get("norm-score-ranks")) is None:
        return None
    values = result.found.values
    E = values["counts"].shape[1]
    n = int(values["counts"][0].sum() / E)
    return Claim(
        "The router tends to choose experts with large outputs",
        f"The ranks of an output's norm and of its router score correlate by {over_layers(values['correlation'])} "
        f"over layers (0 where unrelated); the best-scored expert has the largest norm for a share of "
        f"{over_layers(values['top_share'])} of tokens, {significant(1 / E)} by chance, n = {n:,} tokens.",
        "The router tends to select the experts with larger output norms.",
    )


def _depth(found: Results) -> Claim | None:
    if (result := found.get("expert-neuron-mean-similarity")) is None:
        return None
    similar = off_diagonal(np.abs(result.found.values["gate"]))
    if len(similar) < 4:
        return None
    rho, lower, upper = trend(similar[:-1])
    bounds = f" [{significant(lower)}, {significant(upper)}]" if np.isfinite(lower) else ""
    before = float(similar[-4:-1].mean())
    return Claim(
        "Diversity grows with depth and falls at the end",
        f"The mean absolute cosine of gate neurons correlates with depth by {significant(rho)}{bounds} without the "
        f"last layer, where it is {significant(float(similar[-1]))} after {significant(before)} in the three before.",
        "Similarity falls with depth and rises in the last layer or two.",
    )


def _outputs(found: Results) -> Claim | None:
    if not {"expert-neuron-mean-similarity", "expert-output-similarity"} <= found.keys():
        return None
    weights = found["expert-neuron-mean-similarity"].found.values["gate"]
    outputs = found["expert-output-similarity"].found.values["similarity"]
    lower = np.tril_indices(weights.shape[1], -1)
    pairs = zip(weights, outputs, strict=True)
    related = np.array([_correlation(each[lower], other[lower]) for each, other in pairs])
    return Claim(
        "Similar weights mean similar outputs",
        f"Over all pairs of experts, the cosine of mean gate neurons and the similarity of outputs correlate by "
        f"{over_layers(related)} over layers.",
        "The similarity of averaged weights reflects that of outputs.",
    )


def _scratch(found: Results, other: Results) -> Claim | None:
    name = "expert-weight-similarity"
    if name not in found:
        return None
    here = f"{found[name].model}: {over_layers(off_diagonal(found[name].found.values['gate']))}"
    if name in other:
        there = over_layers(off_diagonal(other[name].found.values["gate"]))
        here = f"{here}; {other[name].model}: {there}"
    return Claim(
        "Models trained from scratch are more diverse than converted ones",
        f"Mean cosine of the experts' gate projections, over layers: {here}.",
        "Experts of models trained from scratch are more diverse than those of models converted from a dense one.",
    )


def _correlation(x: FloatArray, y: FloatArray) -> float:
    return float(np.corrcoef(x, y)[0, 1]) if np.ptp(x) > 0 and np.ptp(y) > 0 else float("nan")
