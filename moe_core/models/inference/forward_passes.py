"""Asks a model the questions of a tokenised quiz, batch by batch, one forward pass per question.

Where that pays, a prefix that several questions share runs once; its keys and values are then repeated for every row
of a batch. A GPU runs the next batch while what the last one gave is taken from it.
"""

import copy
import math
from collections import deque
from collections.abc import Collection, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from moe_core.errors import RunError
from moe_core.interventions.intervention import Intervention
from moe_core.models.answer_head import AnswerHead, repeated
from moe_core.models.inference.batch_routing import BatchRouting
from moe_core.models.inference.batches import (
    Asked,
    Batch,
    BatchHalved,
    BatchRan,
    Wanted,
    pending_batches,
    plan_batches,
)
from moe_core.models.inference.device_failures import DeviceFailure, attempt
from moe_core.models.inference.kept_passes import KeptPasses
from moe_core.models.inference.router_watch import RouterWatch
from moe_core.models.inference.spans import Span, make_spans, on_device
from moe_core.models.inference.steering import layer_steerings
from moe_core.models.loading.building import LoadedModel
from moe_core.models.neurons import switched_off
from moe_core.quizzes.prompting import TokenisedQuiz
from moe_core.traces.records import PrefixRecord, QuestionRecord
from moe_core.traces.specification import NEWEST_BATCH_PLAN


@dataclass(frozen=True)
class _Prefix:
    """A shared prefix that has run on its own: its keys and values, and its routing."""

    index: int
    cache: Any = None
    routing: BatchRouting | None = None

    @property
    def is_finite(self) -> bool:
        return self.routing is None or self.routing.is_finite(0)

    def record(self) -> PrefixRecord:
        assert self.routing is not None
        return PrefixRecord(self.index, self.routing.segment(0))


@dataclass(frozen=True)
class _Flight:
    """A batch that runs, or has run: what it was, what came before it, and its routing, which may still be computed."""

    batch: Batch
    prefix: _Prefix
    routing: BatchRouting | None
    ran_before: tuple[_Prefix, ...] = ()


_NO_PREFIX = _Prefix(-1)

# All but cuDNN's, which plans a pass of every new shape anew: more than a millisecond a layer.
ATTENTION_KERNELS = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]


def ask(
    loaded: LoadedModel,
    tokenised: TokenisedQuiz,
    questions: Sequence[int],
    prefixes: Sequence[int],
    *,
    batch_tokens: int,
    keep_tokens: bool,
    intervention: Intervention,
    pending: Collection[int] | None = None,
    batch_plan: int = NEWEST_BATCH_PLAN,
    kept: KeptPasses | None = None,
) -> Generator[Asked, None, None]:
    """The records of `questions` and `prefixes`, batch by batch as they have run; each is yielded exactly once.

    `pending` names those of the questions whose records are missing, None: all. Only they are yielded, with the same
    numbers as if all were asked. `kept` is what earlier runs in the same batches left: layers before the first that the
    intervention acts on are not run again where it holds their result, with the same numbers.

    Where a batch is too large for the device's memory, BatchHalved is yielded and it is run in halves. Raises
    RunError when a single question is too large, or when the device fails in another way.
    """
    wanted = Wanted(frozenset(questions if pending is None else pending), frozenset(prefixes))
    batches = plan_batches(tokenised, questions, batch_tokens, loaded.specification.device, batch_plan)
    batches = list(pending_batches(batches, tokenised, wanted))
    yield from ask_batches(
        loaded, tokenised, batches, wanted, keep_tokens=keep_tokens, intervention=intervention, kept=kept
    )


def ask_batches(
    loaded: LoadedModel,
    tokenised: TokenisedQuiz,
    batches: Sequence[Batch],
    wanted: Wanted,
    *,
    keep_tokens: bool,
    intervention: Intervention,
    kept: KeptPasses | None = None,
) -> Generator[Asked, None, None]:
    """What is wanted of these batches, in their order; else as `ask`, which plans them."""
    n_layers, n_experts = len(loaded.routers), loaded.specification.n_experts
    intervention.check(n_layers, n_experts, loaded.specification.top_k)
    steerings = layer_steerings(intervention, loaded.routers, n_experts)
    can = loaded.specification.abilities
    watch = RouterWatch(loaded.routers, can.scoring, steerings)
    off = switched_off(loaded.routers, can.neurons or 0, intervention.neurons)
    with off, watch.attached(), AnswerHead(loaded.model).attached() as head:
        kept = kept or KeptPasses(loaded)
        asking = _Asking(loaded, tokenised, watch, head, keep_tokens, wanted, kept, kept.first_layer(intervention))
        yield from _in_order(asking, deque(batches))


def _in_order(asking: "_Asking", batches: deque[Batch]) -> Generator[Asked, None, None]:
    """Run the batches in order; one that is too large for the memory is halved, and so are all others of its size."""
    prefix, ran, largest = _NO_PREFIX, list[_Prefix](), math.inf
    flights = deque[_Flight]()
    while batches:
        batch = batches.popleft()
        if not asking.wanted.of(batch, asking.tokenised):  # half of one that is
            continue
        if len(batch.questions) > 1 and asking.padded_tokens(batch) > largest:
            batches.extendleft(reversed(batch.halves()))
            continue
        if batch.prefix != prefix.index:
            prefix = asking.run_prefix(batch.prefix)
            ran += [prefix] if prefix.index in asking.wanted.prefixes else []
        routing = attempt(partial(asking.run_batch, batch, prefix))
        if isinstance(routing, DeviceFailure):
            yield from _land(asking, flights, 0)
            asking.forget()
            if routing.is_memory and asking.let_go_of_kept():
                batches.appendleft(batch)
                continue
            if not routing.is_memory or len(batch.questions) < 2:
                raise asking.lost(routing, batch.questions)
            largest = asking.padded_tokens(batch) // 2
            batches.extendleft(reversed(batch.halves()))
            yield BatchHalved(len(batch.questions), math.ceil(len(batch.questions) / 2))
            continue
        flights.append(_Flight(batch, prefix, routing, tuple(ran)))
        ran = []
        yield from _land(asking, flights, asking.n_ahead)
    yield from _land(asking, flights, 0)


def _land(asking: "_Asking", flights: deque[_Flight], n_left: int) -> Iterator[BatchRan]:
    """What the oldest flights gave, until no more than `n_left` are under way."""
    while len(flights) > n_left:
        flight = flights.popleft()
        ran = attempt(partial(asking.records, flight))
        if isinstance(ran, DeviceFailure):  # which a GPU tells only when it is waited for
            asking.forget()
            raise asking.lost(ran, flight.batch.questions)
        yield ran


class _Asking:
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
        first: int,
    ) -> None:
        self._model = loaded.model
        self._watch = watch
        self._head = head
        self._keep_tokens = keep_tokens
        self._kept, self._first = kept, first
        self.tokenised = tokenised
        self.wanted = wanted
        self.n_ahead = 1 if self._model.device.type == "cuda" else 0  # a CPU computes nothing while we do

    def padded_tokens(self, batch: Batch) -> int:
        """Tokens of one forward pass over a batch, its shared prefix aside."""
        return len(batch.questions) * max((stop for _, _, stop in self._own_spans(batch)), default=0)

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

    def run_prefix(self, index: int) -> _Prefix:
        """Run one prefix on its own and keep its keys and values; nothing for index -1."""
        if index < 0:
            return _NO_PREFIX
        tokens = self.tokenised.prefixes[index]
        own = [Span(0, 0, len(tokens))]
        ran = attempt(partial(self._forward, index, [tokens], own, [], cache=None))
        if isinstance(ran, DeviceFailure):
            self.forget()
            raise self.lost(ran, [])
        cache, routing = ran
        return _Prefix(index, cache, routing)

    def run_batch(self, batch: Batch, prefix: _Prefix) -> BatchRouting | None:
        """Run the questions of one batch behind their prefix, or as whole prompts, and score their choices."""
        if not batch.questions:
            return None
        behind = prefix.index >= 0
        rows = [(self.tokenised.segments[n] if behind else self.tokenised.prompt_ids(n)) for n in batch.questions]
        own = self._own_spans(batch)
        told = [
            Span(span.row, 0, span.start) for n, span in zip(batch.questions, own, strict=True) if n in batch.tellers
        ]
        cache = copy.deepcopy(prefix.cache)
        if cache is not None:
            cache = repeated(cache, len(rows))
        _, routing = self._forward(batch, rows, own, told, cache=cache)
        return routing

    def records(self, flight: _Flight) -> BatchRan:
        """What a batch gave, once the device has computed it: what is wanted of it, and nothing else."""
        batch, routing = flight.batch, flight.routing
        prefixes = [prefix.record() for prefix in flight.ran_before]
        if routing is None:
            return BatchRan(tuple(prefixes), ())
        tellers = [row for row, question in enumerate(batch.questions) if question in batch.tellers]
        for number, row in enumerate(tellers, len(batch.questions)):
            index = int(self.tokenised.prefix_of[batch.questions[row]])
            if index not in self.wanted.prefixes:
                continue
            # Within a row, a value that is not finite spoils what stands before it, too: nothing times NaN is NaN.
            told = PrefixRecord(index, routing.segment(number))
            prefixes.append(told if routing.is_finite(row) else self.run_prefix(index).record())
        questions = [
            QuestionRecord(
                question,
                routing.segment(row),
                routing.answer(
                    row,
                    len(self.tokenised.questions[question].choices),
                    prefix_finite=flight.prefix.is_finite,
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
            start = 0 if batch.prefix >= 0 else tokenised.prefix_length(int(tokenised.prefix_of[question]))
            spans.append(Span(row, start, start + tokenised.own_length(question)))
        return spans

    @torch.inference_mode()
    @sdpa_kernel(ATTENTION_KERNELS)
    def _forward(
        self,
        name: Batch | int,
        rows: Sequence[NDArray[np.int32]],
        own: Sequence[Span],
        told: Sequence[Span],
        *,
        cache: Any,
    ) -> tuple[Any, BatchRouting]:
        """The cache and the routing of a batch behind a prefix's cache, or without one; or of a prefix (its number)."""
        padded = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)  # [B, T]; id 0 stands for padding
        for row, tokens in enumerate(rows):
            padded[row, : len(tokens)] = tokens
        device = self._model.device
        spans = make_spans(own, told, device)
        self._watch.expect(spans)
        self._head.expect(spans.last)
        start = self._kept.start(name, self._first, keep_tokens=self._keep_tokens)
        with self._kept.running(start, self._first) as streams:
            output = self._model(
                input_ids=on_device(torch.from_numpy(padded), device),
                past_key_values=cache,
                use_cache=cache is not None or isinstance(name, int),
            )
        logprobs = self._choice_logprobs(output.logits[:, 0], name.questions) if isinstance(name, Batch) else None
        routing = BatchRouting(
            self._watch.layers(start.n_routers),
            spans,
            logprobs,
            keep_tokens=self._keep_tokens,
            before=start.routing,
            n_before=start.n_routers,
        )
        self._kept.add(name, start, streams, routing, output.past_key_values)
        return output.past_key_values, routing

    def _choice_logprobs(self, logits: Tensor, questions: Sequence[int]) -> Tensor:
        """Log-probabilities [B, C] of the choices from the logits [B, V] of their answer positions, NaN beyond."""
        target_ids = on_device(
            torch.from_numpy(self.tokenised.target_ids[list(questions)]).long(), logits.device
        )  # [B, C]
        logprobs = logits.float().log_softmax(-1).gather(1, target_ids.clamp_min(0))
        return logprobs.masked_fill(target_ids < 0, torch.nan)
