"""What workers keep of tasks that come again: a task goes to the worker that had it last, which keeps its passes.

The driver alone knows which tasks are the same, and a worker alone what it keeps: one that is lost has nothing, and
runs all layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moe_core.models.inference.planning.batch import Batch, Planned, batches_of
from moe_core.models.inference.planning.batches import tokens_run
from moe_core.models.loading.memory import free_memory
from moe_core.quizzes.prompting import TokenisedQuiz

if TYPE_CHECKING:
    from moe_core.models.inference.kept.kept_passes import KeptPasses
    from moe_core.models.loading.building import LoadedModel


@dataclass(frozen=True)
class Keeping:
    """What a task is to be known by: a selection's number, and batches as the whole quiz counts; and its `share` of
    the room of one worker.
    """

    selection: int
    batches: tuple[Batch, ...]
    share: float


@dataclass(frozen=True)
class KeptOnWorkers:
    """The driver's side, see `Kept`: a selection of questions of so many tokens, over so many workers."""

    selection: int
    n_tokens: int
    n_workers: int
    n_layers: int
    answers_text = ""

    def share(self, first: int | None) -> float:
        """See `Kept`; as if every worker had room for all, since what each keeps is known there alone."""
        return 1 - (first or 0) / self.n_layers

    @property
    def text(self) -> str:
        """One sentence for the user."""
        return (
            "Each worker keeps the residual streams of its batches, in up to a quarter of the memory that is free "
            "there: what acts on later layers is run from there on"
        )

    def of(self, planned: Sequence[Planned], tokenised: TokenisedQuiz) -> Keeping:
        """What a task with these batches, as the whole quiz counts, is to be known by."""
        batches = batches_of(planned)
        n_tokens = tokens_run(batches, tokenised).padded
        return Keeping(self.selection, tuple(batches), min(1.0, n_tokens * self.n_workers / max(1, self.n_tokens)))


class KeptTasks:
    """A worker's side: the passes of one selection's tasks at a time, in a quarter of `memory_share` of free memory."""

    def __init__(self, loaded: "LoadedModel", memory_share: float) -> None:
        self._loaded = loaded
        self._memory_share = memory_share
        self._selection = -1
        self._budget = self._left = 0
        self._kept: dict[tuple[Batch, ...], KeptPasses] = {}

    def of(self, keeping: Keeping, part: TokenisedQuiz, planned: Sequence[Planned]) -> "KeptPasses":
        """What there is of a task, or room for it as far as there is any."""
        from moe_core.models.inference.kept.kept_passes import keep_passes

        if keeping.selection != self._selection:
            self._kept, self._selection = {}, keeping.selection
            free = free_memory(self._loaded.specification.device) or 0
            self._budget = self._left = int(free * self._memory_share) // 4
        if keeping.batches not in self._kept:
            room = min(self._left, int(self._budget * keeping.share))
            kept = keep_passes(self._loaded, part, batches_of(planned), room)
            kept.beside = self._kept.values()
            self._kept[keeping.batches] = kept
            self._left -= kept.n_bytes
        return self._kept[keeping.batches]
