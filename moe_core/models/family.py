"""What moescope must know of a kind of model to watch and steer its routers; `families.py` lists the kinds.

Axes: T tokens, E experts, K chosen experts, H hidden size.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moe_core.models.router_scoring import RouterSpec

if TYPE_CHECKING:
    from torch import nn

_EXPERTS_FIELDS = ("num_experts", "num_local_experts")  # either: transformers reads both and writes its own choice


@dataclass(frozen=True)
class Router:
    """The router of one MoE layer: `layer` is the decoder layer's index, `gate` the module that chooses experts.

    `gate(hidden)` returns (router logits [T, E], gate weights [T, K], expert ids [T, K]) as in transformers 5.
    """

    layer: int
    gate: "nn.Module"
    experts: "nn.Module"


@dataclass(frozen=True)
class ModelFamily:
    """Decoders of `model.layers[i].mlp.{gate, experts}` whose router is a softmax over all experts and then a top-k.

    The fields say where families differ: `name` is the `model_type` in config.json, `architectures` the class names
    there that mean it, `width_field` the key for an expert's neurons, `router_name` the router's name as saved.

    `config` is the parsed config.json wherever it is a Mapping, so that a checkpoint can be judged before anything
    is built, and the transformers configuration object wherever it is Any.
    """

    name: str
    architectures: tuple[str, ...]
    width_field: str = "moe_intermediate_size"
    always_normalised: bool = False
    float32_weights: bool = False
    may_have_dense_layers: bool = False
    router_name: str = "mlp.gate"

    def routers(self, model: Any) -> tuple[Router, ...]:
        """The routers of all MoE layers in order; dense layers have none."""
        return tuple(
            Router(layer=index, gate=layer.mlp.gate, experts=layer.mlp.experts)
            for index, layer in enumerate(model.model.layers)
            if hasattr(layer.mlp, "gate") and hasattr(layer.mlp, "experts")
        )

    def n_experts(self, config: Any) -> int:
        """Number of routed experts per MoE layer, E."""
        return int(_value(config, *_EXPERTS_FIELDS))

    def top_k(self, config: Any) -> int:
        """Number of experts chosen per token, K."""
        return int(_value(config, "num_experts_per_tok"))

    def normalised(self, config: Any) -> bool:
        """Whether the K gate weights are divided by their sum."""
        return self.always_normalised or bool(_value(config, "norm_topk_prob"))

    def router_spec(self, config: Any) -> RouterSpec:
        """The arithmetic of the family's router."""
        return RouterSpec(
            scoring="softmax_topk",
            top_k=self.top_k(config),
            normalised=self.normalised(config),
            float32_weights=self.float32_weights,
        )

    def moe_layers(self, config: Mapping[str, Any]) -> tuple[int, ...]:
        """The decoder layers that config.json gives experts to; the others are dense."""
        layers = range(config["num_hidden_layers"])
        if not self.may_have_dense_layers:
            return tuple(layers)
        dense, step = set(config.get("mlp_only_layers") or ()), config.get("decoder_sparse_step", 1)
        return tuple(layer for layer in layers if layer not in dense and (layer + 1) % step == 0)

    def expert_width(self, config: Mapping[str, Any]) -> int:
        """Number of neurons of one expert, I."""
        return int(config[self.width_field])

    def shared_experts(self, model: Any) -> int:
        """Number of experts per MoE layer that every token passes besides the routed ones."""
        return int(any(hasattr(layer.mlp, "shared_expert") for layer in model.model.layers))

    def router_tensor(self, layer: int) -> tuple[str, ...]:
        """The names under which a checkpoint may hold the router's weight [E, H] of one layer."""
        return tuple(f"model.layers.{layer}.{name}.weight" for name in dict.fromkeys((self.router_name, "mlp.gate")))


def _value(config: Any, *fields: str) -> Any:
    if not isinstance(config, Mapping):
        return next(getattr(config, field) for field in fields if hasattr(config, field))
    for field in fields:
        if field in config:
            return config[field]
    raise KeyError(fields[0])
