"""One expert's numbers, against loops over the hand-made tokens."""

from dataclasses import replace

import numpy as np
import pytest

from moe_core.measures.clustered import clustered_share
from moe_core.measures.expert_profile import expert_profile, heaviest_questions, usage_by_subject
from moe_core.measures.routing_sample import sample as routing_sample
from moe_core.measures.scope import Scope
from tests.synthetic_trace import FakeTrace, choose, make_trace

CELL = (1, 3)


def question_shares(trace: FakeTrace, scope: Scope) -> tuple[list[int], list[int], list[float]]:
    """For each question: tokens that chose CELL, tokens in all, and the mean q for CELL."""
    served, totals, means = [], [], []
    for n, own in enumerate(trace.question_tokens):
        shared = [trace.prefix_tokens[trace.prefix[n]]] if scope is Scope.PROMPT and trace.prefix[n] >= 0 else []
        p = own[-1:] if scope is Scope.ANSWER else np.concatenate([*shared, own])
        ids, w = choose(p[:, CELL[0]], trace.dimensions.top_k)
        hit = ids == CELL[1]
        served.append(int(hit.sum()))
        totals.append(len(p))
        means.append(float((hit * w / w.sum(axis=1, keepdims=True)).sum() / len(p)))
    return served, totals, means


@pytest.mark.parametrize("scope", list(Scope))
def test_usage_by_subject_is_the_share_of_its_tokens(scope: Scope) -> None:
    """Sorted from the highest, with the number of questions of each subject."""
    trace = make_trace()
    served, totals, _ = question_shares(trace, scope)
    expected = {f"subject_{s}": sum(served[3 * s : 3 * s + 3]) / sum(totals[3 * s : 3 * s + 3]) for s in range(4)}
    found = usage_by_subject(routing_sample(trace, scope), *CELL)
    assert dict(zip(found.subjects, found.share.tolist(), strict=True)) == pytest.approx(expected)
    assert (np.diff(found.share) <= 0).all()
    for name, lower, upper in zip(found.subjects, found.lower, found.upper, strict=True):
        own = slice(3 * int(name[-1]), 3 * int(name[-1]) + 3)
        bounds = clustered_share(np.array(served[own], np.float64), np.array(totals[own], np.float64))
        assert (lower, upper) == pytest.approx((float(bounds.lower), float(bounds.upper)))
    assert found.questions.tolist() == [3, 3, 3, 3]


def test_a_uniform_router_uses_every_expert_as_often() -> None:
    """Mean usage over experts is k / E in every subject."""
    sample = routing_sample(make_trace(), Scope.PROMPT)
    shares = [dict(zip(u.subjects, u.share, strict=True)) for u in (usage_by_subject(sample, 0, e) for e in range(6))]
    assert np.mean([share["subject_2"] for share in shares]) == pytest.approx(2 / 6)


@pytest.mark.parametrize("scope", list(Scope))
def test_the_heaviest_questions_come_first(scope: Scope) -> None:
    """By the mean renormalised gate weight; questions that do not use the expert are not among them."""
    trace = make_trace(n_questions=30)
    _, _, means = question_shares(trace, scope)
    found = heaviest_questions(routing_sample(trace, scope), *CELL, most=8)
    expected = sorted([n for n in range(30) if means[n] > 0], key=lambda n: -means[n])[:8]
    assert found.rows.tolist() == expected
    np.testing.assert_allclose(found.weights, [means[n] for n in expected], rtol=2e-3)  # sums are half precision


def test_profile_of_an_expert() -> None:
    """Accuracy is weighted by m_n; the rest are plain counts."""
    trace = make_trace()
    served, totals, means = question_shares(trace, Scope.PROMPT)
    right = trace.gold == trace.predicted
    profile = expert_profile(routing_sample(trace, Scope.PROMPT), *CELL)
    assert profile.used_share == pytest.approx(sum(served) / sum(totals))
    assert profile.questions == sum(n > 0 for n in served)
    assert profile.accuracy == pytest.approx(np.dot(means, right) / sum(means), rel=1e-3)
    assert profile.scored_weight == pytest.approx(sum(means), rel=1e-3)
    assert profile.accuracy_lower < profile.accuracy < profile.accuracy_upper
    assert (profile.overall.successes, profile.overall.n) == (int(right.sum()), 12)


def test_ranks_count_from_one_and_equals_share_the_best() -> None:
    """The ranks of a layer are those of its sorted used shares."""
    sample = routing_sample(make_trace(), Scope.ANSWER)
    profiles = [expert_profile(sample, 0, e) for e in range(6)]
    shares = sorted((p.used_share for p in profiles), reverse=True)
    assert [p.rank for p in profiles] == [1 + shares.index(p.used_share) for p in profiles]


def test_a_quiz_without_right_answers_has_no_accuracy() -> None:
    """Undefined, with no support."""
    trace = replace(make_trace(), gold=np.full(12, -1, np.int8))
    profile = expert_profile(routing_sample(trace, Scope.ANSWER), *CELL)
    assert np.isnan(profile.accuracy)
    assert (profile.scored_questions, profile.overall.n) == (0, 0)
