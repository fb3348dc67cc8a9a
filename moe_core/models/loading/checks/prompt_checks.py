"""Whether prompts may be run in parts and side by side: some models pass a cache over, or let padding in, silently.

Axes: B rows, T tokens, V vocabulary.
"""

from typing import Any

import torch
from torch import Tensor

from moe_core.models.answer_head import AnswerHead
from moe_core.models.loading.checks.probes import probe_tokens
from moe_core.models.prefix_cache import align_right, behind, beside, is_plain

_PREFIX, _REST, _SHORT = 40, 24, 48
_REFUSALS = (RuntimeError, ValueError, TypeError, AttributeError, IndexError, NotImplementedError)
"""No cache, or none that can be repeated or moved: each model says so in its own way."""
_ALLOWED = 1e-3  # of the largest logit; attention over a cache adds in another order
_ALLOWED_16 = 0.3  # of a typical logit: with 16 bit rounding alone lets single tokens go to other experts


@torch.inference_mode()
def shares_prefixes(model: Any) -> bool:
    """Whether two rows behind a prefix that ran once, and alone, answer as their whole prompts do."""
    (prompt,) = probe_tokens(model, [_PREFIX + _REST])
    prefix, rest = prompt[:, :_PREFIX], prompt[:, _PREFIX:]
    if not rest.shape[-1]:
        return False
    with AnswerHead(model).attached() as head:
        whole = _answer(model, head, prompt)
        try:
            head.expect(torch.tensor([prefix.shape[-1] - 1]))
            cache = model(prefix.to(model.device), use_cache=True).past_key_values
            parts = _answer(model, head, rest.expand(2, -1), cache=behind(cache, torch.zeros(2, dtype=torch.long)))
        except _REFUSALS:
            return False
    return _is_near(parts, whole)


@torch.inference_mode()
def mixes_prefixes(model: Any) -> bool:
    """Whether two rows behind prefixes of unlike lengths, which ran together, answer as their whole prompts do."""
    prompts = probe_tokens(model, [_PREFIX + _REST, _SHORT])
    cuts = torch.tensor([prompt.shape[-1] - _REST for prompt in prompts])
    if cuts.min() < 1 or cuts[0] == cuts[1]:
        return False
    prefixes = torch.zeros(2, int(cuts.max()), dtype=torch.long)
    for row, (prompt, cut) in enumerate(zip(prompts, cuts, strict=True)):
        prefixes[row, :cut] = prompt[0, :cut]
    rest = torch.cat([prompt[:, -_REST:] for prompt in prompts])
    lengths = cuts.to(model.device)
    with AnswerHead(model).attached() as head:
        whole = torch.cat([_answer(model, head, prompt) for prompt in prompts])
        try:
            head.expect(cuts - 1)
            cache = model(prefixes.to(model.device), use_cache=True).past_key_values
            if not is_plain(cache):
                return False
            align_right(cache, lengths)
            placed = beside(lengths, prefixes.shape[-1], _REST)
            parts = _answer(model, head, rest, behind(cache, torch.arange(2)), **placed)
        except _REFUSALS:
            return False
    return _is_near(parts[:1], whole[:1]) and _is_near(parts[1:], whole[1:])


@torch.inference_mode()
def pads(model: Any) -> bool:
    """Whether a short row answers the same alone and beside a longer one, with padding behind its last token."""
    longer, short = probe_tokens(model, [_PREFIX + _REST, _SHORT])
    padded = torch.zeros_like(longer)
    padded[0, : short.shape[-1]] = short
    with AnswerHead(model).attached() as head:
        alone = _answer(model, head, short)
        head.expect(torch.tensor([longer.shape[-1] - 1, short.shape[-1] - 1]))
        both = model(torch.cat([longer, padded]).to(model.device), use_cache=False).logits[:, -1]
    return _is_near(both[1:], alone)


def exact_up_to(config: Any) -> int:
    """Tokens up to which sparse attention sees all that came before; 0 where attention is not sparse.

    With more, what it chooses to see depends on how long the rows beside it are, and probes are too short to show it.
    """
    blocks = getattr(config, "index_topk_blocks", None)
    limits = (
        getattr(config, "index_topk", None),
        blocks * config.index_block_size if blocks else None,
        getattr(config, "indexer_budget", None),
    )
    return min((int(limit) for limit in limits if limit), default=0)


def _answer(model: Any, head: AnswerHead, rows: Tensor, cache: Any = None, **placed: Tensor) -> Tensor:
    """Logits [B, V] behind the last token of each row."""
    head.expect(torch.full((len(rows),), rows.shape[-1] - 1))
    output = model(rows.to(model.device), past_key_values=cache, use_cache=cache is not None, **placed)
    logits: Tensor = output.logits[:, -1]
    return logits


def _is_near(ours: Tensor, theirs: Tensor) -> bool:
    difference, size = (ours.float() - theirs.float()).abs(), theirs.float().abs()
    if theirs.dtype == torch.float32:
        return bool(difference.max() <= _ALLOWED * size.max().clamp_min(1e-3))
    return bool(difference.mean() <= _ALLOWED_16 * size.mean().clamp_min(1e-3))
