"""A model in this process that is asked its questions here."""

from typing import Self

from moe_core.interventions.intervention import Intervention
from moe_core.models.inference.answer_alone import check_answers_alone
from moe_core.models.inference.forward_passes import ask
from moe_core.models.inference.kept.kept_passes import KeptPasses, keep_passes
from moe_core.models.inference.planning.batches import Prompts
from moe_core.models.loading.building import LoadedModel
from moe_core.models.loading.memory import free_memory


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

    ask = ask  # its first argument is the loaded model

    def check_actions(self, intervention: Intervention) -> None:
        """Raise InterventionError where it acts at the answer alone, and the model answers otherwise then."""
        if intervention.at_answer:
            check_answers_alone(self)

    def keep(self, prompts: Prompts) -> KeptPasses:
        """Room for what runs over these prompts leave, in up to a quarter of the memory that is free."""
        device = self.specification.device
        return keep_passes(self, prompts.tokenised, prompts.batches(device), (free_memory(device) or 0) // 4)

    def let_go(self) -> None:
        """Nothing: it goes with the last one who holds it."""
