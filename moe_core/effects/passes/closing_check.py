"""Whether an expert can be closed by itself as a mask on the whole model closes it: tried on one question.

Routers differ in what else changes where an expert is closed. What comes out must be what any what-if gives.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor, nn

from moe_core.effects.passes.clean_pass import CleanPass, Decoder, clean_pass
from moe_core.effects.passes.closed_experts import ClosedExperts
from moe_core.effects.passes.replay_check import TOLERANCE
from moe_core.effects.passes.reruns import exact_margins
from moe_core.effects.passes.rows import Rows
from moe_core.errors import EffectError, Remedy
from moe_core.models.family import Call, Router, has_choice_bias
from moe_core.models.loading.architecture import UNUSABLE, in_one_line


def check_closing(decoder: Decoder, rows: Rows, effect: str) -> None:
    """Raise EffectError where the effect of an expert is another one than that of a what-if.

    Tried at every MoE layer with the expert that most tokens chose, first as if other tokens kept their weights where
    the model divides by their sum.
    """
    _refuse_groups(decoder, effect)
    one, family = rows.first(), decoder.loaded.specification.family
    clean = clean_pass(decoder, one)
    try:
        differs = _largest_difference(decoder, clean, effect)
        if differs > TOLERANCE[clean.layers[0].stream.dtype] and effect == "reroute":
            decoder.way = replace(decoder.way, touches_all=True)
            differs = _largest_difference(decoder, clean, effect)
    except (*UNUSABLE, NotImplementedError) as error:
        raise EffectError(
            f"There is no effect map of {family} models yet: none of their experts can be closed by itself "
            f"({in_one_line(error)})."
        ) from error
    if differs > TOLERANCE[clean.layers[0].stream.dtype]:
        raise EffectError(
            f"There is no effect map of {family} models yet: closing one expert by itself gives other answers (by "
            f"{differs:.2g} nats) than masking it."
        )


def _refuse_groups(decoder: Decoder, effect: str) -> None:
    """Where rows are cut a group would lose one and the others none, and the router would form other groups."""
    for router in decoder.routers:
        if effect == "reroute" and router.n_groups > 1 and not has_choice_bias(router.gate):
            raise EffectError(
                "This router chooses among groups of one size, so that no single expert can be closed to it: ask for "
                "the effect of dropping.",
                Remedy.DROP_INSTEAD,
            )


@torch.no_grad()
def _largest_difference(decoder: Decoder, clean: CleanPass, effect: str) -> float:
    row = torch.zeros(1, dtype=torch.long, device=clean.margins.device)
    differs = 0.0
    for place, layer in enumerate(clean.layers):
        favourite = layer.ids.reshape(-1).mode().values[None]
        deltas = ClosedExperts(decoder, place, layer, effect).deltas(row, favourite)
        found = exact_margins(decoder, clean, place, row, deltas)
        with _masked(decoder.routers[place], favourite, layer.logits.shape[-1], effect):
            one = clean.rows
            whole = decoder.margins(one.ids, one.lengths - 1, one.gold, use_cache=False)
        differs = max(differs, float((found - whole).abs()))
    return differs


@contextmanager
def _masked(router: Router, expert: Tensor, n_experts: int, effect: str) -> Iterator[None]:
    """While open one expert is masked, as any what-if does it."""
    closed = torch.zeros(n_experts, dtype=torch.bool)
    closed[expert] = True
    if effect == "reroute":
        rerun = router.closing(closed)

        def choose_again(_gate: nn.Module, arguments: object, keywords: object, output: object) -> object:
            return rerun((arguments, keywords), output)  # type: ignore[arg-type]  # what the gate was called with

        handle = router.gate.register_forward_hook(choose_again, with_kwargs=True)
    else:

        def drop(_experts: nn.Module, arguments: object, keywords: object) -> Call:
            return router.weighed((arguments, keywords), (~closed).float())  # type: ignore[arg-type]  # as above

        handle = router.experts.register_forward_pre_hook(drop, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()
