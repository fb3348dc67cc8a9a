"""What is asked of several tasks: of which traces, and what is pruned."""

from dataclasses import dataclass, field
from pathlib import Path

from moe_core.jobs.models.recorded_model import ModelNow
from moe_core.measures.scope import Scope


@dataclass(frozen=True)
class TasksRequest:
    """Which traces, of one model. `prune` removes what a task does not need and asks the others again: `never-used`, or
    a share of each layer's experts such as `0.25`, the least used ones; empty: nothing is asked.
    """

    traces: tuple[Path, ...]
    scope: Scope = Scope.ANSWER
    seed: int = 0
    prune: str = ""
    rerun_baseline: bool = False
    model: ModelNow = field(default_factory=ModelNow)
