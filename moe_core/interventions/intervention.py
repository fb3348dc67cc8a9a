"""Which experts are re-routed, dropped or boosted in a run: immutable, checked against the model, kept as JSON."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby
from typing import Any

from moe_core.errors import InterventionError
from moe_core.interventions.factors import Factors
from moe_core.interventions.noise import Noise, noise_from
from moe_core.interventions.targets import Neuron, numbers_text, parse_targets

Expert = tuple[int, int]
"""(layer, expert): the model's own number of the layer, and the expert, counted from 0."""

EFFECTS = ("reroute", "drop")
KINDS = (*EFFECTS, "boost")
"""What a mask may do to its experts."""

OWN_NUMBERS = "own"
"""What a file of an intervention says of its layers: they have the model's own numbers."""

MAX_FACTOR = 3.4e38
"""Models multiply with numbers of at most 32 bits, which hold none that is larger."""


@dataclass(frozen=True)
class Intervention:
    """A named set of actions on experts.

    `reroute`: the router may not choose these (logit to minus infinity before scoring; equals pruning them).
    `drop`: chosen as usual, output weight 0. `boost`: gate weight multiplied by the factor, 0 or more. `neurons`: the
    activation of these neurons of an expert is 0; the expert is chosen and weighed as usual. With `at_answer` all this
    is done at the answer position alone, and the tokens before it are routed as ever. `is_counted`: it comes from a
    file that does not say whose numbers its layers have, as moescope 0.3 wrote them, which counted those with experts.
    `noise` is added besides.
    """

    name: str = ""
    reroute: frozenset[Expert] = frozenset()
    drop: frozenset[Expert] = frozenset()
    boost: Mapping[Expert, float] = field(default_factory=Factors)
    neurons: frozenset[Neuron] = frozenset()
    at_answer: bool = False
    is_counted: bool = field(default=False, compare=False)
    noise: Noise | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.boost, Factors):
            object.__setattr__(self, "boost", Factors(self.boost))

    @property
    def mask(self) -> frozenset[Expert]:
        """The experts that are switched off, by re-routing or dropping."""
        return self.reroute | self.drop

    @property
    def experts(self) -> frozenset[Expert]:
        """Every expert that anything is done to."""
        return self.whole | self.neurons_of.keys()

    @property
    def whole(self) -> frozenset[Expert]:
        """Those of them that are switched off or boosted as a whole."""
        return self.mask | self.boost.keys()

    @cached_property
    def neurons_of(self) -> dict[Expert, tuple[int, ...]]:
        """The neurons that are switched off, in order, by their expert."""
        groups = groupby(sorted(self.neurons), lambda neuron: neuron[:2])
        return {expert: tuple(neuron for _, _, neuron in members) for expert, members in groups}

    @property
    def effect(self) -> str:
        """`reroute`, `drop`, `boost`, `neurons` or `noise`; `mixed` where there are several, `none` for a baseline."""
        kinds = [kind for kind in (*KINDS, "neurons", "noise") if getattr(self, kind)]
        return (kinds[0] if len(kinds) == 1 else "mixed") if kinds else "none"

    @property
    def place(self) -> str:
        """Where it acts, in words behind what it does; empty where at every token."""
        return " at the answer alone" if self.at_answer else ""

    def is_empty(self) -> bool:
        """Whether a run with this intervention is a baseline."""
        return not self.experts and self.noise is None

    def actions(self, expert: Expert) -> tuple[str, ...]:
        """The kinds of what is done to one expert: `reroute`, `drop`, `boost`, `neurons`.

        A sound intervention has one at most, or a boost of an expert some of whose neurons are off.
        """
        kinds = tuple(kind for kind in KINDS if expert in getattr(self, kind))
        return (*kinds, "neurons") if expert in self.neurons_of else kinds

    def action(self, expert: Expert) -> str:
        """What is done to one expert in words: `reroute`, `drop`, `boost x 1.5`, `neurons 0-3, 7 off`, or nothing."""
        words = {"boost": f"boost x {self.boost.get(expert, 1.0):g}"}
        words["neurons"] = f"neurons {numbers_text(self.neurons_of.get(expert, ()))} off"
        return " and ".join(words.get(kind, kind) for kind in self.actions(expert))

    def check(self, layers: Sequence[int], n_experts: int, top_k: int) -> None:
        """Raise InterventionError when an expert does not exist, has two actions, or a layer keeps fewer than top-k.

        `layers` are the model's own numbers of those with experts.
        """
        for layer, expert in sorted(self.experts):
            if not (layer in layers and 0 <= expert < n_experts):
                raise InterventionError(
                    f"Expert {layer}:{expert} does not exist: this model has experts 0-{n_experts - 1} "
                    f"in layers {numbers_text(layers)}."
                )
        self.check_actions()
        for layer in layers:
            left = n_experts - sum(1 for at, _ in self.reroute if at == layer)
            if left < top_k:
                raise InterventionError(
                    f"Layer {layer} would keep {left} of {n_experts} experts, "
                    f"but the router chooses {top_k}: leave at least {top_k}."
                )

    def check_actions(self) -> None:
        """Raise InterventionError when an expert has two actions, or a factor that no model can multiply with."""
        for layer, expert in sorted(self.experts):
            if len(kinds := self.actions((layer, expert))) > 1 and kinds != ("boost", "neurons"):
                action = self.action((layer, expert))
                raise InterventionError(f"Expert {layer}:{expert} has two actions ({action}): choose one.")
        for (layer, expert), factor in self.boost.items():
            if not 0 <= factor <= MAX_FACTOR:
                raise InterventionError(
                    f"The factor {factor:g} of expert {layer}:{expert} must be a number, 0 or more, "
                    f"and at most {MAX_FACTOR:g}."
                )

    def union(self, other: "Intervention", name: str | None = None) -> "Intervention":
        """Both together; raises InterventionError that names an expert to which they do different things.

        The name is the given one, else both names joined.
        """
        for layer, expert in sorted(self.experts & other.experts):
            at = (layer, expert)
            ours, theirs = self.action(at), other.action(at)
            if ours != theirs and not self.actions(at) == other.actions(at) == ("neurons",):
                raise InterventionError(
                    f"These interventions cannot be combined: expert {layer}:{expert} is to {ours} in one "
                    f"and to {theirs} in the other."
                )
        if self.experts and other.experts and self.at_answer != other.at_answer:
            raise InterventionError(
                "These interventions cannot be combined: one acts at the answer alone, the other at every token."
            )
        joined = " + ".join(dict.fromkeys(filter(None, (self.name, other.name))))
        return Intervention(
            name=joined if name is None else name,
            reroute=self.reroute | other.reroute,
            drop=self.drop | other.drop,
            boost=Factors({**self.boost, **other.boost}),
            neurons=self.neurons | other.neurons,
            at_answer=(self if self.experts else other).at_answer,
            is_counted=self.is_counted or other.is_counted,
            noise=self.noise or other.noise,
        )

    def without(self, experts: Iterable[Expert]) -> "Intervention":
        """The same, these experts left alone."""
        spared = frozenset(experts)
        kept = Factors((expert, factor) for expert, factor in self.boost.items() if expert not in spared)
        neurons = frozenset(neuron for neuron in self.neurons if neuron[:2] not in spared)
        return replace(self, reroute=self.reroute - spared, drop=self.drop - spared, boost=kept, neurons=neurons)

    def to_json(self) -> dict[str, Any]:
        """The intervention as JSON data, experts in order; of neurons only where there are any."""
        neurons = [[*expert, list(members)] for expert, members in self.neurons_of.items()]
        return {
            "name": self.name,
            "reroute": [list(expert) for expert in sorted(self.reroute)],
            "drop": [list(expert) for expert in sorted(self.drop)],
            "boost": [[*expert, factor] for expert, factor in sorted(self.boost.items())],
            **({"neurons": neurons} if neurons else {}),
            **({"at": "answer"} if self.at_answer else {}),
            **({"noise": self.noise.to_json()} if self.noise else {}),
        }

    def to_file_json(self) -> dict[str, Any]:
        """As `to_json`, and whose numbers its layers have."""
        return {"layers": OWN_NUMBERS} | self.to_json()

    @staticmethod
    def from_file_json(data: object) -> "Intervention":
        """The inverse of `to_file_json`; raises InterventionError on anything else.

        Where nothing is said of layers, `is_counted` is set.
        """
        found = Intervention.from_json(data)
        found.check_actions()
        return replace(found, is_counted=not isinstance(data, dict) or "layers" not in data)

    @staticmethod
    def from_json(data: object) -> "Intervention":
        """The inverse of `to_json`; raises InterventionError on anything else."""
        if not isinstance(data, dict) or not data.keys() <= {"layers", "name", *KINDS, "neurons", "at", "noise"}:
            raise InterventionError(
                "An intervention is a JSON object with layers, name, reroute, drop, boost, neurons, at and noise."
            )
        if data.get("layers", OWN_NUMBERS) != OWN_NUMBERS:
            raise InterventionError(f'An intervention\'s "layers" is "{OWN_NUMBERS}": the model\'s own numbers.')
        try:
            return Intervention(
                name=str(data.get("name", "")),
                reroute=_experts(data.get("reroute", [])),
                drop=_experts(data.get("drop", [])),
                boost={(_index(at), _index(expert)): _factor(factor) for at, expert, factor in data.get("boost", [])},
                neurons=_neurons(data.get("neurons", [])),
                at_answer=("all", "answer").index(data.get("at", "all")) == 1,
                noise=noise_from(data.get("noise")),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InterventionError(f"The intervention cannot be read: {error}.") from error

    @staticmethod
    def parse(text: str) -> "Intervention":
        """An intervention from the text of a JSON file."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InterventionError(f"The intervention is not JSON: {error}.") from error
        return Intervention.from_file_json(data)


def act_on(experts: Iterable[Expert], effect: str, *, factor: float | None = None, name: str = "") -> Intervention:
    """One action on some experts: `reroute`, `drop`, or `boost` with its factor; InterventionError on another one."""
    chosen = frozenset(experts)
    if effect == "boost" and factor is not None:
        boosted = Intervention(name, boost=Factors((expert, factor) for expert in chosen))
        boosted.check_actions()
        return boosted
    if effect not in EFFECTS:
        raise InterventionError(f'"{effect}" is no effect of a mask: choose {" or ".join(EFFECTS)}.')
    return Intervention(name, reroute=chosen) if effect == "reroute" else Intervention(name, drop=chosen)


def parse_experts(text: str) -> frozenset[Expert]:
    """The experts of `3:17,3:18,5:0-7`; raises InterventionError on anything else."""
    targets = parse_targets(text)
    if targets.neurons:
        layer, expert, neuron = min(targets.neurons)
        raise InterventionError(f'"{layer}:{expert}:{neuron}" is a neuron: here whole experts are named, LAYER:EXPERT.')
    return targets.experts


def parse_mask(text: str, effect: str = "reroute", *, factor: float | None = None) -> Intervention:
    """The intervention behind `--mask 3:17,5:0-7,6:2:0-15`: one action on experts, and neurons that are switched off.

    Raises InterventionError on anything else.
    """
    targets = parse_targets(text)
    made = replace(act_on(targets.experts, effect, factor=factor), neurons=targets.neurons)
    made.check_actions()
    return made


def _experts(rows: Iterable[Any]) -> frozenset[Expert]:
    return frozenset((_index(layer), _index(expert)) for layer, expert in rows)


def _neurons(rows: Iterable[Any]) -> frozenset[Neuron]:
    every = ((layer, expert, each) for layer, expert, members in rows for each in members)
    return frozenset((_index(layer), _index(expert), _index(each)) for layer, expert, each in every)


def _index(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is no whole number")
    return value


def _factor(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is no factor")
    return float(value)
