"""How far the first expert that is not chosen lies behind, at all tokens of prompts: measured once, and kept.

Axes: n questions, L MoE layers.
"""

import time
from collections.abc import Generator, Sequence

import numpy as np
from numpy.typing import NDArray

from moe_core.experiments.kept.measured import MeasuredFile, measured_file
from moe_core.experiments.request import ExperimentRequest
from moe_core.jobs.events import Event, Notice, Progress, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.recorded_model import load_baseline_model
from moe_core.jobs.runs.running_model import is_here, loaded_here
from moe_core.measures.gate_margins import gap
from moe_core.traces.reader import Trace


def known_gaps(trace: Trace, rows: Sequence[int]) -> NDArray[np.float64]:
    """The mean gap over the prompt tokens of each of these questions [n, L]; NaN where it was not measured."""
    values = _file(trace, rows).read()
    return np.full((len(rows), trace.dimensions.n_layers), np.nan) if values is None else values


def measure_gaps(
    request: ExperimentRequest, trace: Trace, rows: Sequence[int], engine: Engine
) -> Generator[Event, None, None]:
    """Run the prompts once, unless the gaps are known; raises what loading the model raises."""
    if trace.dimensions.top_k >= trace.dimensions.n_experts or _file(trace, rows).read() is not None:
        return
    running = yield from load_baseline_model(trace, request.model, engine, rerun_baseline=request.rerun_baseline)
    if not is_here(running):
        yield Notice("Workers do not tell the gap to the next expert at every token: it stays unknown there")
        return
    from moe_core.models.inference.by_prompt.top_k_edge import at_the_edge

    yield Stage(f"Running {len(rows):,} prompts without noise")
    start, found = time.monotonic(), list[NDArray[np.float64]]()
    for edge in at_the_edge(loaded_here(running), [trace.prompt_token_ids(row) for row in rows]):
        found.append(gap(edge[..., 0], edge[..., 1]).mean(axis=0))
        yield Progress.at_pace(len(found), len(rows), "prompts", time.monotonic() - start)
    _file(trace, rows).write(np.stack(found))


def _file(trace: Trace, rows: Sequence[int]) -> MeasuredFile:
    return measured_file(trace, "router-gaps", rows, len(rows))
