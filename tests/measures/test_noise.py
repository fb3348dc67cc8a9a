"""On a model that knows nothing differences look empty, and a planted effect is found where it is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moe_core.interventions.intervention import parse_mask
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.what_if import WhatIfRequest, what_if
from moe_core.measures.metric import Metric
from moe_core.measures.metrics.accuracy_lift import ACCURACY_LIFT
from moe_core.measures.metrics.expert_accuracy import EXPERT_ACCURACY
from moe_core.measures.metrics.right_minus_wrong import RIGHT_MINUS_WRONG
from moe_core.measures.paired_difference import paired_difference
from moe_core.measures.routing_sample import RoutingSample, sample
from moe_core.measures.scope import Scope
from moe_core.numbers.stepwise import Stepwise
from moe_core.traces.reader import open_trace
from tests.job_results import result_of
from tests.synthetic_trace import make_trace, softmax, trace_of_tokens

WORDS = ("river", "stone", "moon", "cat", "iron", "glass", "forest", "king", "paper", "wind", "salt", "bread", "lamp")
N, N_KEYS = 120, 12
Sides = dict[Scope, tuple[RoutingSample, RoutingSample]]


@pytest.fixture(scope="module")
def sides(tiny_olmoe: Path, tmp_path_factory: pytest.TempPathFactory) -> Sides:
    """A model with random weights, before and after a mask, in every scope."""
    folder, rng = tmp_path_factory.mktemp("untrained"), np.random.default_rng(2)
    rows = ["question,A,B,C,D,answer,id"]
    for n in range(N):
        first, second, *choices = rng.choice(WORDS, 6, replace=False)
        rows.append(f"What goes with {first} and {second}?,{','.join(choices)},{'ABCD'[n % 4]},q{n}")
    (folder / "words.csv").write_text("\n".join(rows), encoding="utf-8")
    engine, model = Engine(), ModelRequest(str(tiny_olmoe), "cpu")
    made = result_of(record(RecordRequest(model, str(folder / "words.csv"), folder / "T.h5"), engine)).path
    changed = result_of(what_if(WhatIfRequest(made, parse_mask("0:1,0:5,1:2")), engine)).path
    with open_trace(made) as before, open_trace(changed) as after:
        return {scope: (sample(before, scope), sample(after, scope)) for scope in Scope}


def with_key(drawn: RoutingSample, predicted: np.ndarray, key: np.ndarray) -> RoutingSample:
    """The same answers, judged by another key: what a model that knows nothing would get with another seed."""
    return replace(drawn, is_correct=predicted == key)


@pytest.mark.parametrize("scope", Scope)
def test_an_untrained_model_has_an_empty_grid(sides: Sides, scope: Scope) -> None:
    """Right minus wrong, accuracy lift, and what the mask changed in them and in accuracies: nothing is supported."""
    rng, (before, after) = np.random.default_rng(0), sides[scope]
    n_false = 0
    for _ in range(N_KEYS):
        key = rng.integers(0, 4, N)
        guesses = rng.integers(0, 4, N), rng.integers(0, 4, N)
        one, other = (with_key(side, guess, key) for side, guess in zip((before, after), guesses, strict=True))
        n_false += any(supported(metric, one) for metric in (RIGHT_MINUS_WRONG, ACCURACY_LIFT))
        n_false += any(changed(metric, one, other) for metric in (RIGHT_MINUS_WRONG, ACCURACY_LIFT, EXPERT_ACCURACY))
    assert n_false <= 1
    for metric in (RIGHT_MINUS_WRONG, ACCURACY_LIFT, EXPERT_ACCURACY):
        assert not changed(metric, before, after)
        assert metric is EXPERT_ACCURACY or not supported(metric, before)


def supported(metric: Metric, drawn: RoutingSample) -> bool:
    """Whether any cell is."""
    found = metric.compute(drawn).is_supported
    assert found is not None
    return bool(found.any())


def changed(metric: Metric, before: RoutingSample, after: RoutingSample) -> bool:
    """Whether any change is supported."""
    values = metric.compute(before), metric.compute(after)
    found = Stepwise(lambda: paired_difference(metric, before, after, values)).value.is_supported
    assert found is not None
    return bool(found.any())


@pytest.mark.parametrize("metric", [RIGHT_MINUS_WRONG, ACCURACY_LIFT], ids=lambda metric: metric.name)
def test_exactly_the_planted_cells_are_supported(metric: Metric) -> None:
    """Right answers prefer expert 2 of layer 1 to expert 5, wrong ones the other way round; the rest is noise."""
    rng, n = np.random.default_rng(6), 400
    right = rng.random(n) < 0.6
    logits = rng.standard_normal((n, 1, 3, 8))
    both = rng.random(n) < 0.5
    for expert, is_its in ((2, right), (5, ~right)):
        logits[:, 0, 1, expert] = np.where(both & is_its, 8.0, -8.0)
    logits[~both, 0, 1, 0] = 8.0
    trace = trace_of_tokens(list(softmax(logits)), [], np.full(n, -1, np.int32), 1)
    trace = replace(trace, predicted=np.where(right, 0, 1).astype(np.int8))
    found = metric.compute(sample(trace, Scope.ANSWER)).is_supported  # type: ignore[arg-type]  # made by hand
    assert found is not None
    assert np.argwhere(found).tolist() == [[1, 2], [1, 5]]


@pytest.mark.parametrize("metric", [RIGHT_MINUS_WRONG, ACCURACY_LIFT], ids=lambda metric: metric.name)
def test_a_difference_has_both_sides(metric: Metric) -> None:
    """Value is the first less the second, and the interval is around it."""
    found = metric.compute(sample(make_trace(n_questions=40), Scope.PROMPT))  # type: ignore[arg-type]  # made by hand
    assert found.sides is not None
    np.testing.assert_allclose(found.values, found.sides[0] - found.sides[1])
    assert all(metric.side_names)
