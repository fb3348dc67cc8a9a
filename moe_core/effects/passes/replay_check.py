"""Whether layers can be run again for a model as the effect map does it: tried on one question, at every MoE layer.

Models differ in what they do with their experts' output (scale it, normalise the sum) and in how they attend. Where a
change handed to the next layer does not give what the same change gives in a run of everything, there is no map.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from moe_core.effects.passes.clean_pass import CleanPass, clean_pass
from moe_core.effects.passes.decoder import Again, Decoder
from moe_core.effects.passes.reruns import exact_margins, sparse_margins
from moe_core.effects.passes.rows import Rows
from moe_core.errors import EffectError, ModelError
from moe_core.models.inference.kept.layer_tail import Handed, stream_of, with_stream
from moe_core.models.loading.architecture import UNUSABLE, in_one_line

_GROWTH = 0.1
"""Share by which a layer's experts all give more: enough to be seen, little enough to turn no router behind."""
WAYS: tuple[tuple[Again, bool], ...] = (
    ("behind", True),
    ("layer", True),
    ("behind", False),
    ("layer", False),
    ("all", False),
)
"""Which layers are run again, and whether keys are kept; the cheapest first."""
TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.02}


def check_replay(decoder: Decoder, rows: Rows) -> None:
    """Set how the decoder runs layers again to the first way that is right, and what it keeps then beyond what is
    calculated; raise EffectError for a model where none is."""
    one, found, decoder.kept_beside = rows.first(), [], 0
    for again, keeps_keys in WAYS:
        decoder.way = replace(decoder.way, again=again, keeps_keys=keeps_keys)
        try:
            clean = clean_pass(decoder, one)
            differs = max(_difference(decoder, clean, place) for place in range(len(decoder.routers)))
        except (*UNUSABLE, ModelError) as error:
            found.append(f"they fail ({in_one_line(error)})")
            continue
        if differs <= TOLERANCE[clean.layers[0].output.dtype]:
            decoder.kept_beside = max(0, clean.nbytes() // one.n_tokens - decoder.shape.kept_of_token)
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
    def grown(_site: nn.Module, _arguments: object, output: Handed) -> Handed:
        before = stream_of(output)
        return with_stream(output, before + (_GROWTH * before.float()).to(before.dtype))

    handle = decoder.site(place).register_forward_hook(grown)
    try:
        return decoder.margins(clean.rows.ids, clean.rows.lengths - 1, clean.rows.gold, use_cache=False)
    finally:
        handle.remove()
