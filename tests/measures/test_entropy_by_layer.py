"""Entropy curves against a plain pass over every token's router probabilities."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from moe_core.measures.entropy_by_layer import (
    Band,
    EntropyKind,
    entropy_curve,
    largest_entropy,
    largest_subjects,
    one_question,
    right_ones,
    wrong_ones,
)
from moe_core.measures.routing_sample import RoutingSample, sample
from moe_core.measures.scope import Scope
from moe_core.traces.records import Status
from tests.synthetic_trace import FakeTrace, choose, make_trace

HALF_PRECISION = 2e-3


def token_entropies(trace: FakeTrace, question: int, scope: Scope, kind: EntropyKind) -> NDArray[np.float64]:
    """The entropy of each token of the scope [T, L], from its router probabilities."""
    p = trace.question_tokens[question]
    if scope is Scope.ANSWER:
        p = p[-1:]
    if scope is Scope.PROMPT and trace.prefix[question] >= 0:
        p = np.concatenate([trace.prefix_tokens[trace.prefix[question]], p])
    if kind is EntropyKind.TOPK:
        _, p = choose(p, trace.dimensions.top_k)
        p = p / p.sum(-1, keepdims=True)
    return np.asarray(-(p * np.log(p)).sum(-1))


@pytest.fixture
def trace() -> FakeTrace:
    """Twelve questions of known tokens."""
    return make_trace(top_k=3)


@pytest.mark.parametrize("kind", EntropyKind)
@pytest.mark.parametrize("scope", Scope)
def test_a_curve_is_mean_and_std_over_all_tokens(trace: FakeTrace, scope: Scope, kind: EntropyKind) -> None:
    """The band reaches one standard deviation over the scope's tokens to both sides."""
    rows = [0, 2, 5, 7]
    curve = entropy_curve(sample(trace, scope, np.array(rows)), kind, Band.STD)
    tokens = np.concatenate([token_entropies(trace, row, scope, kind) for row in rows])
    assert (curve.n_questions, curve.n_tokens) == (4, len(tokens))
    np.testing.assert_allclose(curve.mean, tokens.mean(0), atol=HALF_PRECISION)
    np.testing.assert_allclose(curve.high - curve.mean, tokens.std(0), atol=HALF_PRECISION)
    np.testing.assert_allclose(curve.mean - curve.low, tokens.std(0), atol=HALF_PRECISION)


@pytest.mark.parametrize("kind", EntropyKind)
@pytest.mark.parametrize("scope", Scope)
def test_quartiles_are_those_of_the_questions_means(trace: FakeTrace, scope: Scope, kind: EntropyKind) -> None:
    """Every question counts once, however many tokens it has."""
    curve = entropy_curve(sample(trace, scope), kind, Band.QUARTILES)
    means = np.array([token_entropies(trace, row, scope, kind).mean(0) for row in range(12)])
    np.testing.assert_allclose(curve.low, np.quantile(means, 0.25, axis=0), atol=HALF_PRECISION)
    np.testing.assert_allclose(curve.high, np.quantile(means, 0.75, axis=0), atol=HALF_PRECISION)


def test_right_and_wrong_leave_out_what_has_no_gold_answer(trace: FakeTrace) -> None:
    """Every other question is in one of the two."""
    unscored = replace(trace, gold=np.where(np.arange(12) == 3, -1, trace.gold).astype(np.int8))
    drawn = sample(unscored, Scope.ANSWER, np.arange(8))
    right, wrong = right_ones(drawn).questions.tolist(), wrong_ones(drawn).questions.tolist()
    is_right = unscored.predicted == unscored.gold
    assert right == [n for n in range(8) if is_right[n] and n != 3]
    assert wrong == [n for n in range(8) if not is_right[n] and n != 3]


def test_subjects_come_by_size_and_then_in_quiz_order(trace: FakeTrace) -> None:
    """Only as many as asked for."""
    named = replace(trace, subjects=list("zzbbbaaayqqq"))
    drawn = sample(named, Scope.ANSWER, np.arange(12))
    found = largest_subjects(drawn, 4)
    assert {name: part.questions.tolist() for name, part in found.items()} == {
        "b": [2, 3, 4],
        "a": [5, 6, 7],
        "q": [9, 10, 11],
        "z": [0, 1],
    }
    assert list(found) == ["b", "a", "q", "z"]


@pytest.mark.parametrize("band", Band)
def test_one_token_has_a_mean_but_no_band(trace: FakeTrace, band: Band) -> None:
    """Its spread is unknown, not zero."""
    curve = entropy_curve(sample(trace, Scope.ANSWER, np.array([4])), EntropyKind.TOPK, band)
    assert np.isfinite(curve.mean).all()
    assert np.isnan(curve.low).all()
    assert np.isnan(curve.high).all()


@pytest.mark.parametrize("band", Band)
def test_nothing_has_neither_mean_nor_band(trace: FakeTrace, band: Band) -> None:
    """An empty selection gives a curve of gaps, and no warning."""
    drawn = sample(trace, Scope.PROMPT, np.array([], np.intp))
    curve = entropy_curve(drawn, EntropyKind.FULL, band)
    assert curve.n_questions == 0
    assert np.isnan(np.stack([curve.mean, curve.low, curve.high])).all()
    assert largest_subjects(drawn, 8) == {}


def test_a_question_that_failed_or_is_missing_has_no_curve(trace: FakeTrace) -> None:
    """It is an empty sample, as any other selection of it would be."""
    status = trace.status.copy()
    status[1] = Status.NON_FINITE_ROUTER
    recorded = np.arange(12) != 2
    partial = replace(trace, status=status, recorded=recorded)
    drawn = sample(partial, Scope.QUESTION)
    sizes = [len(one_question(drawn, partial, row).questions) for row in (0, 1, 2)]
    assert sizes == [1, 0, 0]


def test_a_router_that_prefers_nothing_reaches_the_largest_entropy() -> None:
    """Normalised it is 1; with one expert to choose there is nothing to divide by."""
    uniform = make_trace(sharpness=0.0, top_k=2)
    drawn = sample(uniform, Scope.PROMPT)
    for kind, choices in ((EntropyKind.TOPK, 2), (EntropyKind.FULL, 6)):
        largest = largest_entropy(drawn, kind)
        assert largest == pytest.approx(np.log(choices))
        curve = entropy_curve(drawn, kind, Band.STD).divided_by(largest)
        np.testing.assert_allclose(curve.mean, 1.0, atol=1e-4)
    assert largest_entropy(_with_one_expert(), EntropyKind.TOPK) == 0.0


def _with_one_expert() -> RoutingSample:
    return sample(make_trace(top_k=1), Scope.ANSWER)
