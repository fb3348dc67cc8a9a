"""Reads a trace while another process records it: whatever is shown as recorded is right, at any time."""

import time
from pathlib import Path

import numpy as np

from moe_core.errors import TraceError
from moe_core.traces.reader import Trace, open_trace
from tests.reliability.fork_server import ForkServer
from tests.reliability.outcome import Outcome
from tests.reliability.recorder import ARRAYS, fill
from tests.traces.synthetic_run import SyntheticRun, create, record

HERE = "tests.reliability.readers"
LONGER = SyntheticRun(n_questions=1500, n_prefixes=3, mean_tokens=4)
LONG = SyntheticRun(n_questions=300, n_prefixes=3, mean_tokens=4)


def record_in_steps(path: str, long: bool = False) -> str:
    """In a child: fill the trace, one question at a time; tells the seconds it took."""
    started = time.monotonic()
    fill(Path(path), LONGER if long else LONG, batch=1)
    return str(time.monotonic() - started)


def slowdown(folder: Path, pairs: int) -> Outcome:
    """How much longer a recording takes that is looked at as the window looks: for a tenth of the time at most."""
    outcome, ratios = Outcome(), []
    with ForkServer([HERE]) as server:
        for number in range(pairs):
            seconds = []
            for is_watched in (number % 2 == 0, number % 2 == 1):
                path = create(folder / "run.h5", LONGER)
                server.start(f"{HERE}:record_in_steps", path=str(path), long=True)
                if is_watched:
                    _glance(path)
                seconds.append((is_watched, float(server.wait().error)))
                path.unlink()
            times = dict(seconds)
            ratios.append(times[True] / times[False])
            outcome.tries += 1
    outcome.notes["slower by % (median)"] = round(100 * (float(np.median(ratios)) - 1), 1)
    return outcome


def _glance(path: Path) -> None:
    with open_trace(path) as trace:
        while not trace.complete:
            started = time.monotonic()
            trace.refresh()
            assert trace.router_probs.shape
            time.sleep(max(0.25, 10 * (time.monotonic() - started)))  # as app.running.recording does


def read_while_writing(folder: Path, checks: int) -> Outcome:
    """Until so many rows were compared, over as many recordings as that takes."""
    outcome, rng = Outcome(), np.random.default_rng(0)
    record(folder / "truth.h5", LONG)
    with ForkServer([HERE]) as server, open_trace(folder / "truth.h5") as truth:
        alone = server.run(f"{HERE}:record_in_steps", path=str(create(folder / "alone.h5", LONG)))
        outcome.notes["seconds of the writer alone"] = round(float(alone.error), 3)
        while outcome.tries < checks:
            path = create(folder / "run.h5", LONG)
            server.start(f"{HERE}:record_in_steps", path=str(path))
            _watch(outcome, path, truth, rng)
            ended = server.wait()
            outcome.check(ended.code == 0, ended.error)
            outcome.notes["seconds of the writer watched"] = round(float(ended.error), 3)
            outcome.check(path.read_bytes() == (folder / "truth.h5").read_bytes(), "the trace differs from one alone")
            path.unlink()
    return outcome


def _watch(outcome: Outcome, path: Path, truth: Trace, rng: np.random.Generator) -> None:
    before: set[int] = set()
    with open_trace(path) as trace:
        while not trace.complete:
            trace.refresh()
            if rng.random() < 0.5:  # whichever is asked for first, and while the writer gets on
                assert trace.answer_experts.shape
                time.sleep(0.003)
            rows = np.flatnonzero(trace.recorded)
            outcome.tries += len(rows)
            outcome.count("looks")
            outcome.check(not trace.damaged, f"{trace.damaged} looked damaged while they were written")
            outcome.check(before <= set(rows.tolist()), "what was recorded is not any more")
            before = set(rows.tolist())
            for name in ARRAYS:
                same = getattr(trace, name)[rows].tobytes() == getattr(truth, name)[rows].tobytes()
                outcome.check(same, f"{name} was wrong while it was written")
            if len(rows):
                _look_at(outcome, trace, truth, int(rng.choice(rows)))


def _look_at(outcome: Outcome, trace: Trace, truth: Trace, question: int) -> None:
    try:
        outcome.check(trace.answer(question).predicted == truth.answer(question).predicted, "an answer was wrong")
        one, other = trace.token_routing(question), truth.token_routing(question)
        outcome.check(np.array_equal(one.experts, other.experts), "a token's experts were wrong")
    except TraceError as error:
        outcome.check(False, str(error))
