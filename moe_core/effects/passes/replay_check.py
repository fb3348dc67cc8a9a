"""Whether layers can be run again for a model as the effect map does it: tried on one question, at every MoE layer.

Models differ in what they do with their experts' output (scale it, normalise the sum) and in how they attend. Where a
change handed to the next layer does not give what the same change gives in a run of everything, there is no map.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from moe_core.effects.passes.clean_pass import CleanPass, Decoder, clean_pass
from moe_core.effects.passes.reruns import exact_margins, sparse_margins
from moe_core.effects.passes.rows import Rows
from moe_core.errors import EffectError, ModelError
from moe_core.models.loading.architecture import UNUSABLE, in_one_line

_GROWTH = 0.1
"""Share by which a layer's experts all give more: enough to be seen, little enough to turn no router behind."""
WAYS = ((False, True), (True, True), (False, False), (True, False))
"""Whether the layer itself is run again, and whether keys are kept; the cheapest first."""
TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.02}


def check_replay(decoder: Decoder, rows: Rows) -> None:
    """Set the decoder's way to the first one that is right; raise EffectError for a model where none is."""
    one, found = rows.first(), []
    for redoes_layer, keeps_keys in WAYS:
        decoder.way = replace(decoder.way, redoes_layer=redoes_layer, keeps_keys=keeps_keys)
        try:
            clean = clean_pass(decoder, one)
            differs = max(_difference(decoder, clean, place) for place in range(len(decoder.routers)))
        except (*UNUSABLE, ModelError) as error:
            found.append(f"they fail ({in_one_line(error)})")
            continue
        if differs <= TOLERANCE[clean.layers[0].stream.dtype]:
            return
        found.append(f"that gives other answers (by {differs:.2g} nats) than running all of them")
    family = decoder.loaded.specification.family
    raise EffectError(f"There is no effect map of {family} models yet: where their layers are run again, {found[-1]}.")


@torch.no_grad()
def _difference(decoder: Decoder, clean: CleanPass, place: int) -> float:
    """How far both kinds of re-run are from a run of everything where one layer's experts give a little more."""
    row = torch.zeros(1, dtype=torch.long, device=clean.margins.device)
    deltas = _GROWTH * clean.layers[place].output.float()
    everything = torch.arange(clean.rows.ids.shape[1], device=row.device)[None]
    whole = _whole(decoder, clean, place)
    found = [exact_margins(decoder, clean, place, row, deltas)]
    if decoder.way.keeps_keys and decoder.first_again(place) < decoder.n_layers:
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
