"""Times the aggregates at the size of MMLU on OLMoE (14,042 x 16 x 64): `python -m tests.bench.bench_metrics`."""

import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from moe_core.measures.metrics import METRICS
from moe_core.measures.routing_in_scope import routing_in_scope
from moe_core.measures.routing_sample import RoutingSample, select
from moe_core.measures.scope import Scope
from tests.synthetic_trace import make_large_trace


def milliseconds(work: Callable[[], object], repeats: int = 5) -> float:
    """The median wall time of one call."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return float(np.median(times) * 1000)


def main() -> None:
    """Print one line per scope and selection."""
    trace, rng = make_large_trace(), np.random.default_rng(0)
    selections = {"all": None, "half": np.flatnonzero(rng.random(14_042) < 0.5), "one subject": np.arange(250)}
    for scope in Scope:
        sys.stdout.write(f"{scope}: build {milliseconds(partial(routing_in_scope, trace, scope), 3):.0f} ms\n")
        routing = routing_in_scope(trace, scope)
        for name, questions in selections.items():
            draw = partial(select, routing, trace, questions)
            times = [milliseconds(partial(work, draw)) for work in (draw_only, compute_totals, compute_all)]
            sys.stdout.write("  {}: select {:.1f}, + totals {:.1f}, + all metrics {:.1f} ms\n".format(name, *times))
    drawn = select(routing_in_scope(trace, Scope.PROMPT), trace)
    _ = drawn.totals
    for metric in METRICS:
        sys.stdout.write(f"  {metric.name}: {milliseconds(partial(metric.compute, drawn)):.1f} ms\n")


def draw_only(draw: Callable[[], RoutingSample]) -> None:
    """Choosing the questions."""
    draw()


def compute_totals(draw: Callable[[], RoutingSample]) -> None:
    """And the pass over the cubes."""
    _ = draw().totals


def compute_all(draw: Callable[[], RoutingSample]) -> None:
    """And every metric."""
    drawn = draw()
    for metric in METRICS:
        metric.compute(drawn)


if __name__ == "__main__":
    main()
