"""Follows the effect of the selected expert to the tokens of the question looked at, in the background."""

from dataclasses import replace
from typing import TYPE_CHECKING

from app.content.job_words import about
from app.content.token_effects import TITLES, token_effects_request, under_way_of, why_not
from app.running.job_thread import JobEnded
from app.running.queue.queued_job import QueuedJob
from app.running.queue.session_jobs import NOTHING_KEPT, SessionJobs
from app.state.token_effects import TokenEffectsKnown

if TYPE_CHECKING:
    from moe_core.jobs.token_effects import TokenEffectsRequest


class TokenEffectsJobs(SessionJobs):
    """What is found goes into the state, and stays there for the session; so does why nothing was."""

    def start(self, *, measured: bool = False) -> None:
        """Compute what is selected, or measure it; say why where that cannot be."""
        state = self._session.state
        if reason := why_not(state):
            self._say(reason, is_failure=False)
        elif state.trace is not None:
            self._queue.add(self._job(token_effects_request(state, measured=measured), state.trace.fingerprint))

    def _job(self, request: "TokenEffectsRequest", fingerprint: str) -> QueuedJob:
        from moe_core.jobs.token_effects import token_effects

        under_way = under_way_of(fingerprint, request)

        def begin(at_once: bool) -> None:
            self._keep(self._known.begun(under_way))

        experts = ", ".join(f"{layer}:{expert}" for layer, expert in request.experts)
        return QueuedJob(
            TITLES[request.measures],
            about(request.trace.name, f"question {request.question}", request.effect, experts),
            request,
            lambda engine: token_effects(request, engine),
            request.trace,
            begin=begin,
            ended=self._on_ended,
            view="question",
            kept=NOTHING_KEPT,
            goes_on=False,
        )

    @property
    def _known(self) -> TokenEffectsKnown:
        return self._session.state.token_effects

    def _keep(self, known: TokenEffectsKnown) -> None:
        self._session.set(replace(self._session.state, token_effects=known))

    def _on_ended(self, ended: JobEnded) -> None:
        if ended.outcome == "done":
            self._keep(self._known.found(ended.result))
        else:
            self._keep(self._known.failed(ended.sentence if ended.outcome == "failed" else ""))
