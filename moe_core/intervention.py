"""Which experts are re-routed, dropped or boosted in a run: immutable, checked against the model, kept as JSON."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from moe_core.errors import InterventionError

Expert = tuple[int, int]
"""(layer, expert): MoE layer and expert, both counted from 0."""


@dataclass(frozen=True)
class Intervention:
    """A named set of actions on experts.

    `reroute`: the router may not choose these (logit to minus infinity before scoring; equals pruning them).
    `drop`: chosen as usual, output weight 0. `boost`: gate weight multiplied by the factor.
    """

    name: str = ""
    reroute: frozenset[Expert] = frozenset()
    drop: frozenset[Expert] = frozenset()
    boost: dict[Expert, float] = field(default_factory=dict)

    @property
    def mask(self) -> frozenset[Expert]:
        """The experts that are switched off, by re-routing or dropping."""
        return self.reroute | self.drop

    def is_empty(self) -> bool:
        """Whether a run with this intervention is a baseline."""
        return not (self.reroute or self.drop or self.boost)

    def check(self, n_layers: int, n_experts: int, top_k: int) -> None:
        """Raise InterventionError when an expert does not exist or a layer keeps fewer than top-k to choose from."""
        for layer, expert in sorted(self.mask | self.boost.keys()):
            if not (0 <= layer < n_layers and 0 <= expert < n_experts):
                raise InterventionError(
                    f"Expert {layer}:{expert} does not exist: this model has layers 0-{n_layers - 1} "
                    f"and experts 0-{n_experts - 1}."
                )
        for layer in range(n_layers):
            left = n_experts - sum(1 for at, _ in self.reroute if at == layer)
            if left < top_k:
                raise InterventionError(
                    f"Layer {layer} would keep {left} of {n_experts} experts, "
                    f"but the router chooses {top_k}: leave at least {top_k}."
                )

    def to_json(self) -> dict[str, Any]:
        """The intervention as JSON data, experts in order."""
        return {
            "name": self.name,
            "reroute": [list(expert) for expert in sorted(self.reroute)],
            "drop": [list(expert) for expert in sorted(self.drop)],
            "boost": [[*expert, factor] for expert, factor in sorted(self.boost.items())],
        }

    @staticmethod
    def from_json(data: object) -> "Intervention":
        """The inverse of `to_json`; raises InterventionError on anything else."""
        if not isinstance(data, dict) or not data.keys() <= {"name", "reroute", "drop", "boost"}:
            raise InterventionError("An intervention is a JSON object with name, reroute, drop and boost.")
        try:
            return Intervention(
                name=str(data.get("name", "")),
                reroute=_experts(data.get("reroute", [])),
                drop=_experts(data.get("drop", [])),
                boost={(_index(at), _index(expert)): float(factor) for at, expert, factor in data.get("boost", [])},
            )
        except (TypeError, ValueError) as error:
            raise InterventionError(f"The intervention cannot be read: {error}.") from error

    @staticmethod
    def parse(text: str) -> "Intervention":
        """An intervention from the text of a JSON file."""
        try:
            return Intervention.from_json(json.loads(text))
        except json.JSONDecodeError as error:
            raise InterventionError(f"The intervention is not JSON: {error}.") from error


def parse_mask(text: str, effect: str = "reroute") -> Intervention:
    """The intervention behind `--mask 3:17,3:18,5:0`; raises InterventionError on anything else."""
    if effect not in ("reroute", "drop"):
        raise InterventionError(f'"{effect}" is no effect of a mask: choose reroute or drop.')
    experts = set()
    for item in filter(None, (part.strip() for part in text.split(","))):
        layer, colon, expert = item.partition(":")
        if not (colon and layer.isdecimal() and expert.isdecimal()):
            raise InterventionError(f'"{item}" is no expert: write LAYER:EXPERT, as in 3:17,5:0.')
        experts.add((int(layer), int(expert)))
    chosen = frozenset(experts)
    return Intervention(reroute=chosen) if effect == "reroute" else Intervention(drop=chosen)


def _experts(rows: Iterable[Any]) -> frozenset[Expert]:
    return frozenset((_index(layer), _index(expert)) for layer, expert in rows)


def _index(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is no whole number")
    return value
