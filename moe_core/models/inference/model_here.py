"""A model in this process that is asked its questions here."""

from collections.abc import Collection, Generator, Sequence
from typing import Self

from moe_core.interventions.intervention import Intervention
from moe_core.models.inference.batches import Asked
from moe_core.models.inference.forward_passes import ask
from moe_core.models.inference.kept_passes import KeptPasses
from moe_core.models.loading.building import LoadedModel
from moe_core.quizzes.prompting import TokenisedQuiz
from moe_core.traces.specification import NEWEST_BATCH_PLAN


class ModelHere(LoadedModel):
    """A loaded model, and its forward passes."""

    @classmethod
    def of(cls, loaded: LoadedModel) -> Self:
        """The same model."""
        return cls(**vars(loaded))

    @property
    def nbytes(self) -> int:
        """What its weights take of this process's memory, or of the device's."""
        return sum(weight.nbytes for weight in self.model.parameters())

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
        kept: KeptPasses | None = None,
    ) -> Generator[Asked, None, None]:
        """What `forward_passes.ask` says."""
        return ask(
            self,
            tokenised,
            questions,
            prefixes,
            batch_tokens=batch_tokens,
            keep_tokens=keep_tokens,
            intervention=intervention,
            pending=pending,
            batch_plan=batch_plan,
            kept=kept,
        )

    def let_go(self) -> None:
        """Nothing: it goes with the last one who holds it."""
