"""Asks a model the questions of a tokenised quiz, batch by batch, one forward pass per question.

A prefix that several questions share runs once; its keys and values are then repeated for every row of a batch.
"""

import copy
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moe_core.inference.batches import Batch, plan_batches
from moe_core.inference.records import BatchRouting
from moe_core.inference.router_watch import RouterWatch
from moe_core.inference.steering import layer_steerings
from moe_core.intervention import Intervention
from moe_core.model_loading.building import LoadedModel
from moe_core.prompting import TokenisedQuiz
from moe_core.routing_trace import PrefixRecord, QuestionRecord

Record = PrefixRecord | QuestionRecord


@dataclass(frozen=True)
class _Prefix:
    """A shared prefix that has run: its keys and values, and whether its routers stayed finite."""

    index: int
    cache: Any
    finite: bool


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
) -> Generator[list[Record], None, None]:
    """The records of `questions` and `prefixes`, batch by batch as they have run; each is yielded exactly once."""
    n_layers, n_experts = len(loaded.routers), loaded.specification.n_experts
    intervention.check(n_layers, n_experts, loaded.specification.top_k)
    wanted = set(prefixes)
    steerings = layer_steerings(intervention, n_layers, n_experts, loaded.model.device)
    with RouterWatch(loaded.routers, loaded.router_spec, steerings).attached() as watch:
        asking = _Asking(loaded, tokenised, watch, keep_tokens)
        prefix = _NO_PREFIX
        for batch in plan_batches(tokenised, questions, prefixes, batch_tokens):
            records: list[Record] = []
            if batch.prefix < 0:
                prefix = _NO_PREFIX
            elif batch.prefix != prefix.index:
                prefix, record = asking.run_prefix(batch.prefix)
                records += [record] if batch.prefix in wanted else []
            yield records + asking.run_batch(batch, prefix)


class _Asking:
    """The forward passes over one quiz."""

    def __init__(self, loaded: LoadedModel, tokenised: TokenisedQuiz, watch: RouterWatch, keep_tokens: bool) -> None:
        self._model = loaded.model
        self._tokenised = tokenised
        self._watch = watch
        self._keep_tokens = keep_tokens

    def run_prefix(self, index: int) -> tuple[_Prefix, PrefixRecord]:
        """Run one prefix on its own and keep its keys and values."""
        tokens = self._tokenised.prefixes[index]
        output, routing = self._forward([tokens], cache=None, use_cache=True)
        prefix = _Prefix(index, output.past_key_values, finite=bool(routing.finite[0]))
        return prefix, PrefixRecord(index, routing.segment(0))

    def run_batch(self, batch: Batch, prefix: _Prefix) -> list[Record]:
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
