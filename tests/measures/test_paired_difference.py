"""What changed between two runs: the intervals of a paired comparison, and a test that supports only what is there."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from moe_core.measures.metric import Metric, MetricValues
from moe_core.measures.metrics import METRICS
from moe_core.measures.paired_difference import paired_difference
from moe_core.measures.routing_sample import RoutingSample, sample
from moe_core.measures.scope import Scope
from moe_core.numbers.stepwise import Stepwise
from moe_core.traces.reader import Trace
from tests.synthetic_trace import FakeTrace, make_trace, softmax, trace_of_tokens

GRID = {metric.name: metric for metric in METRICS if metric.axes == ("layer", "expert")}


def difference(metric: Metric, before: RoutingSample, after: RoutingSample) -> MetricValues:
    """The change of a metric."""
    values = metric.compute(before), metric.compute(after)
    return Stepwise(lambda: paired_difference(metric, before, after, values)).value


def run(n: int, seed: int, probs: NDArray[np.float64] | None = None) -> FakeTrace:
    """Questions of one token each, 2 layers x 6 experts, top-2; a third of the answers is right."""
    rng = np.random.default_rng(seed)
    tokens = softmax(1.5 * rng.standard_normal((n, 1, 2, 6))) if probs is None else probs
    trace = trace_of_tokens(list(tokens), [], np.full(n, -1, np.int32), 2, rng=rng)
    return replace(trace, gold=np.zeros(n, np.int8), predicted=(rng.random(n) > 1 / 3).astype(np.int8))


def drawn(trace: FakeTrace | Trace, scope: Scope = Scope.ANSWER) -> RoutingSample:
    """All of it."""
    return sample(trace, scope)  # type: ignore[arg-type]  # what a sample reads of a trace


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("metric", GRID.values(), ids=lambda metric: metric.name)
def test_the_influence_is_what_leaving_a_question_out_changes(metric: Metric, scope: Scope) -> None:
    """For every metric of the grid: the jackknife's, nearly, and its mean is 0, nearly."""
    whole = drawn(make_trace(n_questions=240, seed=4), scope)
    assert metric.influence is not None
    influence, values = metric.influence(whole), metric.compute(whole).values
    found = influence.of(slice(0, 240))
    questions = np.arange(240)
    for left_out in (0, 17, 42):
        rest = metric.compute(drawn_rows(whole, questions != left_out)).values
        theirs = (240 - 1) * (values - rest)
        clear = np.isfinite(theirs) & (influence.n_effective > 40)
        np.testing.assert_allclose(
            found[left_out][clear], theirs[clear], atol=0.12 * np.abs(theirs[clear]).max() + 0.02
        )
    assert np.nanmax(np.abs(found.mean(axis=0))[influence.n_effective > 40]) < 0.05


def drawn_rows(whole: RoutingSample, chosen: NDArray[np.bool_]) -> RoutingSample:
    """Some questions of a sample."""
    return replace(
        whole,
        questions=whole.questions[chosen],
        is_scored=whole.is_scored[chosen],
        is_correct=whole.is_correct[chosen],
        subjects=tuple(np.array(whole.subjects)[chosen].tolist()),
    )


@pytest.mark.parametrize("name", ["used_share", "answer_probability"])
def test_a_plain_mean_has_student_s_paired_interval(name: str) -> None:
    """As scipy gives it for one cell; both sides stand beside it."""
    before, after = drawn(run(50, 1)), drawn(run(50, 2))
    found = difference(GRID[name], before, after)
    cubes = [getattr(side.routing, {"used_share": "token_count"}.get(name, "router_probs")) for side in (after, before)]
    one, other = (cube[:, 1, 3].astype(np.float64) for cube in cubes)
    theirs = stats.ttest_rel(one, other).confidence_interval(0.95)
    assert found.lower is not None
    assert found.upper is not None
    assert found.sides is not None
    assert (found.lower[1, 3], found.upper[1, 3]) == pytest.approx((theirs.low, theirs.high), rel=1e-3)
    assert (found.sides[0][1, 3], found.sides[1][1, 3]) == pytest.approx((one.mean(), other.mean()), rel=1e-3)


@pytest.mark.parametrize("name", GRID)
def test_two_runs_that_differ_by_chance_alone_look_empty(name: str) -> None:
    """Nothing is supported, and 95 % intervals hold 0, about."""
    covered, n_false = [], 0
    for seed in range(12):
        found = difference(GRID[name], drawn(run(120, 2 * seed)), drawn(run(120, 2 * seed + 1)))
        assert found.lower is not None
        assert found.upper is not None
        assert found.is_supported is not None
        n_false += bool(found.is_supported.any())
        covered.append(((found.lower <= 0) & (found.upper >= 0)).mean())
    assert n_false <= 1
    assert np.mean(covered) > 0.9


def test_exactly_the_planted_change_is_supported() -> None:
    """Half of the questions that used one expert use another now; the rest is noise."""
    rng = np.random.default_rng(8)
    before = softmax(1.5 * rng.standard_normal((300, 1, 2, 6)))
    after = softmax(np.log(before) + 0.02 * rng.standard_normal(before.shape))
    moved = rng.random(300) < 0.5
    after[moved, :, 1, 2], after[moved, :, 1, 5] = after[moved, :, 1, 5], after[moved, :, 1, 2]
    after[moved, :, 1, 2] *= 0.2
    found = difference(GRID["used_share"], drawn(run(300, 0, before)), drawn(run(300, 0, after)))
    assert found.is_supported is not None
    assert found.is_supported[1, 2]
    assert not found.is_supported[0].any()


def test_runs_that_are_alike_change_nothing_for_certain() -> None:
    """No cell is supported, and rounding is no change."""
    trace = make_trace(n_questions=40, seed=3)
    for metric in GRID.values():
        found = difference(metric, drawn(trace, Scope.PROMPT), drawn(trace, Scope.PROMPT))
        assert found.is_supported is not None
        assert not found.is_supported.any()
        assert not np.nan_to_num(found.values).any()
