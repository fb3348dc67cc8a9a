"""Effect maps from the window: predicts and measures in the background, and shows what is known as it grows."""

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal

from app.content.job_words import about, subset_words
from app.content.mask_editing import effect_of, named_experts
from app.content.what_if_preview import subset_of
from app.running.job_thread import JobEnded
from app.running.queue.queued_job import JobKind, QueuedJob
from app.running.queue.session_jobs import SessionJobs
from app.state.state import State
from moe_core.effects.effect_map import EffectMap
from moe_core.effects.map_file import read_map
from moe_core.effects.measurement import Measurement
from moe_core.errors import MoeCoreError
from moe_core.jobs.events import Notice
from moe_core.numbers.formatting import percent

if TYPE_CHECKING:
    from moe_core.jobs.effects import EffectsRequest

KEPT = "what is predicted and measured is kept, and the next run goes on with it"


class EffectMaps(SessionJobs):
    """`finished` carries the JobEnded, after the map is shown."""

    finished = Signal(object)

    @property
    def kinds(self) -> tuple[JobKind, ...]:
        from moe_core.jobs.effects import EffectsRequest

        return (JobKind("effects", EffectsRequest, self._job),)

    def predict(self) -> None:
        """Predict the effects on the questions that the What if view would ask."""
        self._start(None)

    def measure_selected(self) -> None:
        state = self._session.state
        self._start(Measurement(experts=tuple(sorted(state.layers.experts(state.experts)))))

    def measure_suspects(self, share: float) -> None:
        self._start(Measurement(share=share))

    def _start(self, measure: Measurement | None) -> None:
        state = self._session.state
        if state.trace is None:
            return
        try:
            self._queue.add(self._job(request_of(state, measure)))
        except MoeCoreError as error:
            self._say(error)

    def _job(self, request: "EffectsRequest") -> QueuedJob:
        from moe_core.jobs.effects import effects

        return QueuedJob(
            "Predicting effects" if request.measure is None else "Measuring effects",
            about(request.trace.name, subset_words(request.subset), request.effect, _measured(request.measure)),
            request,
            lambda engine: effects(request, engine),
            request.trace,
            kind="effects",
            noticed=self._on_noticed,
            ended=self._on_ended,
            view="effects",
            kept=KEPT,
            workers=self._session.state.workers,
        )

    def _on_noticed(self, notice: Notice) -> None:
        from moe_core.jobs.effect_making import MapWritten

        if not isinstance(notice, MapWritten):
            return
        try:
            self._show(read_map(notice.path))
        except MoeCoreError as error:  # it was deleted meanwhile: the end of the job shows it
            self._say(error)

    def _on_ended(self, ended: JobEnded) -> None:
        if ended.outcome == "done":
            self._show(ended.result.effect_map)
        self.finished.emit(ended)

    def _show(self, made: EffectMap) -> None:
        """Put the map in the place of what was known of the same, where its trace is still shown."""
        state = self._session.state
        if state.trace is None or not made.is_of(state.trace.fingerprint):
            return
        others = [other for other in state.effect_maps if not other.specification.is_of(made.specification)]
        self._session.set(replace(state, effect_maps=(made, *others)))


def _measured(measure: Measurement | None) -> str:
    if measure is None:
        return ""
    if measure.experts:
        return named_experts(measure.experts)
    return f"the most suspect {percent(measure.share)} of the experts"


def request_of(state: State, measure: Measurement | None) -> "EffectsRequest":
    """What the state asks for: its questions, its kind of masking, boosting aside; QuizError where there is none."""
    from moe_core.jobs.effects import EffectsRequest

    assert state.trace is not None
    effect = effect_of(state)
    return EffectsRequest(
        trace=state.trace.path,
        effect=effect if effect in ("reroute", "drop") else "reroute",
        measure=measure,
        subset=subset_of(state),
        seed=state.rerun.seed,
        rerun_baseline=state.rerun.asks_baseline,
    )
