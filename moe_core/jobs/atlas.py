"""The job that computes every analysis of a model that needs no further choice: what its card is made of."""

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from pathlib import Path

from moe_core.analyses import ANALYSES
from moe_core.analyses.analysis import AnalysisOptions, AnalysisResult, Needs
from moe_core.errors import AnalysisError
from moe_core.jobs.analyse import analyse
from moe_core.jobs.analysis_sources import AnalysisRequest
from moe_core.jobs.events import Event, Notice, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.recorded_model import ModelNow


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
    """What was computed, in menu order; of the model beside it too. `skipped` are sentences on what could not be."""

    model: str
    results: tuple[AnalysisResult, ...]
    beside: tuple[AnalysisResult, ...] = ()
    skipped: tuple[str, ...] = ()


def make_atlas(request: AtlasRequest, engine: Engine | None = None) -> Generator[Event, None, AtlasResult]:
    """Events while it runs, the result in the end. What one analysis cannot do is told, and the others go on.

    Raises ModelError and TraceError where model or trace cannot be read.
    """
    engine, skipped = engine or Engine(), list[str]()
    results = yield from _run(request, skipped, engine)
    beside: tuple[AnalysisResult, ...] = ()
    if request.beside:
        other = replace(request, model=replace(request.model, model=request.beside), trace=request.beside_trace)
        beside = yield from _run(other, skipped, engine)
    return AtlasResult(results[0].model, results, beside, tuple(skipped))


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
