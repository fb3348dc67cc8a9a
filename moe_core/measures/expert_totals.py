"""Sums per expert over a selection of questions: one pass over the cubes that serves every metric at once.

Axes: N questions of the trace, n of the selection, L layers, E experts; X = L * E.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# A block of both cubes fits into a core's cache. Blocks also keep float32 sums exact: 64 questions of up to 131,070
# tokens (two uint16) stay below 2**24; the sums of blocks are float64.
_BLOCK_ROWS = 64


@dataclass(frozen=True)
class ExpertTotals:
    """Sums over the selection, each float64 [L, E]; m = a question's mean renormalised gate weight for the expert.

    `tokens`: tokens that chose the expert. `gate_sum`: their q, summed. `questions`: questions with such a token.
    `share`: m over all questions. The rest only over questions that have a gold answer: `scored_questions` that
    chose the expert, their `scored_share` m and its squares, and `right_share`, m over the right ones alone.
    """

    tokens: FloatArray
    gate_sum: FloatArray
    questions: FloatArray
    share: FloatArray
    scored_questions: FloatArray
    scored_share: FloatArray
    scored_share_square: FloatArray
    right_share: FloatArray


def total_by_expert(
    *,
    token_count: NDArray[np.float32],
    gate_share: NDArray[np.float32],
    questions: NDArray[np.intp],
    n_tokens: NDArray[np.int64],
    is_scored: NDArray[np.bool_],
    is_correct: NDArray[np.bool_],
) -> ExpertTotals:
    """The totals of the chosen rows of two cubes [N, L, E]; the vectors are aligned with `questions` [n]."""
    N, L, E = token_count.shape
    counts, shares = token_count.reshape(N, L * E), gate_share.reshape(N, L * E)
    ones = np.ones(len(questions), np.float32)
    share_weights = np.stack([ones, is_scored, is_correct, n_tokens]).astype(np.float32)  # [4, n]
    question_weights = np.stack([ones, is_scored]).astype(np.float32)  # [2, n]
    sums = np.zeros((8, L * E))
    # Blocks go through the same three buffers: fresh ones would cost more in page faults than the arithmetic does.
    buffers = np.empty((3, min(_BLOCK_ROWS, len(questions)), L * E), np.float32)
    for start in range(0, len(questions), _BLOCK_ROWS):
        rows = slice(start, min(start + _BLOCK_ROWS, len(questions)))
        block_counts, block_shares, scratch = buffers[:, : rows.stop - start]  # [64, X]
        np.take(counts, questions[rows], axis=0, out=block_counts, mode="clip")  # other modes buffer once more
        np.take(shares, questions[rows], axis=0, out=block_shares, mode="clip")
        sums[:4] += share_weights[:, rows] @ block_shares
        sums[4] += ones[rows] @ block_counts
        sums[5:7] += question_weights[:, rows] @ np.minimum(block_counts, 1, out=scratch)  # whether, not how often
        sums[7] += share_weights[1, rows] @ np.square(block_shares, out=scratch)
    share, scored, right, gate, tokens, used, scored_used, squares = sums.reshape(8, L, E)
    return ExpertTotals(
        tokens=tokens,
        gate_sum=gate,
        questions=used,
        share=share,
        scored_questions=scored_used,
        scored_share=scored,
        scored_share_square=squares,
        right_share=right,
    )
