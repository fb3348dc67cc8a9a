"""What moescope must know of a kind of model to watch and steer its routers; each file of `model_families/` is one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Router:
    """The router of one MoE layer: `layer` is the decoder layer's index, `gate` the module that chooses experts.

    `gate(hidden)` returns (router logits [T, E], gate weights [T, K], expert ids [T, K]) as in transformers 5.
    """

    layer: int
    gate: "nn.Module"
    experts: "nn.Module"


class ModelFamily(Protocol):
    """A kind of model whose routers score experts the same way."""

    name: str
    architectures: tuple[str, ...]

    def routers(self, model: Any) -> tuple[Router, ...]:
        """The routers of all MoE layers in order; dense layers have none."""
        ...

    def n_experts(self, config: Any) -> int:
        """Number of routed experts per MoE layer, E."""
        ...

    def top_k(self, config: Any) -> int:
        """Number of experts chosen per token, K."""
        ...

    def normalised(self, config: Any) -> bool:
        """Whether the K gate weights are divided by their sum."""
        ...
