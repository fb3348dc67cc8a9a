"""Copies of a router in which experts are closed; nothing is known of its arithmetic, only which axis counts experts.

Axes: E experts.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

Change = Callable[[str, Tensor], Tensor]
_COUNTS = ("expert", "out_features", "classes")  # in names of attributes that count experts
_BIAS = "e_score_correction_bias"


def cut(gate: nn.Module, keep: Tensor, n_experts: int) -> nn.Module:
    """The gate with only the experts `keep` (ids, ascending): every row, entry and count of E that it holds is cut.

    The original stays as it is. Called as the original is, it numbers the experts that are left from 0.
    """

    def change(name: str, values: Tensor) -> Tensor:
        if values.dim() and values.shape[0] == n_experts:
            return values[keep.to(values.device)]
        if values.dim() == 2 and values.shape == (1, n_experts):
            return values[:, keep.to(values.device)]
        return values

    with _at_hand(gate):
        return _copied(gate, change, (n_experts, len(keep)))


def with_bias(gate: nn.Module, closed: Tensor) -> nn.Module:
    """The gate whose choice never falls on the experts marked in `closed` [E], all its rows in place."""

    def change(name: str, values: Tensor) -> Tensor:
        return values.masked_fill(closed.to(values.device), -torch.inf) if name == _BIAS else values

    with _at_hand(gate):
        return _copied(gate, change, None)


@contextmanager
def _at_hand(gate: nn.Module) -> Iterator[None]:
    """Weights that a dispatched model keeps elsewhere (accelerate), brought here while a copy is made."""
    if not any(hasattr(module, "_hf_hook") for module in gate.modules()):
        yield
        return
    from accelerate.utils import align_module_device

    with align_module_device(gate):
        yield


def _copied(module: nn.Module, change: Change, counts: tuple[int, int] | None) -> nn.Module:
    made = copy.copy(module)
    for name in ("forward", "_hf_hook", "_old_forward"):  # set on the instance where a model is dispatched
        made.__dict__.pop(name, None)
    made._parameters = {
        name: None if values is None else nn.Parameter(change(name, values.detach()), requires_grad=False)
        for name, values in module._parameters.items()
    }
    made._buffers = {name: None if values is None else change(name, values) for name, values in module._buffers.items()}
    made._modules = {
        name: None if part is None else _copied(part, change, counts) for name, part in module._modules.items()
    }
    made._forward_hooks = type(module._forward_hooks)()
    made._forward_pre_hooks = type(module._forward_pre_hooks)()
    if counts is not None:
        _count_anew(made, *counts)
    return made


def _count_anew(module: nn.Module, before: int, after: int) -> None:
    values: dict[str, Any] = module.__dict__
    for name, value in values.items():
        if type(value) is int and value == before and any(word in name for word in _COUNTS):
            values[name] = after
