"""What a router or its block was called with in a clean pass, to be called with the same again, token by token.

Axes: N tokens of the batch, n of them asked again; E experts.
"""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from moe_core.models.family import Call


@dataclass(frozen=True, eq=False)
class KeptCall:
    """The arguments of a module that was called with all `n_tokens` tokens of a batch."""

    call: Call
    n_tokens: int

    @classmethod
    def of(cls, call: Call, n_tokens: int) -> "KeptCall":
        """The call, without what gradients would need."""
        arguments, keywords = call
        kept = tuple(map(_detached, arguments)), {name: _detached(value) for name, value in keywords.items()}
        return cls(kept, n_tokens)

    def of_tokens(self, tokens: Tensor) -> Call:
        """The same for these tokens alone [n]; what is not of single tokens, as a bias [E], is as it was."""
        arguments, keywords = self.call
        chosen = tuple(self._chosen(value, tokens) for value in arguments)
        return chosen, {name: self._chosen(value, tokens) for name, value in keywords.items()}

    def nbytes_besides(self, hidden: Tensor) -> int:
        """Bytes of what is no view of the experts' input."""
        own = hidden.untyped_storage().data_ptr()
        values = [value for value in (*self.call[0], *self.call[1].values()) if isinstance(value, Tensor)]
        return sum(value.nbytes for value in values if value.untyped_storage().data_ptr() != own)

    def _chosen(self, value: Any, tokens: Tensor) -> Any:
        """Rows of single tokens; a batch axis stays, as one row, since routers take it off by themselves."""
        if not isinstance(value, Tensor):
            return value
        if value.ndim > 2 and value.shape[0] * value.shape[1] == self.n_tokens:
            return value.flatten(0, 1)[tokens][None]
        if value.ndim == 2 and value.shape[0] * value.shape[1] == self.n_tokens and not value.is_floating_point():
            return value.flatten()[tokens][None]  # ids of the tokens
        return value[tokens] if value.ndim and value.shape[0] == self.n_tokens else value


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) else value
