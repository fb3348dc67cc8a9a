"""The job that computes one analysis: finds what it needs, runs it, and tells how far it is and how long it takes."""

import time
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from moe_core.analyses import ANALYSES
from moe_core.analyses.analysis import Analysis, AnalysisOptions, AnalysisResult, AnalysisValues, Needs, Step, Work
from moe_core.analyses.dynamic.prompt_activations import PromptActivations
from moe_core.analyses.selected_trace import SelectedTrace, select_questions
from moe_core.errors import AnalysisError, ModelError, Remedy
from moe_core.jobs.events import Event, Notice, Progress, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest, find_folder
from moe_core.jobs.models.prompt_runs import run_prompts
from moe_core.jobs.models.recorded_model import ModelNow, offered_to_fetch
from moe_core.models.loading.safety import check_folder
from moe_core.models.weights.expert_weights import ExpertWeights, find_experts
from moe_core.numbers.formatting import duration
from moe_core.traces.reader import open_trace

LONG_S = 300.0
"""From here on sampling is offered, where an analysis can sample."""


@dataclass(frozen=True)
class AnalysisRequest:
    """Which analysis of what: a trace, another one where two are compared, a model where it is not the trace's."""

    name: str
    trace: Path | None = None
    other: Path | None = None
    model: ModelNow = field(default_factory=ModelNow)
    options: AnalysisOptions = field(default_factory=AnalysisOptions)


def find_analysis(name: str) -> Analysis[Any]:
    """The analysis of that name; raises AnalysisError that lists them."""
    for analysis in ANALYSES:
        if analysis.name == name:
            return analysis
    names = ", ".join(analysis.name for analysis in ANALYSES)
    raise AnalysisError(f'There is no analysis "{name[:40]}": choose {names}.')


def analyse(request: AnalysisRequest, engine: Engine | None = None) -> Generator[Event, None, AnalysisResult]:
    """Events while it runs, the result in the end; closing it between two events cancels.

    Raises AnalysisError where the options do not fit, ModelError and TraceError where what it needs is not there.
    """
    start = time.monotonic()
    analysis = find_analysis(request.name)
    with ExitStack() as held:
        model, source = yield from _open(analysis, request, engine or Engine(), held)
        found = yield from _run(analysis, analysis.compute(source, request.options), request.options)
    return AnalysisResult(analysis, model, request.options, found, time.monotonic() - start)


def read_weights(trace: Path | None, now: ModelNow) -> Generator[Event, None, ExpertWeights]:
    """The experts of the model that is named, or of the trace's; raises ModelError where its files are not here."""
    if trace is None:
        if not now.model:
            raise AnalysisError("This analysis reads the weights of a model, and none is named.", Remedy.NAME_WEIGHTS)
        source = yield from find_folder(ModelRequest(now.model, offline=now.offline))
    else:
        with open_trace(trace) as opened:
            recorded = opened.specification.model
        with offered_to_fetch(recorded):
            try:
                source = yield from find_folder(now.request(recorded))
            except ModelError as error:
                error.add_note(f"{trace.name} was recorded with {recorded.source}, whose weights this analysis reads.")
                error.remedies += (Remedy.NAME_WEIGHTS,)
                raise
    yield Stage(f"Reading what {source.name} holds")
    checked = check_folder(source.folder)
    return find_experts(source.name, checked.tensors, str(checked.config.get("model_type", "")))


def _open(
    analysis: Analysis[Any], request: AnalysisRequest, engine: Engine, held: ExitStack
) -> Generator[Event, None, tuple[str, Any]]:
    """The model's name, and what the analysis is computed from, open until `held` is closed."""
    if analysis.needs is Needs.WEIGHTS:
        weights = yield from read_weights(request.trace, request.model)
        return weights.model, weights
    if request.trace is None:
        raise AnalysisError(f"The analysis {analysis.name} needs a trace, and none is named.")
    trace = held.enter_context(open_trace(request.trace))
    _refuse_without_expert(analysis, request.options)
    chosen = select_questions(trace, request.options)
    name = trace.specification.model.name
    if analysis.needs is Needs.TRACE:
        return name, chosen
    if analysis.needs is Needs.MODEL:
        return name, (yield from _prompts(analysis, chosen, request, engine))
    if request.other is None:
        raise AnalysisError(f"The analysis {analysis.name} compares two traces, and one is named.")
    other = held.enter_context(open_trace(request.other))
    return name, (chosen, select_questions(other, AnalysisOptions()))


def _prompts(
    analysis: Analysis[Any], chosen: SelectedTrace, request: AnalysisRequest, engine: Engine
) -> Generator[Event, None, PromptActivations]:
    of_expert = "expert" in analysis.reads
    return (yield from run_prompts(chosen, request.options, request.model, engine, of_expert=of_expert))


def _refuse_without_expert(analysis: Analysis[Any], options: AnalysisOptions) -> None:
    """Before a model is loaded for nothing."""
    if "expert" in analysis.reads and options.expert is None:
        raise AnalysisError("This analysis is of one expert, and none is named.", Remedy.NAME_EXPERT)


def _run(analysis: Analysis[Any], work: Work, options: AnalysisOptions) -> Generator[Event, None, AnalysisValues]:
    start, before = 0.0, None
    offers = "pairs" in analysis.reads and not options.pairs
    try:
        while True:
            step = next(work)
            if before is None:
                start, before = time.monotonic(), step.done
            progress = _progress(step, step.done - before, time.monotonic() - start)
            if offers and progress.eta_s is not None:
                offers = False
                if progress.eta_s > LONG_S:
                    text = f"All {step.total:,} {step.unit} will take about {duration(progress.eta_s)}"
                    yield Notice(text, remedy=Remedy.SAMPLE_PAIRS)
            yield progress
    except StopIteration as done:
        found: AnalysisValues = done.value
        return found
    finally:
        work.close()


def _progress(step: Step, n_done: int, seconds: float) -> Progress:
    """The step, with the rate of the `n_done` units since the clock began, which is at the first step."""
    rate = n_done / seconds if seconds > 0 else 0.0
    return Progress(
        step.done, step.total, step.unit, rate, (step.total - step.done) / rate if rate else None, step.note
    )
