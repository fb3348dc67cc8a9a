"""How an expert can be closed by itself as a mask on the whole model closes it: tried on one question.

Routers differ in what else changes where an expert is closed. What comes out must be what any what-if gives.
"""

from dataclasses import replace

import torch
from torch import Tensor

from moe_core.effects.passes.clean_pass import CleanPass, clean_pass
from moe_core.effects.passes.closed_experts import closed_experts
from moe_core.effects.passes.decoder import Decoder
from moe_core.effects.passes.masking import masked
from moe_core.effects.passes.replay_check import TOLERANCE, check_replay
from moe_core.effects.passes.reruns import exact_margins
from moe_core.effects.passes.rows import Rows
from moe_core.errors import EffectError, Remedy
from moe_core.interventions.targets import numbers_text
from moe_core.models.family import has_choice_bias
from moe_core.models.loading.architecture import UNUSABLE, in_one_line


def find_way(decoder: Decoder, rows: Rows, effect: str) -> None:
    """Set the decoder's way to the first that is right in all; raise EffectError for a model where none is."""
    _refuse(decoder, effect)
    found: list[EffectError] = []
    for asks_block in decoder.ways_to_ask:
        decoder.way = decoder.untried(asks_block=asks_block)
        try:
            check_replay(decoder, rows)
            check_closing(decoder, rows, effect)
        except EffectError as error:
            found.append(error)
        else:
            return
    raise found[0]


def check_closing(decoder: Decoder, rows: Rows, effect: str) -> None:
    """Raise EffectError where the effect of an expert is another one than that of a what-if.

    Tried at every MoE layer with the expert that most tokens chose, and the one that fewest did, first as if other
    tokens kept their weights where the model divides by their sum.
    """
    one, family = rows.first(), decoder.loaded.specification.family
    clean = clean_pass(decoder, one)
    allowed = TOLERANCE[clean.layers[0].output.dtype]
    try:
        differs = _largest_difference(decoder, clean, effect)
        if differs > allowed and effect == "reroute" and not decoder.way.asks_block:
            decoder.way = replace(decoder.way, touches_all=True)
            differs = _largest_difference(decoder, clean, effect)
    except UNUSABLE as error:
        raise EffectError(
            f"There is no effect map of {family} models yet: none of their experts can be closed by itself "
            f"({in_one_line(error)})."
        ) from error
    if differs > allowed:
        raise EffectError(
            f"There is no effect map of {family} models yet: closing one expert by itself gives other answers (by "
            f"{differs:.2g} nats) than masking it."
        )


def _refuse(decoder: Decoder, effect: str) -> None:
    """Raise EffectError where single experts cannot be masked at all."""
    model = decoder.loaded.specification
    if not decoder.ways_to_ask or not (model.abilities.reroute if effect == "reroute" else model.abilities.weigh):
        raise EffectError(f"There is no effect map of {model.family} models yet: mask experts instead.")
    if effect == "drop":
        return
    fixed = [router.layer for router in decoder.routers if not router.can_be_closed]
    if fixed:
        raise EffectError(
            f"Which experts a token goes to in layer{'s' * (len(fixed) > 1)} {numbers_text(fixed)} follows from the "
            "token, so that none can be re-routed there: ask for the effect of dropping.",
            Remedy.DROP_INSTEAD,
        )
    # Where rows are cut a group would lose one and the others none, and the router would form other groups.
    if any(router.n_groups > 1 and not has_choice_bias(router.gate) for router in decoder.routers):
        raise EffectError(
            "This router chooses among groups of one size, so that no single expert can be closed to it: ask for the "
            "effect of dropping.",
            Remedy.DROP_INSTEAD,
        )


@torch.no_grad()
def _largest_difference(decoder: Decoder, clean: CleanPass, effect: str) -> float:
    differs, one = 0.0, clean.rows
    for place, layer in enumerate(clean.layers):
        experts = _most_and_least_chosen(layer.ids)
        rows = torch.zeros_like(experts)
        deltas = closed_experts(decoder, place, layer, effect).deltas(rows, experts)
        found = exact_margins(decoder, clean, place, rows, deltas)
        for expert, margin in zip(experts.tolist(), found, strict=True):
            with masked(decoder.routers[place], expert, layer.logits.shape[-1], effect):
                whole = decoder.margins(one.ids, one.lengths - 1, one.gold, use_cache=False)
            differs = max(differs, float((margin - whole).abs()))
    return differs


def _most_and_least_chosen(ids: Tensor) -> Tensor:
    """The expert that most tokens chose, and of those that any did the one that fewest did."""
    times = torch.bincount(ids.reshape(-1))
    return torch.stack([times.argmax(), torch.where(times > 0, times, ids.numel() + 1).argmin()])
