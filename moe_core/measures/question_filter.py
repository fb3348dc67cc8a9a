"""Which questions of a trace a person wants to look at: a filter by text, subject, outcome, margin and experts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from moe_core.interventions.intervention import Expert as Expert
from moe_core.measures.question_table import OUTCOMES, Outcome, QuestionTable, folded_line
from moe_core.measures.routing_in_scope import ScopedRouting

BoolArray = NDArray[np.bool_]

_ANSWERED = [OUTCOMES.index(kind) for kind in (Outcome.RIGHT, Outcome.WRONG, Outcome.UNSCORED)]


@dataclass(frozen=True)
class QuestionFilter:
    """Conditions that a question must all satisfy; the empty ones let everything pass.

    `text` is found in id or text, ignoring case and line breaks. `margin_low` and `margin_high` bound the margin in
    nats, both included; questions without a margin pass only where neither is set. A question uses an expert when it
    was answered and at least one token of the scope chose the expert; `experts_mode` asks for any or for all of
    `experts`. `ids` names single questions, and `ids_title` says what they are ("12 right → wrong").
    """

    text: str = ""
    subjects: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    margin_low: float | None = None
    margin_high: float | None = None
    experts: tuple[Expert, ...] = ()
    experts_mode: Literal["any", "all"] = "any"
    ids: frozenset[str] | None = None
    ids_title: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether every question passes."""
        return self == QuestionFilter()


EVERYTHING = QuestionFilter()


def matching(question_filter: QuestionFilter, table: QuestionTable, routing: ScopedRouting) -> NDArray[np.intp]:
    """Rows of the questions that pass, in quiz order; `routing` is the scope in which experts count as used."""
    passing = np.ones(len(table.ids), bool)
    for condition in (_by_text, _by_subject, _by_outcome, _by_margin, _by_ids):
        passing &= condition(question_filter, table)
    passing &= _by_experts(question_filter, table, routing)
    return np.flatnonzero(passing)


def _by_text(wanted: QuestionFilter, table: QuestionTable) -> BoolArray | bool:
    folded = folded_line(wanted.text)
    return np.fromiter((folded in text for text in table.folded_texts), bool) if folded else True


def _by_subject(wanted: QuestionFilter, table: QuestionTable) -> BoolArray | bool:
    return np.isin(table.subjects, wanted.subjects) if wanted.subjects else True


def _by_outcome(wanted: QuestionFilter, table: QuestionTable) -> BoolArray | bool:
    return np.isin(table.outcome, [OUTCOMES.index(kind) for kind in wanted.outcomes]) if wanted.outcomes else True


def _by_margin(wanted: QuestionFilter, table: QuestionTable) -> BoolArray | bool:
    low, high = wanted.margin_low, wanted.margin_high
    if low is None and high is None:
        return True
    above = table.margin >= (-np.inf if low is None else low)  # NaN is neither above nor below
    return above & (table.margin <= (np.inf if high is None else high))


def _by_ids(wanted: QuestionFilter, table: QuestionTable) -> BoolArray | bool:
    ids = wanted.ids
    return True if ids is None else np.fromiter((name in ids for name in table.ids), bool)


def _by_experts(wanted: QuestionFilter, table: QuestionTable, routing: ScopedRouting) -> BoolArray | bool:
    if not wanted.experts:
        return True
    used = np.stack([_uses(expert, routing) for expert in wanted.experts])  # [wanted, N]
    combine: Callable[..., BoolArray] = np.all if wanted.experts_mode == "all" else np.any
    return combine(used, axis=0) & np.isin(table.outcome, _ANSWERED)  # the rows of all others hold noise


def _uses(expert: Expert, routing: ScopedRouting) -> BoolArray:
    """Whether each question [N] uses the expert; none does where the model has no such expert."""
    cell, (n_questions, _, n_experts) = routing.layers.cell(expert), routing.token_count.shape
    if cell is None or not 0 <= cell[1] < n_experts:
        return np.zeros(n_questions, bool)
    used: BoolArray = routing.token_count[:, *cell] > 0
    return used
