"""One row a question: known answers for outcome and margin, and that they never contradict each other."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moe_core.measures.question_table import OUTCOMES, Outcome, QuestionTable, folded_line, question_table
from moe_core.measures.routing_in_scope import routing_in_scope
from moe_core.measures.scope import Scope
from moe_core.traces.records import Status
from tests.synthetic_trace import FakeTrace, make_trace

NAN = np.nan


def table_of(trace: FakeTrace) -> QuestionTable:
    """The table of a hand-made trace."""
    return question_table(with_texts(trace), routing_in_scope(trace, Scope.ANSWER))  # type: ignore[arg-type]


def with_texts(trace: FakeTrace) -> FakeTrace:
    """The trace with a text for each question, which metrics do not need and a list does."""
    object.__setattr__(trace, "texts", tuple(f"What is {name}?" for name in trace.ids))
    return trace


def five_questions() -> FakeTrace:
    """Right, wrong, without gold, failed and not recorded, in this order; the third choice of two is padding."""
    logprobs = np.log(np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.5, 0.4, 0.1], [NAN] * 3, [0.9, 0.05, 0.05]]))
    logprobs[1, 2] = NAN
    answered = Status.ANSWERED
    return make_trace(
        n_questions=5,
        n_choices=3,
        gold=np.array([0, 0, -1, 1, 0], np.int8),
        predicted=np.array([0, 1, 0, -1, -1], np.int8),
        status=np.array([answered, answered, answered, Status.NON_FINITE_ANSWER, Status.NOT_RECORDED], np.uint8),
        recorded=np.array([True, True, True, True, False]),
        choice_logprobs=logprobs.astype(np.float32),
    )


def test_every_way_to_end_has_its_outcome() -> None:
    """Right, wrong, no gold, failed and not recorded are told apart."""
    kinds = [OUTCOMES[place] for place in table_of(five_questions()).outcome]
    assert kinds == [Outcome.RIGHT, Outcome.WRONG, Outcome.UNSCORED, Outcome.FAILED, Outcome.MISSING]


def test_margin_is_gold_less_the_best_other_choice() -> None:
    """ln 0.6 - ln 0.3 and ln 0.2 - ln 0.7; padding is no choice; nothing where there is no gold or no answer."""
    table = table_of(five_questions())
    np.testing.assert_allclose(table.margin, [np.log(2), np.log(2 / 7), NAN, NAN, NAN], rtol=1e-6)
    np.testing.assert_allclose(table.gold_logprob, [np.log(0.6), np.log(0.2), NAN, NAN, NAN], rtol=1e-6)


def test_entropy_is_the_mean_over_layers_at_the_answer_position() -> None:
    """Known from the weights, for every answered question and no other."""
    trace = five_questions()
    w = trace.answer_weights.astype(np.float64)  # [N, L, K]
    q = w / w.sum(axis=-1, keepdims=True)
    expected = -(q * np.log(q)).sum(axis=-1).mean(axis=-1)
    expected[3:] = NAN
    np.testing.assert_allclose(table_of(trace).entropy, expected, rtol=1e-5)


def test_tokens_are_those_of_the_whole_prompt() -> None:
    """The shared prefix counts."""
    trace = five_questions()
    shared = np.array([len(tokens) for tokens in trace.prefix_tokens] + [0])[trace.prefix]
    own = np.array([len(tokens) for tokens in trace.question_tokens])
    assert table_of(trace).tokens.tolist() == (own + shared).tolist()


def test_subjects_are_named_in_the_order_of_their_first_question() -> None:
    """Each one once."""
    trace = replace(five_questions(), subjects=["b", "a", "b", "c", "a"])
    assert table_of(trace).subject_names == ("b", "a", "c")


def test_a_folded_line_knows_no_case_and_no_line_breaks() -> None:
    """As a list shows it."""
    assert folded_line(" Which\n\tof  THESE? ß ") == "which of these? ss"
    assert folded_line(" Which of THESE? ") == "which of these?"


@given(seed=st.integers(0, 10_000), n_choices=st.integers(2, 6))
def test_margin_is_positive_exactly_where_the_answer_is_right(seed: int, n_choices: int) -> None:
    """The chosen choice is the likeliest one."""
    made = make_trace(n_questions=8, n_choices=n_choices, max_tokens=2, seed=seed)
    trace = replace(made, predicted=made.choice_logprobs.argmax(axis=1).astype(np.int8))
    table = table_of(trace)
    assert ((table.margin > 0) == (table.outcome == OUTCOMES.index(Outcome.RIGHT))).all()
    assert (table.gold_logprob <= 0).all()
