"""Kills workers while a quiz is recorded on them: `python -m tests.reliability.worker_kills [--kills N] [--seed S]
[--pauses SECONDS SECONDS]`.

Two workers on this computer; at random instants one of them gets SIGKILL, whatever it is at. A run is repeated until
so many have died, and each of its traces must hold what one process records, bit for bit. Needs the extra [ray].
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import torch

from moe_core.jobs.events import Event, Notice, Progress
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.runs.run_plan import RunOptions
from moe_core.jobs.workers.spread_model import engine_on
from moe_core.traces.reader import open_trace
from tests.job_results import result_of
from tests.reliability.outcome import Outcome
from tests.tiny_models import build_tiny

ARRAYS = ("answer_experts", "answer_weights", "router_probs", "choice_logprobs", "predicted", "status")


def worker_processes() -> list[psutil.Process]:
    """The workers that this process has, which Ray names after what they do."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if "".join(process.cmdline()[:1]).startswith("ray::Worker"):
                found.append(process)
    return found


class Killer:
    """Kills a worker now and then, if any while it does `only` this; `n` have died so far, `while_doing` what."""

    def __init__(self, wanted: int, seed: int, pauses: tuple[float, float], only: str = "") -> None:
        self.n = 0
        self._only = only
        self.while_doing = Counter[str]()
        self._wanted = wanted
        self._random = random.Random(seed)
        self._pauses = pauses
        self._stop = threading.Event()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Killing while open."""
        self._stop.clear()
        thread = threading.Thread(target=self._kill)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _kill(self) -> None:
        while self.n < self._wanted and not self._stop.wait(self._random.uniform(*self._pauses)):
            if found := worker_processes():
                with suppress(ProcessLookupError, psutil.Error):
                    chosen = self._random.choice(found)
                    doing = "".join(chosen.cmdline()[:1]).removeprefix("ray::Worker").strip(".") or "beginning"
                    if self._only not in ("", doing):
                        continue
                    os.kill(chosen.pid, signal.SIGKILL)
                    self.n += 1
                    self.while_doing[doing] += 1


def differences(one: Path, other: Path) -> list[str]:
    """What two traces hold otherwise than each other, by name; empty where every bit is the same."""
    with open_trace(one) as a, open_trace(other) as b:
        if not (a.complete and b.complete):
            return ["not complete"]
        pairs = {name: (getattr(a, name), getattr(b, name)) for name in ARRAYS}
        for sums in ("question_sums", "prefix_sums"):
            ours, theirs = vars(getattr(a, sums)), vars(getattr(b, sums))
            pairs |= {f"{sums}.{name}": (ours[name], theirs[name]) for name in ours}
        for row in range(a.n_questions):
            ours, theirs = vars(a.token_routing(row)), vars(b.token_routing(row))
            pairs |= {f"question {row}, {name}": (ours[name], theirs[name]) for name in ours}
        return [name for name, (x, y) in pairs.items() if x[:].tobytes() != y[:].tobytes()]


def write_sums(path: Path, n: int) -> Path:
    """A quiz of two subjects, with prompts of many lengths."""
    rows = ["question,A,B,C,D,answer,subject,id"]
    for at in range(n):
        text = f"What is {at} plus {at + 1}" + " and so on" * (at * 7 % 23)
        rows.append(f"{text}?,{2 * at},{2 * at + 1},{2 * at + 2},{3 * at + 50},B,sums{at % 2},q{at}")
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def kill_workers(folder: Path, kills: int, seed: int, n_questions: int, pauses: tuple[float, float]) -> Outcome:
    """Record until so many workers have died; each trace is compared with that of one process."""
    model, quiz = build_tiny(folder / "model"), write_sums(folder / "sums.csv", n_questions)
    torch.set_num_threads(1)

    def request(name: str) -> RecordRequest:
        options = RunOptions(batch_tokens=400)
        return RecordRequest(ModelRequest(str(model), "cpu", "float32"), str(quiz), folder / name, options=options)

    result_of(record(request("truth.h5"), Engine()))
    engine, killer, outcome = engine_on("local:2"), Killer(kills, seed, pauses), Outcome()
    try:
        result_of(engine.load(request("").model))
        number = 0
        while killer.n < kills:
            number += 1
            events: list[Event] = []
            before, begun = killer.n, time.monotonic()
            with killer.at_work():
                result = result_of(record(request(f"{number}.h5"), engine), events)
            found = differences(folder / "truth.h5", folder / f"{number}.h5")
            outcome.add(Outcome(1, [f"run {number}: {', '.join(found)}"] if found else []))
            said = sum(isinstance(event, Notice) and "lost" in event.text for event in events)
            shares = ", ".join(f"{share.node} {share.done}" for share in result.nodes)
            print(
                f"run {number}: {result.n_questions} questions in {time.monotonic() - begun:.1f} s, {shares}; "
                f"{killer.n - before} kills ({killer.n} so far), {said} losses told, "
                f"{sum(isinstance(event, Progress) for event in events)} steps: "
                f"{'differs: ' + ', '.join(found[:3]) if found else 'the same, bit for bit'}",
                flush=True,
            )
            (folder / f"{number}.h5").unlink()
        print(f"killed while doing: {dict(killer.while_doing)}")
    finally:
        engine.release()
    return outcome


def main() -> int:
    """The soak; 1 where a trace differed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--questions", type=int, default=3000)
    parser.add_argument("--pauses", type=float, nargs=2, default=(0.5, 12.0), help="seconds between kills")
    chosen = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "2"  # of which each worker has one
    with tempfile.TemporaryDirectory() as folder:
        outcome = kill_workers(Path(folder), chosen.kills, chosen.seed, chosen.questions, tuple(chosen.pauses))
    print(f"{outcome.tries} runs, {len(outcome.failures)} failures; workers left: {len(worker_processes())}")
    return bool(outcome.failures)


if __name__ == "__main__":
    sys.exit(main())
