"""The keys and values of all tokens before the answers of a batch: its *context*.

Axes: B rows of a batch, T tokens per row of the context (padding included), D width of a head.
"""

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from moe_core.models.inference.batch import Batch, PassName
from moe_core.models.inference.batch_routing import BatchRouting
from moe_core.models.prefix_cache import beside, moved
from moe_core.numbers.formatting import count


class BrokenContextError(Exception):
    """A model keeps something else of a context than the keys and values of every token."""


class _RoomForOne(DynamicLayer):
    """Keys and values [B, heads, T + 1, D]: one more token is written behind the others, where the last one was.

    Appending it would copy all of them, which took a sixth of a pass.
    """

    def get_seq_length(self) -> int:
        """T."""
        assert self.keys is not None
        return self.keys.shape[2] - 1

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **keywords: Any) -> tuple[Tensor, Tensor]:
        assert self.keys is not None
        assert self.values is not None
        self.keys[:, :, -1:], self.values[:, :, -1:] = key_states, value_states
        return self.keys, self.values


@dataclass(frozen=True)
class Context:
    """The tokens before the answers of a batch: keys and values, each row's `lengths` [B] of them at the right end."""

    cache: Any
    lengths: Tensor
    routing: BatchRouting | None = None

    @property
    def n_bytes(self) -> int:
        """Of its keys and values."""
        return sum(layer.keys.nbytes + layer.values.nbytes for layer in self.cache.layers)

    def behind(self) -> dict[str, Any]:
        """What a model is called with besides one more token a row."""
        placed = beside(self.lengths, self.cache.get_seq_length(), 1)
        return {"past_key_values": self.cache, "use_cache": True, **placed}


@dataclass
class KeptContexts:
    """The contexts of batches, and of prefixes that run together, as `budget_bytes` hold; others run anew."""

    budget_bytes: int = 0
    n_bytes: int = 0
    n_left_out: int = 0
    _contexts: dict[PassName, Context] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """One sentence for the user."""
        n_kept = sum(isinstance(name, Batch) for name in self._contexts)
        kept = f"The keys and values of {n_kept:,} of {n_kept + self.n_left_out:,} batches are kept, in "
        return kept + f"{count(-(-self.n_bytes // 10**6))} MB: there, the answer's token alone is asked again"

    def get(self, name: PassName, *, keep_tokens: bool) -> Context | None:
        """What is kept of a batch or prefix, where that holds every token's routing if it is wanted."""
        found = self._contexts.get(name)
        routing = None if found is None else found.routing
        return found if routing is not None and (routing.keeps_tokens or not keep_tokens) else None

    def add(self, name: PassName, context: Context) -> None:
        """Keep a batch's or a prefix's context, if there is room."""
        size = context.n_bytes
        if name in self._contexts:
            self._contexts[name] = context
        elif self.n_bytes + size > self.budget_bytes:
            self.n_left_out += isinstance(name, Batch)
        else:
            self._contexts[name] = context
            self.n_bytes += size

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
    for number, layer in enumerate(getattr(cache, "layers", [None])):
        roomy = _RoomForOne()  # type: ignore[no-untyped-call]  # transformers' own
        vars(roomy).update(getattr(layer, "__dict__", {}))
        for name in ("keys", "values"):
            kept = getattr(layer, name, None)
            if not isinstance(kept, Tensor) or kept.dim() != 4 or kept.shape[2] != n_tokens:
                raise BrokenContextError
            setattr(roomy, name, moved(kept, n_tokens - ends.to(kept.device), n_tokens + 1))
        cache.layers[number] = roomy  # one after the other: never all of them twice
    return Context(cache, lengths, routing)
