"""What a re-run costs, and which pairs of a question and an expert are worth one.

Effects are concentrated: a few per cent of the pairs carry most of the total. So a budget goes to those that promise
most for their cost. The unit is a forward pass of all tokens through all layers.
Axes: N questions, L MoE layers, E experts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_core.errors import EffectError, Remedy
from moe_core.numbers.formatting import percent

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

SPARSE_SHARE, EXACT_SHARE, AUDIT_SHARE = 0.62, 0.31, 0.07
LEAST_TOKENS, MOST_TOKENS = 10, 16
AUDIT_FLOOR = 1e-4
"""Nats that every pair counts for in an audit, so that none has no chance of being drawn."""


@dataclass(frozen=True)
class Budget:
    """Forward passes for each kind of re-run."""

    sparse: float
    exact: float
    audit: float


@dataclass(frozen=True, eq=False)
class PairCosts:
    """Forward passes [N, L] that one expert's re-run on one question costs: on all tokens, and on a few."""

    exact: Floats
    sparse: Floats


def preparation(first_order: float = 1.0, *, is_checkpointed: bool) -> float:
    """Forward passes before any re-run: the clean pass, its gradients (weights are frozen), and the first order.

    That is 1 where experts run one by one, and more where whole blocks do. Checkpointing runs each layer once more, to
    have its gradients without keeping all that lies between.
    """
    return 2.0 + first_order + is_checkpointed


def split_budget(share: float, n_experts: int, prepared: float) -> Budget:
    """Forward passes for each kind of re-run, `share` being that of measuring all experts of all layers.

    Raises EffectError where nothing is left once the clean passes (`prepared`) have run.
    """
    left = share * n_experts - prepared
    if left <= 0:
        raise EffectError(
            f"A budget of {percent(share)} of measuring all {n_experts:,} experts is {share * n_experts:.1f} forward "
            f"passes, and {prepared:.0f} are needed before any expert can be re-run: give more than "
            f"{percent(prepared / n_experts)}.",
            Remedy.RAISE_BUDGET,
        )
    return Budget(SPARSE_SHARE * left, EXACT_SHARE * left, AUDIT_SHARE * left)


def pair_costs(lengths: Sequence[int], first_again: Sequence[int], n_layers: int) -> PairCosts:
    """The costs for questions of these lengths; `first_again` [L] are the first of `n_layers` that run again."""
    tokens = np.asarray(lengths, dtype=np.float64)
    behind = 1 - np.asarray(first_again) / n_layers  # share of the layers that run
    few = np.minimum([n_few_tokens(length) + 1 for length in lengths], tokens)
    return PairCosts(*(np.outer(part / tokens.sum(), behind).astype(np.float32) for part in (tokens, few)))


def n_few_tokens(length: int) -> int:
    """How many tokens a sparse re-run takes besides the last one: a quarter, of short prompts more.

    With fewer, more pairs could be re-run, and every one of them worse (docs/effect-map.md).
    """
    return min(MOST_TOKENS, max(LEAST_TOKENS, length // 4))


def worth_a_run(score: Floats, cost: Floats, budget: float) -> Mask:
    """The pairs [N, L, E] with the largest score / sqrt(cost [N, L]) whose costs together stay within the budget."""
    costs = np.broadcast_to(cost[..., None], score.shape)
    rank = np.where(costs > 0, score / np.sqrt(np.maximum(costs, 1e-12)), 0).ravel()
    order = np.argsort(-rank, kind="stable")
    affordable = np.cumsum(costs.ravel()[order], dtype=np.float64) <= budget
    chosen = np.zeros(score.size, dtype=bool)
    chosen[order[affordable & (rank[order] > 0)]] = True
    return chosen.reshape(score.shape)


def audit_chances(score: Floats, cost: Floats, candidates: Mask, budget: float) -> Floats:
    """The probability [N, L, E] with which each candidate is drawn, by its score; the expected cost is the budget."""
    costs = np.broadcast_to(cost[..., None], score.shape)
    weight = np.where(candidates, (score + AUDIT_FLOOR) / np.sqrt(np.maximum(costs, 1e-12)), 0)
    low, high = 0.0, 1e12
    for _ in range(80):  # bisection: chances are capped, so that their sum has no closed form
        middle = (low + high) / 2 if high - low < 1 else float(np.sqrt(max(low, 1e-9) * high))
        spent = float((np.minimum(weight * middle, 0.5) * costs).sum())
        low, high = (middle, high) if spent < budget else (low, middle)
    chances: Floats = np.minimum(weight * low, 0.5).astype(np.float32)
    return chances
