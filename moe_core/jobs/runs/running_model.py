"""What a run needs of a model, be it in this process or held by workers elsewhere."""

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Protocol

from moe_core.errors import RunError
from moe_core.interventions.intervention import Intervention
from moe_core.models.inference.planning.batches import Asked, Prompts
from moe_core.models.loading.checks.verdict import ModelCheck
from moe_core.traces.specification import ModelSpecification

if TYPE_CHECKING:
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


class Kept(Protocol):
    """What is kept of passes over some prompts, wherever the model is.

    `text` says it when it begins, `answers_text` after what acts at the answer alone; it may be empty.
    """

    @property
    def text(self) -> str: ...
    @property
    def answers_text(self) -> str: ...

    def share(self, first: int | None) -> float:
        """Of a pass over all these prompts, the layers that one takes which acts on layer `first` or later, once all
        that may be kept is; None: that one takes by now which acts on none."""


class RunningModel(KnownModel, Protocol):
    """A model that can be asked. `nbytes` is what its weights take of this process, or of a device that it uses."""

    @property
    def nbytes(self) -> int: ...

    def ask(self, prompts: Prompts, kept: Any = None) -> Generator[Asked, None, None]:
        """What is wanted of the prompts, batch by batch, each record exactly once, in whatever order they come.

        `kept` is what `keep` gave. Raises RunError where the run ends early: what was yielded stands.
        """

    def check_actions(self, intervention: Intervention) -> None:
        """Raise InterventionError for what only trying tells that this model cannot be asked with."""

    def keep(self, prompts: Prompts) -> Kept:
        """Room for what runs over these prompts leave, in a quarter of the memory that is free, so that the next ones
        need not begin at the first layer.
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
