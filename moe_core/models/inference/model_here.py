"""A model in this process that is asked its questions here."""

from typing import Self

from moe_core.models.inference.forward_passes import ask
from moe_core.models.loading.building import LoadedModel


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

    def let_go(self) -> None:
        """Nothing: it goes with the last one who holds it."""
