"""The engine of the job thread: this program, or the workers that a job names; one of them holds a model at a time."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moe_core.jobs.models.engine import Engine


class Engines:
    """To be used from one thread only."""

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._workers = ""

    def at(self, workers: str) -> "Engine":
        """The engine whose models are held by the workers at this address, "" for this program.

        That of another place lets its model go first. Raises ClusterError for what is no address.
        """
        if self._engine is None or workers != self._workers:
            engine = _engine_on(workers)
            self.release()
            self._engine, self._workers = engine, workers
        return self._engine

    def release(self) -> None:
        """Let go of the model, wherever it is."""
        if self._engine is not None:
            self._engine.release()


def _engine_on(workers: str) -> "Engine":
    from moe_core.jobs.models.engine import Engine
    from moe_core.jobs.workers.spread_model import engine_on

    return engine_on(workers) if workers else Engine()
