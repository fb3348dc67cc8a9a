"""What moescope must know of a kind of model to watch and steer its routers; each file of `model_families/` is one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import nn

    from moe_core.models.router_scoring import RouterSpec


@dataclass(frozen=True)
class Router:
    """The router of one MoE layer: `layer` is the decoder layer's index, `gate` the module that chooses experts.

    `gate(hidden)` returns (router logits [T, E], gate weights [T, K], expert ids [T, K]) as in transformers 5.
    """

    layer: int
    gate: "nn.Module"
    experts: "nn.Module"


class ModelFamily(Protocol):
    """A kind of model whose routers score experts the same way.

    `config` is the parsed config.json wherever it is a Mapping, so that a checkpoint can be judged before anything
    is built, and the transformers configuration object wherever it is Any.
    """

    @property
    def name(self) -> str:
        """The family's `model_type` in config.json."""
        ...

    @property
    def architectures(self) -> tuple[str, ...]:
        """The class names in config.json that mean this family."""
        ...

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

    def router_spec(self, config: Any) -> "RouterSpec":
        """The arithmetic of the family's router."""
        ...

    def moe_layers(self, config: Mapping[str, Any]) -> tuple[int, ...]:
        """The decoder layers that config.json gives experts to; the others are dense."""
        ...

    def expert_width(self, config: Mapping[str, Any]) -> int:
        """Number of neurons of one expert, I."""
        ...

    def shared_experts(self, model: Any) -> int:
        """Number of experts per MoE layer that every token passes besides the routed ones; usually 0."""
        ...

    def router_tensor(self, layer: int) -> tuple[str, ...]:
        """The names under which a checkpoint may hold the router's weight [E, H] of one layer."""
        ...
