"""Every model that follows transformers' own way: a block with `experts`, and beside them the router it declares.

Classes declare their router as what `output_router_logits` records (`_can_record_outputs`, transformers 5).
"""

import inspect
from collections.abc import Iterator
from typing import Any

from torch import nn

from moe_core.models.family import ModelFamily, Router

_NAMES = ("gate", "router")  # of routers that are not declared, as those of DeepSeek-V4's hash layers


def find_declared(model: Any, kind: type[Router] = Router) -> tuple[Router, ...]:
    """The routers beside all `experts` that are called with hidden states, ids and weights."""
    groups = _groups(model.config)
    return tuple(
        kind(layer_number(name), gate, experts, *groups) for name, gate, experts in _blocks(model) if _are_told(experts)
    )


def layer_number(name: str) -> int:
    """The decoder layer that a module's name stands for."""
    return next(int(part) for part in name.split(".") if part.isdecimal())


def declared_classes(model: Any) -> tuple[type[nn.Module], ...]:
    """The classes whose output transformers records as router logits."""
    found = []
    for module in model.modules():
        declared = (getattr(module, "_can_record_outputs", None) or {}).get("router_logits", [])
        found += [recorder.target_class for recorder in (declared if isinstance(declared, list) else [declared])]
    return tuple(dict.fromkeys(found))


def _blocks(model: Any) -> Iterator[tuple[str, nn.Module, nn.Module]]:
    declared = declared_classes(model)
    for name, block in model.named_modules():
        children = dict(block.named_children())
        if "experts" not in children or not any(part.isdecimal() for part in name.split(".")):
            continue
        gates = [child for child in children.values() if isinstance(child, declared)]
        gates += [children[other] for other in _NAMES if other in children]
        if gates:
            yield name, gates[0], children["experts"]


def _are_told(experts: nn.Module) -> bool:
    names = [name for name in inspect.signature(experts.forward).parameters if name not in ("args", "kwargs")]
    return len(names) >= 3


def _groups(config: Any) -> tuple[int, int]:
    """How many groups of experts a router has, and how many of them it chooses; (1, 1) where it knows none."""
    ignores = getattr(config, "topk_method", None) == "greedy"
    n_groups, chosen = (getattr(config, name, None) or 1 for name in ("n_group", "topk_group"))
    return (1, 1) if ignores else (int(n_groups), int(chosen))


DECLARED = ModelFamily("declared", (), find_declared)
