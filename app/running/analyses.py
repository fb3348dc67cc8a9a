"""Analyses from the window: computes the one that the Atlas shows in the background, and keeps what it found."""

from dataclasses import replace

from PySide6.QtCore import QObject

from app.content.atlas_request import key_of, request_of, why_not
from app.content.remedies import Say
from app.running.job_runner import JobEnded, JobRunner
from app.state.atlas_state import AtlasKey
from app.state.session import Session
from app.state.state import State
from moe_core.analyses.analysis import AnalysisResult
from moe_core.jobs.analyse import analyse, find_analysis

_NOTHING_KEPT = "nothing of it is kept"


def can_analyse(state: State) -> bool:
    """Whether the chosen analysis can be computed."""
    return not why_not(state)


class Analyses(QObject):
    """One at a time; a result goes into the state, under what it is of."""

    def __init__(self, session: Session, runner: JobRunner, say: Say, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._runner = runner
        self._say = say
        self._key: AtlasKey | None = None
        runner.ended.connect(self._on_ended)

    def start(self) -> None:
        """Compute what the Atlas shows; say why where that cannot be."""
        state = self._session.state
        request, key = request_of(state), key_of(state)
        if reason := why_not(state):
            self._say(reason, is_failure=False)
        elif request is not None:
            self._key = key
            title = find_analysis(request.name).title
            self._runner.start(title, lambda engine: analyse(request, engine), kept=_NOTHING_KEPT)

    def _on_ended(self, ended: JobEnded) -> None:
        key, self._key = self._key, None
        if key is not None and ended.outcome == "done" and isinstance(ended.result, AnalysisResult):
            state = self._session.state
            self._session.set(replace(state, atlas=state.atlas.with_result(key, ended.result)))
