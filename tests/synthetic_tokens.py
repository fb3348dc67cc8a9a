"""Token rows for hand-made traces: what a token sample is read from, with ids that are made up."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moe_core.errors import TraceError
from moe_core.traces.layout import Segments
from moe_core.traces.records import SegmentTokens, TokenRouting
from tests.synthetic_trace import FakeTrace, choose

N_IDS = 7


@dataclass(frozen=True)
class TokenDimensions:
    """What of a trace's dimensions a token sample needs."""

    n_layers: int
    top_k: int
    keeps_tokens: bool = True
    expert_dtype: str = "u1"


@dataclass
class FakeTokens:
    """A hand-made trace with token rows; `reads` counts how often each segment was read, `damaged` ones raise."""

    trace: FakeTrace
    keeps_tokens: bool = True
    damaged: frozenset[tuple[Segments, int]] = frozenset()
    reads: list[tuple[Segments, int]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.trace, name)

    @property
    def dimensions(self) -> TokenDimensions:
        """Layers and k of the trace."""
        return TokenDimensions(self.trace.dimensions.n_layers, self.trace.dimensions.top_k, self.keeps_tokens)

    @property
    def answer_token_ids(self) -> NDArray[np.int32]:
        """The last id of each question's own segment."""
        return np.array([made_up_ids(Segments.QUESTIONS, n, len(own))[-1] for n, own in self._own()], np.int32)

    def segment_tokens(self, question: int, segments: Segments) -> SegmentTokens:
        """The rows of a segment as a trace stores them."""
        is_own = segments is Segments.QUESTIONS
        index = question if is_own else int(self.trace.prefix[question])
        self.reads.append((segments, index))
        if (segments, index) in self.damaged:
            raise TraceError("damaged")
        p = (self.trace.question_tokens if is_own else self.trace.prefix_tokens)[index]
        experts, weights = choose(p, self.trace.dimensions.top_k)
        routing = TokenRouting(experts.astype(np.uint8), weights.astype(np.float16))
        return SegmentTokens(made_up_ids(segments, index, len(p)), routing)

    def _own(self) -> list[tuple[int, NDArray[np.float64]]]:
        return list(enumerate(self.trace.question_tokens))


def made_up_ids(segments: Segments, index: int, n_tokens: int) -> NDArray[np.int32]:
    """Ids below N_IDS that differ from segment to segment."""
    start = index + (3 if segments is Segments.PREFIXES else 0)
    return ((start + 2 * np.arange(n_tokens)) % N_IDS).astype(np.int32)
