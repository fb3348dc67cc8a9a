"""Loads the model of a trace and runs its experts on the trace's own prompts, for the analyses that need that."""

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from moe_core.analyses.analysis import AnalysisOptions
from moe_core.analyses.dynamic.prompt_activations import PromptActivations
from moe_core.analyses.dynamic.prompt_predictions import PromptPredictions
from moe_core.analyses.layer_choice import place_of
from moe_core.analyses.selected_trace import SelectedTrace
from moe_core.errors import AnalysisError, Remedy
from moe_core.jobs.events import Event
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.recorded_model import ModelNow, load_recorded_model, unlike
from moe_core.jobs.runs.running_model import loaded_here
from moe_core.measures.scope import Scope
from moe_core.models.activations import LayerActivations

if TYPE_CHECKING:
    from moe_core.models.loading.building import LoadedModel


def run_prompts(
    chosen: SelectedTrace, options: AnalysisOptions, now: ModelNow, engine: Engine, *, of_expert: bool
) -> Generator[Event, None, PromptActivations]:
    """The prompts of the first questions chosen (or of the one named), ready to be run; one prompt `of_expert`.

    Raises AnalysisError where the model is no longer the recorded one, and what loading it raises.
    """
    trace = chosen.trace
    expert = _expert(chosen, options) if of_expert else None
    places = (expert[0],) if expert is not None else chosen.places(options)
    rows = [trace.index_of(options.question)] if options.question else _first(chosen, options)
    if of_expert:
        rows = rows[:1]
    loaded = yield from _load(chosen, now, engine)
    prompts = [trace.prompt_token_ids(row) for row in rows]
    texts = tuple(repr(text)[1:-1] for text in trace.token_texts(prompts[0].tolist()))
    return PromptActivations(
        layers=tuple(chosen.layers[place] for place in places),
        n_experts=trace.specification.model.n_experts,
        ids=tuple(trace.ids[row] for row in rows),
        tokens=texts,
        activations=_activations(loaded, prompts, places, expert),
        expert=None if expert is None else (0, expert[1]),
    )


def run_predictions(
    chosen: SelectedTrace, options: AnalysisOptions, now: ModelNow, engine: Engine
) -> Generator[Event, None, PromptPredictions]:
    """The prompts of the first questions chosen, ready to be asked what follows each token.

    Raises AnalysisError where the trace keeps no tokens or was recorded with experts switched off, as `run_prompts`.
    """
    trace = chosen.trace
    if not trace.dimensions.keeps_tokens:
        raise AnalysisError(
            f"{trace.path.name} keeps the answer position only, and not every token.", Remedy.KEEP_ALL_TOKENS
        )
    if trace.specification.intervention:
        raise AnalysisError(f"{trace.path.name} was recorded with other experts than the model's own choice.")
    rows = _first(chosen, options)
    loaded = yield from _load(chosen, now, engine)
    from moe_core.models.inference.predicted_tokens import predicted_tokens

    return PromptPredictions(
        chosen, tuple(rows), predicted_tokens(loaded, [trace.prompt_token_ids(row) for row in rows])
    )


def _load(chosen: SelectedTrace, now: ModelNow, engine: Engine) -> "Generator[Event, None, LoadedModel]":
    """The recorded model; raises AnalysisError where what is found is another one."""
    trace = chosen.trace
    loaded = loaded_here((yield from load_recorded_model(trace, now, engine, Remedy.NAME_WEIGHTS)))
    changed = [why for why in unlike(trace.specification.model, loaded.specification) if "model's" in why]
    if changed:
        raise AnalysisError(f"{trace.path.name} was recorded with another model: {'; '.join(changed)}.")
    return loaded


def _activations(
    loaded: "LoadedModel", prompts: list[NDArray[np.int32]], places: tuple[int, ...], expert: tuple[int, int] | None
) -> Iterator[LayerActivations]:
    from moe_core.models.inference.expert_outputs import layer_activations

    return layer_activations(loaded, prompts, places, expert)


def _first(chosen: SelectedTrace, options: AnalysisOptions) -> list[int]:
    rows: list[int] = chosen.routing(Scope.ANSWER).questions[: options.n_questions].tolist()
    return rows


def _expert(chosen: SelectedTrace, options: AnalysisOptions) -> tuple[int, int] | None:
    """Place of the layer, and expert; raises AnalysisError where the model has no such one."""
    if options.expert is None:
        return None
    layer, expert = options.expert
    if expert >= (E := chosen.trace.specification.model.n_experts):
        raise AnalysisError(f"Layer {layer} has {E} experts, counted from 0: there is no expert {expert}.")
    return place_of(layer, chosen.layers), expert
