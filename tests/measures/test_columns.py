"""Tidy tables of a trace: every row is what the trace holds at that place, looked up one by one."""

import math
from pathlib import Path

import numpy as np
import pytest

from moe_core.measures.columns import answer_columns, metric_columns, question_columns, routing_columns
from moe_core.measures.metrics import METRICS, metric_named
from moe_core.measures.routing_sample import sample
from moe_core.measures.scope import Scope
from moe_core.traces.reader import Trace, open_trace
from tests.traces.synthetic_run import SyntheticRun, record


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    """Ten questions, the last two not recorded; question 4 failed, 0 and 5 have no right choice."""
    path = record(tmp_path_factory.mktemp("trace") / "run.h5", SyntheticRun(n_questions=10), only=range(8))
    return open_trace(path)


def test_questions_say_how_they_ended(trace: Trace) -> None:
    """Right is 1, wrong 0; failed, unscored and unrecorded ones are neither."""
    table = question_columns(trace)
    for row in range(10):
        assert table["id"][row] == trace.ids[row]
        known = row < 8 and row != 4 and trace.gold[row] >= 0
        expected = float(trace.predicted[row] == trace.gold[row]) if known else math.nan
        assert np.array_equal(table["correct"][row], expected, equal_nan=True)
    assert table["outcome"].tolist()[8:] == ["not recorded"] * 2
    assert {len(column) for column in table.values()} == {10}


def test_answers_are_one_row_a_choice(trace: Trace) -> None:
    """Letters, texts and log-probabilities are those of the trace; where nothing was answered there is none."""
    table = answer_columns(trace)
    assert len(table["question"]) == int(trace.n_choices.sum())
    for row, (question, choice) in enumerate(zip(table["question"], table["choice"], strict=True)):
        assert table["letter"][row] == "ABCD"[choice]
        assert table["text"][row] == trace.content(question).choices[choice]
        logprob = trace.choice_logprobs[question, choice] if question < 8 and question != 4 else np.nan
        assert np.array_equal(table["logprob"][row], logprob, equal_nan=True)
        assert table["is_gold"][row] == (trace.gold[question] == choice)


def test_routing_is_one_row_an_expert_of_a_token(trace: Trace) -> None:
    """Experts and weights of the whole prompt in its order, the prefix marked, the answer position last."""
    for question in (0, 2):  # with and without a prefix
        table, routing = routing_columns(trace, question), trace.token_routing(question)
        tokens = trace.prompt_token_ids(question)
        T, L, K = routing.experts.shape
        assert len(table["expert"]) == T * L * K
        for row, (t, layer, k) in enumerate(np.ndindex(T, L, K)):
            assert (table["position"][row], table["layer"][row], table["rank"][row]) == (t, layer, k + 1)
            assert table["token_id"][row] == tokens[t]
            assert table["token"][row] == trace.token_texts([tokens[t]])[0]
            assert table["expert"][row] == routing.experts[t, layer, k]
            assert table["weight"][row] == np.float32(routing.weights[t, layer, k])
            assert table["is_answer"][row] == (t == T - 1)
            is_shared = t < T - trace.n_own_tokens[question]
            assert table["question"][row] == (-1 if is_shared else question)
        assert table["share"].reshape(T, L, K).sum(axis=-1) == pytest.approx(1.0, abs=1e-6)


def test_without_tokens_routing_is_the_answer_position(tmp_path: Path) -> None:
    """A trace recorded with the answer position only still has its experts."""
    with open_trace(record(tmp_path / "run.h5", SyntheticRun(keeps_tokens=False))) as trace:
        table = routing_columns(trace, 3)
        assert table["expert"].tolist() == trace.answer_experts[3].ravel().tolist()
        assert set(table["position"].tolist()) == {int(trace.n_prompt_tokens[3]) - 1}
        assert table["is_answer"].all()


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_is_a_table(trace: Trace, metric: object) -> None:
    """A value a row at the place that its axes name."""
    found = metric_named(metric.name)  # type: ignore[attr-defined]  # a Metric
    drawn = sample(trace, Scope.ANSWER)
    table, values = metric_columns(found, drawn), found.compute(drawn)
    assert list(table)[: len(found.axes)] == list(found.axes)
    assert len(table["value"]) == values.values.size
    for row, place in enumerate(np.ndindex(values.values.shape)):
        assert np.array_equal(table["value"][row], values.values[place], equal_nan=True)
        for axis, at in zip(found.axes, place, strict=True):
            named = {"subject": lambda n: drawn.subject_names[n], "rank": lambda n: n + 1}
            assert table[axis][row] == named.get(axis, lambda n: n)(at)
