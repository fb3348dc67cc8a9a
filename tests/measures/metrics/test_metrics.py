"""Every metric: known answers first, then a walk over the tokens in plain Python, then properties."""

import importlib
import pkgutil
from dataclasses import replace
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import moe_core.measures.metrics
from moe_core.measures.metric import Metric
from moe_core.measures.metrics import METRICS
from moe_core.measures.metrics.experts_used import never_used_share
from moe_core.measures.routing_sample import RoutingSample, sample
from moe_core.measures.scope import Scope
from moe_core.numbers.intervals import wilson_95
from tests.synthetic_trace import FakeTrace, choose, make_trace, trace_of_tokens

BY_NAME = {metric.name: metric for metric in METRICS}


def expected_shape(metric: Metric, drawn: RoutingSample) -> tuple[int, ...]:
    """The shape that the metric's axes promise."""
    sizes = {
        "layer": drawn.n_layers,
        "expert": drawn.n_experts,
        "rank": drawn.top_k,
        "subject": len(drawn.subject_names),
    }
    return tuple(sizes[axis] for axis in metric.axes)


def uniform_trace(n_experts: int = 8, top_k: int = 4) -> FakeTrace:
    """Every router finds every expert equally likely."""
    p = np.full((3, 2, n_experts), 1 / n_experts)
    return trace_of_tokens([p, p], [p], np.array([0, -1], np.int32), top_k)


def test_every_file_of_the_folder_is_listed() -> None:
    """A metric file that METRICS forgets would never be shown."""
    listed = {metric.compute.__module__ for metric in METRICS}
    found = {
        f"moe_core.measures.metrics.{module.name}"
        for module in pkgutil.iter_modules(moe_core.measures.metrics.__path__)
    }
    assert found == listed
    assert all(importlib.import_module(name).__doc__ for name in found)


def test_names_are_unique() -> None:
    """A metric is chosen by name."""
    assert len(BY_NAME) == len(METRICS)


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_shape_support_and_range(metric: Metric, scope: Scope) -> None:
    """Values have the shape of the axes, support is whole and at most n, and nothing exceeds the stated maximum."""
    drawn = sample(make_trace(seed=1), scope)
    result = metric.compute(drawn)
    assert result.values.shape == expected_shape(metric, drawn)
    assert result.support.shape == result.values.shape
    assert (result.support <= len(drawn.questions)).all()
    assert (result.support % 1 == 0).all()
    if metric.largest is not None:
        assert np.nanmax(result.values) <= metric.largest(drawn) + 1e-5
    if result.lower is not None and result.upper is not None:
        assert (result.lower <= result.values + 1e-12)[np.isfinite(result.values)].all()
        assert (result.upper >= result.values - 1e-12)[np.isfinite(result.values)].all()


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
@pytest.mark.parametrize("case", ["nothing recorded", "no gold", "one question"])
def test_little_data_gives_nan_not_a_crash(metric: Metric, scope: Scope, case: str) -> None:
    """Empty selections and quizzes without answers are ordinary; warnings are errors here."""
    trace = make_trace(seed=2)
    if case == "nothing recorded":
        trace = replace(trace, recorded=np.zeros(12, np.bool_))
    if case == "no gold":
        trace = replace(trace, gold=np.full(12, -1, np.int8))
    drawn = sample(trace, scope, np.array([0]) if case == "one question" else None)
    assert metric.compute(drawn).values.shape == expected_shape(metric, drawn)


@pytest.mark.parametrize("scope", Scope)
def test_uniform_router(scope: Scope) -> None:
    """Equal probabilities: top-k entropy ln K, full entropy ln E, weights 1 / K, no spread."""
    drawn = sample(uniform_trace(), scope)
    topk, full = BY_NAME["topk_entropy"].compute(drawn), BY_NAME["full_entropy"].compute(drawn)
    np.testing.assert_allclose(topk.values, log(4), rtol=1e-6)
    np.testing.assert_allclose(full.values, log(8), rtol=1e-6)
    assert topk.std is not None
    np.testing.assert_allclose(topk.std, 0, atol=1e-3)
    np.testing.assert_allclose(BY_NAME["top_weights"].compute(drawn).values, 1 / 4, rtol=1e-6)
    np.testing.assert_allclose(BY_NAME["gate_weight"].compute(drawn).values[:, :4], 1 / 4, rtol=1e-3)
    np.testing.assert_allclose(BY_NAME["answer_probability"].compute(drawn).values, 1 / 8, rtol=1e-3)
    assert BY_NAME["experts_used"].compute(drawn).values.tolist() == [4, 4]
    assert never_used_share(drawn) == 0.5


@pytest.mark.parametrize("scope", Scope)
def test_one_certain_expert(scope: Scope) -> None:
    """A router that gives everything to one expert has entropy 0, and the expert gets every token's whole weight."""
    p = np.zeros((2, 1, 4))
    p[..., 2] = 1
    drawn = sample(trace_of_tokens([p, p], [], np.full(2, -1, np.int32), 1), scope)
    assert BY_NAME["topk_entropy"].compute(drawn).values.tolist() == [0]
    np.testing.assert_allclose(BY_NAME["full_entropy"].compute(drawn).values, 0, atol=1e-6)
    assert BY_NAME["used_share"].compute(drawn).values.tolist() == [[0, 0, 1, 0]]
    assert never_used_share(drawn) == 0.75


def test_accuracy_of_an_expert_by_hand() -> None:
    """Three questions with weights 0.75, 0.5 and 0.25 on expert 0, of which the first and last are right."""
    own = [np.array([[[share, 1 - share, 0.0]]]) for share in (0.75, 0.5, 0.25)]
    trace = trace_of_tokens(own, [], np.full(3, -1, np.int32), 2)
    trace = replace(trace, predicted=np.array([0, 1, 0], np.int8))  # gold is 0 everywhere
    drawn = sample(trace, Scope.ANSWER)
    result = BY_NAME["expert_accuracy"].compute(drawn)
    np.testing.assert_allclose(result.values, [[1.0 / 1.5, 1.0 / 1.5, np.nan]], rtol=1e-3)
    assert result.support.tolist() == [[3, 3, 0]]
    np.testing.assert_allclose(drawn.totals.scored_share, [[1.5, 1.5, 0]], rtol=1e-3)
    effective = 1.5**2 / (0.75**2 + 0.5**2 + 0.25**2)
    interval = wilson_95(2 / 3, effective)
    assert result.lower is not None
    assert result.lower[0, 0] == pytest.approx(float(interval.lower), rel=1e-3)
    lift = BY_NAME["accuracy_lift"].compute(drawn)
    np.testing.assert_allclose(lift.values[0, :2], 0, atol=1e-3)
    difference = BY_NAME["right_minus_wrong"].compute(drawn)
    np.testing.assert_allclose(difference.values, [[0.5 - 0.5, 0, 0]], atol=1e-3)


def test_std_is_the_population_std_over_tokens() -> None:
    """Two tokens with entropies 0 and ln 2 have mean ln 2 / 2 and std ln 2 / 2, wherever the segment border lies."""
    certain, torn = np.array([[[1.0, 1e-30, 0.0]]]), np.array([[[0.5, 0.5, 0.0]]])
    together = trace_of_tokens([np.concatenate([certain, torn])], [], np.array([-1], np.int32), 2)
    apart = trace_of_tokens([torn], [certain], np.array([0], np.int32), 2)
    for trace in (together, apart):
        result = BY_NAME["topk_entropy"].compute(sample(trace, Scope.PROMPT))
        np.testing.assert_allclose(result.values, log(2) / 2, rtol=1e-6)
        assert result.std is not None
        np.testing.assert_allclose(result.std, log(2) / 2, rtol=1e-6)


def test_accuracy_by_subject() -> None:
    """Subjects keep the order of their first question, and questions without gold are not counted."""
    trace = replace(
        make_trace(n_questions=6),
        subjects=["zoology", "art", "zoology", "art", "art", "law"],
        gold=np.array([0, 1, 2, 3, -1, -1], np.int8),
        predicted=np.array([0, 1, 3, 0, 2, 1], np.int8),
    )
    drawn = sample(trace, Scope.ANSWER)
    result = BY_NAME["subject_accuracy"].compute(drawn)
    assert drawn.subject_names == ("zoology", "art", "law")
    np.testing.assert_array_equal(result.values, [0.5, 0.5, np.nan])
    assert result.support.tolist() == [2, 2, 0]
    assert BY_NAME["accuracy"].compute(drawn).values == 0.5


@pytest.mark.parametrize("scope", Scope)
@given(seed=st.integers(0, 10_000), top_k=st.integers(1, 4))
@settings(max_examples=15, deadline=None)
def test_all_metrics_equal_a_walk_over_the_tokens(scope: Scope, seed: int, top_k: int) -> None:
    """The definitions, spelt out token by token in plain Python, give the same numbers."""
    trace = make_trace(seed=seed, top_k=top_k, n_questions=7, max_tokens=4)
    drawn = sample(trace, scope)
    L, E = 2, 6
    tokens, gates = np.zeros((L, E)), np.zeros((L, E))
    right, total, squares, questions = (np.zeros((L, E)) for _ in range(4))
    entropies: list[list[float]] = [[] for _ in range(L)]
    full: list[list[float]] = [[] for _ in range(L)]
    for n in range(7):
        own, prefix = trace.question_tokens[n], int(trace.prefix[n])
        shared = [trace.prefix_tokens[prefix]] if scope is Scope.PROMPT and prefix >= 0 else []
        p = own[-1:] if scope is Scope.ANSWER else np.concatenate([*shared, own])
        m, used = np.zeros((L, E)), np.zeros((L, E))
        ids, weights = choose(p, top_k)
        for t, layer in np.ndindex(len(p), L):
            q = [w / sum(weights[t, layer]) for w in weights[t, layer]]
            entropies[layer].append(-sum(x * log(x) for x in q))
            full[layer].append(-sum(x * log(x) for x in p[t, layer]))
            for k, e in enumerate(ids[t, layer]):
                tokens[layer, e] += 1
                gates[layer, e] += q[k]
                m[layer, e] += q[k] / len(p)
                used[layer, e] = 1
        correct = trace.predicted[n] == trace.gold[n]
        right, total, squares, questions = right + m * correct, total + m, squares + m * m, questions + used
    n_tokens = len(entropies[0])
    check = {name: metric.compute(drawn) for name, metric in BY_NAME.items()}
    np.testing.assert_allclose(check["used_share"].values, tokens / n_tokens)
    np.testing.assert_array_equal(check["used_share"].support, questions)
    np.testing.assert_array_equal(check["experts_used"].values, (tokens > 0).sum(1))
    assert never_used_share(drawn) == pytest.approx((tokens == 0).mean())
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(check["gate_weight"].values, gates / tokens, rtol=3e-3)
        np.testing.assert_allclose(check["expert_accuracy"].values, right / total, atol=3e-3)
    np.testing.assert_allclose(drawn.totals.scored_share_square, squares, rtol=5e-3, atol=1e-6)
    np.testing.assert_allclose(check["topk_entropy"].values, np.mean(entropies, axis=1), atol=2e-3)
    topk_std, full_std = check["topk_entropy"].std, check["full_entropy"].std
    assert topk_std is not None
    assert full_std is not None
    np.testing.assert_allclose(topk_std, np.std(entropies, axis=1), atol=4e-3)
    np.testing.assert_allclose(check["full_entropy"].values, np.mean(full, axis=1), atol=4e-3)
    np.testing.assert_allclose(full_std, np.std(full, axis=1), atol=4e-3)
    assert check["accuracy"].values == pytest.approx(np.mean(trace.predicted == trace.gold))


@pytest.mark.parametrize("scope", Scope)
def test_a_selection_equals_a_trace_of_only_those_questions(scope: Scope) -> None:
    """What the filter leaves is all that counts, in any order, beyond the size of one block."""
    trace = make_trace(n_questions=150, seed=9)
    rows = np.random.default_rng(0).permutation(150)[:140]
    drawn, parts = sample(trace, scope, rows), [sample(trace, scope, rows[:40]), sample(trace, scope, rows[40:])]
    for name in ("tokens", "gate_sum", "questions", "share", "scored_share", "scored_share_square", "right_share"):
        together = getattr(drawn.totals, name)
        np.testing.assert_allclose(together, sum(getattr(part.totals, name) for part in parts), rtol=1e-5)
