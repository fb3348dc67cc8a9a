"""Opens what an analysis is computed from: the weights of a model, traces, or a model that runs their prompts."""

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from moe_core.analyses.analysis import Analysis, AnalysisOptions, Needs
from moe_core.analyses.dynamic.prompt_activations import PromptActivations
from moe_core.analyses.dynamic.prompt_predictions import PromptPredictions
from moe_core.analyses.kept.making import Making, fingerprint_of, making_of, model_fingerprint
from moe_core.analyses.layer_choice import place_of
from moe_core.analyses.selected_trace import SelectedTrace, select_questions
from moe_core.errors import AnalysisError, ModelError, Remedy
from moe_core.jobs.events import Event, Notice, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest, find_folder
from moe_core.jobs.models.recorded_model import ModelNow, load_recorded_model, offered_to_fetch, unlike
from moe_core.jobs.runs.running_model import loaded_here
from moe_core.measures.scope import Scope
from moe_core.models.activations import LayerActivations
from moe_core.models.loading.files.fingerprint import config_sha256, weights_sha256
from moe_core.models.loading.files.safety import CheckedFolder, check_folder
from moe_core.models.loading.files.source import ModelFolder
from moe_core.models.weights.expert_weights import ExpertWeights, find_experts
from moe_core.traces.reader import Trace, open_trace

if TYPE_CHECKING:
    from moe_core.models.loading.building import LoadedModel


@dataclass(frozen=True)
class AnalysisRequest:
    """Which analysis of what: a trace, another one where two are compared, a model where it is not the trace's.

    `again`: computed, be it that the result lies beside the trace.
    """

    name: str
    trace: Path | None = None
    other: Path | None = None
    model: ModelNow = field(default_factory=ModelNow)
    options: AnalysisOptions = field(default_factory=AnalysisOptions)
    again: bool = False


@dataclass
class Opened:
    """Traces of a request, open; the folder of the model where it had to be looked at, and its fingerprint."""

    trace: Trace | None
    other: Trace | None
    model: str = ""
    folder: CheckedFolder | None = None
    name: str = ""

    def making(self, analysis: Analysis[Any], request: AnalysisRequest) -> Making:
        """What makes the result that is asked for."""
        dtype = request.model.dtype or (self.trace.specification.model.dtype if self.trace else "")
        return making_of(analysis, request.options, model=self.model, trace=self.trace, other=self.other, dtype=dtype)


def open_request(analysis: Analysis[Any], request: AnalysisRequest, held: ExitStack) -> Generator[Event, None, Opened]:
    """The traces of a request until `held` is closed; the model's folder is looked at where another one is named.

    Raises AnalysisError where the options do not fit, TraceError and ModelError where something cannot be read.
    """
    _refuse_without(analysis, request)
    trace, other = (None if path is None else held.enter_context(open_trace(path)) for path in _paths(request))
    opened = Opened(trace, other)
    if trace is not None:
        opened.model, opened.name = fingerprint_of(trace.specification.model), trace.specification.model.name
    if trace is None or (request.model.model and analysis.needs is not Needs.TRACE):
        yield from look_at_folder(opened, request.model)
    return opened


def look_at_folder(opened: Opened, now: ModelNow) -> Generator[Event, None, CheckedFolder]:
    """The folder of the model that is named, or of the trace's; from then on `opened` has its fingerprint.

    Raises ModelError where its files are not here, AnalysisError where they are not those of the trace any more.
    """
    if opened.folder is None:
        source = yield from _find(opened.trace, now)
        yield Stage(f"Reading what {source.name} holds")
        opened.folder = check_folder(source.folder)
        found = model_fingerprint(config_sha256(opened.folder.config), weights_sha256(opened.folder.tensors))
        if opened.trace is not None and found != opened.model:
            said = f"{opened.trace.path.name} was recorded with another model than the one in {source.folder}"
            if not now.model:
                raise AnalysisError(f"{said}: its files have changed since.", Remedy.NAME_WEIGHTS)
            yield Notice(f"{said}; the weights are read from there")
        opened.model, opened.name = found, source.name
    return opened.folder


def open_source(
    analysis: Analysis[Any], opened: Opened, request: AnalysisRequest, engine: Engine
) -> Generator[Event, None, Any]:
    """What the analysis is computed from; raises what opening or loading it raises."""
    if analysis.needs is Needs.WEIGHTS:
        return experts_of(opened.name, (yield from look_at_folder(opened, request.model)))
    assert opened.trace is not None, "open_request refuses that"
    chosen = select_questions(opened.trace, request.options)
    if analysis.needs is Needs.TRACE:
        return chosen
    if analysis.needs is Needs.TWO_TRACES:
        assert opened.other is not None, "open_request refuses that"
        return chosen, select_questions(opened.other, AnalysisOptions())
    if analysis.needs is Needs.PREDICTIONS:
        return (yield from run_predictions(chosen, request.options, request.model, engine))
    of_expert = "expert" in analysis.reads
    return (yield from run_prompts(chosen, request.options, request.model, engine, of_expert=of_expert))


def experts_of(name: str, checked: CheckedFolder) -> ExpertWeights:
    """The experts in a folder; raises ModelError where none are found."""
    return find_experts(name, checked.tensors, str(checked.config.get("model_type", "")))


def _find(trace: Trace | None, now: ModelNow) -> Generator[Event, None, ModelFolder]:
    if trace is None:
        if not now.model:
            raise AnalysisError("This analysis reads the weights of a model, and none is named.", Remedy.NAME_WEIGHTS)
        return (yield from find_folder(ModelRequest(now.model, offline=now.offline)))
    recorded = trace.specification.model
    with offered_to_fetch(recorded):
        try:
            return (yield from find_folder(now.request(recorded)))
        except ModelError as error:
            error.add_note(f"{trace.path.name} was recorded with {recorded.source}, whose weights this analysis reads.")
            error.remedies += (Remedy.NAME_WEIGHTS,)
            raise


def _paths(request: AnalysisRequest) -> tuple[Path | None, Path | None]:
    return request.trace, request.other


def _refuse_without(analysis: Analysis[Any], request: AnalysisRequest) -> None:
    """Before anything is opened, or a model loaded, for nothing."""
    if analysis.needs is not Needs.WEIGHTS and request.trace is None:
        raise AnalysisError(f"The analysis {analysis.name} needs a trace, and none is named.")
    if analysis.needs is Needs.TWO_TRACES and request.other is None:
        raise AnalysisError(f"The analysis {analysis.name} compares two traces, and one is named.")
    if "expert" in analysis.reads and request.options.expert is None:
        raise AnalysisError("This analysis is of one expert, and none is named.", Remedy.NAME_EXPERT)


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
    from moe_core.models.inference.by_prompt.predicted_tokens import predicted_tokens

    return PromptPredictions(
        chosen, tuple(rows), predicted_tokens(loaded, [trace.prompt_token_ids(row) for row in rows])
    )


def _load(chosen: SelectedTrace, now: ModelNow, engine: Engine) -> "Generator[Event, None, LoadedModel]":
    """The recorded model; raises AnalysisError where what is found is another one."""
    trace = chosen.trace
    loaded = loaded_here((yield from load_recorded_model(trace, now, engine, Remedy.NAME_WEIGHTS, asks=False)))
    changed = [why for why in unlike(trace.specification.model, loaded.specification) if "model's" in why]
    if changed:
        raise AnalysisError(f"{trace.path.name} was recorded with another model: {'; '.join(changed)}.")
    return loaded


def _activations(
    loaded: "LoadedModel", prompts: list[NDArray[np.int32]], places: tuple[int, ...], expert: tuple[int, int] | None
) -> Iterator[LayerActivations]:
    from moe_core.models.inference.by_prompt.expert_outputs import layer_activations

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
