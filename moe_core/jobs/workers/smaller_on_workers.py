"""A model without some of its experts, wherever the whole one is: cut out here, or by each worker for itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from moe_core.errors import ExperimentError
from moe_core.jobs.runs.running_model import KnownModel, RunningModel, loaded_here
from moe_core.jobs.workers.spread_model import SpreadModel
from moe_core.models.loading.checks.verdict import ModelCheck
from moe_core.models.loading.memory import free_memory
from moe_core.traces.specification import ModelSpecification

Keep = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class SmallerOnWorkers:
    """What workers hold, of which only the experts `keep` of each layer [L] are to be run; see `KnownModel`."""

    whole: SpreadModel
    keep: Keep

    @property
    def specification(self) -> ModelSpecification:
        """With as many experts as are left."""
        return replace(self.whole.specification, n_experts=len(self.keep[0]))

    @property
    def tokenizer(self) -> Any:
        """The whole model's."""
        return self.whole.tokenizer

    @property
    def n_vocabulary(self) -> int:
        """The whole model's."""
        return self.whole.n_vocabulary

    @property
    def check(self) -> ModelCheck:
        """Of the whole model."""
        return self.whole.check


@contextmanager
def without_experts(model: RunningModel, keep: Keep) -> Iterator[KnownModel]:
    """The model that is left, as long as one wants; raises ExperimentError where there is no room for it here."""
    if isinstance(model, SpreadModel):
        yield SmallerOnWorkers(model, keep)
        return
    from moe_core.models.inference.acting.smaller_model import SmallerModel

    loaded = loaded_here(model)
    smaller, free = SmallerModel(loaded, keep), free_memory(loaded.specification.device)
    if free is not None and smaller.extra_bytes > 0.9 * free:
        raise ExperimentError("There is no room for the smaller model beside the full one: prune on another device.")
    with smaller.in_place() as small:
        yield small
