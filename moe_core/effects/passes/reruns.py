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

from moe_core.effects.passes.clean_pass import CleanPass
from moe_core.effects.passes.decoder import Decoder
from moe_core.models.inference.kept.layer_tail import Handed, each_changed, running_from, stream_of, with_stream

_FULL = "full_attention"


def exact_margins(decoder: Decoder, clean: CleanPass, place: int, rows: Tensor, deltas: Tensor) -> Tensor:
    """Margins [R] where the output of MoE layer `place` changes by `deltas` [R, T, H], all tokens run again."""
    handed, last = clean.layers[place].handed, clean.rows.lengths[rows] - 1
    # What comes beside the stream may speak of all tokens, as the choice of sparse attention does.
    n_tokens = int(last.max()) + 1 if isinstance(handed, Tensor) else deltas.shape[1]
    first, deltas = decoder.first_again(place), deltas[:, :n_tokens]
    ids = clean.rows.ids[rows, :n_tokens]
    handed = each_changed(handed, lambda part: part[rows, :n_tokens])
    if decoder.way.again != "behind":
        with running_from(decoder.layers, first, handed), _added(decoder, place, deltas):
            return decoder.margins(ids, last, clean.rows.gold[rows], use_cache=False)
    changed = stream_of(handed) + deltas.to(stream_of(handed).dtype)
    if first == decoder.n_layers:  # behind the last layer no token sees another
        at = torch.arange(len(rows), device=rows.device), last
        changed, ids, last = changed[at][:, None], ids[at][:, None], torch.zeros_like(last)
    with running_from(decoder.layers, first, with_stream(handed, changed)):
        return decoder.margins(ids, last, clean.rows.gold[rows], use_cache=False)


def sparse_margins(
    decoder: Decoder, clean: CleanPass, place: int, rows: Tensor, chosen: Tensor, deltas: Tensor
) -> Tensor:
    """Margins [R] where only the tokens `chosen` [R, m] (ascending, the last prompt token among them) run again.

    Their changes are `deltas` [R, m, H]. They see clean keys and values of the tokens that do not run.
    """
    before = each_changed(clean.layers[place].handed, lambda part: part[rows[:, None], chosen])
    stream = stream_of(before)
    last = (chosen == clean.rows.lengths[rows, None] - 1).int().argmax(1)
    with ExitStack() as stack:
        if decoder.way.again == "behind":
            before = with_stream(before, stream + deltas.to(stream.dtype))
        else:
            stack.enter_context(_added(decoder, place, deltas))
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
    """While open a MoE layer's site gives so much more [R, m, H]."""

    def changed(_site: nn.Module, _arguments: object, output: Handed) -> Handed:
        before = stream_of(output)
        return with_stream(output, before + deltas.reshape(before.shape).to(before.dtype))

    handle = decoder.site(place).register_forward_hook(changed)
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
