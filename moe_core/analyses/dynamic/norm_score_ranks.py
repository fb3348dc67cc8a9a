"""Whether the router prefers experts with large outputs (D2 of https://arxiv.org/abs/2406.18219).

Every expert runs on every token; its rank by the norm of its output is counted against its rank by the router's score.
"""

import numpy as np
from numpy.typing import NDArray

from moe_core.analyses.analysis import Analysis, AnalysisOptions, AnalysisValues, FloatArray, Needs, Shown, Step, Work
from moe_core.analyses.dynamic.prompt_activations import PromptActivations
from moe_core.analyses.layer_curve import layer_curve
from moe_core.analyses.static.cosine import PAPER
from moe_core.figures.curves import CurveFigure, Reference
from moe_core.figures.expert_pairs import pair_map
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.measures.clustered import clustered_mean


def compute(prompts: PromptActivations, options: AnalysisOptions) -> Work:
    """Key counts [L, E, E]: row = rank of the score, column = rank of the norm, 0 the smallest; tokens each.

    correlation [L] is the mean over tokens of the rank correlation (Spearman), -1..1, lower and upper over questions.
    top_share [L]: how often the best-scored expert has the largest norm, 1 / E by chance, with its interval.
    norm [L, E]: the mean norm of each expert's output over all tokens, with its interval.
    """
    L, E, N = len(prompts.layers), prompts.n_experts, len(prompts.ids)
    counts, places = np.zeros((L, E, E)), dict[int, int]()
    sums, sizes, norm_sums = np.zeros((N, L, 2)), np.zeros(N), np.zeros((N, L, E))
    for done, layer in enumerate(prompts.activations, 1):
        at = places.setdefault(layer.place, len(places))
        norms = np.linalg.norm(layer.outputs.astype(np.float64), axis=2).T  # [T, E]
        by_score, by_norm = ranks(layer.scores), ranks(norms)
        np.add.at(counts[at], (by_score, by_norm), 1.0)
        sums[layer.prompt, at, 0] = spearman(by_score, by_norm).sum()
        sums[layer.prompt, at, 1] = ((by_score == E - 1) & (by_norm == E - 1)).sum()
        norm_sums[layer.prompt, at] = norms.sum(axis=0)
        sizes[layer.prompt] = len(norms)
        yield Step(done, N * L, "layers")
    of = clustered_mean(sums, sizes)
    values = {"counts": counts}
    for column, key in enumerate(("correlation", "top_share")):
        values |= {key: of.mean[:, column], f"{key}_lower": of.lower[:, column], f"{key}_upper": of.upper[:, column]}
    size = clustered_mean(norm_sums, sizes)
    values |= {"norm": size.mean, "norm_lower": size.lower, "norm_upper": size.upper}
    note = f"{int(sizes.sum()):,} tokens of {N:,} questions, intervals over questions."
    return AnalysisValues(prompts.layers, ("layer", "rank of score", "rank of norm"), "tokens", values, notes=(note,))


def ranks(values: NDArray[np.floating]) -> NDArray[np.intp]:
    """Rank of each column in its row [T, E], 0 the smallest; the lower number wins among equals."""
    return np.asarray(values.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable"))


def spearman(first: NDArray[np.intp], second: NDArray[np.intp]) -> FloatArray:
    """Rank correlation of two rankings without ties, row by row [T]."""
    E = first.shape[1]
    squares = ((first - second) ** 2).sum(axis=1)
    return np.asarray(1.0 - 6.0 * squares / max(E * (E * E - 1), 1))


def figure(found: AnalysisValues, shown: Shown) -> HeatMapFigure | CurveFigure:
    """The ranks of one layer, or a number of each layer with its interval."""
    if shown.key == "counts":
        values = found.values["counts"][shown.place]
        title = f"Rank of the output's norm by rank of the score, layer {found.layers[shown.place]}"
        numbers = tuple(map(str, range(len(values))))
        axes = ("rank of the score", "rank of the norm")
        return pair_map(values, title, "tokens", names=numbers, axes=axes, column_names=numbers)
    key = shown.key.removesuffix("_lower").removesuffix("_upper")
    if key == "norm":
        names, axes = tuple(map(str, found.layers)), ("layer", "expert")
        return pair_map(found.values[shown.key], "Norm of the output", "norm", names=names, axes=axes, column_names=())
    what = {"correlation": "rank correlation", "top_share": "best-scored expert has the largest norm"}[key]
    chance = Reference(0.0 if key == "correlation" else 1 / found.values["counts"].shape[1], "unrelated")
    bounds = found.values[f"{key}_lower"], found.values[f"{key}_upper"]
    return layer_curve(found.layers, found.values[key], what, bounds=bounds, references=(chance,))


NORM_SCORE_RANKS = Analysis(
    name="norm-score-ranks",
    title="Norms against scores",
    question="Does the router prefer experts with large outputs?",
    source=PAPER,
    needs=Needs.MODEL,
    reads=("questions", "subjects", "ids"),
    compute=compute,
    figure=figure,
)
