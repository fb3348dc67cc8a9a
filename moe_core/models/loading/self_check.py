"""The family's self-check: replays every router's choice from its logits and compares it with what the model computes.

The experts module is watched from outside, so a family whose gate says one thing and whose experts do another is
found out. Axes: T probe tokens, E experts, K chosen experts.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moe_core.models.family import Router
from moe_core.models.loading.verdict import LayerCheck, ModelCheck
from moe_core.models.router_scoring import RouterSpec, rescore, router_probabilities

if TYPE_CHECKING:
    import torch

    from moe_core.models.loading.building import LoadedModel

PROBE_LENGTHS = (1, 7, 64)
PROBE_SEED = 0


@dataclass
class _Seen:
    """What passed through one layer: the gate's output, then what reached the experts; one entry per forward pass."""

    logits: "list[torch.Tensor]" = field(default_factory=list)
    weights: "list[torch.Tensor]" = field(default_factory=list)
    ids: "list[torch.Tensor]" = field(default_factory=list)


def check_routing(loaded: "LoadedModel") -> ModelCheck:
    """The self-check of a loaded model on seeded random tokens of several lengths; loads nothing, changes nothing."""
    probes = _probes(loaded.model)
    plain = _watched_forward(loaded, probes, {})
    favourites = {layer: _most_chosen(seen) for layer, seen in plain.items()}
    can_reroute = loaded.specification.top_k < loaded.specification.n_experts
    masked = _watched_forward(loaded, probes, favourites) if can_reroute else plain
    checks = [
        _check_layer(layer, plain[layer], masked[layer], loaded.router_spec, favourites[layer], can_reroute)
        for layer in plain
    ]
    moe_layers = {router.layer for router in loaded.routers}
    dense = tuple(layer for layer in range(loaded.model.config.num_hidden_layers) if layer not in moe_layers)
    return ModelCheck(tuple(checks), dense, loaded.family.shared_experts(loaded.model))


def _probes(model: Any) -> "list[torch.Tensor]":
    import torch

    generator = torch.Generator().manual_seed(PROBE_SEED)
    lengths = [min(length, model.config.max_position_embeddings) for length in PROBE_LENGTHS]
    return [torch.randint(model.config.vocab_size, (1, length), generator=generator) for length in lengths]


def _watched_forward(loaded: "LoadedModel", probes: "list[torch.Tensor]", rerouted: dict[int, int]) -> dict[int, _Seen]:
    """What every MoE layer saw, with `rerouted` mapping a layer to the expert that its router may not choose."""
    import torch

    seen = {router.layer: _Seen() for router in loaded.routers}
    with ExitStack() as hooks, torch.inference_mode():
        for router in loaded.routers:
            hooks.enter_context(_watch(router, loaded.router_spec, seen[router.layer], rerouted.get(router.layer)))
        for probe in probes:
            loaded.model(probe.to(loaded.model.device), use_cache=False, logits_to_keep=1)
    return seen


@contextmanager
def _watch(router: Router, spec: RouterSpec, seen: _Seen, rerouted: int | None) -> Iterator[None]:
    import torch

    def after_gate(module: Any, inputs: Any, output: Any) -> Any:
        logits = output[0]
        seen.logits.append(logits)
        if rerouted is None:
            return None
        mask = torch.zeros(logits.shape[-1], dtype=torch.bool)
        mask[rerouted] = True
        return (logits, *rescore(logits, spec, rerouted=mask))

    def before_experts(module: Any, inputs: Any, keywords: dict[str, Any]) -> None:
        named = dict(zip(("hidden_states", "top_k_index", "top_k_weights"), inputs, strict=False)) | keywords
        seen.ids.append(named["top_k_index"])
        seen.weights.append(named["top_k_weights"])

    handles = [
        router.gate.register_forward_hook(after_gate),
        router.experts.register_forward_pre_hook(before_experts, with_kwargs=True),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _check_layer(
    layer: int, plain: _Seen, masked: _Seen, spec: RouterSpec, expert: int, can_reroute: bool
) -> LayerCheck:
    wrong_ids = wrong_weights = tokens = 0
    largest = 0.0
    for logits, weights, ids in zip(plain.logits, plain.weights, plain.ids, strict=True):
        replayed_weights, replayed_ids = rescore(logits, spec)  # [T, K] each
        tokens += len(ids)
        wrong_ids += int((replayed_ids != ids).any(dim=-1).sum())
        wrong_weights += int((~_within_one_ulp(replayed_weights, weights)).any(dim=-1).sum())
        largest = max(largest, float((replayed_weights.double() - weights.double()).abs().max()))
    works = can_reroute and _reroute_works(masked, expert)
    return LayerCheck(layer, tokens, wrong_ids, wrong_weights, largest, expert, works, can_reroute)


def _within_one_ulp(ours: "torch.Tensor", theirs: "torch.Tensor") -> "torch.Tensor":
    import torch

    if ours.dtype != theirs.dtype:
        return torch.zeros_like(ours, dtype=torch.bool)
    return (ours.double() - theirs.double()).abs() <= torch.finfo(ours.dtype).eps * theirs.double().abs()


def _reroute_works(masked: _Seen, expert: int) -> bool:
    for logits, ids in zip(masked.logits, masked.ids, strict=True):
        probs = router_probabilities(logits)  # [T, E]
        probs[:, expert] = -1.0
        # Probabilities, not ids: with 16-bit logits ties are common, and which of the tied is taken is open.
        best, chosen = probs.topk(ids.shape[-1], dim=-1).values, probs.gather(-1, ids).sort(descending=True).values
        if (ids == expert).any() or (best != chosen).any():
            return False
    return True


def _most_chosen(seen: _Seen) -> int:
    import torch

    return int(torch.cat([ids.flatten() for ids in seen.ids]).bincount().argmax())
