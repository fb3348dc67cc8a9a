"""The smaller checkpoint that a mask stands for: router rows and experts left out, byte for byte, without torch.

Axes: E experts of a layer.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from moe_core.errors import InterventionError, Remedy
from moe_core.interventions.intervention import Intervention
from moe_core.models.family import ModelFamily
from moe_core.models.loading.safetensors_headers import TensorHeader

_EXPERTS = r"model\.layers\.(\d+)\.(?:mlp|block_sparse_moe)\.experts\."
_ONE_EXPERT = re.compile(f"({_EXPERTS})" + r"(\d+)(\..+)")
_ALL_EXPERTS = re.compile(_EXPERTS + r"\D.*")
_COUNT_FIELDS = ("num_experts", "num_local_experts")


@dataclass(frozen=True)
class KeepList:
    """The experts that stay in each MoE layer, in their old order; `decoder_layers` are the layers' places."""

    n_experts: int
    keep: tuple[tuple[int, ...], ...]
    decoder_layers: tuple[int, ...]

    @property
    def counts(self) -> tuple[int, ...]:
        """How many stay in each layer."""
        return tuple(map(len, self.keep))

    def check_equal(self) -> int:
        """How many experts every layer keeps; raises InterventionError where layers differ."""
        if len(set(self.counts)) > 1:
            fewest, most = (self.counts.index(bound) for bound in (min(self.counts), max(self.counts)))
            raise InterventionError(
                f"Layer {fewest} would keep {self.counts[fewest]} experts and layer {most} {self.counts[most]}, but a "
                "checkpoint of this kind has the same number in each: mask equally many in every layer.",
                Remedy.LIST_KEPT_EXPERTS,
            )
        return self.counts[0]

    def to_json(self) -> dict[str, Any]:
        """For other tools: old numbers of the kept experts by MoE layer; the new number is the place in the list."""
        return {
            "n_experts": self.n_experts,
            "decoder_layers": list(self.decoder_layers),
            "keep": [list(layer) for layer in self.keep],
        }


def keep_list(intervention: Intervention, decoder_layers: Sequence[int], n_experts: int) -> KeepList:
    """What a mask leaves; raises InterventionError unless it re-routes only, since nothing else equals pruning."""
    if intervention.effect != "reroute":
        done = "does nothing" if intervention.is_empty() else "also drops or boosts experts"
        raise InterventionError(f"Only re-routing equals pruning, and this intervention {done}.")
    keep = tuple(
        tuple(expert for expert in range(n_experts) if (layer, expert) not in intervention.reroute)
        for layer in range(len(decoder_layers))
    )
    return KeepList(n_experts, keep, tuple(decoder_layers))


@dataclass(frozen=True)
class KeptTensor:
    """One tensor of the smaller checkpoint: which bytes of which file it is made of."""

    name: str
    source: TensorHeader
    shape: tuple[int, ...]
    ranges: tuple[tuple[int, int], ...]

    @property
    def n_bytes(self) -> int:
        """Its size."""
        return sum(end - start for start, end in self.ranges)


def kept_tensors(tensors: Mapping[str, TensorHeader], kept: KeepList, family: ModelFamily) -> list[KeptTensor]:
    """Every tensor of the smaller checkpoint, in the order of the files' bytes; experts that stay are renumbered."""
    by_layer = dict(zip(kept.decoder_layers, kept.keep, strict=True))
    routers = {name: layer for layer in by_layer for name in family.router_tensor(layer)}
    found = [_kept(name, tensor, by_layer, routers) for name, tensor in tensors.items()]
    return sorted(filter(None, found), key=lambda tensor: (tensor.source.file.name, tensor.ranges[0]))


def smaller_config(config: Mapping[str, Any], n_left: int) -> dict[str, Any]:
    """config.json with so many experts, under whichever name it counts them."""
    return dict(config) | {field: n_left for field in _COUNT_FIELDS if field in config}


def _kept(
    name: str, tensor: TensorHeader, by_layer: Mapping[int, Sequence[int]], routers: Mapping[str, int]
) -> KeptTensor | None:
    if name in routers:
        return _rows(name, tensor, by_layer[routers[name]])
    if (match := _ONE_EXPERT.fullmatch(name)) and int(match[2]) in by_layer:
        keep = by_layer[int(match[2])]
        if int(match[3]) not in keep:
            return None
        name = f"{match[1]}{keep.index(int(match[3]))}{match[4]}"
    elif (match := _ALL_EXPERTS.fullmatch(name)) and int(match[1]) in by_layer:
        return _rows(name, tensor, by_layer[int(match[1])])
    return KeptTensor(name, tensor, tensor.shape, ((tensor.start, tensor.end),))


def _rows(name: str, tensor: TensorHeader, keep: Sequence[int]) -> KeptTensor:
    """A tensor whose first axis are the experts [E, ..], with only these rows; neighbours are read in one go."""
    size = (tensor.end - tensor.start) // tensor.shape[0]
    starts = [keep[0], *(new for old, new in pairwise(keep) if new != old + 1)]
    ends = [*(old for old, new in pairwise(keep) if new != old + 1), keep[-1]]
    ranges = tuple(
        (tensor.start + first * size, tensor.start + (last + 1) * size)
        for first, last in zip(starts, ends, strict=True)
    )
    return KeptTensor(name, tensor, (len(keep), *tensor.shape[1:]), ranges)
