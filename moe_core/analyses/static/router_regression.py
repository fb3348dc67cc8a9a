"""Whether experts with similar weights have similar router rows (S5 of https://arxiv.org/abs/2406.18219).

A linear regression, layer by layer, of the cosine of router rows on the cosine of mean neurons over all pairs of
experts; the squared correlation says how much of one the other explains. The published averages over layers stand
beside it.
"""

import numpy as np

from moe_core.analyses.analysis import Analysis, AnalysisOptions, AnalysisValues, FloatArray, Needs, Shown, Work
from moe_core.analyses.layer_curve import layer_curve
from moe_core.analyses.static.cosine import PAPER
from moe_core.analyses.static.neuron_mean_similarity import compute as mean_similarity
from moe_core.analyses.static.router_similarity import compute as router_similarity
from moe_core.figures.curves import CurveFigure, Reference
from moe_core.models.weights.expert_weights import ExpertWeights
from moe_core.numbers.formatting import short

PUBLISHED = {
    "Mixtral 8x7B": {"up": 0.06, "gate": 0.33, "down": 0.07},
    "DeepSeekMoE 16B": {"up": 0.00, "gate": 0.40, "down": 0.00},
    "Grok-1": {"up": 0.04, "gate": 0.15, "down": 0.04},
}
"""r2 averaged over layers, as the paper gives it."""


def compute(weights: ExpertWeights, options: AnalysisOptions) -> Work:
    """Keys r2_up, r2_gate and r2_down, each [L], 0..1; NaN where there are fewer than three pairs, or no spread."""
    means = yield from mean_similarity(weights, options)
    rows = yield from router_similarity(weights, options)
    lower = np.tril_indices(weights.n_experts, -1)
    values = {
        f"r2_{name}": np.array(
            [
                squared_correlation(of_mean[lower], of_row[lower])
                for of_mean, of_row in zip(means.values[name], rows.values["similarity"], strict=True)
            ]
        )
        for name in weights.matrices
    }
    return AnalysisValues(means.layers, ("layer",), "r2", values, notes=(_beside(values),))


def squared_correlation(x: FloatArray, y: FloatArray) -> float:
    """r2 of the linear regression of y on x, which is that of x on y."""
    x, y = x - x.mean(), y - y.mean()
    spread = float((x**2).sum() * (y**2).sum())
    return float((x * y).sum() ** 2 / spread) if len(x) > 2 and spread > 0 else float("nan")


def figure(found: AnalysisValues, shown: Shown) -> CurveFigure:
    """r2 over the layers, and the published averages."""
    name = shown.key.removeprefix("r2_")
    published = [(model, of[name]) for model, of in PUBLISHED.items() if name in of]
    return layer_curve(
        found.layers,
        found.values[shown.key],
        f"r2 of router rows on {name}",
        references=tuple(Reference(value, f"{model}, mean {short(value)}") for model, value in published),
        title=f"Router rows explained by {name} weights",
    )


def _beside(values: dict[str, FloatArray]) -> str:
    known = {key.removeprefix("r2_"): of[np.isfinite(of)] for key, of in values.items()}
    own = ", ".join(f"{name} {short(float(of.mean()))}" for name, of in known.items() if len(of))
    theirs = "; ".join(
        f"{model} {', '.join(f'{name} {short(value)}' for name, value in of.items())}"
        for model, of in PUBLISHED.items()
    )
    return f"Mean r2 over the layers: {own}. Published: {theirs}."


ROUTER_REGRESSION = Analysis(
    name="router-weight-regression",
    title="Router rows against weights",
    question="Do experts with similar weights have similar router rows?",
    source=PAPER,
    needs=Needs.WEIGHTS,
    reads=(),
    compute=compute,
    figure=figure,
)
