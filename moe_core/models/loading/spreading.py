"""Which part of a model goes where on `balanced`: GPUs first, then the CPU's memory, then the disk.

Known before it loads: the places are those that transformers itself gives its layers (accelerate's device map), made of
a model without weights.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from moe_core.errors import MissingExtraError, ModelError
from moe_core.interventions.targets import numbers_text
from moe_core.models.loading.architecture import UNUSABLE, Architecture, in_one_line
from moe_core.numbers.formatting import data_size

_LAYER = re.compile(r"(?:^|\.)layers\.(\d+)(?:\.|$)")


@dataclass(frozen=True)
class Part:
    """What lies on one device: decoder layers, some perhaps in part, what is beside them, and its bytes."""

    place: str
    layers: tuple[int, ...]
    others: tuple[str, ...]
    n_bytes: int

    @property
    def text(self) -> str:
        """`layers 0-11, embed_tokens on cuda:0 (3.2 GB)`."""
        layers = f"layer{'s' * (len(self.layers) > 1)} {numbers_text(self.layers)}" if self.layers else ""
        return f"{', '.join(filter(None, [layers, *self.others]))} on {self.place} ({data_size(self.n_bytes)})"


@dataclass(frozen=True)
class Spread:
    """The device of each module by its name, as transformers takes it, and the same for people."""

    device_map: Mapping[str, int | str]
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """Every part with its place, the fastest first."""
        return "; ".join(part.text for part in self.parts)


def plan_spread(architecture: Architecture, dtype: str, *, max_memory: Mapping[int | str, int] | None = None) -> Spread:
    """Where each part of the model would lie now; `max_memory` bounds a device's bytes (number of a GPU, or "cpu").

    Raises ModelError where transformers finds no way to spread it.
    """
    try:
        import torch
        from transformers.integrations.accelerate import _get_device_map
    except ImportError as error:
        raise MissingExtraError("model", "Spreading a model") from error
    try:
        with torch.device("meta"):
            model = architecture.model_class()(architecture.config).to(getattr(torch, dtype))
        device_map = dict(_get_device_map(model, "auto", dict(max_memory) if max_memory else None, None))
    except UNUSABLE as error:
        raise ModelError(f"The model cannot be spread over devices: {in_one_line(error)}.") from error
    return Spread(device_map, tuple(_parts(model, device_map)))


def _parts(model: Any, device_map: Mapping[str, int | str]) -> Iterator[Part]:
    """By device, in the order in which they are filled; weights that modules share count with the first."""
    places = dict.fromkeys(device_map.values())
    layers, others = ({place: list[Any]() for place in places} for _ in range(2))
    sizes, seen = dict.fromkeys(places, 0), set[int]()
    for name, weight in model.named_parameters(remove_duplicate=False):
        owner = next(module for module in device_map if not module or f"{name}.".startswith(f"{module}."))
        place, found = device_map[owner], _LAYER.search(name)
        if found:
            layers[place].append(int(found[1]))
        else:
            others[place].append(name.removesuffix(".weight").rpartition(".")[2])
        if id(weight) not in seen:
            seen.add(id(weight))
            sizes[place] += weight.numel() * weight.itemsize
    for place in places:
        named = f"cuda:{place}" if isinstance(place, int) else str(place)
        yield Part(named, tuple(sorted(set(layers[place]))), tuple(dict.fromkeys(others[place])), sizes[place])
