"""How alike experts are once their neurons are put in the best order (S3 of https://arxiv.org/abs/2406.18219).

Neurons of one expert are matched to those of the other so that the sum of their cosines is largest (Hungarian
algorithm); Kendall's tau of the permutation says how far from its old order that is, 1 being not at all. Any two sets
of neurons get more alike by a match: the same neurons with the hidden coordinates of the second expert shuffled, alike
for all of its neurons, say how much of it is chance.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from moe_core.analyses.analysis import Analysis, AnalysisOptions, AnalysisValues, FloatArray, Needs, Shown, Step, Work
from moe_core.analyses.layer_choice import chosen_places
from moe_core.analyses.layer_curve import layer_curve
from moe_core.analyses.static.cosine import PAPER, comparable, shared_note, similarity_map, with_shared
from moe_core.figures.curves import CurveFigure
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.models.weights.expert_weights import ExpertWeights
from moe_core.models.weights.matrix import ExpertMatrix
from moe_core.numbers.formatting import count, counted, short

Pair = tuple[int, int]

CHANCE_PAIRS = 5
"""Pairs of each layer and matrix that are matched with shuffled coordinates."""
CHANCE = "chance_"


def compute(weights: ExpertWeights, options: AnalysisOptions) -> Work:
    """Keys up, gate, down (cosine after the match) and tau_up .., each [L, E, E]; NaN for pairs left out.

    chance_up .. [L] is the mean cosine after the match where the second expert's coordinates are shuffled. A pair
    costs the third power of the number of neurons: with `pairs` only so many of each layer are matched.
    """
    layers = [weights.layers[place] for place in chosen_places([each.layer for each in weights.layers], options)]
    pairs = _pairs(len(comparable(layers[0], "down")), options)
    shuffled = pairs[:: max(1, len(pairs) // CHANCE_PAIRS)][:CHANCE_PAIRS]
    done, total = 0, len(layers) * len(weights.matrices) * (len(pairs) + len(shuffled))
    values: dict[str, FloatArray] = {}
    every: dict[str, FloatArray] = {}  # shared experts among the others [L, E + S, E + S]
    _load_scipy()
    yield Step(0, total, "pairs")  # from here on the clock tells how long a pair takes
    for name in weights.matrices:
        matched, taus, chances = [], [], []
        for layer in layers:
            matrices = comparable(layer, name)
            cosine, tau = (np.where(np.eye(len(matrices), dtype=bool), 1.0, np.nan) for _ in range(2))
            for pair, found in _matches(matrices, pairs):
                cosine[pair] = cosine[pair[::-1]] = found[0]
                tau[pair] = tau[pair[::-1]] = found[1]
                done += 1
                yield Step(done, total, "pairs")
            by_chance = []
            for _, found in _matches(matrices, shuffled, np.random.default_rng((options.seed, layer.layer))):
                by_chance.append(found[0])
                done += 1
                yield Step(done, total, "pairs")
            chances.append(float(np.mean(by_chance)) if by_chance else np.nan)
            matched.append(cosine)
            taus.append(tau)
        every[name] = np.stack(matched)
        values = with_shared(name, matched, weights.n_experts, values)
        values = with_shared(f"tau_{name}", taus, weights.n_experts, values)
        values[CHANCE + name] = np.array(chances)
    numbers = tuple(layer.layer for layer in layers)
    axes = ("layer", "expert", "expert")
    notes = (*shared_note(layers), *_sampling_note(every, pairs, options.seed))
    return AnalysisValues(numbers, axes, "cosine after the match; tau: Kendall's", values, notes=notes)


def match(first: NDArray[np.float32], second: NDArray[np.float32]) -> tuple[float, float]:
    """Cosine of two experts' neurons [I, H] with those of the second in the best order, and tau of that order.

    NaN where weights are no numbers.
    """
    optimize, stats = _load_scipy()
    cosines = _unit(first) @ _unit(second).T
    if not np.isfinite(cosines).all():  # weights that are no numbers
        return np.nan, np.nan
    _, order = optimize.linear_sum_assignment(cosines, maximize=True)
    norms = float(np.linalg.norm(first)) * float(np.linalg.norm(second))
    cosine = float(np.vdot(first, second[order])) / norms if norms else np.nan
    return cosine, float(stats.kendalltau(order, np.arange(len(order))).statistic)


def _load_scipy() -> tuple[ModuleType, ModuleType]:
    from scipy import optimize, stats

    return optimize, stats


def _matches(
    matrices: tuple[ExpertMatrix, ...], pairs: list[Pair], shuffle: np.random.Generator | None = None
) -> Iterator[tuple[Pair, tuple[float, float]]]:
    """Every pair with what its match gives; two experts are held at a time. `shuffle`: the second's coordinates."""
    held, first = -1, np.zeros((0, 0), np.float32)
    for pair in pairs:
        if pair[0] != held:
            held, first = pair[0], matrices[pair[0]].neurons()
        second = matrices[pair[1]].neurons()
        yield pair, match(first, second if shuffle is None else second[:, shuffle.permutation(second.shape[1])])


def _pairs(n: int, options: AnalysisOptions) -> list[Pair]:
    every = list(combinations(range(n), 2))
    if not 0 < options.pairs < len(every):
        return every
    drawn = np.random.default_rng(options.seed).choice(len(every), options.pairs, replace=False)
    return [every[place] for place in sorted(drawn.tolist())]


def _sampling_note(matched: Mapping[str, FloatArray], pairs: list[Pair], seed: int) -> tuple[str, ...]:
    """How many pairs were drawn, and how far the mean over all of a layer may be from theirs."""
    n_experts = next(iter(matched.values())).shape[1]
    n, n_all = len(pairs), n_experts * (n_experts - 1) // 2
    if n == n_all:
        return ()
    said = f"Sampled: {count(n)} of {counted(n_all, 'pair')} of experts in each layer, drawn with seed {seed}"
    if n < 2:
        return (f"{said}; one pair does not tell how far the mean over all may be from it.",)
    from scipy.special import stdtrit

    # Drawn without replacement from all the pairs there are (Cochran, Sampling Techniques, 2).
    width = stdtrit(n - 1, 0.975) * np.sqrt((1 - n / n_all) / n)
    at = tuple(np.array(pairs).T)
    spread = {name: float(np.max(of[:, at[0], at[1]].std(axis=1, ddof=1))) for name, of in matched.items()}
    errors = ", ".join(f"±{short(width * of)} ({name})" for name, of in spread.items())
    return (f"{said}: in no layer is the mean over all pairs further than {errors} from theirs, 95 %.",)


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(norms, np.finfo(np.float32).tiny))


def figure(found: AnalysisValues, shown: Shown) -> HeatMapFigure | CurveFigure:
    """The pairs of one layer; what chance gives is a number of each layer."""
    if not shown.key.startswith(CHANCE):
        return similarity_map(found, shown, "Cosine of matched neurons")
    name = shown.key.removeprefix(CHANCE)
    title = f"Cosine of matched neurons by chance, {name}"
    return layer_curve(found.layers, found.values[shown.key], "cosine after the match", title=title)


MATCHED_SIMILARITY = Analysis(
    name="expert-matched-similarity",
    title="Similarity of matched neurons",
    question="Are experts alike once their neurons are put in the best order?",
    source=PAPER,
    needs=Needs.WEIGHTS,
    reads=("pairs", "seed"),
    compute=compute,
    figure=figure,
    version=2,
)
