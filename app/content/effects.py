"""What is known of the effects of experts on the questions shown: which map, its means, and the metrics of the grid.

Axes: n questions, L MoE layers, E experts.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from app.content.mask_editing import effect_of
from app.state.state import State
from moe_core.effects.effect_map import CellEffects, CellStatus, EffectMap
from moe_core.effects.statistics import MeasuredCells, is_noise, measured_cells
from moe_core.effects.text import nats, status_text
from moe_core.interventions.layers import Layers
from moe_core.measures.metric import Metric, MetricValues
from moe_core.measures.question_filter import Expert
from moe_core.measures.routing_sample import RoutingSample
from moe_core.measures.scope import Scope
from moe_core.numbers.formatting import nats_with_interval, p_value

LEAST_NATS = 5e-4
"""Effects on one answer below this are rounding to a reader."""


def _unknown(sample: RoutingSample) -> MetricValues:
    """No value for any expert: routing alone does not tell effects."""
    shape = sample.n_layers, sample.n_experts
    return MetricValues(np.full(shape, np.nan), np.zeros(shape))


EFFECT = Metric(
    name="effect",
    title="Effect",
    unit="nats",
    axes=("layer", "expert"),
    meaning="Mean change of the right answer's log-probability when this expert alone is masked: predicted, and "
    "measured where it was. Negative: the answers hang on the expert. Faded: within two standard errors of 0.",
    compute=_unknown,
    is_signed=True,
)
MEASURED_EFFECT = Metric(
    name="measured_effect",
    title="Measured effect",
    unit="nats",
    axes=("layer", "expert"),
    meaning="The effect of the experts that were measured exactly, with Student's 95 % interval over questions; "
    "p is corrected for the number of experts measured (Holm).",
    compute=_unknown,
    is_signed=True,
)
EFFECT_UNCERTAINTY = Metric(
    name="effect_uncertainty",
    title="Uncertainty of the effect",
    unit="nats",
    axes=("layer", "expert"),
    meaning="Standard error of the mean effect over the questions shown: how far another set of questions may move it. "
    "Errors of prediction come on top where an expert was not measured.",
    compute=_unknown,
)
EFFECT_METRICS = (EFFECT, MEASURED_EFFECT, EFFECT_UNCERTAINTY)


@dataclass(frozen=True, eq=False)
class ShownEffects:
    """A map over the questions shown."""

    effect_map: EffectMap
    cells: CellEffects
    used: NDArray[np.bool_]
    layers: Layers

    @cached_property
    def measured(self) -> MeasuredCells:
        """Intervals and p of what was measured."""
        return measured_cells(self.cells)

    @cached_property
    def is_noise(self) -> NDArray[np.bool_]:
        """Experts whose effect cannot be told from 0 [L, E]."""
        return is_noise(self.cells)

    def values(self, metric: Metric) -> NDArray[np.float64]:
        """One of EFFECT_METRICS [L, E]; NaN where it has no value."""
        if metric.name == EFFECT_UNCERTAINTY.name:
            return self.cells.standard_error
        if metric.name == MEASURED_EFFECT.name:
            return np.where(self.cells.is_measured, self.cells.mean, np.nan)
        return self.cells.mean

    def facts(self, cell: Expert) -> list[str]:
        """What is known of one expert's effect, a phrase each."""
        if not self.cells.n:
            return ["no question shown is in the effect map"]
        mean = float(self.cells.mean[cell])
        if self.cells.status(*cell) is not CellStatus.MEASURED:
            noise = ["within two standard errors of 0"] if self.is_noise[cell] else []
            return [f"{nats(mean)} nats", status_text(self.cells, *cell), *noise]
        if not self.cells.standard_error[cell] > 0:
            return [f"{nats(mean)} nats", "measured", "no other value on any question shown"]
        low, high = float(self.measured.lower[cell]), float(self.measured.upper[cell])
        p = p_value(float(self.measured.p_holm[cell]))
        return [nats_with_interval(mean, low, high), "measured", f"{p} after Holm’s correction"]

    def ranked(self) -> list[Expert]:
        """The used experts, the one that harms most when masked first."""
        places = [(layer, expert) for layer, expert in np.argwhere(self.used).tolist()]
        return sorted(places, key=lambda place: self.cells.mean[place])


def shown_map(state: State) -> EffectMap | None:
    """The map of the kind of masking that is chosen, else another one of the trace; None without any."""
    wanted = [made for made in state.effect_maps if made.specification.effect == effect_of(state)]
    return next(iter([*wanted, *state.effect_maps]), None)


def shown_effects(state: State) -> ShownEffects | None:
    """The map over the questions that pass the filter; None without a trace or a map."""
    made, data = shown_map(state), state.trace
    if made is None or data is None:
        return None
    return data.kept(("effects", made, state.scope, state.filter), lambda: _computed(state, made))


def question_effects(state: State) -> tuple[CellEffects, ShownEffects] | None:
    """What is known of the question looked at, beside the effects shown; None where the map has not reached it."""
    of_answer, shown = answer_effects(state), shown_effects(state)
    return None if of_answer is None or shown is None else (of_answer, shown)


def answer_effects(state: State) -> CellEffects | None:
    """What is known of the question looked at alone; None where the map has not reached it."""
    made = shown_map(state)
    if made is None or state.question is None or state.trace is None:
        return None
    place = _places(made).get(state.trace.trace.ids[state.question])
    if place is None or not made.is_predicted[place]:
        return None
    return made.over(np.array([place]))


def strongest(of_question: CellEffects, n: int) -> list[Expert]:
    """The `n` experts that move one answer most, strongest first; none that moves it less than a reader can tell."""
    effects = of_question.effects[0]
    order = np.argsort(-np.abs(effects), axis=None, kind="stable")[:n]
    places = [(int(at) // effects.shape[1], int(at) % effects.shape[1]) for at in order]
    return [place for place in places if abs(effects[place]) >= LEAST_NATS]


def effects_by_subject(state: State, shown: ShownEffects) -> dict[str, CellEffects]:
    """The map over the questions of each subject among those shown, in the order of the quiz."""
    assert state.trace is not None
    trace, places = state.trace.trace, _places(shown.effect_map)
    rows = state.trace.rows(state.scope, state.filter)
    of_subject: dict[str, list[int]] = {}
    for row in rows.tolist():
        if (place := places.get(trace.ids[row])) is not None:
            of_subject.setdefault(str(trace.subjects[row]), []).append(place)
    return {name: shown.effect_map.over(np.array(inside, np.intp)) for name, inside in of_subject.items()}


def _computed(state: State, made: EffectMap) -> ShownEffects:
    assert state.trace is not None
    places, ids = _places(made), state.trace.trace.ids
    rows = state.trace.rows(state.scope, state.filter)
    inside = [places[ids[row]] for row in rows.tolist() if ids[row] in places]
    # Whatever the scope: effects reach the answer from every token of the prompt.
    used = state.trace.sample(Scope.PROMPT).counts.tokens > 0
    return ShownEffects(made, made.over(np.array(inside, np.intp)), used, state.layers)


def _places(made: EffectMap) -> dict[str, int]:
    return {name: place for place, name in enumerate(made.specification.ids)}
