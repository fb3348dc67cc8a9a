"""Which neurons of some experts fire most on some questions: measured once, and kept in a file beside the trace.

Axes: I neurons of an expert.
"""

import time
from collections.abc import Generator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from moe_core.errors import ExperimentError
from moe_core.experiments.kept.measured import MeasuredFile, measured_file
from moe_core.experiments.request import ExperimentRequest
from moe_core.interventions.intervention import Expert
from moe_core.jobs.events import Event, Progress, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.recorded_model import load_baseline_model
from moe_core.jobs.runs.running_model import loaded_here
from moe_core.measures.scope import Scope
from moe_core.traces.reader import Trace

MeanFiring = Mapping[Expert, NDArray[np.float64]]
"""Mean absolute activation [I] of each expert's neurons over the tokens that it serves."""


def firing_file(trace: Trace, rows: Sequence[int], experts: Sequence[Expert], scope: Scope) -> MeasuredFile:
    """The file of these questions, experts and tokens."""
    named = [list(expert) for expert in experts]
    return measured_file(trace, "neuron-firing", rows, len(experts), experts=named, scope=scope.value)


def known_firing(trace: Trace, rows: Sequence[int], experts: Sequence[Expert], scope: Scope) -> MeanFiring | None:
    """What was measured of them; None where nothing was."""
    values = firing_file(trace, rows, experts, scope).read()
    return None if values is None or np.isnan(values).any() else dict(zip(experts, values, strict=True))


def measure_firing(
    request: ExperimentRequest,
    trace: Trace,
    rows: Sequence[int],
    experts: Sequence[Expert],
    scope: Scope,
    engine: Engine,
) -> Generator[Event, None, None]:
    """Run the prompts once and keep how these experts' neurons fire, unless that is known.

    Raises ExperimentError where the model's experts cannot be run one by one, and what loading it raises.
    """
    if known_firing(trace, rows, experts, scope) is not None:
        return
    running = yield from load_baseline_model(trace, request.model, engine, rerun_baseline=request.rerun_baseline)
    loaded = loaded_here(running)
    if not loaded.specification.abilities.neurons:
        raise ExperimentError(
            f"The experts of {loaded.specification.name} cannot be run one by one: nothing is known of their neurons."
        )
    from moe_core.models.inference.by_prompt.neuron_firing import Firing, fire

    yield Stage(f"Running {len(rows):,} prompts")
    prompts = [trace.prompt_token_ids(row) for row in rows]
    starts = [_first_token(trace, row, scope) for row in rows]
    start = time.monotonic()
    firing: dict[Expert, Firing] = {}
    for done, so_far in enumerate(fire(loaded, prompts, starts, experts), start=1):
        firing = so_far
        yield Progress.at_pace(done, len(rows), "prompts", time.monotonic() - start)
    means = np.stack([firing[expert].mean for expert in experts])
    firing_file(trace, rows, experts, scope).write(means)


def _first_token(trace: Trace, row: int, scope: Scope) -> int:
    n_all, n_own = int(trace.n_prompt_tokens[row]), int(trace.n_own_tokens[row])
    return {Scope.ANSWER: n_all - 1, Scope.PROMPT: 0, Scope.QUESTION: n_all - n_own}[scope]
