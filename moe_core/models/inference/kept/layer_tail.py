"""Runs a decoder from one of its layers on, given what the layers before it had returned in an earlier pass.

What acts on layer l alone leaves everything before it as it was: with the residual stream at the input of layer l kept,
l of L layers need not be computed again. The model's own code runs all the same: layers that are skipped
all hand on what the last of them had. With the same batch and padding every later layer sees the very same tensors
as in a full pass, so that in float32 on the CPU results are bit for bit the same.

Axes: B rows of the batch, T tokens per row (padding included), L decoder layers, H hidden size.
"""

import copy
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn

from moe_core.errors import ModelError
from moe_core.models.family import Router

Handed = Tensor | tuple[Any, ...]
"""What a layer hands on: the residual stream [B, T, ..], or that and what else the next layer is given."""


def decoder_layers(model: nn.Module, routers: Sequence[Router]) -> nn.ModuleList:
    """The decoder's list of layers [L]: the one that holds every router at its own layer number.

    Raises ModelError for a model that is not built of such a list.
    """
    for module in model.modules():
        if isinstance(module, nn.ModuleList) and all(_holds(module, router) for router in routers):
            return module
    raise ModelError("This model's layers are not one list: it cannot be run from the middle on.")


@contextmanager
def kept_streams(layers: nn.ModuleList, at: Collection[int]) -> Iterator[dict[int, Handed]]:
    """While open, each pass leaves here what the layer before each of these handed on, the residual stream first.

    Layers count from 1 (nothing need be kept to run all of them) to L, which stands for what follows the last one.
    """
    streams: dict[int, Handed] = {}
    with ExitStack() as stack:
        for layer in at:
            stack.callback(layers[layer - 1].register_forward_hook(_keeper(streams, layer)).remove)
        yield streams


@contextmanager
def running_from(layers: nn.ModuleList, first: int, handed: Handed) -> Iterator[None]:
    """While open, the model computes only layers `first` .. L-1, on what was kept before them, and what follows them.

    It is to be called as ever: ids [B, T], positions and a cache as in the full pass. Of a cache, the layers that are
    skipped are neither read nor written. `first` 0 runs everything, and L no layer at all.
    """
    with ExitStack() as stack:
        for layer in list(layers)[:first]:
            stack.callback(replaced_forward(layer, lambda *_args, **_keywords: handed))
        yield


def stream_of(handed: Handed) -> Tensor:
    """The residual stream [B, T, H] in what a layer hands on."""
    return handed if isinstance(handed, Tensor) else handed[0]


def tensors_of(handed: Handed) -> list[Tensor]:
    """All tensors in it."""
    return [handed] if isinstance(handed, Tensor) else [part for part in handed if isinstance(part, Tensor)]


def each_changed(handed: Handed, change: Callable[[Tensor], Tensor]) -> Handed:
    """The same with every tensor in it changed."""
    if isinstance(handed, Tensor):
        return change(handed)
    return tuple(change(part) if isinstance(part, Tensor) else part for part in handed)


def with_stream(handed: Handed, stream: Tensor) -> Handed:
    """The same with another residual stream."""
    return stream if isinstance(handed, Tensor) else (stream, *handed[1:])


def complete_cache(cache: Any, clean: Any, first: int) -> None:
    """Give a cache that a pass from layer `first` on has filled the earlier layers of that of a full pass."""
    cache.layers[:first] = [copy.copy(layer) for layer in clean.layers[:first]]


def replaced_forward(layer: nn.Module, result: Callable[..., Handed]) -> Callable[[], None]:
    """Put `result` in the place of the layer's forward; what is returned puts things back as they were."""
    before = layer.__dict__.get("forward")  # accelerate keeps one of its own there
    layer.__dict__["forward"] = result

    def restore() -> None:
        if before is None:
            del layer.__dict__["forward"]
        else:
            layer.__dict__["forward"] = before

    return restore


def _holds(layers: nn.ModuleList, router: Router) -> bool:
    own = layers[router.layer] if router.layer < len(layers) else None
    return own is not None and any(module is router.gate for module in own.modules())


def _keeper(streams: dict[int, Handed], layer: int) -> Any:
    def keep(_module: nn.Module, _args: object, output: Any) -> None:
        if not isinstance(output, Tensor | tuple):  # a decoder would then take apart what was kept
            raise ModelError("What this model's layers return is no stream: it cannot be run from the middle on.")
        streams[layer] = each_changed(output, Tensor.detach)

    return keep
