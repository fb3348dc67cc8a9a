"""Several programs want to write one trace: at most one does, the others are told who, and can read it."""

import json
import os
import random
import re
import time
from contextlib import ExitStack
from pathlib import Path

from moe_core.errors import TraceError
from moe_core.traces.lock import writer_lock
from moe_core.traces.reader import open_trace
from moe_core.traces.writing.writer import TraceWriter
from tests.reliability.fork_server import ForkServer
from tests.reliability.outcome import Outcome
from tests.reliability.recorder import RUN
from tests.traces.synthetic_run import create

HERE = "tests.reliability.instances"
_SENTENCE = re.compile(r".* is being written by (process (\d+) on .*|another process): wait until that has ended\.")


def contend(path: str, attempts: int, seed: int) -> str:
    """In a child: try again and again to be the writer; whoever is finds no other. Tells figures as JSON."""
    rng, trace, marker = random.Random(seed), Path(path), Path(path).with_suffix(".holder")
    figures = {"got": 0, "refused": 0, "named": 0, "wrong": 0, "read": 0}
    for attempt in range(attempts):
        try:
            with TraceWriter(trace) if attempt % 10 == 0 else writer_lock(trace):
                os.close(os.open(marker, os.O_CREAT | os.O_EXCL))  # fails where there are two
                if rng.random() < 0.3:
                    time.sleep(rng.random() * 1e-3)  # not a wait: to be found holding it
                marker.unlink()
                figures["got"] += 1
        except TraceError as error:
            said = _SENTENCE.fullmatch(str(error))
            figures["refused"] += 1
            figures["wrong"] += said is None
            figures["named"] += bool(said and said[2])
            if attempt % 20 == 0:
                with open_trace(trace) as opened:
                    figures["read"] += opened.n_questions
    return json.dumps(figures)


def hold(path: str) -> None:
    """In a child: write a batch, then hold the trace until the end."""
    with TraceWriter(Path(path)) as writer:
        if writer.pending_questions:
            writer.write([RUN.question_record(writer.pending_questions[0])])
        Path(path).with_suffix(".held").touch()
        while True:
            time.sleep(1)


def contention(folder: Path, processes: int, attempts: int) -> Outcome:
    """So many processes with so many attempts each, all at once."""
    outcome = Outcome(tries=processes * attempts)
    path = create(folder / "run.h5", RUN)
    with ExitStack() as stack:
        servers = [stack.enter_context(ForkServer([HERE])) for _ in range(processes)]
        for seed, server in enumerate(servers):
            server.start(f"{HERE}:contend", path=str(path), attempts=attempts, seed=seed, time_limit_s=3600)
        for server in servers:
            ended = server.wait()
            outcome.check(ended.code == 0, f"a contender ended: {ended.error}")
            for name, amount in json.loads(ended.error).items() if ended.code == 0 else ():
                outcome.count(name, amount)
    outcome.check(not outcome.notes.get("wrong"), "somebody was told something else than who writes")
    return outcome


def dead_holders(folder: Path, tries: int, seed: int = 0) -> Outcome:
    """A holder that is killed leaves no lock: the next one writes at once, and what it wrote is there."""
    outcome, rng = Outcome(), random.Random(seed)
    path = create(folder / "run.h5", RUN)
    held = path.with_suffix(".held")
    patience = 1.0
    with ForkServer([HERE]) as server:
        for number in range(tries):
            held.unlink(missing_ok=True)
            kill_after_s = patience * (0.01 + 0.05 * rng.random())
            ended = server.run(f"{HERE}:hold", kill_after_s=kill_after_s, path=str(path))
            patience *= 1.0 if held.exists() else 1.3  # a busy machine gets as far only later
            outcome.check(ended.was_killed, ended.error)
            outcome.tries += 1
            outcome.count("killed while holding", held.exists())
            try:
                with TraceWriter(path) as writer:
                    left = len(writer.pending_questions)
            except TraceError as error:
                outcome.check(False, f"kill {number}: {error}")
            else:
                outcome.notes["recorded"] = RUN.n_questions - left
    return outcome
