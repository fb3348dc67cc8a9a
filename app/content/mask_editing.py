"""Edits of the mask: put experts in, take them out, do something else to all of them, and say what it is."""

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from app.state.state import State
from moe_core.comparison.text import intervention_text
from moe_core.errors import InterventionError
from moe_core.interventions.intervention import Expert, Intervention, act_on
from moe_core.interventions.targets import numbers_text, parse_targets
from moe_core.numbers.formatting import count, counted, short
from moe_core.traces.specification import ModelSpecification

KINDS = ("reroute", "drop", "boost")
MIXED = "mixed"
_NAMED, _LISTED = 3, 40
"""How many experts a title names, and how many are told where it does not."""


def effect_of(state: State) -> str:
    """What is done to the experts of the mask, `mixed` where not the same to all; with none, what will be."""
    effect = replace(state.intervention, neurons=frozenset()).effect
    return state.rerun.effect if effect == "none" else effect


def factor_of(state: State) -> float:
    """The factor of a boost: that of the mask's first boosted expert, else the one that is chosen."""
    return next(iter(state.intervention.boost.values()), state.rerun.factor)


def with_experts(state: State, experts: Iterable[Expert]) -> State:
    """The state with exactly these experts in the mask; the ones that stay keep what is done to them."""
    wanted = frozenset(experts)
    kept = state.intervention.without(state.intervention.experts - wanted)
    more = replace(_acting(state, wanted - kept.experts), at_answer=kept.at_answer)
    return _with(state, kept.union(more, name=""))


def with_more(state: State, experts: Iterable[Expert]) -> State:
    """The state with these experts in the mask too."""
    return with_experts(state, state.intervention.experts | frozenset(experts))


def without(state: State, experts: Iterable[Expert]) -> State:
    """The state with these experts left alone."""
    return with_experts(state, state.intervention.experts - frozenset(experts))


def toggled(state: State, experts: Iterable[Expert]) -> State:
    """The state with these experts in the mask; where all of them are in it, with none of them."""
    cells = frozenset(experts)
    return without(state, cells) if cells <= state.intervention.experts else with_more(state, cells)


def with_effect(state: State, effect: str, factor: float) -> State:
    """The state with this done to every expert of the mask, and to those that come to it."""
    chosen = replace(state, rerun=replace(state.rerun, effect=effect, factor=factor))
    experts, neurons = state.intervention.whole, state.intervention.neurons
    return _with(chosen, replace(act_on(experts, effect, factor=factor), neurons=neurons)) if experts else chosen


def with_neurons(state: State, text: str) -> State:
    """The state with exactly these neurons off, `3:17:0-15, 5:0:4`; experts stay in the mask as they are.

    Raises InterventionError where the text names anything else, or neurons that cannot be switched off.
    """
    targets = parse_targets(text)
    if targets.experts:
        layer, expert = min(targets.experts)
        raise InterventionError(f"{layer}:{expert} is a whole expert: write LAYER:EXPERT:NEURON, as in 3:17:0-15.")
    mask = replace(state.intervention, neurons=targets.neurons)
    mask.check_actions()
    if state.trace is not None and targets.neurons:
        state.trace.specification.model.check(replace(Intervention(), neurons=targets.neurons))
    return _with(state, mask)


def neurons_in(mask: Intervention) -> str:
    """The inverse: the neurons of a mask as `with_neurons` reads them."""
    parts = (
        f"{layer}:{expert}:{span}"
        for (layer, expert), members in mask.neurons_of.items()
        for span in numbers_text(members).split(", ")
    )
    return ", ".join(parts)


def with_place(state: State, *, at_answer: bool) -> State:
    """The state with all that is done to experts done at the answer alone, or at every token."""
    if state.intervention.at_answer == at_answer:
        return state
    return replace(state, intervention=replace(state.intervention, name="", at_answer=at_answer))


def with_mask(state: State, mask: Intervention) -> State:
    """The state with a mask in place of the one that is edited."""
    return replace(state, intervention=mask)


@lru_cache(maxsize=16)
def problem_of(mask: Intervention, model: ModelSpecification) -> str:
    """Why the mask cannot be run, in a sentence; empty where it can, and for an empty one."""
    try:
        model.check(mask)
    except InterventionError as error:
        return str(error)
    return ""


def mask_title(mask: Intervention) -> str:
    """The mask's name, else what it does: `1:25 re-routed`, `200 experts in 8 layers re-routed`."""
    experts = sorted(mask.experts)
    if mask.name or not experts:
        return mask.name or "No mask"
    if len(experts) > _NAMED or mask.effect == MIXED or mask.neurons:
        return intervention_text(mask)
    done = {"reroute": "re-routed", "drop": "dropped", "boost": "boosted"}[mask.effect]
    factors = set(mask.boost.values())
    times = f" × {short(factors.pop(), 6)}" if len(factors) == 1 else ""
    return f"{', '.join(f'{layer}:{expert}' for layer, expert in experts)} {done}{times}{mask.place}"


def experts_words(mask: Intervention) -> str:
    """All experts of a mask whose title does not name them, so that it can be told from one of the same title."""
    experts = [f"{layer}:{expert}" for layer, expert in sorted(mask.experts)]
    if mask_title(mask).startswith(", ".join(experts)):
        return ""
    more = f" and {count(len(experts) - _LISTED)} more" * (len(experts) > _LISTED)
    return ", ".join(experts[:_LISTED]) + more


def named_experts(experts: Iterable[Expert]) -> str:
    """The experts by name; of more than a few their number and the first ones."""
    names = [f"{layer}:{expert}" for layer, expert in sorted(experts)]
    named, n_more = ", ".join(names[:_NAMED]), len(names) - _NAMED
    return f"{counted(len(names), 'expert')}: {named} and {count(n_more)} more" if n_more > 0 else named


def _acting(state: State, experts: frozenset[Expert]) -> Intervention:
    effect = effect_of(state)
    return act_on(experts, state.rerun.effect if effect == MIXED else effect, factor=factor_of(state))


def _with(state: State, mask: Intervention) -> State:
    """A mask that was changed is no longer the one that was saved under its name."""
    mask = replace(mask, at_answer=state.intervention.at_answer)
    same = replace(mask, name=state.intervention.name)
    return replace(state, intervention=same if same == state.intervention else mask)
