"""The forward passes over one quiz: of prefixes, of a batch behind them, and what they gave as records.

Axes: B rows of the batch, T tokens per row (padding included), C choices, V vocabulary.
"""

import copy
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from moe_core.errors import RunError
from moe_core.interventions.intervention import Intervention
from moe_core.models.answer_head import AnswerHead
from moe_core.models.inference.answer_alone import AnswersBehind, BrokenContextError, Context, context_of, whole_cache
from moe_core.models.inference.batch import Batch, PassName
from moe_core.models.inference.batch_routing import BatchRouting
from moe_core.models.inference.batches import BatchRan, Wanted
from moe_core.models.inference.device_failures import DeviceFailure
from moe_core.models.inference.flight import NO_PREFIXES, Flight, RanPrefixes
from moe_core.models.inference.kept_passes import KeptPasses
from moe_core.models.inference.router_watch import RouterWatch
from moe_core.models.inference.spans import Span, Spans, make_spans, on_device
from moe_core.models.inference.unkept_cache import layers_to_pass_by, unkept_cache
from moe_core.models.loading.building import LoadedModel
from moe_core.models.prefix_cache import Before, align_right, behind, repeated
from moe_core.quizzes.prompting import TokenisedQuiz
from moe_core.traces.records import PrefixRecord, QuestionRecord

# All but cuDNN's, which plans a pass of every new shape anew: more than a millisecond a layer.
ATTENTION_KERNELS = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]


class Asking:
    """The forward passes over one quiz."""

    def __init__(
        self,
        loaded: LoadedModel,
        tokenised: TokenisedQuiz,
        watch: RouterWatch,
        head: AnswerHead,
        keep_tokens: bool,
        wanted: Wanted,
        kept: KeptPasses,
        intervention: Intervention,
        acting: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """While `acting` is open, the intervention is carried out: here, where that is at the answer alone."""
        self._model = loaded.model
        self._n_unkept = layers_to_pass_by(loaded)
        self._watch = watch
        self._head = head
        self._keep_tokens = keep_tokens
        self._kept = kept
        self._first = kept.first_layer(Intervention() if intervention.at_answer else intervention)
        self._at_answer, self._acting = intervention.at_answer, acting
        self.tokenised = tokenised
        self.wanted = wanted
        self.mixes_prefixes = loaded.specification.abilities.mix_prefixes
        self.n_ahead = 1 if self._model.device.type == "cuda" else 0  # a CPU computes nothing while we do

    def padded_tokens(self, batch: Batch) -> int:
        """Tokens of one forward pass over a batch, its shared prefixes aside."""
        return len(batch.questions) * max(batch.lengths(self.tokenised), default=0)

    def forget(self) -> None:
        """Let go of what the last pass left on the device."""
        self._watch.forget()

    def let_go_of_kept(self) -> bool:
        """Free what earlier runs left; whether there was anything."""
        return self._kept.let_go()

    def lost(self, failure: DeviceFailure, questions: Sequence[int]) -> RunError:
        """The error that ends the run."""
        device = self._model.device
        if not failure.is_memory:
            return RunError(f"{device} failed ({failure.reason}): what was recorded is kept, and can be resumed.")
        longest = max(map(self.tokenised.own_length, questions), default=0)
        return RunError(
            f"Even a single prompt of {longest:,} tokens is too much for the memory of {device}: free some, or choose "
            "another device; what was recorded is kept."
        )

    def run_prefixes(self, indices: tuple[int, ...]) -> RanPrefixes:
        """Run prefixes on their own and keep their keys and values; nothing where there are none."""
        if not indices:
            return NO_PREFIXES
        if self._at_answer and (kept := self._kept.contexts.get(indices, keep_tokens=self._keep_tokens)):
            return RanPrefixes(indices, kept.cache, kept.routing)
        rows = [self.tokenised.prefixes[index] for index in indices]
        own = [Span(row, 0, len(tokens)) for row, tokens in enumerate(rows)]
        cache, routing = self._forward(indices, rows, own, [], cache=whole_cache() if self._at_answer else None)
        if self._at_answer:
            self._kept.contexts.add(indices, Context(cache, torch.tensor([len(tokens) for tokens in rows]), routing))
        return RanPrefixes(indices, cache, routing)

    def run_batch(self, batch: Batch, prefixes: RanPrefixes) -> BatchRouting | AnswersBehind | None:
        """Run the questions of one batch behind their prefixes, or as whole prompts, and score their choices."""
        if not batch.questions:
            return None
        shares = bool(batch.prefixes)
        rows = [(self.tokenised.segments[n] if shares else self.tokenised.prompt_ids(n)) for n in batch.questions]
        own = self._own_spans(batch)
        told = [
            Span(span.row, 0, span.start) for n, span in zip(batch.questions, own, strict=True) if n in batch.tellers
        ]
        if self._at_answer:
            return self._run_answers(batch, rows, own, told, prefixes)
        if not shares:
            return self._forward(batch, rows, own, told, cache=unkept_cache(self._n_unkept))[1]
        before = self._before(batch)
        cache, placed = behind(prefixes.cache, before.place), before.placed(max(map(len, rows)))
        return self._forward(batch, rows, own, told, cache=cache, **placed)[1]

    def _before(self, batch: Batch) -> Before:
        """The prefixes of its rows, among those that ran together; of no tokens where there are none."""
        lengths = [self.tokenised.prefix_length(prefix) for prefix in batch.prefixes] or [0]
        places = {prefix: place for place, prefix in enumerate(batch.prefixes)}
        of_rows = [places.get(int(self.tokenised.prefix_of[question]), 0) for question in batch.questions]
        there = [torch.tensor(of_rows), torch.tensor([lengths[place] for place in of_rows])]
        place, own = on_device(there, self._model.device)
        return Before(place, own, max(lengths), is_padded=len(set(lengths)) > 1)

    def _run_answers(
        self,
        batch: Batch,
        rows: Sequence[NDArray[np.int32]],
        own: Sequence[Span],
        told: Sequence[Span],
        prefixes: RanPrefixes,
    ) -> AnswersBehind:
        """Run the last token of each row as the intervention says, behind the others, which run or ran without it."""
        context = self._kept.contexts.get(batch, keep_tokens=self._keep_tokens)
        if context is None:
            context = self._run_context(batch, rows, own, told, prefixes)
            self._kept.contexts.add(batch, context)
        assert context.routing is not None
        last = [Span(row, 0, 1) for row in range(len(rows))]
        with self._acting():
            output, spans = self._pass([row[-1:] for row in rows], last, **context.behind())
        logprobs = self._choice_logprobs(output.logits[:, 0], batch.questions)
        answers = BatchRouting(self._watch.layers(), spans, logprobs, keep_tokens=self._keep_tokens)
        return AnswersBehind(context.routing, answers, len(rows))

    def _run_context(
        self,
        batch: Batch,
        rows: Sequence[NDArray[np.int32]],
        own: Sequence[Span],
        told: Sequence[Span],
        prefixes: RanPrefixes,
    ) -> Context:
        """Run all tokens of each row but the last, without the intervention."""
        spans_before = [Span(row, start, stop - 1) for row, start, stop in own]
        before, cache, placed = self._before(batch), whole_cache(), {}
        if batch.prefixes:
            cache = repeated(copy.deepcopy(prefixes.cache), before.place)
            placed = before.placed(max(1, *(len(row) - 1 for row in rows)))
        output, spans = self._pass(
            [row[:-1] for row in rows], spans_before, told, past_key_values=cache, use_cache=True, **placed
        )
        routing = BatchRouting(self._watch.layers(), spans, None, keep_tokens=self._keep_tokens)
        n_own, n_tokens = spans.last + 1, before.n_tokens + spans.n_tokens
        try:
            return context_of(
                output.past_key_values, before.n_tokens + n_own, n_tokens, before.lengths + n_own, routing
            )
        except BrokenContextError as error:
            longest = max(map(len, rows))
            raise RunError(
                f"A mask at the answer position alone needs the keys and values of all tokens of a prompt, and of "
                f"{longest:,} tokens this model keeps only some."
            ) from error

    def records(self, flight: Flight) -> BatchRan:
        """What a batch gave, once the device has computed it: what is wanted of it, and nothing else."""
        batch, routing = flight.batch, flight.routing
        prefixes = [record for ran in flight.ran_before for record in ran.records(self.wanted.prefixes)]
        if routing is None:
            return BatchRan(tuple(prefixes), ())
        tellers = [row for row, question in enumerate(batch.questions) if question in batch.tellers]
        for number, row in enumerate(tellers, len(batch.questions)):
            index = int(self.tokenised.prefix_of[batch.questions[row]])
            if index not in self.wanted.prefixes:
                continue
            # Within a row, a value that is not finite spoils what stands before it, too: nothing times NaN is NaN.
            told = PrefixRecord(index, routing.segment(number))
            prefixes += [told] if routing.is_finite(row) else self.run_prefixes((index,)).records({index})
        questions = [
            QuestionRecord(
                question,
                routing.segment(row),
                routing.answer(
                    row,
                    len(self.tokenised.questions[question].choices),
                    prefix_finite=flight.prefixes.is_finite(int(self.tokenised.prefix_of[question])),
                    in_smaller_batch=batch.is_part,
                ),
            )
            for row, question in enumerate(batch.questions)
            if question in self.wanted.questions
        ]
        return BatchRan(tuple(prefixes), tuple(questions))

    def _own_spans(self, batch: Batch) -> list[Span]:
        """Each question's own tokens in the rows of a batch."""
        tokenised, spans = self.tokenised, []
        for row, question in enumerate(batch.questions):
            start = 0 if batch.prefixes else tokenised.prefix_length(int(tokenised.prefix_of[question]))
            spans.append(Span(row, start, start + tokenised.own_length(question)))
        return spans

    def _forward(
        self,
        name: PassName,
        rows: Sequence[NDArray[np.int32]],
        own: Sequence[Span],
        told: Sequence[Span],
        *,
        cache: Any,
        **placed: Tensor,
    ) -> tuple[Any, BatchRouting]:
        """The cache and the routing of a batch behind prefixes' cache, or without one; or of prefixes."""
        start = self._kept.start(name, self._first, keep_tokens=self._keep_tokens)
        with self._kept.running(start, self._first) as streams:
            use_cache = cache is not None or not isinstance(name, Batch)
            output, spans = self._pass(rows, own, told, past_key_values=cache, use_cache=use_cache, **placed)
        logprobs = self._choice_logprobs(output.logits[:, 0], name.questions) if isinstance(name, Batch) else None
        routing = BatchRouting(
            self._watch.layers(start.n_routers),
            spans,
            logprobs,
            keep_tokens=self._keep_tokens,
            before=start.routing,
            n_before=start.n_routers,
        )
        if not isinstance(name, Batch) and len(set(map(len, rows))) > 1:
            align_right(output.past_key_values, spans.last + 1)
        self._kept.add(name, start, streams, routing, output.past_key_values)
        return output.past_key_values, routing

    @torch.inference_mode()
    @sdpa_kernel(ATTENTION_KERNELS)
    def _pass(
        self, rows: Sequence[NDArray[np.int32]], own: Sequence[Span], told: Sequence[Span] = (), **behind: Any
    ) -> tuple[Any, Spans]:
        """What the model returns for these rows, padded at their ends, and the spans that were watched."""
        padded = np.zeros((len(rows), max(1, *map(len, rows))), dtype=np.int64)  # [B, T]; id 0 stands for padding
        for row, tokens in enumerate(rows):
            padded[row, : len(tokens)] = tokens
        spans, (ids,) = make_spans(own, told, self._model.device, torch.from_numpy(padded))
        self._watch.expect(spans)
        self._head.expect(spans.last)
        return self._model(input_ids=ids, **behind), spans

    @torch.inference_mode()
    def _choice_logprobs(self, logits: Tensor, questions: Sequence[int]) -> Tensor:
        """Log-probabilities [B, C] of the choices from the logits [B, V] of their answer positions, NaN beyond."""
        targets = self.tokenised.target_ids[list(questions)].astype(np.int64)  # [B, C]
        there = [torch.from_numpy(values) for values in (targets.clip(min=0), targets < 0)]
        ids, missing = on_device(there, logits.device)
        return logits.float().log_softmax(-1).gather(1, ids).masked_fill(missing, torch.nan)
