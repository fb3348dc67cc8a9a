"""The filter of questions: known answers for each condition, and that conditions only ever narrow."""

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moe_core.measures.question_filter import EVERYTHING, QuestionFilter, matching
from moe_core.measures.question_table import OUTCOMES, Outcome, QuestionTable, question_table
from moe_core.measures.routing_in_scope import ScopedRouting, routing_in_scope
from moe_core.measures.scope import Scope
from moe_core.traces.records import Status
from tests.synthetic_trace import FakeTrace, make_trace

N, L, E = 12, 2, 6
TEXTS = tuple(f"What is {n} + {n}?\nThink  of it." for n in range(N))
NAN = np.nan

experts = st.lists(st.tuples(st.integers(0, L - 1), st.integers(0, E - 1)), max_size=4).map(tuple)
filters = st.builds(
    QuestionFilter,
    text=st.sampled_from(["", "WHAT is 1", "think of", "q00", "nowhere"]),
    subjects=st.lists(st.sampled_from(["subject_0", "subject_1", "other"]), max_size=2).map(tuple),
    outcomes=st.lists(st.sampled_from(OUTCOMES), max_size=3).map(tuple),
    margin_low=st.none() | st.floats(-3, 3),
    margin_high=st.none() | st.floats(-3, 3),
    experts=experts,
    experts_mode=st.sampled_from(["any", "all"]),
    ids=st.none() | st.frozensets(st.sampled_from([f"q{n:03}" for n in range(N)])),
)
scopes = st.sampled_from(list(Scope))


def some_trace() -> FakeTrace:
    """Twelve questions, the last one not recorded and the one before it failed."""
    status = np.full(N, Status.ANSWERED, np.uint8)
    status[-2:] = [Status.NON_FINITE_ROUTER, Status.NOT_RECORDED]
    made = make_trace(n_questions=N, n_layers=L, n_experts=E, status=status)
    made = replace(made, recorded=status > 0)
    object.__setattr__(made, "texts", TEXTS)  # metrics do not need it, a list does
    return made


TRACE = some_trace()
ROUTING = {scope: routing_in_scope(TRACE, scope) for scope in Scope}
TABLE: QuestionTable = question_table(TRACE, ROUTING[Scope.ANSWER])  # type: ignore[arg-type]


def rows(scope: Scope = Scope.ANSWER, **conditions: Any) -> list[int]:
    """Rows that pass."""
    return matching(QuestionFilter(**conditions), TABLE, ROUTING[scope]).tolist()


def users(cell: tuple[int, int], routing: ScopedRouting) -> set[int]:
    """Answered questions of which at least one token chose the expert, one by one."""
    return {n for n in range(N - 2) if routing.token_count[n, cell[0], cell[1]] > 0}


def test_the_empty_filter_lets_everything_pass() -> None:
    """Failed and unrecorded questions among them."""
    assert EVERYTHING.is_empty
    assert rows() == list(range(N))
    assert not QuestionFilter(text="x").is_empty


def test_text_is_found_in_id_and_text_whatever_its_case_and_line_breaks() -> None:
    """What is copied from the one line of a list is found again; an id and a text are never read as one."""
    assert rows(text="WHAT IS 3") == [3]
    assert rows(text="  + 11? think of ") == [11]
    assert rows(text="Q007") == [7]
    assert rows(text="q007 what") == []


def test_subjects_and_outcomes_name_what_passes() -> None:
    """Several of one kind are alternatives."""
    assert rows(subjects=("subject_0", "subject_2")) == [0, 1, 2, 6, 7, 8]
    assert rows(outcomes=(Outcome.FAILED, Outcome.MISSING)) == [N - 2, N - 1]
    right = np.flatnonzero((TRACE.predicted == TRACE.gold)[: N - 2]).tolist()
    assert rows(outcomes=(Outcome.RIGHT,)) == right


def test_margin_bounds_are_included_and_nothing_without_a_margin_passes() -> None:
    """One bound is enough."""
    third = float(np.sort(TABLE.margin[: N - 2])[2])
    assert rows(margin_low=third, margin_high=third) == [int(np.flatnonzero(third == TABLE.margin)[0])]
    assert len(rows(margin_low=third)) == N - 2 - 2
    assert len(rows(margin_high=third)) == 3


def test_ids_name_single_questions() -> None:
    """An empty set of them names none, which is not the same as no condition."""
    assert rows(ids=frozenset({"q002", "q009", "unknown"})) == [2, 9]
    assert rows(ids=frozenset()) == []


def test_an_expert_that_does_not_exist_is_used_by_no_question() -> None:
    """A filter may come from another model; a negative number counts from no end."""
    for cell in ((L, 0), (0, E), (-1, 0), (0, -1)):
        assert rows(experts=(cell,)) == []
        assert rows(experts=(cell, (0, 0))) == rows(experts=((0, 0),))


def test_a_question_without_an_answer_uses_no_expert() -> None:
    """Whatever its rows hold."""
    every = tuple((layer, expert) for layer in range(L) for expert in range(E))
    for scope in Scope:
        assert rows(scope, experts=every) == list(range(N - 2))


@given(wanted=experts, scope=scopes)
def test_any_and_all_of_the_experts(wanted: tuple[tuple[int, int], ...], scope: Scope) -> None:
    """Any is the union of the questions that use each one, all is what these have in common."""
    each = [users(cell, ROUTING[scope]) for cell in wanted]
    everything = set(range(N))
    assert set(rows(scope, experts=wanted)) == (set.union(*each) if each else everything)
    expected = set.intersection(*each) if each else everything
    assert set(rows(scope, experts=wanted, experts_mode="all")) == expected


@given(wanted=filters, scope=scopes)
def test_rows_keep_the_order_of_the_quiz(wanted: QuestionFilter, scope: Scope) -> None:
    """Each one at most once."""
    found = matching(wanted, TABLE, ROUTING[scope])
    assert (np.diff(found) > 0).all()


@given(wanted=filters, other=filters, scope=scopes)
def test_one_more_condition_only_ever_narrows(wanted: QuestionFilter, other: QuestionFilter, scope: Scope) -> None:
    """What passes two conditions is what passes each of them."""
    names = ("text", "subjects", "outcomes", "ids")
    for name in names:
        alone = replace(EVERYTHING, **{name: getattr(other, name)})
        without = replace(wanted, **{name: getattr(EVERYTHING, name)})
        both = replace(wanted, **{name: getattr(other, name)})
        expected = set(matching(alone, TABLE, ROUTING[scope])) & set(matching(without, TABLE, ROUTING[scope]))
        assert set(matching(both, TABLE, ROUTING[scope])) == expected
