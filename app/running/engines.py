"""The engine of the job thread: this program, or the workers that a job names; one of them holds a model at a time."""

from moe_core.jobs.models.engine import Engine


class Engines:
    """To be used from one thread only."""

    def __init__(self) -> None:
        self._engine = Engine()
        self._workers = ""

    def at(self, workers: str) -> Engine:
        """The engine whose models are held by the workers at this address, "" for this program.

        That of another place lets its model go first. Raises ClusterError for what is no address.
        """
        if workers != self._workers:
            from moe_core.jobs.workers.spread_model import engine_on

            engine = engine_on(workers) if workers else Engine()
            self.release()
            self._engine, self._workers = engine, workers
        return self._engine

    def release(self) -> None:
        """Let go of the model, wherever it is."""
        self._engine.release()
