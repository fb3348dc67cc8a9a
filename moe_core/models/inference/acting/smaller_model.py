"""A loaded model without some of its experts, for as long as one wants: what export-pruned writes, without the file.

The model's own gates and experts are copied with the closed rows cut out and put in the places of the whole ones; all
else is shared. Axes: L MoE layers, E experts of a layer.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import nn

from moe_core.interventions.intervention import Intervention
from moe_core.models.closing import cut
from moe_core.models.family import Router
from moe_core.models.loading.building import LoadedModel


@dataclass(frozen=True, eq=False)
class SmallerModel:
    """`keep` holds the experts that stay in each MoE layer [L], in their old order."""

    loaded: LoadedModel
    keep: tuple[tuple[int, ...], ...]

    @cached_property
    def routers(self) -> tuple[Router, ...]:
        """The routers of the smaller model; layers that keep everything have their own."""
        return tuple(self._router(router, keep) for router, keep in zip(self.loaded.routers, self.keep, strict=True))

    @property
    def extra_bytes(self) -> int:
        """Bytes that the copies of experts take beside the whole model."""
        pairs = zip(self.loaded.routers, self.keep, strict=True)
        return sum(weight_bytes(router.experts) * len(keep) // self._n for router, keep in pairs if self._cuts(keep))

    @contextmanager
    def in_place(self) -> Iterator[LoadedModel]:
        """While open the model is the smaller one; afterwards it is whole again, whatever happened."""
        with ExitStack() as stack:
            for whole, small in zip(self.loaded.routers, self.routers, strict=True):
                for before, after in ((whole.gate, small.gate), (whole.experts, small.experts)):
                    if before is not after:
                        stack.callback(_put, self.loaded.model, after, before)
                        _put(self.loaded.model, before, after)
            n_experts = len(self.keep[0])
            specification = replace(self.loaded.specification, n_experts=n_experts)
            yield replace(self.loaded, routers=self.routers, specification=specification)

    def _router(self, router: Router, keep: tuple[int, ...]) -> Router:
        if not self._cuts(keep):
            return router
        kept = torch.tensor(keep)
        return replace(router, gate=cut(router.gate, kept, self._n), experts=cut(router.experts, kept, self._n))

    def _cuts(self, keep: Sequence[int]) -> bool:
        return len(keep) < self._n

    @property
    def _n(self) -> int:
        return self.loaded.specification.n_experts


def kept_by(mask: Intervention, layers: Sequence[int], n_experts: int) -> tuple[tuple[int, ...], ...]:
    """What a mask that only re-routes leaves of each layer [L]; `layers` are the model's own numbers."""
    return tuple(
        tuple(expert for expert in range(n_experts) if (layer, expert) not in mask.reroute) for layer in layers
    )


def weight_bytes(module: nn.Module) -> int:
    """Bytes of all weights, those that are shared counted once."""
    return sum(weight.nbytes for weight in module.parameters())


def _put(model: Any, before: nn.Module, after: nn.Module) -> None:
    """Put a module in the place of another one, wherever that stands."""
    for module in list(model.modules()):
        for name, child in module._modules.items():
            if child is before:
                module._modules[name] = after
