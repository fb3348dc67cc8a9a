"""The job that computes one analysis, or reads it back: tells how far it is and how long it takes, keeps the result."""

import time
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from moe_core.analyses import ANALYSES
from moe_core.analyses.analysis import Analysis, AnalysisOptions, AnalysisResult, AnalysisValues, Needs, Work
from moe_core.analyses.kept.beside import beside_model, find_kept
from moe_core.analyses.kept.file import MOST_BYTES, result_path, write_kept
from moe_core.analyses.kept.making import Making
from moe_core.errors import AnalysisError, Remedy
from moe_core.jobs.analysis_sources import AnalysisRequest, open_request, open_source
from moe_core.jobs.events import Event, Notice, Progress
from moe_core.jobs.models.engine import Engine
from moe_core.numbers.formatting import duration

LONG_S = 300.0
"""From here on sampling is offered, where an analysis can sample."""
KEPT_FROM_S = 1.0
"""What is read from a trace alone is kept where that took so long; what needs weights or a model always is."""


def find_analysis(name: str) -> Analysis[Any]:
    """The analysis of that name; raises AnalysisError that lists them."""
    for analysis in ANALYSES:
        if analysis.name == name:
            return analysis
    names = ", ".join(analysis.name for analysis in ANALYSES)
    raise AnalysisError(f'There is no analysis "{name[:40]}": choose {names}.')


def analyse(request: AnalysisRequest, engine: Engine | None = None) -> Generator[Event, None, AnalysisResult]:
    """Events while it runs, the result in the end; closing it between two events cancels.

    The result is kept in the trace's folder, without a trace in the person's folder of traces, and read back from there
    where it was made of just the same. Raises AnalysisError where the options do not fit, ModelError and TraceError
    where what it needs is not there.
    """
    analysis = find_analysis(request.name)
    with ExitStack() as held:
        opened = yield from open_request(analysis, request, held)
        place = request.trace or beside_model(opened.name, opened.model)
        if not request.again:
            kept = find_kept(place, opened.making(analysis, request), request.options)
            if kept is not None:
                return kept
        start = time.monotonic()
        source = yield from open_source(analysis, opened, request, engine or Engine())
        found = yield from _run(analysis, analysis.compute(source, request.options), request.options)
        result = AnalysisResult(analysis, opened.name, request.options, found, time.monotonic() - start)
        yield from _keep(place, opened.making(analysis, request), result)
    return result


def _keep(place: Path, making: Making, result: AnalysisResult) -> Generator[Event, None, None]:
    """Write the result there; where that cannot be, it is told, and the result is there all the same."""
    is_quick = result.analysis.needs in (Needs.TRACE, Needs.TWO_TRACES) and result.seconds < KEPT_FROM_S
    if is_quick or sum(values.nbytes for values in result.found.values.values()) > MOST_BYTES:
        return
    try:
        write_kept(result_path(place, making), making, result)
    except AnalysisError as error:
        yield Notice(str(error).removesuffix("."))


def _run(analysis: Analysis[Any], work: Work, options: AnalysisOptions) -> Generator[Event, None, AnalysisValues]:
    start, before = 0.0, None
    offers = "pairs" in analysis.reads and not options.pairs
    try:
        while True:
            step = next(work)
            if before is None:
                start, before = time.monotonic(), step.done
            progress = Progress.at_pace(
                step.done, step.total, step.unit, time.monotonic() - start, n_run=step.done - before, note=step.note
            )
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
