"""The passes that predict effects on a model in this process: clean ones of a part, then experts closed in them."""

from collections.abc import Generator, Iterator, Sequence
from functools import partial
from typing import TypeVar

from moe_core.effects.budget import pair_costs
from moe_core.effects.draft import EffectDraft
from moe_core.effects.memory_plan import SMALLEST, MemoryPlan
from moe_core.effects.part import DecoderFacts, PartPredicted, Prediction, Spent
from moe_core.effects.passes.clean_pass import CleanPass, clean_pass
from moe_core.effects.passes.closing_check import find_way
from moe_core.effects.passes.decoder import Decoder
from moe_core.effects.passes.question_alone import QuestionAlone
from moe_core.effects.passes.question_chunk import QuestionChunk
from moe_core.effects.passes.rows import batches_of
from moe_core.effects.recipe import predict
from moe_core.errors import RunError
from moe_core.models.inference.device_failures import DeviceFailure, attempt
from moe_core.models.loading.building import LoadedModel
from moe_core.quizzes.prompting import TokenisedQuiz

T = TypeVar("T")


class PassesHere:
    """See `EffectPasses`; `effect` is "reroute" or "drop"."""

    def __init__(
        self, loaded: LoadedModel, tokenised: TokenisedQuiz, effect: str, memory: MemoryPlan = SMALLEST
    ) -> None:
        self._tokenised = tokenised
        self._effect = effect
        self._memory = memory
        self._decoder = Decoder(loaded)
        self._is_checked = False

    @property
    def facts(self) -> DecoderFacts:
        """What costs and memory are reckoned by; tried on a question, where there is one."""
        decoder = self._decoder
        if self._tokenised.questions:
            self._check(0)
        again = tuple(map(decoder.first_again, range(len(decoder.routers))))
        return DecoderFacts(decoder.shape, again, decoder.shape.top_k if decoder.way.asks_block else 1)

    def within(self, memory: MemoryPlan) -> None:
        """Take this memory."""
        self._memory = memory

    def predict(self, parts: Sequence[Sequence[int]], how: Prediction) -> Iterator[Spent | PartPredicted]:
        """Every part, by the recipe; nothing of one is held when the next one begins."""
        for part in parts:
            yield from self._predicted(part, how)

    def _predicted(self, part: Sequence[int], how: Prediction) -> Iterator[Spent | PartPredicted]:
        chunk = yield from self._clean(part, how.prepared)
        costs = pair_costs(chunk.lengths, self.facts.first_again, self._decoder.n_layers)
        draft, spent = EffectDraft.empty(chunk.shape), how.prepared
        for cost in self.guarded(predict(chunk, draft, costs, how.budget, how.seed)):
            spent += cost
            yield Spent(cost * sum(chunk.lengths), is_rerun=True)
        yield PartPredicted(chunk.questions, draft, spent)

    def alone(self, question: int) -> QuestionAlone:
        """The clean pass of one question, to close experts at single tokens of."""
        self._check(question)
        rows = batches_of(self._tokenised, [question], 1, self._decoder.model.device)
        passed = self.guarded(map(partial(clean_pass, self._decoder, checkpoints=self._memory.checkpoints), rows))
        return QuestionAlone(self._decoder, next(passed), self._effect, self._memory.batch_tokens)

    def _clean(self, part: Sequence[int], passes: float) -> Generator[Spent, None, QuestionChunk]:
        """The clean passes of a part, which count as so many forward passes."""
        self._check(part[0])
        kept: list[CleanPass] = []
        device, alone = self._decoder.model.device, self._decoder.loaded.specification.must_be_alone
        batches = batches_of(self._tokenised, part, self._memory.batch_tokens, device, alone)
        checkpoints = self._memory.checkpoints
        for clean in self.guarded(clean_pass(self._decoder, rows, checkpoints=checkpoints) for rows in batches):
            kept.append(clean)
            yield Spent(passes * clean.rows.n_tokens)
        return QuestionChunk(self._decoder, kept, self._effect, self._memory.batch_tokens)

    def guarded(self, steps: Iterator[T]) -> Iterator[T]:
        """The steps, up to one that the device does not survive."""
        while True:
            step = attempt(partial(next, steps, None))
            if isinstance(step, DeviceFailure):
                raise RunError(f"{self._decoder.model.device} failed ({step.reason}): what is in the map is kept.")
            if step is None:
                return
            yield step

    def _check(self, question: int) -> None:
        """Find out on one question how this model's layers are run again; EffectError where they cannot be."""
        if not self._is_checked:
            rows = next(batches_of(self._tokenised, [question], 1, self._decoder.model.device))
            find_way(self._decoder, rows, self._effect)
            self._is_checked = True
