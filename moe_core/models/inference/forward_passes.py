"""Asks a model the questions of a tokenised quiz, batch by batch, one forward pass per question.

A prefix that several questions share runs once; its keys and values are then repeated for every row of a batch.
"""

import copy
import math
from collections import deque
from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moe_core.errors import RunError
from moe_core.interventions.intervention import Intervention
from moe_core.models.inference.batch_routing import BatchRouting
from moe_core.models.inference.batches import Asked, Batch, BatchHalved, BatchRan, pending_batches, plan_batches
from moe_core.models.inference.device_failures import DeviceFailure, attempt
from moe_core.models.inference.router_watch import RouterWatch
from moe_core.models.inference.steering import layer_steerings
from moe_core.models.loading.building import LoadedModel
from moe_core.quizzes.prompting import TokenisedQuiz
from moe_core.traces.records import PrefixRecord, QuestionRecord


@dataclass(frozen=True)
class _Prefix:
    """A shared prefix that has run: its keys and values, and whether its routers stayed finite."""

    index: int
    cache: Any
    finite: bool


@dataclass(frozen=True)
class _Wanted:
    """Whose records are to be yielded."""

    questions: frozenset[int]
    prefixes: frozenset[int]


_NO_PREFIX = _Prefix(-1, None, finite=True)


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
) -> Generator[Asked, None, None]:
    """The records of `questions` and `prefixes`, batch by batch as they have run; each is yielded exactly once.

    `pending` names those of the questions whose records are missing, None: all. Only they are yielded, with the same
    numbers as if all were asked.

    Where a batch is too large for the device's memory, BatchHalved is yielded and it is run in halves. Raises
    RunError when a single question is too large, or when the device fails in another way.
    """
    n_layers, n_experts = len(loaded.routers), loaded.specification.n_experts
    intervention.check(n_layers, n_experts, loaded.specification.top_k)
    steerings = layer_steerings(intervention, n_layers, n_experts, loaded.model.device)
    with RouterWatch(loaded.routers, loaded.router_spec, steerings).attached() as watch:
        asking = _Asking(loaded, tokenised, watch, keep_tokens)
        wanted = _Wanted(frozenset(questions if pending is None else pending), frozenset(prefixes))
        batches = list(plan_batches(tokenised, questions, batch_tokens))
        yield from _ask_batches(asking, deque(pending_batches(batches, wanted.questions, prefixes)), wanted)


def _ask_batches(asking: "_Asking", batches: deque[Batch], wanted: _Wanted) -> Generator[Asked, None, None]:
    """Run the batches in order; one that is too large for the memory is halved, and so are all others of its size."""
    prefix, ran, largest = _NO_PREFIX, list[PrefixRecord](), math.inf
    while batches:
        batch = batches.popleft()
        if batch.is_recorded(wanted.questions):  # half of one that is not
            continue
        if len(batch.questions) > 1 and asking.padded_tokens(batch) > largest:
            batches.extendleft(reversed(batch.halves()))
            continue
        if batch.prefix != prefix.index:
            prefix, record = asking.run_prefix(batch.prefix)
            ran += [record] if record is not None and batch.prefix in wanted.prefixes else []
        answers = attempt(partial(asking.run_batch, batch, prefix))
        if isinstance(answers, DeviceFailure):
            asking.forget()
            if not answers.is_memory or len(batch.questions) < 2:
                raise asking.lost(answers, batch.questions)
            largest = asking.padded_tokens(batch) // 2
            batches.extendleft(reversed(batch.halves()))
            yield BatchHalved(len(batch.questions), math.ceil(len(batch.questions) / 2))
            continue
        yield BatchRan(tuple(ran), tuple(answer for answer in answers if answer.question in wanted.questions))
        ran = []


class _Asking:
    """The forward passes over one quiz."""

    def __init__(self, loaded: LoadedModel, tokenised: TokenisedQuiz, watch: RouterWatch, keep_tokens: bool) -> None:
        self._model = loaded.model
        self._tokenised = tokenised
        self._watch = watch
        self._keep_tokens = keep_tokens

    def padded_tokens(self, batch: Batch) -> int:
        """Tokens of one forward pass over a batch, its shared prefix aside."""
        return len(batch.questions) * max((len(self._tokenised.segments[n]) for n in batch.questions), default=0)

    def forget(self) -> None:
        """Let go of what the last pass left on the device."""
        self._watch.forget()

    def lost(self, failure: DeviceFailure, questions: Sequence[int]) -> RunError:
        """The error that ends the run."""
        device = self._model.device
        if not failure.is_memory:
            return RunError(f"{device} failed ({failure.reason}): what was recorded is kept, and can be resumed.")
        longest = max((len(self._tokenised.segments[n]) for n in questions), default=0)
        return RunError(
            f"Even a single prompt of {longest:,} tokens is too much for the memory of {device}: free some, or choose "
            "another device; what was recorded is kept."
        )

    def run_prefix(self, index: int) -> tuple[_Prefix, PrefixRecord | None]:
        """Run one prefix on its own and keep its keys and values; none for index -1."""
        if index < 0:
            return _NO_PREFIX, None
        tokens = self._tokenised.prefixes[index]
        ran = attempt(partial(self._forward, [tokens], cache=None, use_cache=True))
        if isinstance(ran, DeviceFailure):
            self.forget()
            raise self.lost(ran, [])
        output, routing = ran
        prefix = _Prefix(index, output.past_key_values, finite=bool(routing.finite[0]))
        return prefix, PrefixRecord(index, routing.segment(0))

    def run_batch(self, batch: Batch, prefix: _Prefix) -> list[QuestionRecord]:
        """Run the questions of one batch behind their prefix and score their choices."""
        if not batch.questions:
            return []
        segments = [self._tokenised.segments[question] for question in batch.questions]
        cache = copy.deepcopy(prefix.cache)
        if cache is not None:
            cache.batch_repeat_interleave(len(segments))
        output, routing = self._forward(segments, cache=cache, use_cache=cache is not None)
        logprobs = self._choice_logprobs(output.last_hidden_state, batch.questions)
        return [
            QuestionRecord(
                question,
                routing.segment(row),
                routing.answer(
                    row,
                    logprobs[row],
                    len(self._tokenised.questions[question].choices),
                    prefix_finite=prefix.finite,
                    in_smaller_batch=batch.is_part,
                ),
            )
            for row, question in enumerate(batch.questions)
        ]

    @torch.inference_mode()
    def _forward(
        self, segments: Sequence[NDArray[np.int32]], *, cache: Any, use_cache: bool
    ) -> tuple[Any, BatchRouting]:
        lengths = [len(segment) for segment in segments]
        padded = np.zeros((len(segments), max(lengths)), dtype=np.int64)  # [B, T]; id 0 stands for padding
        for row, segment in enumerate(segments):
            padded[row, : len(segment)] = segment
        device = self._model.device
        self._watch.expect(torch.tensor(lengths, device=device))
        output = self._model.base_model(
            input_ids=torch.from_numpy(padded).to(device),
            past_key_values=cache,
            use_cache=use_cache,
            output_router_logits=False,  # it would also compute the balancing loss
        )
        return output, BatchRouting(self._watch.layers(), lengths, keep_tokens=self._keep_tokens)

    @torch.inference_mode()
    def _choice_logprobs(self, hidden: Tensor, questions: Sequence[int]) -> NDArray[np.float32]:
        lengths = [len(self._tokenised.segments[question]) for question in questions]
        last = torch.tensor(lengths, device=hidden.device) - 1
        at_answer = hidden[torch.arange(len(lengths), device=hidden.device), last]  # [B, H]
        logits = self._model.get_output_embeddings()(at_answer).float()  # [B, V]
        target_ids = torch.from_numpy(self._tokenised.target_ids[list(questions)]).long().to(hidden.device)  # [B, C]
        logprobs = logits.log_softmax(-1).gather(1, target_ids.clamp_min(0))
        chosen: NDArray[np.float32] = logprobs.masked_fill(target_ids < 0, torch.nan).cpu().numpy()
        return chosen
