"""What a run needs of a model, be it in this process or held by workers elsewhere."""

from collections.abc import Collection, Generator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from moe_core.errors import RunError
from moe_core.interventions.intervention import Intervention
from moe_core.models.inference.batches import Asked
from moe_core.models.loading.verdict import ModelCheck
from moe_core.quizzes.prompting import TokenisedQuiz
from moe_core.traces.specification import NEWEST_BATCH_PLAN, ModelSpecification

if TYPE_CHECKING:
    from moe_core.models.inference.kept_passes import KeptPasses
    from moe_core.models.loading.building import LoadedModel


class KnownModel(Protocol):
    """What prompts are made with, and what a trace says of the model; `n_vocabulary` tokens have an embedding."""

    @property
    def specification(self) -> ModelSpecification: ...
    @property
    def tokenizer(self) -> Any: ...
    @property
    def n_vocabulary(self) -> int: ...
    @property
    def check(self) -> ModelCheck: ...


class RunningModel(KnownModel, Protocol):
    """A model that can be asked. `nbytes` is what its weights take of this process, or of a device that it uses."""

    @property
    def nbytes(self) -> int: ...

    def ask(
        self,
        tokenised: TokenisedQuiz,
        questions: Sequence[int],
        prefixes: Sequence[int],
        *,
        batch_tokens: int,
        keep_tokens: bool,
        intervention: Intervention,
        pending: Collection[int] | None = None,
        batch_plan: int = NEWEST_BATCH_PLAN,
        kept: "KeptPasses | None" = None,
    ) -> Generator[Asked, None, None]:
        """The records of `questions` and `prefixes`, batch by batch, each exactly once, in whatever order they come.

        `pending` names those of the questions whose records are missing, None: all. Only they are yielded, with the
        same numbers as if all were asked. `kept` is what `Engine.kept_passes` gave. Raises RunError where the run ends
        early: what was yielded stands.
        """

    def let_go(self) -> None:
        """Free what it holds elsewhere."""


def is_here(model: KnownModel) -> bool:
    """Whether the model is in this process's memory."""
    from moe_core.models.loading.building import LoadedModel

    return isinstance(model, LoadedModel)


def loaded_here(model: RunningModel) -> "LoadedModel":
    """The model in this process's memory; raises RunError for one that workers hold."""
    from moe_core.models.loading.building import LoadedModel

    if not isinstance(model, LoadedModel):
        raise RunError(f"{model.specification.name} is held by workers, and this needs it in the program's own memory.")
    return model
