"""Random interventions like a given one: as many experts of each layer, drawn among those with a similar load.

What an intervention does means something only beside what such masks do. Each layer's experts are put in order of load
and cut into blocks of about eight; a draw acts on as many experts of every block as the given intervention does. All
draws, and the given one among them, are then equally likely, which is what a permutation test needs.
Axes: L MoE layers, E experts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import comb, prod

import numpy as np
from numpy.typing import NDArray

from moe_core.interventions.factors import Factors
from moe_core.interventions.intervention import Expert, Intervention
from moe_core.interventions.targets import Neuron
from moe_core.measures.cube import blocks
from moe_core.measures.scope import Scope
from moe_core.traces.reader import Trace
from moe_core.traces.stored_rows import Rows

BLOCK = 8

Load = NDArray[np.int64]
_Action = tuple[str, float]  # kind and factor


@dataclass(frozen=True)
class _Block:
    """Experts of one layer with a similar load, and the actions on some of them."""

    layer: int
    experts: tuple[int, ...]
    actions: tuple[_Action, ...]

    @property
    def n_ways(self) -> int:
        left, ways = len(self.experts), 1
        for kind in set(self.actions):
            ways *= comb(left, self.actions.count(kind))
            left -= self.actions.count(kind)
        return ways


def expert_load(trace: Trace, rows: Sequence[int] | NDArray[np.intp], scope: Scope) -> Load:
    """Tokens that chose each expert [L, E] over these questions; `answer` counts one token a question."""
    chosen = np.asarray(rows, dtype=np.intp)
    d = trace.dimensions
    if scope is Scope.ANSWER:
        layers = (trace.answer_experts[chosen, layer].ravel() for layer in range(d.n_layers))  # [n * K] each
        return np.stack([np.bincount(experts, minlength=d.n_experts) for experts in layers])
    load = _load(trace.question_sums.token_count, chosen, np.ones(len(chosen), np.int64))
    prefix = trace.prefix[chosen]
    if scope is Scope.PROMPT and (prefix >= 0).any():
        shared, times = np.unique(prefix[prefix >= 0], return_counts=True)
        load += _load(trace.prefix_sums.token_count, shared.astype(np.intp), times)
    return load


def matched_masks(
    intervention: Intervention, load: Load, layers: Sequence[int], n: int, seed: int, n_neurons: int = 0
) -> tuple[Intervention, ...]:
    """`n` different interventions like this one and none equal to it; fewer where no more exist, maybe none.

    `layers` are the model's own numbers of the rows of `load`. Where neurons are off, as many others of the same
    experts are drawn, of the `n_neurons` that each has, and nothing else. The same seed gives the same ones.
    """
    if intervention.neurons:
        return _matched_neurons(intervention, n, seed, n_neurons)
    blocks = _blocks(intervention, load, layers)
    target = min(n, prod(block.n_ways for block in blocks) - 1)
    generator = np.random.default_rng(seed)
    own = _what(intervention)
    found: dict[Intervention, None] = {}
    while len(found) < target:
        drawn = _draw(blocks, generator)
        if drawn != own:
            found.setdefault(drawn)
    return tuple(
        replace(mask, name=f"control {k}", at_answer=intervention.at_answer) for k, mask in enumerate(found, start=1)
    )


def _load(counts: Rows, segments: NDArray[np.intp], times: NDArray[np.int64]) -> Load:
    """Tokens that chose each expert over these segments, each as often as it counts."""
    load: Load = np.zeros(counts.shape[1:], np.int64)
    for rows in blocks(len(segments), load.size):
        of_rows = counts[segments[rows]].reshape(-1, load.size).astype(np.float64)  # whole numbers all the way
        load += (times[rows].astype(np.float64) @ of_rows).astype(np.int64).reshape(load.shape)
    return load


def _matched_neurons(intervention: Intervention, n: int, seed: int, n_neurons: int) -> tuple[Intervention, ...]:
    sizes = {expert: len(members) for expert, members in intervention.neurons_of.items()}
    target = min(n, prod(comb(n_neurons, size) for size in sizes.values()) - 1)
    generator = np.random.default_rng(seed)
    found: dict[frozenset[Neuron], None] = {}
    while len(found) < target:
        drawn = frozenset(
            (*expert, int(neuron))
            for expert, size in sizes.items()
            for neuron in generator.choice(n_neurons, size, replace=False)
        )
        if drawn != intervention.neurons:
            found.setdefault(drawn)
    return tuple(replace(intervention, name=f"control {k}", neurons=drawn) for k, drawn in enumerate(found, start=1))


def _what(intervention: Intervention) -> Intervention:
    return Intervention("", intervention.reroute, intervention.drop, intervention.boost)


def _blocks(intervention: Intervention, load: Load, layers: Sequence[int]) -> list[_Block]:
    """The blocks in which anything is done."""
    n_experts = load.shape[1]
    blocks = []
    for layer, load_here in zip(layers, load, strict=True):
        order = np.argsort(load_here, kind="stable")
        for experts in np.array_split(order, max(1, n_experts // BLOCK)):
            members = tuple(experts.tolist())
            actions = tuple(action for e in members for action in _actions(intervention, (layer, e)))
            if actions:
                blocks.append(_Block(layer, members, actions))
    return blocks


def _actions(intervention: Intervention, expert: Expert) -> list[_Action]:
    if expert in intervention.reroute:
        return [("reroute", 0.0)]
    if expert in intervention.drop:
        return [("drop", 0.0)]
    return [("boost", intervention.boost[expert])] if expert in intervention.boost else []


def _draw(blocks: Sequence[_Block], generator: np.random.Generator) -> Intervention:
    reroute, drop = set[Expert](), set[Expert]()
    boost: dict[Expert, float] = {}
    for block in blocks:
        drawn = generator.permutation(block.experts)[: len(block.actions)].tolist()
        for expert, (kind, factor) in zip(drawn, block.actions, strict=True):
            at = (block.layer, expert)
            if kind == "boost":
                boost[at] = factor
            else:
                (reroute if kind == "reroute" else drop).add(at)
    return Intervention("", frozenset(reroute), frozenset(drop), Factors(boost))
