"""Keeps the last model in memory, so that a second run of the same model starts at once."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager

from moe_core.errors import RunError
from moe_core.jobs.events import Event, Notice
from moe_core.jobs.models.load_model import ModelRequest, load_model
from moe_core.jobs.runs.run_plan import RunPlan
from moe_core.jobs.runs.running_model import Kept, RunningModel
from moe_core.models.inference.planning.batches import Prompts
from moe_core.models.loading.files.source import HubModel, find_model
from moe_core.traces.specification import ModelSpecification

Load = Callable[[ModelRequest], Generator[Event, None, RunningModel]]
"""Brings a model to where it is to run."""


class Engine:
    """Owns at most one model; to be used from one thread only.

    `load` brings it somewhere else than into this process, as to the workers of a cluster.
    """

    def __init__(self, load: Load | None = None) -> None:
        self._load = load
        self._request: ModelRequest | None = None
        self._model: RunningModel | None = None
        self._kept: Kept | None = None
        self._kept_of: tuple[object, ...] = ()

    def load(self, request: ModelRequest) -> Generator[Event, None, RunningModel]:
        """The model asked for: the one in memory where the request means the same, else loaded anew.

        Raises what `load_model` raises; the model before is let go first, so that both never need room at once.
        """
        if self._model is None or not (self._request == request or _is(self._model.specification, request)):
            self.release()
            self._model = yield from (self._load or load_model)(request)
            self._request = request
        return self._model

    @property
    def holds_model(self) -> bool:
        """Whether there is a model in memory, whichever it is."""
        return self._model is not None

    def kept_passes(self, plan: RunPlan, questions: Sequence[int]) -> Generator[Event, None, Kept]:
        """What is kept of passes over these questions of a plan, by runs before and those to come; said when it begins.

        One selection of questions at a time.
        """
        assert self._model is not None
        specification = plan.specification
        run = specification.batch_tokens, specification.batch_plan
        cut = len(plan.tokenised.prefixes)  # of the same prompts, what is kept of a question begins elsewhere
        wanted = (specification.prompts_sha256, cut, tuple(questions), *run)
        if self._kept is None or self._kept_of != wanted:
            self._kept = None  # before it is asked how much memory is free
            prompts = Prompts(plan.tokenised, questions, [], run[0], keep_tokens=False, batch_plan=run[1])
            self._kept, self._kept_of = self._model.keep(prompts), wanted
            yield Notice(self._kept.text)
        return self._kept

    def held_bytes(self, device: str) -> int:
        """Bytes of the model in memory, where it is on `device`: room that loading another one frees first."""
        if self._model is None or self._model.specification.device != device:
            return 0
        return self._model.nbytes

    def self_check_of(self, request: ModelRequest) -> str:
        """What the self-check of the model in memory said, where the request means that one; else empty."""
        if self._model is None or self._request != request:
            return ""
        return self._model.specification.abilities.sentence

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
        if self._model is not None:
            self._model.let_go()
        self._request = self._model = self._kept = None


def _is(loaded: ModelSpecification, request: ModelRequest) -> bool:
    """Whether a request that leaves nothing open, as that of a re-run, means this very model."""
    if request.device != loaded.device or request.dtype != loaded.dtype:
        return False
    if request.experts_implementation != loaded.experts_implementation or request.compile != loaded.compiled:
        return False
    source = find_model(request.model, request.revision)
    if isinstance(source, HubModel):
        return (source.name, source.revision) == (loaded.name, loaded.revision)
    return source.source == loaded.source
