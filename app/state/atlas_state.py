"""What the Atlas shows: which analysis, which array of it, and what was computed so far."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moe_core.analyses.analysis import AnalysisOptions, AnalysisResult


_MOST_RESULTS = 40


@dataclass(frozen=True)
class AtlasKey:
    """What a result is of: the trace shown (and another where two are compared), the analysis and its options."""

    trace: str
    other: str
    analysis: str
    options: "AnalysisOptions"


@dataclass(frozen=True)
class AtlasState:
    """`key` is the array shown, the first one where it is empty; `pairs` are matched per layer (0: all).

    `drops_outliers`: points of two dimensions that DBSCAN calls noise are left out, as in the paper.
    `to_layer`, the model's own number, is where a flow between layers ends; None: in the next one.
    `is_of_question`: what is a mean over questions is asked of the one that is looked at, token by token.
    """

    analysis: str = "expert-weight-similarity"
    key: str = ""
    pairs: int = 0
    is_of_question: bool = False
    drops_outliers: bool = False
    to_layer: int | None = None
    results: "Mapping[AtlasKey, AnalysisResult]" = field(default_factory=dict)

    def with_result(self, key: AtlasKey, result: "AnalysisResult") -> "AtlasState":
        """One more result; the oldest are let go of."""
        kept = [(old, found) for old, found in self.results.items() if old != key]
        return replace(self, results=dict([*kept, (key, result)][-_MOST_RESULTS:]))
