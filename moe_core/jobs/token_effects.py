"""On which tokens of one question the effects of some experts hang: predicted along the gradient, measured on demand.

Axes: R experts, T tokens of the prompt.
"""

import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from moe_core.effects.memory_plan import plan_memory
from moe_core.errors import EffectError
from moe_core.interventions.intervention import Expert
from moe_core.interventions.layers import Cell, Layers
from moe_core.jobs.effects import rows_with_effects
from moe_core.jobs.events import Event, Notice, Progress, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.recorded_model import ModelNow, load_baseline_model
from moe_core.jobs.runs.rerun_plan import Subset, plan_rerun
from moe_core.jobs.runs.running_model import loaded_here
from moe_core.models.loading.memory import free_memory
from moe_core.numbers.formatting import counted, significant
from moe_core.traces.reader import open_trace

if TYPE_CHECKING:
    from moe_core.effects.passes.passes_here import PassesHere
    from moe_core.effects.passes.question_alone import ClosedAt, QuestionAlone

_CLEAN_PASSES = 3
"""What a clean pass with its gradients costs, in forward passes."""


@dataclass(frozen=True)
class TokenEffectsRequest:
    """One question by its id, experts by the model's own layer numbers; `effect` and the rest as in EffectsRequest.

    `measures`: run the model again for every token, besides following the answer back.
    """

    trace: Path
    question: str
    experts: tuple[Expert, ...]
    effect: str = "reroute"
    measures: bool = False
    rerun_baseline: bool = False
    model: ModelNow = field(default_factory=ModelNow)


@dataclass(frozen=True, eq=False)
class MeasuredTokens:
    """Nats: `effects` [R, T] of masking each expert at one token alone, `whole` [R] of masking it at all of them.

    A row does not sum to its whole: tokens stand in for one another, or need one another.
    """

    effects: NDArray[np.float32]
    whole: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class TokenEffects:
    """`terms` [R, T] in nats: what each token adds to the predicted effect of each expert on the right answer."""

    experts: tuple[Expert, ...]
    terms: NDArray[np.float32]
    measured: MeasuredTokens | None = None


def token_effects(request: TokenEffectsRequest, engine: Engine | None = None) -> Generator[Event, None, TokenEffects]:
    """Events until the terms, and what was measured, are there; nothing is written.

    Both are 0 where masking the expert leaves the token's routing as it is. Raises what `effects` raises, and
    EffectError for experts that the model has not.
    """
    with ExitStack() as stack:
        trace = stack.enter_context(open_trace(request.trace))
        rows = rows_with_effects(trace, request.effect, Subset(ids=(request.question,)))
        model = trace.specification.model
        cells = _cells(request.experts, model.layers, model.n_experts)
        engine = engine or Engine()
        loaded = yield from load_baseline_model(trace, request.model, engine, rerun_baseline=request.rerun_baseline)
        stack.enter_context(engine.released_when_lost())
        here = loaded_here(loaded)
        from moe_core.effects.passes.passes_here import PassesHere

        plan = plan_rerun(trace, rows, here)
        yield Stage(f"Trying how {here.specification.family} layers are run again")
        passes = PassesHere(here, plan.tokenised, request.effect)
        device, n_tokens = here.specification.device, plan.tokenised.prompt_length(0)
        in_flight = max(n_tokens, plan.specification.batch_tokens if request.measures else 0)
        passes.within(plan_memory(passes.facts.shape, device, free_memory(device), in_flight, n_tokens))
        yield Stage(f"Following the answer back through {n_tokens:,} tokens")
        started = time.monotonic()
        question = passes.alone(0)
        pass_s = (time.monotonic() - started) / _CLEAN_PASSES
        closed = [question.closed(cell) for cell in cells]
        terms = np.stack(list(passes.guarded(map(question.predicted, closed))))
        if not request.measures:
            return TokenEffects(request.experts, terms)
        measured = yield from _measured(passes, question, closed, pass_s)
        return TokenEffects(request.experts, terms, measured)


def _measured(
    passes: "PassesHere", question: "QuestionAlone", closed: Sequence["ClosedAt"], pass_s: float
) -> Generator[Event, None, MeasuredTokens]:
    """One re-run for each token that an expert's closing changes, and one with all of them together."""
    n_runs, n_passes = sum(each.n_runs for each in closed), sum(map(question.cost, closed))
    yield Notice(
        f"Measuring takes {counted(n_runs, 're-run')}, {significant(n_passes, 3)} forward passes of this question: "
        f"about {significant(n_passes * pass_s, 2)} seconds here"
    )
    effects, whole = np.zeros((len(closed), question.n_tokens), np.float32), np.zeros(len(closed), np.float32)
    started, done = time.monotonic(), 0
    for row, each in enumerate(closed):
        found = []
        for some in passes.guarded(question.measured(each)):
            found.append(some)
            done += len(some)
            yield Progress.at_pace(done, n_runs, "re-runs", time.monotonic() - started)
        *at_tokens, whole[row] = np.concatenate(found)
        effects[row, each.tokens.cpu().numpy()] = at_tokens
    return MeasuredTokens(effects, whole)


def _cells(experts: tuple[Expert, ...], layers: Layers, n_experts: int) -> list[Cell]:
    cells = [layers.cell(expert) for expert in experts]
    for expert, cell in zip(experts, cells, strict=True):
        if cell is None or not 0 <= expert[1] < n_experts:
            raise EffectError(f"There is no expert {expert[0]}:{expert[1]} in layers {layers.text()}.")
    if not cells:
        raise EffectError("No expert is named whose effect is to be followed to its tokens.")
    return [cell for cell in cells if cell is not None]
