"""Brings a model to the workers of a cluster, and asks it there."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from moe_core.interventions.intervention import Intervention
from moe_core.jobs.events import Event, Notice, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.workers.address import Address, parse_address
from moe_core.jobs.workers.batch_tasks import PlannedTask, planned_tasks
from moe_core.jobs.workers.beginning import from_each
from moe_core.jobs.workers.cluster import join, joined, places
from moe_core.jobs.workers.kept_tasks import KeptOnWorkers
from moe_core.jobs.workers.node_report import NodeReport, check_nodes
from moe_core.jobs.workers.pool import ANYONE, Done, Pool, UnderWay
from moe_core.jobs.workers.ray_actors import RayActors
from moe_core.jobs.workers.worker import HeldModel, versions_here
from moe_core.models.inference.planning.batches import Asked, BatchesUnderWay, Prompts, pending_batches, tokens_run
from moe_core.numbers.formatting import counted
from moe_core.traces.specification import ModelSpecification

if TYPE_CHECKING:
    from moe_core.models.loading.checks.verdict import ModelCheck

HERE = "this computer"
BEGIN_WITHIN_S = 180.0
"""Processes that import torch from a slow disk take their time; where all processors are taken, they never begin."""
T = TypeVar("T")
_selections = count()


@dataclass(frozen=True)
class _Trial:
    task: Intervention


class SpreadModel:
    """A model that workers hold; see `RunningModel`."""

    nbytes = 0

    def __init__(self, held: HeldModel, ray: Any, actors: RayActors, like: NodeReport) -> None:
        """`like` is what workers have to be like that come back."""
        self._held = held
        self._ray = ray
        self._actors = actors
        self._like = like
        self._pool = Pool(actors, self._admit)

    @property
    def specification(self) -> ModelSpecification:
        """What the workers hold."""
        return self._held.specification

    @property
    def tokenizer(self) -> Any:
        """Its tokenizer, in this process."""
        return self._held.tokenizer

    @property
    def n_vocabulary(self) -> int:
        """How many tokens it has an embedding for."""
        return self._held.n_vocabulary

    @property
    def check(self) -> "ModelCheck":
        """What a worker's self-check found."""
        return self._held.check

    def ask(self, prompts: Prompts, kept: KeptOnWorkers | None = None) -> Generator[Asked, None, None]:
        """The records, in the order in which workers have them; the same batches as in one process."""
        tokenised, wanted = prompts.tokenised, prompts.wanted
        tasks = planned_tasks(
            pending_batches(prompts.planned(self.specification.device), tokenised, wanted),
            tokenised,
            wanted,
            keep_tokens=prompts.keep_tokens,
            intervention=prompts.intervention,
            kept=kept,
        )
        n_workers = len(self._actors.names)
        for event in self.spread("ask", tasks, lambda planned: planned.number % n_workers if kept else ANYONE):
            match event:
                case UnderWay(text=text):
                    yield BatchesUnderWay(text)
                case Done(task=PlannedTask() as planned, result=result, node=node):
                    yield from map(BatchesUnderWay, result.remarks)
                    yield planned.records(result, node)

    def check_actions(self, intervention: Intervention) -> None:
        """Have a worker try what needs to be tried."""
        if intervention.at_answer:
            for _ in self.spread("check_actions", iter([_Trial(intervention)])):
                pass

    def keep(self, prompts: Prompts) -> KeptOnWorkers:
        """Each worker keeps what it can of these prompts' passes, as soon as they are asked."""
        batches = prompts.batches(self.specification.device)
        n_tokens = tokens_run(batches, prompts.tokenised).padded
        n_layers = self.specification.layers[-1] + 1
        return KeptOnWorkers(next(_selections), n_tokens, len(self._actors.names), n_layers)

    def spread(
        self, method: str, tasks: Iterator[T], home: Callable[[T], int] = lambda _: ANYONE
    ) -> Iterator[Done[T] | UnderWay]:
        """What workers do with the `task` of each of these, in the order in which they have it."""
        return self._pool.run(method, tasks, "task", home)

    def let_go(self) -> None:
        """End the workers, and leave the cluster."""
        self._actors.end()
        self._ray.shutdown()

    def _admit(self, worker: int, report: NodeReport) -> None:
        """Let a worker that has come back work again; raises ClusterError where its node is not like the others."""
        check_nodes([self._like, report])
        self._actors.names[worker] = report.node


def engine_on(address: str) -> Engine:
    """An engine whose models are held by the workers of this cluster; raises ClusterError for what is no address."""
    found = parse_address(address)
    return Engine(lambda request: spread_model(found, request))


def spread_model(address: Address, request: ModelRequest) -> Generator[Event, None, SpreadModel]:
    """The model held by as many workers as there is room for, all alike; closing the generator ends them.

    Raises ClusterError where the cluster cannot be reached, or nodes differ; what `load_model` raises, with the node.
    """
    yield Stage(f"Joining the cluster {address.text}")
    ray = join(address)
    if not address.n_local:
        yield Notice(joined(ray))
    actors: RayActors | None = None
    model: SpreadModel | None = None
    try:
        put = places(ray, address, request.device)
        actors = RayActors(ray, _on_workers(request), put)
        yield Stage(f"Checking {counted(len(put), 'worker')}")
        here = NodeReport(HERE, versions_here())
        reports = yield from from_each(actors, "report", within_s=BEGIN_WITHIN_S)
        for remark in check_nodes([here, *reports]):
            yield Notice(remark)
        actors.names[:] = [report.node for report in reports]
        yield Stage(f"Loading {request.model} on {counted(len(reports), 'worker')}")
        reports = yield from from_each(actors, "back")
        moved = [report for report, name in zip(reports, actors.names, strict=True) if report.node != name]
        check_nodes([here, reports[0], *moved])
        actors.names[:] = [report.node for report in reports]
        held = actors.result(actors.insist(0, "held"))
        model = SpreadModel(held, ray, actors, reports[0])
        return model
    finally:
        if model is None:
            if actors is not None:
                actors.end()
            ray.shutdown()


def _on_workers(request: ModelRequest) -> ModelRequest:
    """The request as each worker means it: it sees its own GPU alone, and its own working folder."""
    from dataclasses import replace
    from pathlib import Path

    device = "cuda:0" if request.device.startswith("cuda") else request.device
    is_here = Path(request.model).is_dir()
    return replace(request, device=device, model=str(Path(request.model).absolute()) if is_here else request.model)
