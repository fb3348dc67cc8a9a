"""Runs the layers behind a closed expert again: on all tokens, or on a few while the others keep their keys and values.

Axes: R rows, each a question of the batch and one change; T tokens, m of them chosen; H hidden size, h heads, d head
size.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from moe_core.effects.passes.clean_pass import CleanPass, Decoder
from moe_core.models.inference.layer_tail import running_from

_FULL = "full_attention"


def exact_margins(decoder: Decoder, clean: CleanPass, place: int, rows: Tensor, deltas: Tensor) -> Tensor:
    """Margins [R] where the output of MoE layer `place` changes by `deltas` [R, T, H], all tokens run again."""
    stream, last = clean.layers[place].stream[rows], clean.rows.lengths[rows] - 1
    n_tokens = int(last.max()) + 1
    first, deltas = decoder.first_again(place), deltas[:, :n_tokens]
    ids = clean.rows.ids[rows, :n_tokens]
    if decoder.way.redoes_layer:
        with running_from(decoder.layers, first, stream[:, :n_tokens]), _added(decoder, place, deltas):
            return decoder.margins(ids, last, clean.rows.gold[rows], use_cache=False)
    changed = stream[:, :n_tokens] + deltas.to(stream.dtype)
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
    before = stream[rows[:, None], chosen]
    last = (chosen == clean.rows.lengths[rows, None] - 1).int().argmax(1)
    with ExitStack() as stack:
        if decoder.way.redoes_layer:
            stack.enter_context(_added(decoder, place, deltas))
        else:
            before = before + deltas.to(stream.dtype)
        stack.enter_context(running_from(decoder.layers, decoder.first_again(place), before))
        return decoder.margins(
            clean.rows.ids[rows[:, None], chosen],
            last,
            clean.rows.gold[rows],
            attention_mask=_masks(decoder, chosen, clean.rows.ids.shape[1], stream.dtype),
            position_ids=chosen,
            past_key_values=_CleanKeys(clean, rows, chosen),
            use_cache=True,
        )


@contextmanager
def _added(decoder: Decoder, place: int, deltas: Tensor) -> Iterator[None]:
    """While open the experts of a MoE layer give so much more [R, m, H]."""

    def changed(_experts: nn.Module, _arguments: object, output: Tensor) -> Tensor:
        return output + deltas.reshape(output.shape).to(output.dtype)

    handle = decoder.routers[place].experts.register_forward_hook(changed)
    try:
        yield
    finally:
        handle.remove()


def _masks(decoder: Decoder, chosen: Tensor, n_tokens: int, dtype: torch.dtype) -> Tensor | dict[str, Tensor]:
    """What to add to attention; by the kind of layer where some of the model's see only a window of tokens."""
    config = decoder.model.config.get_text_config()
    kinds, window = set(getattr(config, "layer_types", None) or ()), getattr(config, "sliding_window", None)
    everywhere = _visible(chosen, n_tokens, dtype)
    if window is None or kinds == {_FULL}:
        return everywhere
    near = _visible(chosen, n_tokens, dtype, window)
    return {kind: everywhere if kind == _FULL else near for kind in kinds} if kinds else near


def _visible(chosen: Tensor, n_tokens: int, dtype: torch.dtype, window: int | None = None) -> Tensor:
    """What to add to attention [R, 1, m, T]: nothing up to the token's own position, the least number behind it.

    With a window, also before the last so many.
    """
    places = torch.arange(n_tokens, device=chosen.device)
    behind = places > chosen[:, :, None]
    if window is not None:
        behind |= places <= chosen[:, :, None] - window
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
