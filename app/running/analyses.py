"""Analyses from the window: computes the one that the Atlas shows in the background, and keeps what it found."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from app.content.atlas_request import SAMPLED_PAIRS, analysis_of, key_of, request_of, result_of, why_not
from app.content.expert_facts import missing_facts
from app.content.job_words import about
from app.running.job_thread import JobEnded
from app.running.queue.queued_job import JobKind, QueuedJob
from app.running.queue.session_jobs import NOTHING_KEPT, SessionJobs
from app.state.atlas_state import AtlasKey
from app.state.state import State
from moe_core.errors import AnalysisError
from moe_core.numbers.formatting import count
from moe_core.traces.reader import open_trace

if TYPE_CHECKING:
    from moe_core.jobs.analysis_sources import AnalysisRequest


def can_analyse(state: State) -> bool:
    """Whether the chosen analysis can be computed."""
    return not why_not(state)


def can_sample(state: State) -> bool:
    """Whether the chosen analysis is of pairs, of which a sample can be drawn."""
    return can_analyse(state) and "pairs" in analysis_of(state).reads


class Analyses(SessionJobs):
    """A result goes into the state, under what it is of."""

    @property
    def kinds(self) -> tuple[JobKind, ...]:
        from moe_core.jobs.analysis_sources import AnalysisRequest

        return (JobKind("analysis", AnalysisRequest, lambda request: self._job(request, _key_of_files(request))),)

    def start(self) -> None:
        """Compute what the Atlas shows; say why where that cannot be."""
        state = self._session.state
        request, key = request_of(state), key_of(state)
        if reason := why_not(state):
            self._say(reason, is_failure=False)
        elif request is not None and key is not None:
            again = result_of(state) is not None
            self._queue.add(self._job(replace(request, again=again), key))

    def start_sample(self) -> None:
        """Match a sample of the pairs that the Atlas shows, in place of all of them."""
        state = self._session.state
        self._session.set(replace(state, atlas=replace(state.atlas, pairs=SAMPLED_PAIRS)))
        self.start()

    def start_expert(self) -> None:
        """Compute what the expert's page lacks: nearest experts by weight and output, and the size of its output."""
        for key, request in missing_facts(self._session.state):
            self._queue.add(self._job(request, key, view="expert"))

    def _job(self, request: "AnalysisRequest", key: AtlasKey, view: str = "atlas") -> QueuedJob:
        from moe_core.jobs.analyse import analyse, find_analysis

        if request.trace is None:
            raise AnalysisError("No trace is named.")

        return QueuedJob(
            find_analysis(request.name).title,
            about(request.trace.name, "" if request.other is None else request.other.name, _options(request)),
            request,
            lambda engine: analyse(request, engine),
            request.trace,
            kind="analysis",
            ended=partial(self._on_ended, key),
            view=view,
            kept=NOTHING_KEPT,
            goes_on=False,
        )

    def _on_ended(self, key: AtlasKey, ended: JobEnded) -> None:
        if ended.outcome == "done":
            state = self._session.state
            self._session.set(replace(state, atlas=state.atlas.with_result(key, ended.result)))


def _options(request: "AnalysisRequest") -> str:
    options = request.options
    expert = "" if options.expert is None else f"expert {options.expert[0]}:{options.expert[1]}"
    chosen = "" if options.ids is None else f"{count(len(options.ids))} chosen"
    return about(expert, chosen, options.question)


def _key_of_files(request: "AnalysisRequest") -> AtlasKey:
    """What the Atlas will look for, of traces that are not shown; raises TraceError where they are gone."""
    runs = []
    for path in (request.trace, request.other):
        if path is not None:
            with open_trace(path) as trace:
                runs.append(trace.specification.fingerprint)
    return AtlasKey(f"{runs[0]} 0", runs[1] if len(runs) > 1 else "", request.name, request.options)
