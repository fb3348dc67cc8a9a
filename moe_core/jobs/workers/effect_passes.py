"""The passes of an effect map, wherever the model is: in this process, or part by part on workers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from moe_core.effects.memory_plan import MemoryPlan
from moe_core.effects.part import DecoderFacts, EffectPasses, PartPredicted, Prediction, Spent
from moe_core.jobs.runs.running_model import KnownModel
from moe_core.jobs.workers.batch_tasks import part_of
from moe_core.jobs.workers.effect_tasks import EffectTask
from moe_core.jobs.workers.pool import Done, UnderWay
from moe_core.jobs.workers.smaller_on_workers import SmallerOnWorkers
from moe_core.jobs.workers.spread_model import SpreadModel
from moe_core.quizzes.prompting import TokenisedQuiz


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
        self._like = EffectTask(empty, effect, keep=keep)

    def within(self, memory: MemoryPlan) -> None:
        """Tell the workers, with each task."""
        self._like = replace(self._like, memory=memory)

    @cached_property
    def facts(self) -> DecoderFacts:
        """Of the decoder that a worker holds; raises EffectError where no map can be made of such a model."""
        asked = iter([PlannedEffects(self._like, ())])
        facts: DecoderFacts = next(
            event.result for event in self._model.spread("decoder_facts", asked) if isinstance(event, Done)
        )
        return facts

    def predict(self, parts: Sequence[Sequence[int]], how: Prediction) -> Iterator[Spent | PartPredicted]:
        """Parts on different workers at the same time."""
        like = replace(self._like, prediction=how)
        tasks = (PlannedEffects(replace(like, part=part_of(self._tokenised, part)[0]), tuple(part)) for part in parts)
        for event in self._model.spread("effects", tasks):
            if isinstance(event, UnderWay):
                yield Spent(0.0, remark=event.text)
                continue
            predicted: PartPredicted = event.result
            yield Spent(predicted.passes * self._tokens(event.task.questions), is_rerun=True)
            questions = tuple(event.task.questions[n] for n in predicted.questions)  # which are sorted by length there
            yield replace(predicted, questions=questions)

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
