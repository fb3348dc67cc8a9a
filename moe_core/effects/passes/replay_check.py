"""Whether layers can be run again for a model as the effect map does it: tried on one question, at every MoE layer.

Models differ in what they do with their experts' output (scale it, normalise the sum) and in how they attend. Where a
change handed to the next layer does not give what the same change gives in a run of everything, there is no map.
"""

import torch
from torch import Tensor, nn

from moe_core.effects.passes.clean_pass import CleanPass, Decoder, clean_pass
from moe_core.effects.passes.reruns import exact_margins, sparse_margins
from moe_core.effects.passes.rows import Rows
from moe_core.errors import EffectError

_GROWTH = 0.1
"""Share by which a layer's experts all give more: enough to be seen, little enough to turn no router behind."""
_TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.02}


def check_replay(decoder: Decoder, rows: Rows) -> None:
    """Raise EffectError for a model whose layers cannot be run again from the middle on."""
    one = Rows(rows.questions[:1], rows.ids[:1, : int(rows.lengths[0])], rows.lengths[:1], rows.gold[:1])
    clean = clean_pass(decoder, one)
    differs = max(_difference(decoder, clean, place) for place in range(len(decoder.routers)))
    if differs > _TOLERANCE[clean.layers[0].stream.dtype]:
        raise EffectError(
            f"There is no effect map of {decoder.loaded.specification.family} models yet: running their layers again "
            f"gives other answers (by {differs:.2g} nats) than running all of them."
        )


@torch.no_grad()
def _difference(decoder: Decoder, clean: CleanPass, place: int) -> float:
    """How far both kinds of re-run are from a run of everything where one layer's experts give a little more."""
    row = torch.zeros(1, dtype=torch.long, device=clean.margins.device)
    deltas = _GROWTH * clean.layers[place].output.float()
    everything = torch.arange(clean.rows.ids.shape[1], device=row.device)[None]
    whole = _whole(decoder, clean, place)
    found = [exact_margins(decoder, clean, place, row, deltas)]
    if decoder.routers[place].layer + 1 < decoder.n_layers:
        found.append(sparse_margins(decoder, clean, place, row, everything, deltas))
    return max(float((margin - whole).abs()) for margin in found)


def _whole(decoder: Decoder, clean: CleanPass, place: int) -> Tensor:
    def grown(_experts: nn.Module, _arguments: object, output: Tensor) -> Tensor:
        return output + (_GROWTH * output.float()).to(output.dtype)

    handle = decoder.routers[place].experts.register_forward_hook(grown)
    try:
        return decoder.margins(clean.rows.ids, clean.rows.lengths - 1, clean.rows.gold, use_cache=False)
    finally:
        handle.remove()
