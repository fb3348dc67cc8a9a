"""The keys and values of all tokens before the answers of a batch: its *context*.

Axes: B rows of a batch or of several, T tokens per row of the context (padding included), D width of a head.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from moe_core.models.inference.planning.batch import Batch, PassName
from moe_core.models.inference.watching.batch_routing import BatchRouting
from moe_core.models.prefix_cache import beside, moved
from moe_core.numbers.formatting import count


class BrokenContextError(Exception):
    """A model keeps something else of a context than the keys and values of every token."""


@dataclass(frozen=True)
class Context:
    """The tokens before the answers of a batch: keys and values, each row's `lengths` [B] of them at the right end.

    Those of a batch [B, heads, T + 1, D] have room for one more token there.
    """

    cache: Any
    lengths: Tensor
    routing: BatchRouting | None = None

    @property
    def n_bytes(self) -> int:
        """Of its keys and values."""
        return sum(layer.keys.nbytes + layer.values.nbytes for layer in self.cache.layers)


def joined(contexts: Sequence[Context]) -> dict[str, Any]:
    """What a model is called with besides one more token for each row of these contexts, one below the other."""
    cache, room = whole_cache(), dict[tuple[object, ...], Tensor]()
    cache.layers = [
        _JoinedLayer.of(layers, room) for layers in zip(*(each.cache.layers for each in contexts), strict=True)
    ]
    lengths = torch.cat([context.lengths for context in contexts])
    return {"past_key_values": cache, "use_cache": True, **beside(lengths, cache.get_seq_length(), 1)}


class _JoinedLayer(DynamicLayer):
    """One layer's keys and values of several contexts, joined while it attends to them, and one more token behind them.

    Those of a single context lie as they have to already. Those of several are copied, into `room` that all layers of
    a pass share: kept side by side as they are attended to, as wide as the widest, they would take up to three times as
    much memory, and appending one token would copy as much.
    """

    _parts: Sequence[Any]
    _room: dict[tuple[object, ...], Tensor]

    @classmethod
    def of(cls, parts: Sequence[Any], room: dict[tuple[object, ...], Tensor]) -> "_JoinedLayer":
        joined = cls()
        vars(joined).update(vars(parts[0]), _parts=parts, _room=room)
        return joined

    def get_seq_length(self) -> int:
        """The T of the widest."""
        return max(int(part.keys.shape[2]) for part in self._parts) - 1

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **keywords: Any) -> tuple[Tensor, Tensor]:
        return self._before("keys", key_states), self._before("values", value_states)

    def _before(self, name: str, last: Tensor) -> Tensor:
        """All keys or values [B, heads, T + 1, D], where `last` [B, heads, 1, D] are those of the last token."""
        parts = [getattr(part, name) for part in self._parts]
        whole = parts[0] if len(parts) == 1 else self._side_by_side(name, parts)
        whole[:, :, -1:] = last
        return whole

    def _side_by_side(self, name: str, parts: Sequence[Tensor]) -> Tensor:
        n_rows, (_, heads, _, size) = sum(map(len, parts)), parts[0].shape
        shape = n_rows, heads, max(part.shape[2] for part in parts), size
        key = name, shape, parts[0].dtype, parts[0].device
        if key not in self._room:
            self._room[key] = parts[0].new_zeros(shape)  # what is masked must be finite
        whole = self._room[key]
        for rows, part in zip(torch.split(whole, [len(part) for part in parts]), parts, strict=True):
            rows[:, :, -part.shape[2] :] = part
        return whole


@dataclass
class KeptContexts:
    """The contexts of batches, and of prefixes that run together, as `budget_bytes` hold; others run anew."""

    budget_bytes: int = 0
    n_bytes: int = 0
    _contexts: dict[PassName, Context] = field(default_factory=dict)
    _asked: set[int] = field(default_factory=set)

    @property
    def text(self) -> str:
        """One sentence for the user."""
        n_kept = sum(len(name.questions) for name in self._contexts if isinstance(name, Batch))
        kept = f"The keys and values of {n_kept:,} of {len(self._asked):,} prompts are kept, in "
        return kept + f"{count(-(-self.n_bytes // 10**6))} MB: there, the answer's token alone is asked again"

    def get(self, name: PassName, *, keep_tokens: bool) -> Context | None:
        """What is kept of a batch or prefix, where that holds every token's routing if it is wanted."""
        found = self._contexts.get(name)
        routing = None if found is None else found.routing
        return found if routing is not None and (routing.keeps_tokens or not keep_tokens) else None

    def add(self, name: PassName, context: Context) -> None:
        """Keep a batch's or a prefix's context, if there is room."""
        self._asked.update(name.questions if isinstance(name, Batch) else ())
        if name in self._contexts:
            self._contexts[name] = context
        elif self.n_bytes + context.n_bytes <= self.budget_bytes:
            self._contexts[name] = context
            self.n_bytes += context.n_bytes

    def let_go(self) -> bool:
        """Free the memory and keep nothing more; whether there was anything to free."""
        had = bool(self._contexts)
        self._contexts.clear()
        self.budget_bytes = self.n_bytes = 0
        return had


def whole_cache() -> DynamicCache:
    """An empty cache that keeps every token in every layer; a model's own keeps no more than a window of some."""
    return DynamicCache()


def context_of(
    cache: Any, ends: Tensor, n_tokens: int, lengths: Tensor, routing: BatchRouting | None = None
) -> Context:
    """The context that a pass over right-padded rows has left in `cache`, its real tokens moved to the right end.

    Of its `n_tokens`, those of a row are the `lengths` [B] before `ends` [B].

    There each stands as far before the answer as in the prompt, which windows of attention go by. Raises
    BrokenContextError where a layer holds something else than the keys and values [B, heads, T, D] of all tokens.
    """
    for layer in getattr(cache, "layers", [None]):
        for name in ("keys", "values"):
            kept = getattr(layer, name, None)
            if not isinstance(kept, Tensor) or kept.dim() != 4 or kept.shape[2] != n_tokens:
                raise BrokenContextError
            setattr(layer, name, moved(kept, n_tokens - ends.to(kept.device), n_tokens + 1))  # never all of them twice
    return Context(cache, lengths, routing)
