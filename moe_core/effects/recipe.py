"""Predicts every expert's effect on the questions of a chunk, and runs again only the pairs that promise most.

First order for all pairs; the last layer exactly, for only the last token matters there; sparse re-runs of what may be
large; exact ones of what is large or was predicted badly; an audit of pairs drawn at random. docs/effect-map.md has the
figures. Axes: n questions of the chunk, L MoE layers, E experts.
"""

from collections.abc import Iterator

import numpy as np

from moe_core.effects.budget import Budget, PairCosts, audit_chances, worth_a_run
from moe_core.effects.draft import EffectDraft
from moe_core.effects.effect_map import Audit, Floats, Mask, Source
from moe_core.effects.part import CleanPart

_UNVISITED = 0.3
"""Of its bound, what a pair without a sparse re-run counts for when exact ones are chosen."""


def predict(chunk: CleanPart, draft: EffectDraft, costs: PairCosts, budget: Budget, seed: int) -> Iterator[float]:
    """Fills the draft of a chunk; yields what each step of re-runs has cost, in forward passes over the chunk.

    What the sparse re-runs leave of their share goes to the exact ones; all of it, where a few tokens cannot run alone.
    """
    first, bounds = chunk.first_order()
    draft.effects[:], draft.bounds[:] = first, bounds
    draft.sources[:] = np.where(bounds > 0, Source.FIRST_ORDER, Source.UNTOUCHED)
    live = bounds > 0
    yield from _exactly(chunk, draft, costs, live & (costs.exact[..., None] == 0), Source.EXACT)
    live &= ~draft.is_exact()
    chosen = worth_a_run(bounds * live, costs.sparse, budget.sparse if chunk.runs_few else 0.0)
    spent = _cost(costs.sparse, chosen)
    for ran in chunk.run(chosen, "sparse"):
        draft.write(ran.pairs, ran.effects, Source.SPARSE)
        yield float(costs.sparse[ran.pairs[:, 0], ran.pairs[:, 1]].sum())
    score = _doubt(draft, first) * live
    chosen = worth_a_run(score, costs.exact, budget.exact + budget.sparse - spent)
    yield from _exactly(chunk, draft, costs, chosen, Source.EXACT)
    yield from _audit(chunk, draft, costs, live & ~chosen, budget.audit, seed)


def _doubt(draft: EffectDraft, first: Floats) -> Floats:
    """How much an exact re-run may add: where the first order was far off, the sparse re-run may be too."""
    sparse = 0.5 * np.abs(draft.effects) + 0.5 * np.abs(draft.effects - first)
    doubt: Floats = np.where(draft.sources == Source.SPARSE, sparse, _UNVISITED * draft.bounds).astype(np.float32)
    return doubt


def _exactly(chunk: CleanPart, draft: EffectDraft, costs: PairCosts, wanted: Mask, source: Source) -> Iterator[float]:
    for ran in chunk.run(wanted, "exact"):
        draft.write(ran.pairs, ran.effects, source)
        yield float(costs.exact[ran.pairs[:, 0], ran.pairs[:, 1]].sum())


def _audit(
    chunk: CleanPart, draft: EffectDraft, costs: PairCosts, candidates: Mask, budget: float, seed: int
) -> Iterator[float]:
    """Run pairs drawn at random, mostly such as may be large, and note what had been predicted of them."""
    before = draft.effects.copy()
    chances = audit_chances(np.abs(before) + 0.1 * draft.bounds, costs.exact, candidates, budget)
    drawn = np.random.default_rng(seed).random(chances.shape) < chances
    yield from _exactly(chunk, draft, costs, drawn, Source.AUDITED)
    pairs = np.argwhere(drawn)
    at = tuple(pairs.T)
    draft.audit = Audit(pairs.astype(np.int32), before[at], draft.effects[at].copy(), chances[at])


def _cost(costs: Floats, chosen: Mask) -> float:
    return float((chosen * costs[..., None]).sum(dtype=np.float64))
