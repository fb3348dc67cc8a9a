"""The passes of an effect map on workers: a part of its questions is predicted there, or some of its experts measured.

Numbers of questions in a task count those of its part. A worker keeps the clean passes of its last part: the next
experts of that part need no others.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moe_core.effects.effect_map import Mask
from moe_core.effects.memory_plan import SMALLEST, MemoryPlan
from moe_core.effects.part import DecoderFacts, PairsMeasured, PartPredicted, Prediction
from moe_core.interventions.layers import Cell
from moe_core.quizzes.prompting import TokenisedQuiz

if TYPE_CHECKING:
    from moe_core.effects.passes.passes_here import PassesHere
    from moe_core.effects.passes.question_chunk import QuestionChunk
    from moe_core.models.loading.building import LoadedModel


@dataclass(frozen=True, eq=False)
class EffectTask:
    """A part of a map's questions, by a number that no other part of the same driver has.

    `prediction` None: the `pending` pairs [n, L, E] of `experts` are measured. `keep`: of the model that only these
    experts of each layer [L] are left of; such a part is predicted.
    """

    number: int
    part: TokenisedQuiz
    effect: str
    memory: MemoryPlan = SMALLEST
    prediction: Prediction | None = None
    experts: tuple[Cell, ...] = ()
    pending: Mask | None = None
    keep: tuple[tuple[int, ...], ...] = ()


class EffectWork:
    """A worker's side of it."""

    def __init__(self, loaded: "LoadedModel") -> None:
        self._loaded = loaded
        self._number = -1
        self._passes: PassesHere | None = None
        self._chunk: QuestionChunk | None = None

    def done(self, task: EffectTask) -> PartPredicted | list[PairsMeasured]:
        """What the task asks for; raises RunError where the device fails."""
        every = range(len(task.part.questions))
        if task.keep:
            self._chunk, self._passes = None, None  # the smaller model needs room
            with self._smaller(task) as small:
                return _predicted(self._passes_of(task, small), every, task)
        if task.number != self._number or self._passes is None:
            self._chunk = None  # before the next part's passes need room
            self._passes, self._number = self._passes_of(task), task.number
        if task.prediction is not None:
            return _predicted(self._passes, every, task)
        if self._chunk is None:
            self._chunk = self._passes.clean_chunk(every)
        assert task.pending is not None
        return list(self._passes.measured(self._chunk, task.experts, task.pending))

    def facts(self, task: EffectTask) -> DecoderFacts:
        """Of this model; raises EffectError where no map can be made of it."""
        if not task.keep:
            return self._passes_of(task).facts
        with self._smaller(task) as small:
            return self._passes_of(task, small).facts

    def _smaller(self, task: EffectTask) -> AbstractContextManager["LoadedModel"]:
        from moe_core.models.inference.smaller_model import SmallerModel

        return SmallerModel(self._loaded, task.keep).in_place()

    def _passes_of(self, task: EffectTask, small: "LoadedModel | None" = None) -> "PassesHere":
        from moe_core.effects.passes.passes_here import PassesHere

        return PassesHere(small or self._loaded, task.part, task.effect, task.memory)


def _predicted(passes: "PassesHere", every: Sequence[int], task: EffectTask) -> PartPredicted:
    assert task.prediction is not None
    events = passes.predict([every], task.prediction)
    return next(event for event in events if isinstance(event, PartPredicted))
