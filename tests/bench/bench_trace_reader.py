"""Times writing and reading a trace of the size of MMLU on OLMoE: python tests/bench/bench_trace_reader.py [FOLDER].

A script, not a test. Goals on a workstation: one question under 5 ms, the answer scan under 0.25 s. Needs 0.8 GB of
free disk. Axes: N questions, T tokens, L layers, E experts, K chosen experts, C choices.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from moe_core.commands.show import describe_question
from moe_core.traces.checking.check import verify
from moe_core.traces.reader import Trace, open_trace
from moe_core.traces.records import QuestionRecord, TokenRouting
from moe_core.traces.writing.writer import TraceWriter
from tests.traces.synthetic_run import SyntheticRun, create

RUN = SyntheticRun(
    n_questions=14_042, n_prefixes=57, n_layers=16, n_experts=64, top_k=8, mean_tokens=123, keeps_tokens=True
)
BATCH = 128


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long the block took, waiting for the disk and for other processes included."""
    start, cpu_start = time.perf_counter(), time.process_time()
    yield
    wall_ms, cpu_ms = 1000 * (time.perf_counter() - start), 1000 * (time.process_time() - cpu_start)
    print(f"{what:<76} {wall_ms:9.1f} ms, {cpu_ms:9.1f} ms of them computing")


def main(folder: Path) -> None:
    """Write one trace into `folder`, read it in every way, remove it."""
    path = folder / "bench.h5"
    with timed("create"):
        create(path, RUN)
    _fill(path)
    print(f"{'size':<76} {path.stat().st_size / 1e6:9.1f} MB")
    with timed("open"):
        trace = open_trace(path)
    with trace:
        _read(trace)
    with timed("verify everything"):
        result = verify(path)
    assert result.complete


def _fill(path: Path) -> None:
    """Record all questions; the routing of one long one is cut to length, so that making values costs nothing."""
    tokenised = RUN.tokenised
    longest = max(range(RUN.n_questions), key=lambda n: len(tokenised.segments[n]))
    pattern = RUN.question_record(longest)
    with timed("open for writing, nothing recorded yet"):
        writer = TraceWriter(path)
    with writer, timed(f"write all questions, {BATCH} a batch, each durable"):
        writer.write([RUN.prefix_record(prefix) for prefix in writer.pending_prefixes])
        for start in range(0, RUN.n_questions, BATCH):
            numbers = range(start, min(start + BATCH, RUN.n_questions))
            writer.write([_cut(pattern, n, len(tokenised.segments[n])) for n in numbers])
    with timed("open for resuming, everything checked"):
        TraceWriter(path).close()


def _cut(pattern: QuestionRecord, question: int, n_tokens: int) -> QuestionRecord:
    routing = pattern.routing
    assert routing.tokens is not None
    tokens = TokenRouting(routing.tokens.experts[:n_tokens], routing.tokens.weights[:n_tokens])
    cut = replace(routing, tokens=tokens)
    return QuestionRecord(question, cut, pattern.answer)


def _read(trace: Trace) -> None:
    rng = np.random.default_rng(0)
    questions = rng.integers(0, trace.n_questions, 200).tolist()
    with timed("one question (first)"):
        describe_question(trace, 0)
    _percentiles("one question", lambda n: describe_question(trace, n), questions)
    _percentiles("one question, all tokens", lambda n: describe_question(trace, n, all_tokens=True), questions)
    for attempt in ("first, all checksums included", "again after refresh"):
        trace.refresh()
        with timed(f"answer scan: experts, weights, predicted ({attempt})"):
            total = trace.answer_experts.sum() + trace.answer_weights.max() + trace.predicted.sum()
        assert np.isfinite(total)
    with timed("all sums"):
        trace.question_sums.token_count[:].sum()


def _percentiles(what: str, read: Callable[[int], object], questions: list[int]) -> None:
    times = []
    for question in questions:
        start = time.perf_counter()
        read(question)
        times.append(1000 * (time.perf_counter() - start))
    p50, p95, worst = np.percentile(times, [50, 95, 100])
    print(f"{what:<76} {p50:9.2f} ms median, {p95:.2f} p95, {worst:.2f} worst")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as made:
            main(Path(made))
