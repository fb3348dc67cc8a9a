"""The passes of an effect map, wherever the model is: in this process, or part by part on workers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count

import numpy as np

from moe_core.effects.budget import preparation
from moe_core.effects.effect_map import Mask
from moe_core.effects.memory_plan import MemoryPlan
from moe_core.effects.part import DecoderFacts, EffectPasses, PairsMeasured, PartPredicted, Prediction, Spent
from moe_core.interventions.layers import Cell
from moe_core.jobs.runs.running_model import KnownModel
from moe_core.jobs.workers.batch_tasks import part_of
from moe_core.jobs.workers.effect_tasks import EffectTask
from moe_core.jobs.workers.pool import UnderWay
from moe_core.jobs.workers.smaller_on_workers import SmallerOnWorkers
from moe_core.jobs.workers.spread_model import SpreadModel
from moe_core.quizzes.prompting import TokenisedQuiz

_EXPERTS_AT_ONCE = 8
"""Of a task that measures: some forward passes over its part."""
_numbers = count()


@dataclass(frozen=True, eq=False)
class PlannedEffects:
    """A task and, for the driver alone, which questions of the map it is about."""

    task: EffectTask
    questions: tuple[int, ...]


class PassesOnWorkers:
    """See `EffectPasses`."""

    def __init__(
        self, model: SpreadModel, tokenised: TokenisedQuiz, effect: str, keep: tuple[tuple[int, ...], ...] = ()
    ) -> None:
        """`keep`: of the model that only these experts of each layer [L] are left of."""
        self._model = model
        self._tokenised = tokenised
        empty = part_of(tokenised, ())[0]
        self._like = EffectTask(-1, empty, effect, keep=keep)

    def within(self, memory: MemoryPlan) -> None:
        """Tell the workers, with each task."""
        self._like = replace(self._like, memory=memory)

    @cached_property
    def facts(self) -> DecoderFacts:
        """Of the decoder that a worker holds; raises EffectError where no map can be made of such a model."""
        facts: DecoderFacts = self._model.asked_of_one("decoder_facts", self._like)
        return facts

    def predict(self, parts: Sequence[Sequence[int]], how: Prediction) -> Iterator[Spent | PartPredicted]:
        """Parts on different workers at the same time."""
        tasks = (replace(planned, task=replace(planned.task, prediction=how)) for planned in self._planned(parts))
        for event in self._model.spread("effects", tasks):
            if isinstance(event, UnderWay):
                yield Spent(0.0, remark=event.text)
                continue
            predicted: PartPredicted = event.result
            yield Spent(predicted.passes * self._tokens(event.task.questions), is_rerun=True)
            questions = tuple(event.task.questions[n] for n in predicted.questions)  # which are sorted by length there
            yield replace(predicted, questions=questions)

    def measure(
        self, parts: Sequence[Sequence[int]], experts: Sequence[Cell], pending: Mask
    ) -> Iterator[Spent | PairsMeasured]:
        """A few experts of a part at a time."""
        for event in self._model.spread("effects", self._measurements(parts, experts, pending)):
            if isinstance(event, UnderWay):
                yield Spent(0.0, remark=event.text)
                continue
            questions = np.asarray(event.task.questions)
            for measured in event.result:
                pairs = measured.pairs.copy()
                pairs[:, 0] = questions[pairs[:, 0]]
                yield replace(measured, pairs=pairs)
            if event.task.task.experts[0] == experts[0]:
                prepared = preparation(is_checkpointed=self._like.memory.checkpoints)
                yield Spent(prepared * self._tokens(event.task.questions))

    def _measurements(
        self, parts: Sequence[Sequence[int]], experts: Sequence[Cell], pending: Mask
    ) -> Iterator[PlannedEffects]:
        for planned in self._planned(parts):
            of_part = pending[list(planned.questions)]
            for start in range(0, len(experts), _EXPERTS_AT_ONCE):
                some = tuple(experts[start : start + _EXPERTS_AT_ONCE])
                yield replace(planned, task=replace(planned.task, experts=some, pending=of_part))

    def _planned(self, parts: Sequence[Sequence[int]]) -> Iterator[PlannedEffects]:
        for part in parts:
            task = replace(self._like, number=next(_numbers), part=part_of(self._tokenised, part)[0])
            yield PlannedEffects(task, tuple(part))

    def _tokens(self, questions: Sequence[int]) -> int:
        return sum(map(self._tokenised.prompt_length, questions))


def passes_of(model: KnownModel, tokenised: TokenisedQuiz, effect: str) -> EffectPasses:
    """The passes of a map, wherever the model is."""
    if isinstance(model, SpreadModel):
        return PassesOnWorkers(model, tokenised, effect)
    if isinstance(model, SmallerOnWorkers):
        return PassesOnWorkers(model.whole, tokenised, effect, model.keep)
    from moe_core.effects.passes.passes_here import PassesHere
    from moe_core.models.loading.building import LoadedModel

    assert isinstance(model, LoadedModel)
    return PassesHere(model, tokenised, effect)
