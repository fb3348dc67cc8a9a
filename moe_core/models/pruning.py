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
from moe_core.models.loading.safetensors_headers import TensorHeader
from moe_core.models.loading.shapes import moe_blocks

_COUNT_FIELDS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")
_PARTS = ("text_config", "ffn_config")  # where a configuration describes its experts, if not at the top
# What stands inside a block with experts and has one row per expert, under the names that checkpoints use.
_BY_EXPERT = re.compile(
    r"(?:experts|gate|router|input_linear|output_linear|moe_statics)\..+|expert_bias|e_score_correction_bias"
)
_ONE_EXPERT = re.compile(r"(experts\.)(\d+)(\..+)")


@dataclass(frozen=True)
class KeepList:
    """The experts that stay in each MoE layer, in their old order; `layers` are the model's own numbers of these."""

    n_experts: int
    keep: tuple[tuple[int, ...], ...]
    layers: tuple[int, ...]

    @property
    def counts(self) -> tuple[int, ...]:
        """How many stay in each layer."""
        return tuple(map(len, self.keep))

    def check_equal(self) -> int:
        """How many experts every layer keeps; raises InterventionError where layers differ."""
        if len(set(self.counts)) > 1:
            fewest, most = (self.counts.index(bound) for bound in (min(self.counts), max(self.counts)))
            raise InterventionError(
                f"Layer {self.layers[fewest]} would keep {self.counts[fewest]} experts and layer {self.layers[most]} "
                f"{self.counts[most]}, but a checkpoint of this kind has the same number in each: mask equally many in "
                "every layer.",
                Remedy.LIST_KEPT_EXPERTS,
            )
        return self.counts[0]

    def to_json(self) -> dict[str, Any]:
        """For other tools: old numbers of the kept experts by MoE layer; the new number is the place in the list."""
        return {
            "n_experts": self.n_experts,
            "decoder_layers": list(self.layers),
            "keep": [list(layer) for layer in self.keep],
        }


def keep_list(intervention: Intervention, layers: Sequence[int], n_experts: int) -> KeepList:
    """What a mask leaves; raises InterventionError unless it re-routes only, since nothing else equals pruning."""
    if intervention.effect != "reroute":
        others = "switches off neurons" if intervention.neurons else "drops or boosts experts"
        others = "adds noise" if intervention.noise else others
        done = "does nothing" if intervention.is_empty() else f"also {others}" if intervention.reroute else others
        raise InterventionError(f"Only re-routing equals pruning, and this intervention {done}.")
    if intervention.at_answer:
        raise InterventionError("This mask acts at the answer alone: a pruned model lacks its experts everywhere.")
    keep = tuple(
        tuple(expert for expert in range(n_experts) if (layer, expert) not in intervention.reroute) for layer in layers
    )
    return KeepList(n_experts, keep, tuple(layers))


@dataclass(frozen=True)
class KeptTensor:
    """One tensor of the smaller checkpoint: which bytes of which file it is made of."""

    name: str
    source: TensorHeader
    shape: tuple[int, ...]
    ranges: tuple[tuple[int, int], ...]

    @property
    def n_bytes(self) -> int:
        return sum(end - start for start, end in self.ranges)


def kept_tensors(tensors: Mapping[str, TensorHeader], kept: KeepList) -> list[KeptTensor]:
    """Every tensor of the smaller checkpoint, in the order of the files' bytes; experts that stay are renumbered.

    Layout and names are those of the source: an expert a tensor, or all of a layer's in one.
    """
    by_layer = dict(zip(kept.layers, kept.keep, strict=True))
    blocks = {f"{block}.": by_layer[layer] for layer, block in moe_blocks(tensors).items() if layer in by_layer}
    found = [_kept(name, tensor, blocks, kept.n_experts) for name, tensor in tensors.items()]
    return sorted(filter(None, found), key=lambda tensor: (tensor.source.file.name, tensor.ranges[0]))


def smaller_config(config: Mapping[str, Any], n_left: int) -> dict[str, Any]:
    """config.json with so many experts, under whichever name and in whichever part it counts them."""
    made = dict(config) | {field: n_left for field in _COUNT_FIELDS if field in config}
    return made | {part: smaller_config(config[part], n_left) for part in _PARTS if isinstance(config.get(part), dict)}


def _kept(name: str, tensor: TensorHeader, blocks: Mapping[str, Sequence[int]], n_experts: int) -> KeptTensor | None:
    block = next((block for block in blocks if name.startswith(block)), None)
    inside = "" if block is None else name[len(block) :]
    if block is not None and (match := _ONE_EXPERT.fullmatch(inside)):
        keep = blocks[block]
        if int(match[2]) not in keep:
            return None
        name = f"{block}{match[1]}{keep.index(int(match[2]))}{match[3]}"
    elif block is not None and _BY_EXPERT.fullmatch(inside) and _counts_experts(inside, tensor, n_experts):
        return _rows(name, tensor, blocks[block], n_experts)
    return KeptTensor(name, tensor, tensor.shape, ((tensor.start, tensor.end),))


def _counts_experts(inside: str, tensor: TensorHeader, n_experts: int) -> bool:
    """Whether its bytes are n_experts parts, one after the other: [E, ..], [1, E], or of experts [E x I, ..] (DBRX)."""
    if not tensor.shape:
        return False
    whole = tensor.shape[0] % n_experts == 0 if inside.startswith("experts.") else tensor.shape[0] == n_experts
    return whole or tensor.shape == (1, n_experts)


def _rows(name: str, tensor: TensorHeader, keep: Sequence[int], n_experts: int) -> KeptTensor:
    """A tensor of n_experts parts with only these; neighbours are read in one go."""
    size = (tensor.end - tensor.start) // n_experts
    starts = [keep[0], *(new for old, new in pairwise(keep) if new != old + 1)]
    ends = [*(old for old, new in pairwise(keep) if new != old + 1), keep[-1]]
    ranges = tuple(
        (tensor.start + first * size, tensor.start + (last + 1) * size)
        for first, last in zip(starts, ends, strict=True)
    )
    axis = 1 if tensor.shape == (1, n_experts) else 0
    shape = list(tensor.shape)
    shape[axis] = shape[axis] // n_experts * len(keep)
    return KeptTensor(name, tensor, tuple(shape), ranges)
