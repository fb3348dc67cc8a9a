"""How strongly the neurons of some experts fire on prompts: their mean absolute activation over the tokens served.

Axes: T tokens of a prompt, K chosen experts, H hidden size, I neurons of an expert.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moe_core.models.family import Router
from moe_core.models.loading.building import LoadedModel
from moe_core.models.neurons import activations

_ENOUGH = 4_096  # tokens that are run through an expert at once

Expert = tuple[int, int]


@dataclass
class Firing:
    """Of one expert the sums of absolute activations [I] over `n_tokens` tokens."""

    sums: NDArray[np.float64]
    n_tokens: int = 0
    _waiting: list[Tensor] = field(default_factory=list)

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean absolute activation [I]; 0 where no token came."""
        return self.sums / max(self.n_tokens, 1)


def fire(
    loaded: LoadedModel, prompts: Sequence[NDArray[np.int32]], starts: Sequence[int], experts: Sequence[Expert]
) -> Iterator[dict[Expert, Firing]]:
    """After each prompt how the neurons of these experts have fired so far; whole after the last one.

    Tokens count from place `starts[n]` of prompt n on.
    """
    size = loaded.specification.abilities.neurons or 0
    found = {expert: Firing(np.zeros(size)) for expert in experts}
    for number, (prompt, start) in enumerate(zip(prompts, starts, strict=True), start=1):
        for expert, served in _served(loaded, prompt, start, experts):
            found[expert]._waiting.append(served)
        for expert, firing in found.items():
            if number == len(prompts) or sum(map(len, firing._waiting)) >= _ENOUGH:
                _count(loaded, expert, firing)
        yield found


def _count(loaded: LoadedModel, expert: Expert, firing: Firing) -> None:
    served = [tokens for tokens in firing._waiting if len(tokens)]
    firing._waiting.clear()
    if served:
        hidden = torch.cat(served)
        values = activations(_router(loaded, expert[0]), expert[1], hidden)
        firing.sums += values.double().abs().sum(0).cpu().numpy()
        firing.n_tokens += len(hidden)


def _router(loaded: LoadedModel, layer: int) -> Router:
    return next(router for router in loaded.routers if router.layer == layer)


@torch.inference_mode()
def _served(
    loaded: LoadedModel, prompt: NDArray[np.int32], start: int, experts: Sequence[Expert]
) -> Iterator[tuple[Expert, Tensor]]:
    """What reached each expert of one prompt [tokens, H]."""
    calls: dict[int, tuple[Tensor, Tensor]] = {}
    with ExitStack() as hooks:
        for layer in {layer for layer, _ in experts}:
            router = _router(loaded, layer)

            def keep(_: object, arguments: Any, keywords: Any, layer: int = layer) -> None:
                hidden = next(value for value in (*arguments, *keywords.values()) if value.is_floating_point())
                chosen = _router(loaded, layer).given((arguments, keywords))
                calls[layer] = hidden.reshape(-1, hidden.shape[-1]), chosen.ids

            hooks.callback(router.experts.register_forward_pre_hook(keep, with_kwargs=True).remove)
        ids = torch.from_numpy(prompt.astype(np.int64))[None].to(loaded.model.device)
        loaded.model.base_model(input_ids=ids, use_cache=False)
    for layer, expert in experts:
        hidden, ids = calls[layer]
        serves = (ids == expert).any(-1)  # [T]
        serves[:start] = False
        yield (layer, expert), hidden[serves]
