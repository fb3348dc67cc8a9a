"""Which experts a quick pick takes: pure functions of what is on screen, each with a set of experts as its result.

Axes: L MoE layers, E experts.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moe_core.interventions.intervention import Expert

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.floating[Any]]


def cells_where(chosen: BoolArray) -> frozenset[Expert]:
    """The experts [L, E] that are chosen."""
    return frozenset((layer, expert) for layer, expert in np.argwhere(chosen).tolist())


def never_used(tokens: FloatArray) -> frozenset[Expert]:
    """Experts that no token chose; `tokens` [L, E] counts those that did."""
    return cells_where(np.equal(tokens, 0))


def lowest(values: FloatArray, n: int) -> frozenset[Expert]:
    """The `n` experts of each layer with the least values [L, E], of equal ones the first; NaN has no value."""
    return _first_of_each_layer(values, n)


def highest(values: FloatArray, n: int) -> frozenset[Expert]:
    """The `n` experts of each layer with the greatest values [L, E], of equal ones the first; NaN has no value."""
    return _first_of_each_layer(-values, n)


def all_but_highest(values: FloatArray, n: int) -> frozenset[Expert]:
    """All experts but the `n` of each layer with the greatest values [L, E]; NaN is below every value."""
    kept = np.argsort(-values, axis=1, kind="stable")[:, :n]  # NaN sorts last
    chosen = np.ones(values.shape, bool)
    np.put_along_axis(chosen, kept, values=False, axis=1)
    return cells_where(chosen)


def layer_row(layer: int, n_experts: int) -> frozenset[Expert]:
    """Every expert of one layer."""
    return frozenset((layer, expert) for expert in range(n_experts))


def inverted(experts: Iterable[Expert], n_layers: int, n_experts: int) -> frozenset[Expert]:
    """Every expert that is not among these."""
    spared = frozenset(experts)
    return frozenset((layer, e) for layer in range(n_layers) for e in range(n_experts)) - spared


def at_random(n: int, n_layers: int, n_experts: int, seed: int) -> frozenset[Expert]:
    """`n` different experts of each layer; the same seed gives the same ones."""
    generator = np.random.default_rng(seed)
    drawn = [generator.permutation(n_experts)[:n].tolist() for _ in range(n_layers)]
    return frozenset((layer, expert) for layer, experts in enumerate(drawn) for expert in experts)


def first_that_leave_enough(ranked: Iterable[Expert], n: int, most_of_layer: int) -> frozenset[Expert]:
    """The first `n` of these experts, passing over those of layers that have lost `most_of_layer` already."""
    chosen: list[Expert] = []
    for layer, expert in ranked:
        if len(chosen) < n and sum(at == layer for at, _ in chosen) < most_of_layer:
            chosen.append((layer, expert))
    return frozenset(chosen)


def _first_of_each_layer(keys: FloatArray, n: int) -> frozenset[Expert]:
    order = np.argsort(keys, axis=1, kind="stable")[:, :n]  # NaN sorts last
    chosen = np.zeros(keys.shape, bool)
    np.put_along_axis(chosen, order, values=True, axis=1)
    return cells_where(chosen & ~np.isnan(keys))
