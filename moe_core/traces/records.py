"""What one forward pass yields: the routing of every token of a segment, and the answer at its last position.

Axes: T tokens of the segment, L MoE layers, E experts, K chosen experts, C choices.
p = router probabilities over all E experts; w = gate weights as the model uses them; q = w / sum(w) over the K chosen.
"""

from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

UInt16Array = NDArray[np.uint16]
Float16Array = NDArray[np.float16]
Float32Array = NDArray[np.float32]
ExpertIds = NDArray[np.uint8] | NDArray[np.uint16]


class Status(IntEnum):
    """How a question ended; stored in the lower bits of one byte, so a number never changes its meaning."""

    NOT_RECORDED = 0
    ANSWERED = 1
    NON_FINITE_ROUTER = 2
    NON_FINITE_ANSWER = 3

    @property
    def reason(self) -> str:
        """The sentence a report shows for a failed question; empty when it was answered."""
        return _REASONS[self]


_REASONS = {
    Status.NOT_RECORDED: "not recorded yet",
    Status.ANSWERED: "",
    Status.NON_FINITE_ROUTER: "a router gave a value that is not finite",
    Status.NON_FINITE_ANSWER: "the log-probability of a choice is not finite",
}


IN_SMALLER_BATCH = 0x80
"""Added to the stored byte of a question whose batch was split for want of memory."""
STATUS_BITS = 0x7F
SMALLER_BATCH_NOTE = "Asked in a smaller batch than planned, for want of memory"


@dataclass(frozen=True)
class TokenRouting:
    """Experts and weights [T, L, K] of the tokens of a prompt or segment, in descending order of router probability."""

    experts: ExpertIds
    weights: Float16Array


@dataclass(frozen=True)
class SegmentSums:
    """Sums over the tokens of one segment.

    `token_count` [L, E] tokens that chose the expert, `gate_share_sum` [L, E] their q, entropies in nats ([L]; top-k
    entropy of q, full entropy of p, and squares), `sorted_share_sum` [L, K] q in descending order.
    """

    token_count: UInt16Array
    gate_share_sum: Float16Array | Float32Array
    topk_entropy_sum: Float32Array
    topk_entropy_square_sum: Float32Array
    full_entropy_sum: Float32Array
    full_entropy_square_sum: Float32Array
    sorted_share_sum: Float32Array


@dataclass(frozen=True)
class SegmentRouting:
    """Routing of one segment: sums over its tokens, and each of them, None when only the answer position is kept."""

    sums: SegmentSums
    tokens: TokenRouting | None

    def followed_by(self, after: "SegmentRouting") -> "SegmentRouting":
        """Both segments as one, `after` behind this one."""
        sums = {}
        for item in fields(SegmentSums):
            one, other = getattr(self.sums, item.name), getattr(after.sums, item.name)
            sums[item.name] = np.add(one, other, dtype=np.result_type(one, np.float32)).astype(one.dtype)
        tokens = None
        if self.tokens is not None and after.tokens is not None:
            experts = np.concatenate([self.tokens.experts, after.tokens.experts])
            tokens = TokenRouting(experts, np.concatenate([self.tokens.weights, after.tokens.weights]))
        return SegmentRouting(SegmentSums(**sums), tokens)


@dataclass(frozen=True)
class Answer:
    """What happened at the answer position: experts and weights [L, K], p [L, E], log-probabilities [C] in nats.

    `choice_logprobs` is padded with NaN up to the quiz's largest number of choices; `predicted` is the index of its
    largest value (the first wins ties), -1 when the question failed. `in_smaller_batch`: its batch did not fit into the
    device's memory and was asked in parts, which changes numbers by rounding at most.
    """

    experts: ExpertIds
    weights: Float16Array
    router_probs: Float16Array
    choice_logprobs: Float32Array
    predicted: int
    status: Status
    in_smaller_batch: bool = False


@dataclass(frozen=True)
class PrefixRecord:
    """One shared prefix, ready to be stored."""

    prefix: int
    routing: SegmentRouting


@dataclass(frozen=True)
class QuestionRecord:
    """One question's own segment and its answer, ready to be stored."""

    question: int
    routing: SegmentRouting
    answer: Answer


@dataclass(frozen=True)
class QuestionContent:
    """What was asked, before any prompt protocol: the question and its choices."""

    text: str
    choices: tuple[str, ...]


@dataclass(frozen=True)
class SegmentTokens:
    """The tokens of one segment: their ids [T], and where each was routed."""

    ids: NDArray[np.int32]
    routing: TokenRouting
