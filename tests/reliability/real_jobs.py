"""Records and repeats runs of a real, tiny model in children that are killed: whole jobs, not only the writing.

The server loads the model once; each child is a copy of it and begins with the model in memory.
"""

import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np

from moe_core.interventions.intervention import parse_mask
from moe_core.jobs.export_pruned import ExportRequest, export_pruned
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.models.recorded_model import ModelNow
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.runs.run_plan import RunOptions
from moe_core.jobs.what_if import WhatIfRequest, what_if
from moe_core.traces.checking.check import verify
from moe_core.traces.reader import open_trace
from tests.reliability.fork_server import ForkServer
from tests.reliability.outcome import Outcome
from tests.reliability.recorder import check_rows

HERE = "tests.reliability.real_jobs"
LEARNS = 1.3
"""A job that was killed before it did anything, or not at all, tells that the machine is busier, or less busy, now."""
_ENGINE = Engine()


def pump(job: Generator[object, None, Any]) -> Any:
    """The result of a job."""
    while True:
        try:
            next(job)
        except StopIteration as done:
            return done.value


def record_request(model: str, quiz: str, out: str) -> RecordRequest:
    """Small batches, so that there are many instants between them."""
    return RecordRequest(ModelRequest(model, "cpu", offline=True), quiz, Path(out), options=RunOptions(batch_tokens=60))


def preload(model: str) -> None:
    """In the server itself: what every child starts with."""
    pump(_ENGINE.load(ModelRequest(model, "cpu", offline=True)))


def record_all(model: str, quiz: str, out: str) -> None:
    """In a child: begin or resume a recording."""
    pump(record(record_request(model, quiz, out), _ENGINE))


def mask_all(baseline: str, out: str) -> None:
    """In a child: begin or resume a what-if."""
    request = WhatIfRequest(Path(baseline), parse_mask("0:1,1:2"), out=Path(out), model=ModelNow(offline=True))
    pump(what_if(request, _ENGINE))


def export(baseline: str, out: str) -> None:
    """In a child: write the smaller checkpoint."""
    pump(export_pruned(ExportRequest(Path(baseline), parse_mask("0:1,1:2,2:3"), Path(out), ModelNow(offline=True))))


def kill_exports(folder: Path, model: Path, tries: int, seed: int = 0) -> Outcome:
    """Under its name stands a whole checkpoint or none; the next export removes what a killed one left."""
    outcome, rng = Outcome(), np.random.default_rng(seed)
    baseline, out = folder / "baseline.h5", folder / "smaller"
    pump(record(record_request(str(model), str(write_quiz(folder / "quiz.csv")), str(baseline)), _ENGINE))
    with ForkServer([HERE], setup=f"{HERE}:preload", model=str(model)) as server:
        whole = server.run(f"{HERE}:export", baseline=str(baseline), out=str(folder / "whole"))
        assert whole.code == 0, whole.error
        truth, length_s = _contents(folder / "whole"), whole.seconds
        for number in range(tries):
            instant_s = float(rng.random()) * length_s
            where = f"export {number} after {instant_s:.3f} s (seed {seed})"
            ended = server.run(f"{HERE}:export", kill_after_s=instant_s, baseline=str(baseline), out=str(out))
            outcome.tries += 1
            if not ended.was_killed:
                length_s /= LEARNS
            elif not (out.exists() or _leftovers(folder)):
                length_s *= LEARNS
            outcome.count("left something", bool(_leftovers(folder)))
            if not out.exists():
                ended = server.run(f"{HERE}:export", baseline=str(baseline), out=str(out))
                outcome.check(ended.code == 0, f"{where}: {ended.error[-400:]}")
                outcome.check(not _leftovers(folder), f"{where}: {_leftovers(folder)} stayed behind")
            outcome.check(_contents(out) == truth, f"{where}: the checkpoint is not whole")
            shutil.rmtree(out)
    return outcome


def _leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".smaller.")]


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def kill_jobs(folder: Path, model: Path, tries: int, seed: int = 0) -> Outcome:
    """Recordings and what-ifs in turn, killed up to three times in a row and then finished."""
    outcome, rng = Outcome(), np.random.default_rng(seed)
    quiz = write_quiz(folder / "quiz.csv")
    with ForkServer([HERE], setup=f"{HERE}:preload", model=str(model)) as server:
        baseline = folder / "baseline.h5"
        record_keywords = {"model": str(model), "quiz": str(quiz)}
        whole = server.run(f"{HERE}:record_all", out=str(baseline), **record_keywords)
        masked = server.run(f"{HERE}:mask_all", baseline=str(baseline), out=str(folder / "masked.h5"))
        assert (whole.code, masked.code) == (0, 0), whole.error + masked.error
        kinds = (
            (f"{HERE}:record_all", record_keywords, baseline),
            (f"{HERE}:mask_all", {"baseline": str(baseline)}, folder / "masked.h5"),
        )
        lengths_s = [whole.seconds, masked.seconds]
        number = 0
        while outcome.tries < tries:
            kind = number % 2
            function, keywords, truth = kinds[kind]
            path = folder / f"{number}.h5"
            with open_trace(truth) as true:
                recorded: set[int] = set()
                for _ in range(3):
                    instant_s = float(rng.random()) * lengths_s[kind]
                    where = f"{path.name} of {truth.name} after {instant_s:.3f} s (seed {seed})"
                    ended = server.run(function, kill_after_s=instant_s, out=str(path), **keywords)
                    if not ended.was_killed:
                        lengths_s[kind] /= LEARNS
                        break
                    outcome.tries += 1
                    if path.exists():
                        check_rows(outcome, path, true, recorded, where)
                        with open_trace(path) as trace:
                            recorded = set(np.flatnonzero(trace.recorded).tolist())
                        outcome.count("killed between first and last question", 0 < len(recorded) < true.n_questions)
                    lengths_s[kind] *= 1 if recorded else LEARNS
            if not (path.exists() and verify(path).complete):
                ended = server.run(function, out=str(path), **keywords)
                outcome.check(ended.code == 0, f"{path.name} does not resume: {ended.error[-400:]}")
            with open_trace(path) as trace, open_trace(truth) as true:
                outcome.check(trace.complete, f"{path.name} is not complete")
            outcome.check(verify(path).complete, f"{path.name} is damaged")
            with open_trace(truth) as true:
                check_rows(outcome, path, true, set(range(true.n_questions)), path.name)
            path.unlink()
            number += 1
    return outcome


def write_quiz(path: Path) -> Path:
    """Thirty questions of different lengths."""
    rows = ["question,A,B,answer"]
    rows += [f"What is {n}{' and so on' * (n % 5)}?,{n},{n + 100},{'AB'[n % 2]}" for n in range(30)]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path
