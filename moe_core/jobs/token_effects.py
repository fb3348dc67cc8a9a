"""Predicts on which tokens of one question the effects of some experts hang: a clean pass with gradients, no re-runs.

Axes: R experts, T tokens of the prompt.
"""

from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moe_core.effects.memory_plan import plan_memory
from moe_core.errors import EffectError
from moe_core.interventions.intervention import Expert
from moe_core.interventions.layers import Cell, Layers
from moe_core.jobs.effects import rows_with_effects
from moe_core.jobs.events import Event, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.recorded_model import ModelNow, load_baseline_model
from moe_core.jobs.runs.rerun_plan import Subset, plan_rerun
from moe_core.jobs.runs.running_model import loaded_here
from moe_core.models.loading.memory import free_memory
from moe_core.traces.reader import open_trace


@dataclass(frozen=True)
class TokenEffectsRequest:
    """One question by its id, experts by the model's own layer numbers; `effect` and the rest as in EffectsRequest."""

    trace: Path
    question: str
    experts: tuple[Expert, ...]
    effect: str = "reroute"
    rerun_baseline: bool = False
    model: ModelNow = field(default_factory=ModelNow)


@dataclass(frozen=True, eq=False)
class TokenEffects:
    """`terms` [R, T] in nats: what each token adds to the predicted effect of each expert on the right answer."""

    experts: tuple[Expert, ...]
    terms: NDArray[np.float32]


def token_effects(request: TokenEffectsRequest, engine: Engine | None = None) -> Generator[Event, None, TokenEffects]:
    """Events until the terms are there; nothing is written.

    A term is 0 where masking the expert leaves the token's routing as it is. Raises what `effects` raises, and
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
        passes.within(plan_memory(passes.facts.shape, device, free_memory(device), n_tokens, n_tokens))
        yield Stage(f"Following the answer back through {n_tokens:,} tokens")
        return TokenEffects(request.experts, np.stack(list(passes.by_token(0, cells))))


def _cells(experts: tuple[Expert, ...], layers: Layers, n_experts: int) -> list[Cell]:
    cells = [layers.cell(expert) for expert in experts]
    for expert, cell in zip(experts, cells, strict=True):
        if cell is None or not 0 <= expert[1] < n_experts:
            raise EffectError(f"There is no expert {expert[0]}:{expert[1]} in layers {layers.text()}.")
    if not cells:
        raise EffectError("No expert is named whose effect is to be followed to its tokens.")
    return [cell for cell in cells if cell is not None]
