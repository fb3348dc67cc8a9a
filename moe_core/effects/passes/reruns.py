"""Runs the layers behind a closed expert again: on all tokens, or on a few while the others keep their keys and values.

Axes: R rows, each a question of the batch and one change; T tokens, m of them chosen; H hidden size, h heads, d head
size.
"""

from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from moe_core.effects.passes.clean_pass import CleanPass, Decoder
from moe_core.models.inference.layer_tail import running_from


def exact_margins(decoder: Decoder, clean: CleanPass, place: int, rows: Tensor, deltas: Tensor) -> Tensor:
    """Margins [R] where the output of MoE layer `place` changes by `deltas` [R, T, H], all tokens run again."""
    stream, last = clean.layers[place].stream[rows], clean.rows.lengths[rows] - 1
    n_tokens = int(last.max()) + 1
    first = decoder.routers[place].layer + 1
    changed = stream[:, :n_tokens] + deltas[:, :n_tokens].to(stream.dtype)
    ids = clean.rows.ids[rows, :n_tokens]
    if first == decoder.n_layers:  # behind the last layer no token sees another
        at = torch.arange(len(rows), device=rows.device), last
        changed, ids, last = changed[at][:, None], ids[at][:, None], torch.zeros_like(last)
    with running_from(decoder.layers, first, changed):
        return decoder.margins(ids, last, clean.rows.gold[rows], use_cache=False)


def sparse_margins(
    decoder: Decoder, clean: CleanPass, place: int, rows: Tensor, chosen: Tensor, deltas: Tensor
) -> Tensor:
    """Margins [R] where only the tokens `chosen` [R, m] (ascending, the last prompt token among them) run again.

    Their changes are `deltas` [R, m, H]. They see clean keys and values of the tokens that do not run.
    """
    stream = clean.layers[place].stream
    changed = stream[rows[:, None], chosen] + deltas.to(stream.dtype)
    last = (chosen == clean.rows.lengths[rows, None] - 1).int().argmax(1)
    with running_from(decoder.layers, decoder.routers[place].layer + 1, changed):
        return decoder.margins(
            clean.rows.ids[rows[:, None], chosen],
            last,
            clean.rows.gold[rows],
            attention_mask=_visible(chosen, clean.rows.ids.shape[1], stream.dtype),
            position_ids=chosen,
            past_key_values=_CleanKeys(clean, rows, chosen),
            use_cache=True,
        )


def _visible(chosen: Tensor, n_tokens: int, dtype: torch.dtype) -> Tensor:
    """What to add to attention [R, 1, m, T]: nothing up to the token's own position, the least number behind it."""
    behind = torch.arange(n_tokens, device=chosen.device) > chosen[:, :, None]
    return torch.zeros(behind.shape, dtype=dtype, device=chosen.device).masked_fill(behind, torch.finfo(dtype).min)[
        :, None
    ]


class _CleanKeys(DynamicCache):
    """Gives each layer the clean keys and values of a row's question, those of the chosen tokens replaced.

    Nothing is kept: the copy for R rows lives while one layer attends.
    """

    def __init__(self, clean: CleanPass, rows: Tensor, chosen: Tensor) -> None:
        super().__init__()
        self._clean = clean
        self._rows = rows
        self._chosen = chosen

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_args: Any, **_keywords: Any
    ) -> tuple[Tensor, Tensor]:
        kept = (self._clean.keys[layer_idx], self._clean.values[layer_idx])
        return tuple(  # type: ignore[return-value]  # two, one for each
            self._replaced(clean, new) for clean, new in zip(kept, (key_states, value_states), strict=True)
        )

    def _replaced(self, clean: Tensor, new: Tensor) -> Tensor:
        at = self._chosen[:, None, :, None].expand_as(new)  # [R, h, m, d]
        return clean[self._rows].scatter(2, at, new)
