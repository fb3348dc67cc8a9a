"""Adds noise to what routers or the model are given, drawn anew for every pass, the same for the same tokens and seed.

Axes: B rows of a batch, T tokens, H hidden size.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from typing import Any

import torch
from torch import Tensor

from moe_core.interventions.noise import Noise
from moe_core.models.loading.building import LoadedModel


@contextmanager
def noisy(loaded: LoadedModel, noise: Noise | None) -> Iterator[None]:
    """While open, passes have this noise; None has none. Tokens that share a pass have noise of their own each."""
    if noise is None:
        yield
        return
    draw = _Draw(noise)
    with ExitStack() as hooks:
        hooks.callback(loaded.model.register_forward_pre_hook(draw.begin, with_kwargs=True).remove)
        if noise.place == "embedding":
            hooks.callback(loaded.model.get_input_embeddings().register_forward_hook(draw.after).remove)
        else:
            for router in loaded.routers:
                hooks.callback(router.gate.register_forward_pre_hook(draw.before, with_kwargs=True).remove)
        yield


class _Draw:
    """Seeded by the tokens of a pass, so that where and in which order passes run does not matter."""

    def __init__(self, noise: Noise) -> None:
        self._noise = noise
        self._seed = 0
        self._generators: dict[torch.device, torch.Generator] = {}

    def begin(self, _module: object, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        """A pass begins."""
        ids = keywords["input_ids"] if "input_ids" in keywords else arguments[0]
        said = f"{self._noise.seed} {tuple(ids.shape)} ".encode() + ids.cpu().numpy().tobytes()
        self._seed = int.from_bytes(sha256(said).digest()[:7], "little")
        self._generators.clear()

    def before(self, _module: object, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """What a router is given."""
        given = next(value for value in (*arguments, *keywords.values()) if _is_hidden(value))
        added = self._added(given)
        return (
            tuple(added if value is given else value for value in arguments),
            {name: added if value is given else value for name, value in keywords.items()},
        )

    def after(self, _module: object, _arguments: object, output: Tensor) -> Tensor:
        """What the embeddings are."""
        return self._added(output)

    def _added(self, values: Tensor) -> Tensor:
        generator = self._generators.get(values.device)
        if generator is None:
            generator = self._generators[values.device] = torch.Generator(values.device).manual_seed(self._seed)
        drawn = torch.randn(values.shape, generator=generator, device=values.device, dtype=torch.float32)
        size = values.float().square().mean(-1, keepdim=True).sqrt()
        return (values.float() + self._noise.size * size * drawn).to(values.dtype)


def _is_hidden(value: object) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point() and value.ndim > 1
