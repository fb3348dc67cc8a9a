"""How alike the experts' outputs are for the same input (D1 of https://arxiv.org/abs/2406.18219).

Angular similarity 1 - acos(cos) / pi, token by token, averaged: 1 for the same direction, 0.5 for unrelated ones.
"""

import numpy as np

from moe_core.analyses.analysis import Analysis, AnalysisOptions, AnalysisValues, FloatArray, Needs, Shown, Step, Work
from moe_core.analyses.dynamic.prompt_activations import PromptActivations
from moe_core.analyses.static.cosine import PAPER
from moe_core.figures.expert_pairs import pair_map
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.models.activations import Float32Array


def compute(prompts: PromptActivations, options: AnalysisOptions) -> Work:
    """Key similarity [L, E, E], mean over the prompts' tokens; of one question also by_token [L, T, E, E]."""
    places: dict[int, int] = {}
    E = prompts.n_experts
    sums, n_tokens = np.zeros((len(prompts.layers), E, E)), np.zeros(len(prompts.layers))
    by_token: list[FloatArray] = []
    total = len(prompts.ids) * len(prompts.layers)
    for done, layer in enumerate(prompts.activations, 1):
        at = places.setdefault(layer.place, len(places))
        similar = angular(layer.outputs)  # [T, E, E]
        sums[at] += similar.sum(axis=0)
        n_tokens[at] += len(similar)
        if options.question:
            by_token.append(similar)
        yield Step(done, total, "layers")
    values = {"similarity": sums / n_tokens[:, None, None]}
    if by_token:
        values["by_token"] = np.stack(by_token)
    note = f"{int(n_tokens[0]):,} tokens of {len(prompts.ids):,} questions."
    axes = ("layer", "token", "expert", "expert") if by_token else ("layer", "expert", "expert")
    return AnalysisValues(prompts.layers, axes, "angular similarity", values, {"token": prompts.tokens}, (note,))


def angular(outputs: Float32Array) -> FloatArray:
    """Angular similarity of every two outputs [T, E, E] of [E, T, H]; 1 on the diagonal."""
    norms = np.linalg.norm(outputs, axis=2, keepdims=True)
    unit = (outputs / np.maximum(norms, np.finfo(np.float32).tiny)).swapaxes(0, 1)  # [T, E, H]
    cosine = np.clip((unit @ unit.swapaxes(1, 2)).astype(np.float64), -1.0, 1.0)
    diagonal = np.arange(cosine.shape[1])
    cosine[:, diagonal, diagonal] = 1.0  # acos is steep there: rounding alone would cost 1e-4
    return np.asarray(1.0 - np.arccos(cosine) / np.pi)


def figure(found: AnalysisValues, shown: Shown) -> HeatMapFigure:
    """The pairs of one layer, averaged over tokens."""
    values = found.values["similarity"][shown.place]
    title = f"Similarity of expert outputs, layer {found.layers[shown.place]}"
    return pair_map(values, title, found.unit, selected=shown.expert)


OUTPUT_SIMILARITY = Analysis(
    name="expert-output-similarity",
    title="Similarity of expert outputs",
    question="Which experts give similar outputs for the same input?",
    source=PAPER,
    needs=Needs.MODEL,
    reads=("questions", "subjects", "ids", "question"),
    compute=compute,
    figure=figure,
)
