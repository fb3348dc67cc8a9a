"""Runs that act at the answer position alone: the tokens before it run as ever, once, and only the last one is asked.

Attention is causal, so nothing before the answer can see what is done there. The keys and values of all tokens before
it are a batch's *context*; while they are kept, another mask costs one token a question.

Axes: B rows of a batch, T tokens per row (padding included).
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch

from moe_core.errors import InterventionError, RunError
from moe_core.models.inference.asking import Asking
from moe_core.models.inference.flight import AnswersBehind, Flight, RanPrefixes
from moe_core.models.inference.kept.contexts import BrokenContextError, Context, context_of, joined, whole_cache
from moe_core.models.inference.once_a_model import REFUSALS, once_a_model
from moe_core.models.inference.planning.batch import Batch, Planned
from moe_core.models.inference.watching.batch_routing import BatchRouting
from moe_core.models.inference.watching.spans import Rows, Span
from moe_core.models.loading.building import LoadedModel
from moe_core.models.loading.memory import free_memory
from moe_core.models.prefix_cache import repeated

_PROBE = ((5, 9, 7, 6, 8, 4), (6, 8, 5))


@dataclass
class AnswersAlone(Asking):
    """The forward passes over one quiz, where each row's last token alone is acted on, while `acting` is open."""

    acting: Callable[[], AbstractContextManager[None]] = nullcontext

    def fitting(self, planned: Sequence[Planned], memory_share: float) -> list[Planned]:
        """The same in their order, groups in halves until the contexts of each that are not kept fit into the memory.

        That is half of its share of what is free. A CPU does not tell that it runs out: the system ends the program.
        """
        free = free_memory(self.loaded.specification.device)
        if free is None:
            return list(planned)
        return [part for each in planned for part in self._parts(each, int(free * memory_share) // 2)]

    def _parts(self, planned: Planned, n_bytes: int) -> Iterator[Planned]:
        new = [each for each in planned.batches if self.kept.contexts.get(each, keep_tokens=self.keep_tokens) is None]
        n_tokens = sum(len(batch.questions) * batch.width(self.tokenised) for batch in new)
        if len(planned.batches) == 1 or n_tokens * _context_bytes(self.loaded) <= n_bytes:
            yield planned
            return
        for half in planned.halves():
            yield from self._parts(half, n_bytes)

    def passes(self, planned: Planned) -> Iterator[tuple[Flight, ...]]:
        """Run the last token of each row as the intervention says, behind the others, which run or ran without it."""
        contexts, ran = list[Context](), list[RanPrefixes]()
        for batch in planned.batches:
            prefixes = self._before_batch(batch)
            ran.append(prefixes.without_cache())
            if not batch.questions:
                continue
            context = self.kept.contexts.get(batch, keep_tokens=self.keep_tokens)
            if context is None:
                context = self._run_context(batch, prefixes)
                self.kept.contexts.add(batch, context)
                yield ()
            contexts.append(context)
        routings = self._run_answers(planned.questions, contexts) if contexts else [None]
        yield tuple(map(Flight, planned.batches, ran, routings))

    def _run_prefixes(self, indices: tuple[int, ...]) -> RanPrefixes:
        if kept := self.kept.contexts.get(indices, keep_tokens=self.keep_tokens):
            return RanPrefixes(indices, kept.cache, kept.routing)
        ran = super()._run_prefixes(indices)
        lengths = torch.tensor(list(map(self.tokenised.prefix_length, indices)))
        self.kept.contexts.add(indices, Context(ran.cache, lengths, ran.routing))
        return ran

    def _cache_of_prefixes(self) -> Any:
        return whole_cache()

    def _run_context(self, batch: Batch, prefixes: RanPrefixes) -> Context:
        """Run all tokens of each row but the last, without the intervention."""
        rows, before = self._rows(batch).without_last(), self._before(batch)
        cache, placed = whole_cache(), {}
        if batch.prefixes:
            cache = repeated(copy.deepcopy(prefixes.cache), before.place)
            placed = before.placed(max(1, rows.n_tokens))
        output, spans = self._pass(rows, past_key_values=cache, use_cache=True, **placed)
        routing = BatchRouting(self.watch.layers(), spans, None, keep_tokens=self.keep_tokens)
        n_own, n_tokens = spans.last + 1, before.n_tokens + spans.n_tokens
        try:
            return context_of(
                output.past_key_values, before.n_tokens + n_own, n_tokens, before.lengths + n_own, routing
            )
        except BrokenContextError as error:
            raise RunError(
                f"A mask at the answer position alone needs the keys and values of all tokens of a prompt, and of "
                f"{rows.n_tokens + 1:,} tokens this model keeps only some."
            ) from error

    def _run_answers(self, questions: Sequence[int], contexts: Sequence[Context]) -> Iterator[AnswersBehind]:
        """Run the last tokens of all rows behind their contexts; the routing of each batch."""
        rows = [self.tokenised.segments[question][-1:] for question in questions]
        with self.acting():
            output, spans = self._pass(Rows(rows, [Span(row, 0, 1) for row in range(len(rows))]), **joined(contexts))
        logprobs = self._choice_logprobs(output.logits[:, 0], questions)
        answers, first = BatchRouting(self.watch.layers(), spans, logprobs, keep_tokens=self.keep_tokens), 0
        for context in contexts:
            assert context.routing is not None
            yield AnswersBehind(context.routing, answers, first, len(context.lengths))
            first += len(context.lengths)


def check_answers_alone(loaded: LoadedModel) -> None:
    """Raise InterventionError for a model that does not answer the same in two passes."""
    if not _context_bytes(loaded):
        raise InterventionError(
            f"{loaded.specification.name} cannot be asked with a mask at the answer position alone: behind the "
            "kept keys and values of its prompts it answers otherwise."
        )


@once_a_model
@torch.inference_mode()
def _context_bytes(loaded: LoadedModel) -> int:
    """Bytes of a token's keys and values; 0 where prompts have other logits in two passes than in one."""
    model, lengths = loaded.model, torch.tensor([len(row) for row in _PROBE])
    n_tokens = int(lengths.max())
    ids = torch.zeros(len(_PROBE), n_tokens, dtype=torch.long)
    for row, tokens in enumerate(_PROBE):
        ids[row, : len(tokens)] = torch.tensor(tokens)
    ids, lengths = ids.to(model.device), lengths.to(model.device)
    last = lengths[:, None] - 1
    try:
        whole = model(input_ids=ids, use_cache=False).logits.take_along_dim(last[..., None], dim=1)  # [B, 1, V]
        ran = model(input_ids=ids[:, :-1], past_key_values=whole_cache(), use_cache=True)
        context = context_of(ran.past_key_values, lengths - 1, n_tokens - 1, lengths - 1)
        again = model(input_ids=ids.gather(1, last), **joined([context])).logits
    except (BrokenContextError, *REFUSALS):
        return 0
    rounding = 64 * torch.finfo(whole.dtype).eps * float(whole.abs().max())
    return context.n_bytes // ids.numel() if (whole - again).abs().max() <= rounding else 0
