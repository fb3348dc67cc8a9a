"""Joins the filter bar to the session: shows the filter in force, and sets another one when a part of it is used."""

from dataclasses import replace
from typing import Any

import numpy as np
from PySide6.QtCore import QObject

from app.content.captions import condition_texts
from app.state.session import Session
from app.state.state import State
from app.state.trace_data import TraceData
from app.widgets.filter.bar import FilterBar
from moe_core.errors import InterventionError
from moe_core.interventions.intervention import act_on, parse_experts
from moe_core.measures.question_filter import EVERYTHING, Expert, QuestionFilter
from moe_core.measures.question_table import OUTCOMES, Outcome
from moe_core.numbers.formatting import count

_FIELDS = {"margin": ("margin_low", "margin_high"), "experts": ("experts", "experts_mode"), "ids": ("ids", "ids_title")}
"""Fields of the filter that one chip stands for, where it is not the one of its own name."""


class FilterEditor(QObject):
    """Edits the filter of a session with a bar."""

    def __init__(self, bar: FilterBar, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._bar = bar
        self._session = session
        self._typed_experts: tuple[Expert, ...] = ()
        bar.search.textEdited.connect(self._on_search_edited)
        bar.search.searched.connect(self._on_searched)
        bar.outcomes.chosen.connect(self._on_outcomes_chosen)
        bar.subjects.opening.connect(self._on_subjects_opening)
        bar.subjects.chosen.connect(self._on_subjects_chosen)
        bar.margin.opening.connect(self._on_margin_opening)
        bar.margin.chosen.connect(self._on_margin_chosen)
        bar.experts.opening.connect(self._on_experts_opening)
        bar.experts.typed.connect(self._on_experts_typed)
        bar.experts.mode_chosen.connect(self._on_mode_chosen)
        bar.experts.cells_wanted.connect(self._on_cells_wanted)
        bar.chips.removed.connect(self.remove)
        bar.chips.cleared.connect(self.clear)

    def draw(self, state: State) -> None:
        if state.trace is None:
            return
        wanted, total = state.filter, len(state.trace.table.ids)
        self._bar.set_count(count(len(state.trace.rows(state.scope, wanted))), count(total), state.trace.trace.item)
        self._bar.search.set_text(wanted.text)
        self._draw_outcomes(state.trace, wanted)
        self._bar.margin.set_range(wanted.margin_low, wanted.margin_high)
        if wanted.experts != self._typed_experts:  # what is being typed stays as it is
            self._typed_experts = wanted.experts
            self._bar.experts.set_experts(cells_text(wanted.experts), all_of_them=wanted.experts_mode == "all")
        self._bar.chips.set_chips(condition_texts(wanted))

    def remove(self, condition: str) -> None:
        """Take one condition away, by its name in `condition_texts`."""
        self._set(**{name: getattr(EVERYTHING, name) for name in _FIELDS.get(condition, (condition,))})

    def clear(self) -> None:
        self._session.set(replace(self._session.state, filter=EVERYTHING))

    def _set(self, **changes: Any) -> None:
        state = self._session.state
        self._session.set(replace(state, filter=replace(state.filter, **changes)))

    def _draw_outcomes(self, trace: TraceData, wanted: QuestionFilter) -> None:
        counts = np.bincount(trace.table.outcome, minlength=len(OUTCOMES)).tolist()
        chosen = frozenset(OUTCOMES.index(outcome) for outcome in wanted.outcomes)
        self._bar.outcomes.set_counts(tuple(counts), offered_outcomes(trace) | chosen)
        self._bar.outcomes.set_chosen(chosen)

    def _on_search_edited(self) -> None:
        if (trace := self._session.state.trace) is not None:
            _ = trace.table.folded_texts  # made once, in the pause before the first search: 60 ms for 14,042 questions

    def _on_searched(self, text: str) -> None:
        self._set(text=text)

    def _on_outcomes_chosen(self, places: tuple[int, ...]) -> None:
        self._set(outcomes=tuple(OUTCOMES[place] for place in places))

    def _on_subjects_opening(self) -> None:
        state = self._session.state
        if state.trace is not None:
            subjects = state.trace.table.subjects.tolist()
            counts = {name: subjects.count(name) for name in state.trace.table.subject_names}
            self._bar.subjects.set_subjects(counts, state.filter.subjects)

    def _on_subjects_chosen(self, subjects: tuple[str, ...]) -> None:
        self._set(subjects=subjects)

    def _on_margin_opening(self) -> None:
        trace = self._session.state.trace
        if trace is not None:
            known = trace.table.margin[np.isfinite(trace.table.margin)]
            self._bar.margin.set_extent(*((float(known.min()), float(known.max())) if len(known) else (np.nan, np.nan)))

    def _on_margin_chosen(self, bounds: tuple[float | None, float | None]) -> None:
        self._set(margin_low=bounds[0], margin_high=bounds[1])

    def _on_experts_opening(self) -> None:
        state = self._session.state
        self._bar.experts.set_selected(len(state.experts), state.scope)

    def _on_experts_typed(self, text: str) -> None:
        trace = self._session.state.trace
        if trace is None:
            return
        try:
            experts = parse_cells(text, trace)
        except InterventionError as error:
            self._bar.experts.say(str(error))
        else:
            self._bar.experts.say("")
            self._typed_experts = experts
            self._set_experts(experts)

    def _on_mode_chosen(self) -> None:
        self._set_experts(self._session.state.filter.experts)

    def _on_cells_wanted(self) -> None:
        state = self._session.state
        self._set_experts(tuple(sorted(state.layers.experts(state.experts))))

    def _set_experts(self, experts: tuple[Expert, ...]) -> None:
        # Without experts the mode means nothing, and a filter that means nothing must equal the empty one.
        means_all = self._bar.experts.all_of_them.isChecked()
        self._set(experts=experts, experts_mode="all" if experts and means_all else "any")


def parse_cells(text: str, trace: TraceData) -> tuple[Expert, ...]:
    """Experts from `3:17, 5:0`; raises InterventionError, in one sentence, for anything else or more than there are."""
    typed = act_on(parse_experts(text), "drop")
    trace.specification.model.check_names(typed)
    return tuple(sorted(typed.mask))


def cells_text(experts: tuple[Expert, ...]) -> str:
    """The inverse of `parse_cells`."""
    return ", ".join(f"{layer}:{expert}" for layer, expert in experts)


def offered_outcomes(trace: TraceData) -> frozenset[int]:
    """Outcomes that questions of the trace have, or may have once all of them are recorded; places in OUTCOMES."""
    gold, seen = trace.table.gold, set(np.unique(trace.table.outcome).tolist())
    offered = {Outcome.RIGHT, Outcome.WRONG} if (gold >= 0).any() else set()
    offered |= {Outcome.UNSCORED} if (gold < 0).any() else set()
    offered |= set() if trace.trace.complete else {Outcome.FAILED, Outcome.MISSING}
    return frozenset(seen | {OUTCOMES.index(outcome) for outcome in offered})
