"""Applies an intervention inside the routers: what a gate returns, or its experts get, is changed on the way."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from moe_core.interventions.intervention import Intervention
from moe_core.models.family import Rerun, Router


@dataclass(frozen=True)
class LayerSteering:
    """One layer's share of an intervention: the gate without the re-routed experts, or None; factor [E] on the gate
    weights, or None."""

    rerun: Rerun | None
    factor: Tensor | None


def layer_steerings(
    intervention: Intervention, routers: Sequence[Router], n_experts: int
) -> list[LayerSteering | None]:
    """One steering per MoE layer, None where the intervention leaves the layer alone."""
    return [_layer_steering(intervention, router, n_experts) for router in routers]


def _layer_steering(intervention: Intervention, router: Router, n_experts: int) -> LayerSteering | None:
    rerouted = [expert for at, expert in intervention.reroute if at == router.layer]
    factors = {expert: factor for (at, expert), factor in intervention.boost.items() if at == router.layer}
    factors |= {expert: 0.0 for at, expert in intervention.drop if at == router.layer}
    if not rerouted and not factors:
        return None
    closed = torch.zeros(n_experts, dtype=torch.bool)
    closed[rerouted] = True
    factor = torch.ones(n_experts)
    for expert, value in factors.items():
        factor[expert] = value
    return LayerSteering(router.closing(closed) if rerouted else None, factor if factors else None)
