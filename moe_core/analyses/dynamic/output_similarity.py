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
from moe_core.numbers.intervals import Z_95


def compute(prompts: PromptActivations, options: AnalysisOptions) -> Work:
    """Key similarity [L, E, E], mean over the prompts' tokens, with lower and upper over questions.

    These are NaN for a single question; of one that is named there is by_token [L, T, E, E] too.
    """
    places: dict[int, int] = {}
    sums = _Sums(len(prompts.layers), prompts.n_experts)
    by_token: list[FloatArray] = []
    total = len(prompts.ids) * len(prompts.layers)
    for done, layer in enumerate(prompts.activations, 1):
        similar = angular(layer.outputs)  # [T, E, E]
        sums.add(places.setdefault(layer.place, len(places)), similar.sum(axis=0), len(similar))
        if options.question:
            by_token.append(similar)
        yield Step(done, total, "layers")
    values = sums.values()
    if by_token:
        values["by_token"] = np.stack(by_token)
    note = f"{sums.n_tokens:,} tokens of {len(prompts.ids):,} questions."
    axes = ("layer", "token", "expert", "expert") if by_token else ("layer", "expert", "expert")
    return AnalysisValues(prompts.layers, axes, "angular similarity", values, {"token": prompts.tokens}, (note,))


class _Sums:
    """Sums over questions that give mean and interval of a ratio, so that no question's own sums are kept."""

    def __init__(self, L: int, E: int) -> None:
        self._n = np.zeros(L)
        self._sizes, self._squared_sizes = np.zeros(L), np.zeros(L)
        self._sums, self._squares, self._products = (np.zeros((L, E, E)) for _ in range(3))

    @property
    def n_tokens(self) -> int:
        return int(self._sizes[0])

    def add(self, at: int, sums: FloatArray, size: int) -> None:
        """The sums [E, E] of one question's tokens at a layer."""
        self._n[at] += 1
        self._sizes[at] += size
        self._squared_sizes[at] += size**2
        self._sums[at] += sums
        self._squares[at] += sums**2
        self._products[at] += sums * size

    def values(self) -> dict[str, FloatArray]:
        """Mean, and the normal interval of the linearised ratio (as `clustered_mean`)."""
        n, total, squared = (of[:, None, None] for of in (self._n, self._sizes, self._squared_sizes))
        mean = self._sums / total
        spread = np.maximum(self._squares - 2 * mean * self._products + mean**2 * squared, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            half = np.where(n > 1, Z_95 * np.sqrt(spread * n / (n - 1)) / total, np.nan)
        return {"similarity": mean, "lower": mean - half, "upper": mean + half}


def angular(outputs: Float32Array) -> FloatArray:
    """Angular similarity of every two outputs [T, E, E] of [E, T, H]; 1 on the diagonal."""
    norms = np.linalg.norm(outputs, axis=2, keepdims=True)
    unit = (outputs / np.maximum(norms, np.finfo(np.float32).tiny)).swapaxes(0, 1)  # [T, E, H]
    cosine = np.clip((unit @ unit.swapaxes(1, 2)).astype(np.float64), -1.0, 1.0)
    diagonal = np.arange(cosine.shape[1])
    cosine[:, diagonal, diagonal] = 1.0  # acos is steep there: rounding alone would cost 1e-4
    return np.asarray(1.0 - np.arccos(cosine) / np.pi)


def figure(found: AnalysisValues, shown: Shown) -> HeatMapFigure:
    """The pairs of one layer, averaged over tokens; token by token as tokens by the other experts of one."""
    layer = found.layers[shown.place]
    if shown.key == "by_token":
        expert = shown.expert or 0
        values = found.values["by_token"][shown.place, :, expert]  # [T, E]
        title = f"Similarity to expert {expert}’s output by token, layer {layer}"
        numbers, names = tuple(map(str, range(values.shape[1]))), found.labels["token"]
        return pair_map(values, title, found.unit, names=names, axes=("token", "expert"), column_names=numbers)
    bound = {"lower": ", lower bound", "upper": ", upper bound"}.get(shown.key, "")
    title = f"Similarity of expert outputs{bound}, layer {layer}"
    return pair_map(found.values[shown.key][shown.place], title, found.unit, selected=shown.expert)


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
