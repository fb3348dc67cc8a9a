"""What the driver of a run on workers bears: `python -m tests.bench.bench_driver [--questions N] [--workers W]`.

Workers of a real Ray on this computer send records of a model of 94 layers x 128 experts, top-8 (Qwen3-235B-A22B), as
fast as they are taken; nothing is computed. The driver plans, hands out tasks, takes records in and writes a real
trace, by the code of every other run. Its memory is looked at all along: `private` is what it has besides the store of
objects, which it shares with the workers.
"""

import argparse
import statistics
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil

from moe_core.jobs.runs.fill_trace import fill_trace
from moe_core.jobs.runs.prepare_trace import look_at, prepare_trace
from moe_core.jobs.workers.address import parse_address
from moe_core.jobs.workers.batch_tasks import BatchesDone, BatchTask
from moe_core.jobs.workers.cluster import join
from moe_core.jobs.workers.node_report import NodeReport
from moe_core.jobs.workers.packed_batch import PackedBatch
from moe_core.jobs.workers.ray_actors import RayActors
from moe_core.jobs.workers.spread_model import SpreadModel
from moe_core.jobs.workers.worker import HeldModel
from moe_core.traces.records import Status
from moe_core.traces.specification import ModelSpecification
from tests.bench.mmlu_sized import plan_of, sized_quiz
from tests.job_results import result_of
from tests.synthetic_trace import make_specification

L, E, K, C = 94, 128, 8, 4
BATCH_TOKENS = 32_768
EVERY_S = 1.0


class Sender:
    """A worker that computes nothing: it answers each task with records of the right sizes, drawn once."""

    def __init__(self) -> None:
        self._drawn: dict[str, np.ndarray] = {}

    def ask(self, task: BatchTask) -> BatchesDone:
        """Records of every wanted question and prefix."""
        questions, prefixes = sorted(task.wanted.questions), sorted(task.wanted.prefixes)
        lengths = [task.part.own_length(n) for n in questions] + [task.part.prefix_length(n) for n in prefixes]
        Q, S = len(questions), len(lengths)
        stops = np.cumsum(lengths, dtype=np.int64) if task.keep_tokens else np.zeros(0, np.int64)
        n_tokens = int(stops[-1]) if len(stops) else 0
        answers = {name: self._some(name, Q) for name in ANSWERS}
        experts, weights = (self._some(name, n_tokens) for name in TOKENS)
        sums = {name: self._some(name, S) for name in SUMS}
        return BatchesDone(PackedBatch(np.array(questions), np.array(prefixes), sums, answers, stops, experts, weights))

    def _some(self, name: str, n: int) -> np.ndarray:
        """So many rows, made when more are wanted than ever before: a sender must be faster than what is tried."""
        if name not in self._drawn or len(self._drawn[name]) < n:
            shape, dtype, value = (SUMS | ANSWERS | TOKENS)[name]
            self._drawn[name] = np.full((n, *shape), value, dtype)
        return self._drawn[name][:n]


Row = tuple[tuple[int, ...], Any, float]
"""Shape, type and value of a record's row."""
SUMS: dict[str, Row] = {
    "topk_entropy_sum": ((L,), np.float32, 1),
    "topk_entropy_square_sum": ((L,), np.float32, 1),
    "full_entropy_sum": ((L,), np.float32, 1),
    "full_entropy_square_sum": ((L,), np.float32, 1),
    "token_count": ((L, E), np.uint16, 1),
    "gate_share_sum": ((L, E), np.float16, 0.5),
    "sorted_share_sum": ((L, K), np.float32, 0.125),
}
ANSWERS: dict[str, Row] = {
    "experts": ((L, K), np.uint8, 3),
    "weights": ((L, K), np.float16, 0.1),
    "router_probs": ((L, E), np.float16, 1 / E),
    "choice_logprobs": ((C,), np.float32, -1.4),
    "predicted": ((), np.int64, 0),
    "status": ((), np.int64, int(Status.ANSWERED)),
    "in_smaller_batch": ((), np.bool_, 0),
}
TOKENS: dict[str, Row] = {"token experts": ((L, K), np.uint8, 5), "token weights": ((L, K), np.float16, 0.1)}


class Senders(RayActors):
    """As many of them, in place of workers."""

    def __init__(self, ray: Any, n: int) -> None:
        self._ray = ray
        self.names = [f"node {number}" for number in range(n)]
        self._handles = [ray.remote(Sender).options(num_cpus=0).remote() for _ in range(n)]


@dataclass(frozen=True)
class Found:
    """What a run came to; memory in MB, at its quarters."""

    questions_per_s: float
    megabytes_per_s: float
    kilobytes_each: float
    private_mb: tuple[float, ...]
    cpu_share: float


class MemoryWatch:
    """Looks at this process's own memory until it is closed."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self.seen: list[float] = []
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        process = psutil.Process()
        while not self._stop.wait(EVERY_S):
            memory = process.memory_full_info()
            self.seen.append(memory.uss / 1e6)


def run(ray: Any, folder: Path, n_questions: int, n_workers: int, tokens: str) -> Found:
    """One recording of so many questions."""
    sizes = make_specification(n_layers=L, n_experts=E, top_k=K)
    model: ModelSpecification = replace(sizes.model, device="cuda:0", layers=tuple(range(L)))
    plan = plan_of(
        sized_quiz(0, n_questions), SimpleNamespace(specification=model), tokens=tokens, batch_tokens=BATCH_TOKENS
    )
    path = folder / f"{tokens}.h5"
    result_of(prepare_trace(look_at(path), plan))
    held = HeldModel(model, None, 50_000, None)  # type: ignore[arg-type]  # no plan is made with it
    spread = SpreadModel(held, ray, Senders(ray, n_workers), NodeReport("node 0", {}))
    process = psutil.Process()
    cpu, watch = sum(process.cpu_times()[:2]), MemoryWatch()
    begun = time.monotonic()
    try:
        result = result_of(fill_trace(path, spread, plan))
    finally:
        watch.close()
    seconds = time.monotonic() - begun
    cpu = sum(process.cpu_times()[:2]) - cpu
    size = path.stat().st_size
    path.unlink()
    quarter = max(1, len(watch.seen) // 4)
    private = tuple(statistics.median(watch.seen[n * quarter : (n + 1) * quarter] or watch.seen[-1:]) for n in range(4))
    return Found(result.n_questions / seconds, size / 1e6 / seconds, size / 1e3 / n_questions, private, cpu / seconds)


def main() -> None:
    """Answer position only, then every token."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=14_042)
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    ray = join(parse_address(f"local:{chosen.workers}"))
    try:
        for tokens in ("answer", "all"):
            with tempfile.TemporaryDirectory() as folder:
                found = run(ray, Path(folder), chosen.questions, chosen.workers, tokens)
            memory = ", ".join(f"{mb:,.0f}" for mb in found.private_mb)
            print(
                f"--tokens {tokens}: {found.questions_per_s:,.0f} questions/s, {found.kilobytes_each:,.0f} KB each, "
                f"{found.megabytes_per_s:,.0f} MB/s to the disk; driver: {found.cpu_share:.2f} cores, "
                f"{1e3 * found.cpu_share / found.questions_per_s:.2f} ms of a processor a question, private memory in "
                f"the quarters of the run {memory} MB",
                flush=True,
            )
    finally:
        ray.shutdown()


if __name__ == "__main__":
    main()
