"""How far the experts divide the vocabulary: the share of a token's occurrences that its favourite expert serves.

https://arxiv.org/abs/2409.02060, section 5.4, for the token that goes in (`input`) and for the one that follows in
the text, which the position is to predict (`next`). A token that is seen once has a favourite that serves all of it,
so only those seen often enough count, and what random choices would give stands beside it.
"""

import numpy as np
from numpy.typing import NDArray

from moe_core.analyses.analysis import Analysis, AnalysisOptions, AnalysisValues, FloatArray, Needs, Shown, Step, Work
from moe_core.analyses.layer_curve import layer_curve
from moe_core.analyses.routing.co_activation import OLMOE
from moe_core.analyses.selected_trace import SelectedTrace, token_notes
from moe_core.figures.colour.colours import REFERENCE
from moe_core.figures.curves import Curve, CurveFigure, Style
from moe_core.measures.sampled_tokens import TokenSample
from moe_core.numbers.paired_statistics import mean_change

LEAST_OCCURRENCES = 10


def compute(chosen: SelectedTrace, options: AnalysisOptions) -> Work:
    """Keys input and next [L]: mean share of the favourite expert over token ids seen at least ten times, 0..1.

    input_lower, input_upper, .. bound the mean over token ids; input_chance, .. is the same with the tokens' ids
    shuffled. NaN where no id is seen often enough.
    """
    places = chosen.places(options)
    total = 100 + 2 * len(places)
    read = yield from chosen.tokens(options.scope, total)
    E = chosen.trace.specification.model.n_experts
    shuffled = np.random.default_rng(options.seed).permutation(len(read.ids))
    found: dict[str, FloatArray] = {}
    done, n_ids = 100, dict[str, int]()
    for key, ids in (("input", read.ids), ("next", read.next_ids)):
        columns = np.full((4, len(places)), np.nan)
        for at, place in enumerate(places):
            columns[:, at], n_ids[key] = specialisation(read, ids, place, E, shuffled)
            done += 1
            yield Step(done, total, "steps")
        for suffix, column in zip(("", "_lower", "_upper", "_chance"), columns, strict=True):
            found[key + suffix] = column
    counted = f"{n_ids['input']:,} tokens that go in and {n_ids['next']:,} that follow were seen at least "
    notes = (*token_notes(read), f"{counted}{LEAST_OCCURRENCES} times.")
    layers = tuple(chosen.layers[place] for place in places)
    return AnalysisValues(layers, ("layer",), "share of the favourite expert", found, notes=notes)


def specialisation(
    read: TokenSample, ids: NDArray[np.int32], place: int, E: int, shuffled: NDArray[np.intp]
) -> tuple[FloatArray, int]:
    """Mean share of the favourite expert at a layer, its interval's ends, and chance [4], by tokens `ids` of the rows.

    How many distinct tokens count stands beside; `shuffled` is the order of the rows that chance takes.
    """
    kinds = _Kinds(ids, read.times)
    return np.array((*kinds.specialisation(read, place, E), kinds.chance(read, place, E, shuffled))), kinds.n


class _Kinds:
    """The distinct tokens that are seen often enough, and which rows are theirs."""

    def __init__(self, ids: NDArray[np.int32], times: FloatArray) -> None:
        is_known = ids >= 0
        _, places = np.unique(ids[is_known], return_inverse=True)
        seen = np.bincount(places, times[is_known]) if len(places) else np.zeros(0)
        is_frequent = seen >= LEAST_OCCURRENCES
        new = np.where(is_frequent, np.cumsum(is_frequent) - 1, -1)
        self._kind = np.full(len(ids), -1, np.intp)
        self._kind[is_known] = new[places]
        self._seen = seen[is_frequent]

    @property
    def n(self) -> int:
        return len(self._seen)

    def specialisation(self, read: TokenSample, place: int, E: int) -> tuple[float, float, float]:
        """Mean share of the favourite, and its 95 % interval over tokens (Student's t, cut at 0 and 1)."""
        shares = self._favourites(read.experts[place], read.times, self._kind, E) / self._seen
        found = mean_change(shares)
        return found.mean, float(np.maximum(found.lower, 0.0)), float(np.minimum(found.upper, 1.0))

    def chance(self, read: TokenSample, place: int, E: int, shuffled: NDArray[np.intp]) -> float:
        """The mean share where every row is given another row's token."""
        kind, times = self._kind[shuffled], read.times
        seen = np.bincount(kind[kind >= 0], times[kind >= 0], self.n)
        shares = self._favourites(read.experts[place], times, kind, E) / np.maximum(seen, 1)
        return float(shares.mean()) if len(shares) else np.nan

    def _favourites(
        self, experts: NDArray[np.integer], times: FloatArray, kind: NDArray[np.intp], E: int
    ) -> FloatArray:
        """Occurrences of each token that its favourite expert serves."""
        rows = np.flatnonzero(kind >= 0)
        cells = kind[rows, None] * E + experts[rows]
        weights = np.repeat(times[rows], experts.shape[1])
        counts = np.bincount(cells.reshape(-1).astype(np.intp), weights, self.n * E)
        return np.asarray(counts.reshape(self.n, E).max(axis=1, initial=0.0))


_WHAT = {
    "input": "of the token that goes in",
    "next": "of the token that follows",
    "predicted": "of the token that is predicted",
}


def figure(found: AnalysisValues, shown: Shown) -> CurveFigure:
    """The share over the layers, with its interval and what chance gives."""
    key = shown.key.partition("_")[0]
    bounds = found.values[f"{key}_lower"], found.values[f"{key}_upper"]
    what = _WHAT[key]
    drawn = layer_curve(found.layers, found.values[key], "share of the favourite expert", bounds=bounds)
    chance = found.values[f"{key}_chance"]
    nothing = np.full(len(chance), np.nan)
    layers = np.array(found.layers, np.intp)
    by_chance = Curve("shuffled", layers, chance, nothing, nothing, REFERENCE, Style(dash=(3.0, 2.0)), len(layers))
    return CurveFigure(
        (*drawn.curves, by_chance), "layer", "layer", drawn.y_title, title=f"Vocabulary specialisation {what}"
    )


VOCABULARY_SPECIALISATION = Analysis(
    name="vocabulary-specialisation",
    title="Vocabulary specialisation",
    question="Do experts divide the vocabulary among themselves?",
    source=OLMOE,
    needs=Needs.TRACE,
    reads=("scope", "subjects", "ids", "seed"),
    compute=compute,
    figure=figure,
    version=2,
)
