"""What may be done with a model, as its self-check found it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Abilities:
    """What may be done with a model, as its self-check found it; all of it in traces before 0.3.

    `reroute`: experts can be closed to the router. `fixed_layers` are decoder layers whose choice follows from the
    token alone, where they cannot. `weigh`: gate weights can be scaled (drop, boost). `share_prefixes`: a prompt may
    be run in two parts. `pad`: prompts of unequal length may share a batch. `exact_up_to`: with more tokens than that
    neither holds, since attention then chooses what it looks at; 0 means any number. `scoring` names how router logits
    become probabilities: softmax, sigmoid, sqrtsoftplus, or unknown. `why` says in one sentence what is missing, if
    anything. `neurons` are those of each expert, which can be switched off one by one: 0 where they cannot, None in
    traces that do not say it. `mix_prefixes`: prompts behind several prefixes may share a pass.
    """

    reroute: bool = True
    weigh: bool = True
    share_prefixes: bool = True
    pad: bool = True
    exact_up_to: int = 0
    scoring: str = "softmax"
    fixed_layers: tuple[int, ...] = ()
    n_groups: int = 1
    groups_chosen: int = 1
    grouped_by_bias: bool = False
    why: str = ""
    neurons: int | None = None
    mix_prefixes: bool = False

    @property
    def sentence(self) -> str:
        """What may be done, in words, with what may not."""
        can = [name for name, able in (("re-routed", self.reroute), ("dropped and boosted", self.weigh)) if able]
        done = f"Experts can be {', '.join(can)}" if can else "Routing can be recorded, and nothing be done to experts"
        told = {None: "", 0: "; its neurons cannot be switched off one by one"}
        neurons = told.get(self.neurons, f"; each has {self.neurons} neurons, which can be switched off one by one")
        return f"{done}{neurons}; router probabilities: {self.scoring}. {self.why}".rstrip()
