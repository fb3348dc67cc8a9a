"""Applies an intervention inside the routers: what a gate returns is changed before the experts see it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from moe_core.interventions.intervention import Intervention
from moe_core.models.router_scoring import RouterSpec, rescore


@dataclass(frozen=True)
class RouterOutput:
    """What a gate returns: logits [T, E], gate weights [T, K], expert ids [T, K]."""

    logits: Tensor
    weights: Tensor
    ids: Tensor


@dataclass(frozen=True)
class LayerSteering:
    """One layer's share of an intervention: rerouted [E] bool or None, factor [E] on the gate weights or None."""

    rerouted: Tensor | None
    factor: Tensor | None

    def apply(self, output: RouterOutput, spec: RouterSpec) -> RouterOutput:
        """The output the experts shall see; rerouted experts' logits become minus infinity."""
        if self.rerouted is not None:
            weights, ids = rescore(output.logits, spec, rerouted=self.rerouted)
            output = RouterOutput(output.logits.masked_fill(self.rerouted, -torch.inf), weights, ids)
        if self.factor is not None:
            factor = self.factor[output.ids].to(output.weights.dtype)
            output = RouterOutput(output.logits, output.weights * factor, output.ids)
        return output


def layer_steerings(
    intervention: Intervention, n_layers: int, n_experts: int, device: torch.device
) -> list[LayerSteering | None]:
    """One steering per MoE layer, None where the intervention leaves the layer alone."""
    return [_layer_steering(intervention, layer, n_experts, device) for layer in range(n_layers)]


def _layer_steering(
    intervention: Intervention, layer: int, n_experts: int, device: torch.device
) -> LayerSteering | None:
    rerouted = [expert for at, expert in intervention.reroute if at == layer]
    factors = {expert: factor for (at, expert), factor in intervention.boost.items() if at == layer}
    factors |= {expert: 0.0 for at, expert in intervention.drop if at == layer}
    if not rerouted and not factors:
        return None
    mask = torch.zeros(n_experts, dtype=torch.bool, device=device)
    mask[rerouted] = True
    factor = torch.ones(n_experts, device=device)
    for expert, value in factors.items():
        factor[expert] = value
    return LayerSteering(mask if rerouted else None, factor if factors else None)
