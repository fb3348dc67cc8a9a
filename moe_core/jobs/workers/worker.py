"""What a worker does: it reports on its node, holds the model, and runs the tasks that it is given."""

import os
import socket
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from moe_core.effects.part import DecoderFacts, PartPredicted
from moe_core.errors import MoeCoreError, first_line
from moe_core.interventions.intervention import Intervention
from moe_core.jobs.events import Event
from moe_core.jobs.models.load_model import ModelRequest, find_folder, load_model
from moe_core.jobs.runs.run_plan import library_versions
from moe_core.jobs.workers.batch_tasks import BatchesDone, BatchTask
from moe_core.jobs.workers.effect_tasks import EffectTask, decoder_facts, predicted
from moe_core.jobs.workers.kept_tasks import KeptTasks
from moe_core.jobs.workers.node_report import NodeReport
from moe_core.jobs.workers.packed_batch import packed
from moe_core.models.inference.planning.batches import BatchHalved, BatchRan
from moe_core.models.loading.checks.verdict import ModelCheck
from moe_core.models.loading.files.fingerprint import config_sha256, file_sha256, weights_sha256
from moe_core.models.loading.files.safety import check_folder
from moe_core.models.loading.memory import estimate_memory, free_memory
from moe_core.traces.specification import ModelSpecification

if TYPE_CHECKING:
    from moe_core.models.inference.model_here import ModelHere

Result = TypeVar("Result")


@dataclass(frozen=True)
class HeldModel:
    """What the driver needs to know of the model that workers hold."""

    specification: ModelSpecification
    tokenizer: Any
    n_vocabulary: int
    check: ModelCheck


class Worker:
    """Lives in a process of its own; after a kill it begins again, and loads the model when it is next needed."""

    def __init__(self, request: ModelRequest, n_threads: int, name: str = "", memory_share: float = 1.0) -> None:
        """`memory_share`: of the memory that is free, where others use the same."""
        self._request = request
        self._n_threads = n_threads
        self._name = name
        self._memory_share = memory_share
        self._loaded: ModelHere | None = None
        self._kept: KeptTasks | None = None

    def report(self) -> NodeReport:
        """What the node is like, the model's files included; nothing is loaded, and nothing raised."""
        node = self._name or socket.gethostname()
        report = NodeReport(node, versions_here())
        try:
            return self._judged(report)
        except (MoeCoreError, ImportError, OSError) as error:
            return replace(report, problem=str(error) if isinstance(error, MoeCoreError) else f"{first_line(error)}.")

    def back(self) -> NodeReport:
        """The node's report once the model is in memory; raises what `load_model` raises."""
        self._model()
        return self.report()

    def held(self) -> HeldModel:
        """The model as the driver needs to know it."""
        model = self._model()
        return HeldModel(model.specification, model.tokenizer, model.n_vocabulary, model.check)

    def ask(self, task: BatchTask) -> BatchesDone:
        """The records of the task's batches; raises RunError where the device fails."""
        from moe_core.models.inference.forward_passes import ask_batches

        model = self._model()
        self._kept = self._kept or KeptTasks(model, self._memory_share)
        ran, remarks = [], []
        for asked in ask_batches(
            model,
            task.part,
            task.batches,
            task.wanted,
            keep_tokens=task.keep_tokens,
            intervention=task.intervention,
            kept=self._kept.of(task.keeping, task.part, task.batches) if task.keeping else None,
            memory_share=self._memory_share,
        ):
            match asked:
                case BatchRan():
                    ran.append(asked)
                case BatchHalved():
                    remarks.append(asked.text)
        return BatchesDone(packed(ran), tuple(remarks))

    def check_actions(self, intervention: Intervention) -> None:
        """Raise InterventionError for what only trying tells that the model cannot be asked with."""
        self._model().check_actions(intervention)

    def effects(self, task: EffectTask) -> PartPredicted:
        """A part of an effect map; raises RunError where the device fails, EffectError where there is none."""
        self._kept = None  # as far as what-ifs have left anything: what is free is not reckoned with here
        return predicted(task, self._model())

    def decoder_facts(self, task: EffectTask) -> DecoderFacts:
        """What the passes of an effect map would run through."""
        return decoder_facts(task, self._model())

    def _model(self) -> "ModelHere":
        if self._loaded is None:
            self._use_threads()
            self._loaded = finished(load_model(self._request))
        return self._loaded

    def _use_threads(self) -> None:
        import torch

        torch.set_num_threads(self._n_threads)

    def _judged(self, report: NodeReport) -> NodeReport:
        from moe_core.models.loading.building import resolve_device

        device, dtype = resolve_device(self._request.device, self._request.dtype)
        checked = check_folder(finished(find_folder(self._request)).folder)
        estimate = estimate_memory(checked.tensors, checked.architecture, dtype, device=device)
        held = 0 if self._loaded is None else self._loaded.nbytes
        free = 0 if device == "balanced" else (free_memory(device) or 0) + held
        return replace(
            report,
            model={
                "configuration": config_sha256(checked.config),
                "weights": weights_sha256(checked.tensors),
                "tokenizer": file_sha256(checked.folder / "tokenizer.json"),
            },
            device=device.partition(":")[0],
            processor=_processor(device),
            needed=estimate.total,
            free=free,
        )


def versions_here() -> dict[str, str]:
    """What this process runs with, of all that has to be the same everywhere."""
    from importlib.metadata import PackageNotFoundError, version

    versions = library_versions()
    try:
        versions["ray"] = version("ray")
    except PackageNotFoundError:
        versions.pop("ray", None)
    return versions


def finished(job: Generator[Event, None, Result]) -> Result:
    """The result of a job whose events nobody hears."""
    while True:
        try:
            next(job)
        except StopIteration as done:
            result: Result = done.value
            return result


def _processor(device: str) -> str:
    if not device.startswith("cuda"):
        return ""
    import torch

    return str(torch.cuda.get_device_name(device))


def threads_each(n_workers: int) -> int:
    """The share that each worker of this computer has of its processors, or of what OMP_NUM_THREADS allows."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    n_threads = int(told) if told.isdecimal() and int(told) else os.cpu_count() or 1
    return max(1, n_threads // n_workers)
