"""What a model's self-check found, layer by layer, and what may be done with the model therefore."""

from collections.abc import Sequence
from dataclasses import dataclass

from moe_core.traces.specification import Abilities


@dataclass(frozen=True)
class LayerCheck:
    """How one MoE layer did: tokens whose experts got other ids or weights than the router said, and re-routing.

    `max_weight_difference` is the largest difference of a gate weight, 0 when all are bit-wise equal.
    `rerouted_expert` is the probe's most chosen expert. `reroute_works`: a copy of the router said
    the same, closing that expert took it out of every choice that reached the experts, and closing the least chosen
    one left the choice of all tokens alone that had not chosen it. A model that chooses every expert has none to
    re-route to: then `can_reroute` is false, and that is no fault.
    """

    layer: int
    tokens: int
    wrong_ids: int
    wrong_weights: int
    max_weight_difference: float
    rerouted_expert: int
    reroute_works: bool
    can_reroute: bool = True
    scoring: str = "softmax"

    @property
    def can_be_recorded(self) -> bool:
        """Whether what the router says is what the experts are given."""
        return not self.wrong_ids and not self.wrong_weights

    @property
    def passed(self) -> bool:
        """Whether this layer can be recorded and steered, where there is an expert to re-route to."""
        return self.can_be_recorded and (self.reroute_works or not self.can_reroute)


@dataclass(frozen=True)
class ModelCheck:
    """The self-check of a whole model; dense layers have no router, shared experts are passed by every token.

    `normalised`: the gate weights of all tokens add up to the same.
    """

    n_experts: int
    top_k: int
    normalised: bool
    layers: tuple[LayerCheck, ...]
    dense_layers: tuple[int, ...]
    shared_experts: int
    abilities: Abilities

    @property
    def passed(self) -> bool:
        """Whether every MoE layer passed, and there is one."""
        return bool(self.layers) and all(layer.passed for layer in self.layers)

    @property
    def can_be_recorded(self) -> bool:
        """Whether every MoE layer's routing is what the model computes with, and there is one."""
        return bool(self.layers) and all(layer.can_be_recorded for layer in self.layers)

    @property
    def verdict(self) -> str:
        """What came of the check, in a phrase: stored with every run."""
        if not self.can_be_recorded:
            failed = ", ".join(str(layer.layer) for layer in self.layers if not layer.can_be_recorded)
            return f"routing cannot be replayed (layers: {failed or 'none with experts'})"
        if not all(layer.can_reroute for layer in self.layers):
            return "routing can be recorded; every expert is chosen, so that none can be re-routed"
        if not self.passed:
            failed = ", ".join(str(layer.layer) for layer in self.layers if not layer.reroute_works)
            return f"routing can be recorded; re-routing does not work (layers: {failed})"
        return "routing can be recorded and steered"


def what_is_missing(checks: Sequence[LayerCheck], *, reroute: bool, fixed: Sequence[int], weigh: bool) -> str:
    """One sentence on what cannot be done, empty where all can."""
    if not all(check.can_reroute for check in checks):
        return "Every expert is chosen for every token, so that none can be re-routed."
    if not reroute:
        return "A copy of this model's router does not choose as the router does, so that it cannot be re-routed."
    said = []
    if fixed:
        said.append(
            f"layers {', '.join(map(str, fixed))} cannot be re-routed: their experts follow from the token alone, or a "
            "copy of their router does not choose as the router does"
        )
    if not weigh:
        said.append("gate weights act inside the experts, where a factor is not in proportion")
    return f"{'; '.join(said)}.".capitalize() if said else ""
