"""The job that computes every analysis of a model that needs no further choice: what its card is made of."""

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from pathlib import Path

from moe_core.analyses import ANALYSES
from moe_core.analyses.analysis import AnalysisOptions, AnalysisResult, Needs
from moe_core.analyses.kept.making import fingerprint_of
from moe_core.errors import AnalysisError
from moe_core.jobs.analyse import analyse
from moe_core.jobs.analysis_sources import AnalysisRequest, Opened, look_at_folder
from moe_core.jobs.events import Event, Notice, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.recorded_model import ModelNow
from moe_core.models.expert_names import Names, known_names
from moe_core.traces.reader import open_trace


@dataclass(frozen=True)
class AtlasRequest:
    """The card of `model`, with a trace of it where there is one; `beside` is another model, with a trace of it."""

    model: ModelNow
    trace: Path | None = None
    beside: str = ""
    beside_trace: Path | None = None
    options: AnalysisOptions = field(default_factory=AnalysisOptions)


@dataclass(frozen=True)
class AtlasResult:
    """What was computed, in menu order; of the model beside it too. `skipped` are sentences on what could not be.

    `names` are what a person calls experts of the first model, where there is a trace of it.
    """

    model: str
    results: tuple[AnalysisResult, ...]
    beside: tuple[AnalysisResult, ...] = ()
    skipped: tuple[str, ...] = ()
    names: Names = field(default_factory=dict)


def make_atlas(request: AtlasRequest) -> Generator[Event, None, AtlasResult]:
    """Events while it runs, the result in the end. What one analysis cannot do is told, and the others go on.

    Raises ModelError and TraceError where model or trace cannot be read, AnalysisError for a trace of another model.
    """
    engine, skipped = Engine(), list[str]()
    for trace, model in ((request.trace, request.model.model), (request.beside_trace, request.beside)):
        if trace is not None and model:
            yield from _refuse_other_model(trace, replace(request.model, model=model))
    results = yield from _run(request, skipped, engine)
    beside: tuple[AnalysisResult, ...] = ()
    if request.beside:
        other = replace(request, model=replace(request.model, model=request.beside), trace=request.beside_trace)
        beside = yield from _run(other, skipped, engine)
    return AtlasResult(results[0].model, results, beside, tuple(skipped), _names(request.trace))


def _run(
    request: AtlasRequest, skipped: list[str], engine: Engine
) -> Generator[Event, None, tuple[AnalysisResult, ...]]:
    kinds = {Needs.WEIGHTS} | ({Needs.TRACE, Needs.MODEL, Needs.PREDICTIONS} if request.trace is not None else set())
    results = []
    for analysis in ANALYSES:
        if analysis.needs not in kinds or ("expert" in analysis.reads) or analysis.reads == ("question",):
            continue
        yield Stage(analysis.title)
        asked = AnalysisRequest(analysis.name, request.trace, model=request.model, options=request.options)
        try:
            results.append((yield from analyse(asked, engine)))
        except AnalysisError as error:
            skipped.append(f"{analysis.title}: {error}")
            yield Notice(skipped[-1].removesuffix("."))
    return tuple(results)


def _refuse_other_model(trace: Path, now: ModelNow) -> Generator[Event, None, None]:
    """A card is of one model: what its weights say would stand beside the routing of another one."""
    with open_trace(trace) as opened:
        looked = Opened(None, None)
        yield from look_at_folder(looked, now)
        recorded = opened.specification.model
        if looked.model != fingerprint_of(recorded):
            raise AnalysisError(
                f"{trace.name} was recorded with {recorded.name}, whose weights are not those of {looked.name}: a "
                "card is of one model, so name a trace of it."
            )


def _names(trace: Path | None) -> Names:
    if trace is None:
        return {}
    with open_trace(trace) as opened:
        return known_names(opened.specification.model, trace.parent)
