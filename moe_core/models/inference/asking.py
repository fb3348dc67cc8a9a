"""The forward passes over one quiz: of prefixes, of a batch behind them, and what they gave as records.

Axes: B rows of the batch, T tokens per row (padding included), C choices, V vocabulary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from moe_core.errors import RunError
from moe_core.models.answer_head import AnswerHead
from moe_core.models.inference.device_failures import DeviceFailure
from moe_core.models.inference.flight import NO_PREFIXES, Flight, RanPrefixes
from moe_core.models.inference.kept.kept_passes import KeptPasses
from moe_core.models.inference.planning.batch import Batch, PassName, Planned
from moe_core.models.inference.planning.batches import BatchRan, Wanted
from moe_core.models.inference.unkept_cache import layers_to_pass_by, unkept_cache
from moe_core.models.inference.watching.batch_routing import BatchRouting
from moe_core.models.inference.watching.router_watch import RouterWatch
from moe_core.models.inference.watching.spans import Rows, Span, Spans, make_spans, on_device
from moe_core.models.loading.building import LoadedModel
from moe_core.models.prefix_cache import Before, align_right, behind
from moe_core.quizzes.prompting import TokenisedQuiz
from moe_core.traces.records import PrefixRecord, QuestionRecord

# All but cuDNN's, which plans a pass of every new shape anew: more than a millisecond a layer.
ATTENTION_KERNELS = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]


@dataclass
class Asking:
    """The forward passes over one quiz; `first` is the first layer that is acted on."""

    loaded: LoadedModel
    tokenised: TokenisedQuiz
    watch: RouterWatch
    head: AnswerHead
    keep_tokens: bool
    wanted: Wanted
    kept: KeptPasses
    first: int
    _prefixes: RanPrefixes = NO_PREFIXES
    _told: set[int] = field(default_factory=set)

    @property
    def mixes_prefixes(self) -> bool:
        """Whether several prefixes may run together, and rows behind them."""
        return self.loaded.specification.abilities.mix_prefixes

    @property
    def _device(self) -> torch.device:
        device: torch.device = self.loaded.model.device
        return device

    @property
    def n_ahead(self) -> int:
        """Batches that may run while what was asked before them is taken: a CPU computes nothing while we do."""
        return int(self._device.type == "cuda")

    def padded_tokens(self, planned: Planned) -> int:
        """Tokens of the forward passes over a batch or group, shared prefixes aside."""
        return sum(len(batch.questions) * max(batch.lengths(self.tokenised), default=0) for batch in planned.batches)

    def forget(self) -> None:
        """Let go of what the last pass left on the device."""
        self.watch.forget()

    def lost(self, failure: DeviceFailure, questions: Sequence[int]) -> RunError:
        """The error that ends the run."""
        if not failure.is_memory:
            return RunError(f"{self._device} failed ({failure.reason}): what was recorded is kept, and can be resumed.")
        longest = max(map(self.tokenised.prompt_length, questions), default=0)
        return RunError(
            f"Even a single prompt of {longest:,} tokens is too much for the memory of {self._device}: free some, or "
            "choose another device; what was recorded is kept."
        )

    def is_behind(self, prefixes: tuple[int, ...]) -> bool:
        """Whether these have run, and their keys and values are there, or there are none."""
        return prefixes in ((), self._prefixes.indices)

    def passes(self, planned: Planned) -> Iterator[tuple[Flight, ...]]:
        """Run one batch or group: what has run, when all of it has, and nothing after each pass before."""
        (batch,) = planned.batches
        prefixes = self._before_batch(batch)
        yield (Flight(batch, prefixes.without_cache(), self._run_batch(batch, prefixes) if batch.questions else None),)

    def _before_batch(self, batch: Batch) -> RanPrefixes:
        """Its prefixes, which are run where they are not those of the last batch."""
        if self._prefixes.indices != batch.prefixes:
            self._prefixes = NO_PREFIXES  # which frees the memory that the last ones took
            self._prefixes = self._run_prefixes(batch.prefixes) if batch.prefixes else NO_PREFIXES
        return self._prefixes

    def _run_prefixes(self, indices: tuple[int, ...]) -> RanPrefixes:
        """Run prefixes on their own and keep their keys and values."""
        rows = [self.tokenised.prefixes[index] for index in indices]
        own = [Span(row, 0, len(tokens)) for row, tokens in enumerate(rows)]
        return RanPrefixes(indices, *self._forward(indices, Rows(rows, own), cache=self._cache_of_prefixes()))

    def _cache_of_prefixes(self) -> Any:
        """What their keys and values are to be left in; None for the model's own."""
        return None

    def _run_batch(self, batch: Batch, prefixes: RanPrefixes) -> BatchRouting:
        """Run the questions of one batch behind their prefixes, or as whole prompts, and score their choices."""
        rows = self._rows(batch)
        if not batch.prefixes:
            return self._forward(batch, rows, cache=unkept_cache(layers_to_pass_by(self.loaded)))[1]
        before = self._before(batch)
        cache = behind(prefixes.cache, before.place)
        return self._forward(batch, rows, cache=cache, **before.placed(rows.n_tokens))[1]

    def _before(self, batch: Batch) -> Before:
        """The prefixes of its rows, among those that ran together; of no tokens where there are none."""
        lengths = [self.tokenised.prefix_length(prefix) for prefix in batch.prefixes] or [0]
        places = {prefix: place for place, prefix in enumerate(batch.prefixes)}
        of_rows = [places.get(int(self.tokenised.prefix_of[question]), 0) for question in batch.questions]
        there = [torch.tensor(of_rows), torch.tensor([lengths[place] for place in of_rows])]
        place, own = on_device(there, self._device)
        return Before(place, own, max(lengths), is_padded=len(set(lengths)) > 1)

    def records(self, flights: Sequence[Flight]) -> BatchRan:
        """What has run together gave, once the device has computed it: what is wanted of it, and nothing else."""
        prefixes = list(chain.from_iterable(map(self._prefix_records, flights)))
        return BatchRan(tuple(prefixes), tuple(chain.from_iterable(map(self._question_records, flights))))

    def _prefix_records(self, flight: Flight) -> Iterator[PrefixRecord]:
        """Each wanted prefix is told of once: as it ran before the first batch behind it, or by a teller."""
        batch, routing = flight.batch, flight.routing
        yield from flight.prefixes.records(self.wanted.prefixes - self._told)
        self._told.update(flight.prefixes.indices)
        tellers = [row for row, question in enumerate(batch.questions) if question in batch.tellers]
        for number, row in enumerate(tellers, len(batch.questions)):
            index = int(self.tokenised.prefix_of[batch.questions[row]])
            if index not in self.wanted.prefixes or routing is None:
                continue
            # Within a row, a value that is not finite spoils what stands before it, too: nothing times NaN is NaN.
            if routing.is_finite(row):
                yield PrefixRecord(index, routing.segment(number))
            else:
                yield from self._run_prefixes((index,)).records({index})

    def _question_records(self, flight: Flight) -> Iterator[QuestionRecord]:
        batch, routing = flight.batch, flight.routing
        for row, question in enumerate(batch.questions):
            if question not in self.wanted.questions or routing is None:
                continue
            n_choices = len(self.tokenised.questions[question].choices)
            prefix_finite = flight.prefixes.is_finite(int(self.tokenised.prefix_of[question]))
            answer = routing.answer(row, n_choices, prefix_finite=prefix_finite, in_smaller_batch=batch.is_part)
            yield QuestionRecord(question, routing.segment(row), answer)

    def _rows(self, batch: Batch) -> Rows:
        """The rows of a batch, each question's own tokens in them, and those of prefixes that it tells of."""
        tokenised, rows, own, told = self.tokenised, [], [], []
        for row, question in enumerate(batch.questions):
            rows.append(tokenised.segments[question] if batch.prefixes else tokenised.prompt_ids(question))
            start = len(rows[row]) - tokenised.own_length(question)
            own.append(Span(row, start, len(rows[row])))
            told += [Span(row, 0, start)] if question in batch.tellers else []
        return Rows(rows, own, told)

    def _forward(self, name: PassName, rows: Rows, *, cache: Any, **placed: Tensor) -> tuple[Any, BatchRouting]:
        """The cache and the routing of a batch behind prefixes' cache, or without one; or of prefixes."""
        start = self.kept.start(name, self.first, keep_tokens=self.keep_tokens)
        with self.kept.running(start, self.first) as streams:
            use_cache = cache is not None or not isinstance(name, Batch)
            output, spans = self._pass(rows, past_key_values=cache, use_cache=use_cache, **placed)
        logprobs = self._choice_logprobs(output.logits[:, 0], name.questions) if isinstance(name, Batch) else None
        routing = BatchRouting(
            self.watch.layers(start.n_routers),
            spans,
            logprobs,
            keep_tokens=self.keep_tokens,
            before=start.routing,
            n_before=start.n_routers,
        )
        if not isinstance(name, Batch) and len(set(map(len, rows.tokens))) > 1:
            align_right(output.past_key_values, spans.last + 1)
        self.kept.add(name, start, streams, routing, output.past_key_values)
        return output.past_key_values, routing

    @torch.inference_mode()
    @sdpa_kernel(ATTENTION_KERNELS)
    def _pass(self, rows: Rows, **placed: Any) -> tuple[Any, Spans]:
        """What the model returns for these rows, padded at their ends, and the spans that were watched."""
        padded = np.zeros((len(rows.tokens), max(1, rows.n_tokens)), dtype=np.int64)  # [B, T]; id 0 stands for padding
        for row, tokens in enumerate(rows.tokens):
            padded[row, : len(tokens)] = tokens
        spans, (ids,) = make_spans(rows.own, rows.told, self._device, torch.from_numpy(padded))
        self.watch.expect(spans)
        self.head.expect(spans.last.clamp(min=0))  # before the answer a row may have no token
        return self.loaded.model(input_ids=ids, **placed), spans

    @torch.inference_mode()
    def _choice_logprobs(self, logits: Tensor, questions: Sequence[int]) -> Tensor:
        """Log-probabilities [B, C] of the choices from the logits [B, V] of their answer positions, NaN beyond."""
        targets = self.tokenised.target_ids[list(questions)].astype(np.int64)  # [B, C]
        there = [torch.from_numpy(values) for values in (targets.clip(min=0), targets < 0)]
        ids, missing = on_device(there, logits.device)
        return logits.float().log_softmax(-1).gather(1, ids).masked_fill(missing, torch.nan)
