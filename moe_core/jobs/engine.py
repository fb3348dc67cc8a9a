"""Keeps the last model in memory, so that a second run of the same model starts at once."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from moe_core.errors import RunError
from moe_core.jobs.events import Event
from moe_core.jobs.load_model import ModelRequest, load_model
from moe_core.models.loading.source import HubModel, find_model
from moe_core.traces.specification import ModelSpecification

if TYPE_CHECKING:
    from moe_core.models.loading.building import LoadedModel


class Engine:
    """Owns at most one loaded model; to be used from one thread only."""

    def __init__(self) -> None:
        self._request: ModelRequest | None = None
        self._loaded: LoadedModel | None = None

    def load(self, request: ModelRequest) -> "Generator[Event, None, LoadedModel]":
        """The model asked for: the one in memory where the request means the same, else loaded anew.

        Raises what `load_model` raises; the model before is let go first, so that both never need room at once.
        """
        if self._loaded is None or not (self._request == request or _is(self._loaded.specification, request)):
            self.release()
            self._loaded = yield from load_model(request)
            self._request = request
        return self._loaded

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
        self._request = self._loaded = None


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
