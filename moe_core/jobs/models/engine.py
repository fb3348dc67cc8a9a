"""Keeps the last model in memory, so that a second run of the same model starts at once."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from moe_core.errors import RunError
from moe_core.jobs.events import Event, Notice
from moe_core.jobs.models.load_model import ModelRequest, load_model
from moe_core.jobs.runs.run_plan import RunPlan
from moe_core.models.loading.memory import free_memory
from moe_core.models.loading.source import HubModel, find_model
from moe_core.traces.specification import ModelSpecification

if TYPE_CHECKING:
    from moe_core.models.inference.kept_passes import KeptPasses
    from moe_core.models.loading.building import LoadedModel


class Engine:
    """Owns at most one loaded model; to be used from one thread only."""

    def __init__(self) -> None:
        self._request: ModelRequest | None = None
        self._loaded: LoadedModel | None = None
        self._kept: KeptPasses | None = None
        self._kept_of: tuple[object, ...] = ()

    def load(self, request: ModelRequest) -> "Generator[Event, None, LoadedModel]":
        """The model asked for: the one in memory where the request means the same, else loaded anew.

        Raises what `load_model` raises; the model before is let go first, so that both never need room at once.
        """
        if self._loaded is None or not (self._request == request or _is(self._loaded.specification, request)):
            self.release()
            self._loaded = yield from load_model(request)
            self._request = request
        return self._loaded

    def kept_passes(self, plan: RunPlan, questions: Sequence[int]) -> "Generator[Event, None, KeptPasses]":
        """What is kept of passes over these questions of a plan, by runs before and those to come; said when it begins.

        One selection of questions at a time. It may take a quarter of the memory that is free.
        """
        from moe_core.models.inference.batches import plan_batches
        from moe_core.models.inference.kept_passes import keep_passes

        assert self._loaded is not None
        specification = plan.specification
        run = specification.batch_tokens, specification.batch_plan
        wanted = (specification.prompts_sha256, tuple(questions), *run)
        if self._kept is None or self._kept_of != wanted:
            self._kept = None  # before it is asked how much memory is free
            device = self._loaded.specification.device
            batches = plan_batches(plan.tokenised, questions, run[0], device, run[1])
            budget = (free_memory(device) or 0) // 4
            self._kept, self._kept_of = keep_passes(self._loaded, plan.tokenised, batches, budget), wanted
            yield Notice(self._kept.text)
        return self._kept

    def held_bytes(self, device: str) -> int:
        """Bytes of the model in memory, where it is on `device`: room that loading another one frees first."""
        if self._loaded is None or self._loaded.specification.device != device:
            return 0
        return sum(weight.nbytes for weight in self._loaded.model.parameters())

    def self_check_of(self, request: ModelRequest) -> str:
        """What the self-check of the model in memory said, where the request means that one; else empty."""
        if self._loaded is None or self._request != request:
            return ""
        return self._loaded.specification.abilities.sentence

    @contextmanager
    def released_when_lost(self) -> Iterator[None]:
        """Let go of the model when the run inside ends early: after most failures a device answers nothing more."""
        try:
            yield
        except RunError:
            self.release()
            raise

    def release(self) -> None:
        """Let go of the model."""
        self._request = self._loaded = self._kept = None


def _is(loaded: ModelSpecification, request: ModelRequest) -> bool:
    """Whether a request that leaves nothing open, as that of a re-run, means this very model."""
    if request.device != loaded.device or request.dtype != loaded.dtype:
        return False
    if request.experts_implementation != loaded.experts_implementation:
        return False
    source = find_model(request.model, request.revision)
    if isinstance(source, HubModel):
        return (source.name, source.revision) == (loaded.name, loaded.revision)
    return source.source == loaded.source
