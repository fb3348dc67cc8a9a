"""The passes of an effect map on workers: a part of its questions is predicted there.

Numbers of questions in a task count those of its part.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moe_core.effects.memory_plan import SMALLEST, MemoryPlan
from moe_core.effects.part import DecoderFacts, PartPredicted, Prediction
from moe_core.quizzes.prompting import TokenisedQuiz

if TYPE_CHECKING:
    from moe_core.effects.passes.passes_here import PassesHere
    from moe_core.models.loading.building import LoadedModel


@dataclass(frozen=True, eq=False)
class EffectTask:
    """A part of a map's questions; `keep`: of the model that only these experts of each layer [L] are left of."""

    part: TokenisedQuiz
    effect: str
    memory: MemoryPlan = SMALLEST
    prediction: Prediction | None = None
    keep: tuple[tuple[int, ...], ...] = ()


@contextmanager
def _passes(task: EffectTask, loaded: "LoadedModel") -> Iterator["PassesHere"]:
    from moe_core.effects.passes.passes_here import PassesHere
    from moe_core.models.inference.acting.smaller_model import SmallerModel

    with SmallerModel(loaded, task.keep).in_place() if task.keep else nullcontext(loaded) as model:
        yield PassesHere(model, task.part, task.effect, task.memory)


def predicted(task: EffectTask, loaded: "LoadedModel") -> PartPredicted:
    """A worker's side of it; raises RunError where the device fails."""
    assert task.prediction is not None
    with _passes(task, loaded) as passes:
        events = passes.predict([range(len(task.part.questions))], task.prediction)
        return next(event for event in events if isinstance(event, PartPredicted))


def decoder_facts(task: EffectTask, loaded: "LoadedModel") -> DecoderFacts:
    """What the passes would run through; raises EffectError where no effects of this model can be predicted."""
    with _passes(task, loaded) as passes:
        return passes.facts
