"""What each scope holds, compared with the tokens it was made of, and which questions a selection keeps."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from moe_core.errors import TraceError
from moe_core.measures.routing_in_scope import entropy, renormalise, routing_in_scope
from moe_core.measures.routing_sample import sample, select
from moe_core.measures.scope import Scope
from moe_core.traces.reader import open_trace
from moe_core.traces.records import Status
from tests.synthetic_trace import FakeTrace, choose, make_trace
from tests.traces.synthetic_run import SyntheticRun, record


def tokens_in_scope(trace: FakeTrace, scope: Scope, question: int) -> NDArray[np.float64]:
    """The router probabilities [T, L, E] of every token that counts, by the definitions alone."""
    own, prefix = trace.question_tokens[question], int(trace.prefix[question])
    if scope is Scope.ANSWER:
        return own[-1:]
    if scope is Scope.PROMPT and prefix >= 0:
        return np.concatenate([trace.prefix_tokens[prefix], own])
    return own


@pytest.mark.parametrize("scope", Scope)
def test_cubes_equal_a_walk_over_the_tokens(scope: Scope) -> None:
    """Token counts and mean gate shares of every question, layer and expert are those of the scope's tokens."""
    trace = make_trace(seed=3)
    routing = routing_in_scope(trace, scope)
    for n in range(len(trace.ids)):
        p = tokens_in_scope(trace, scope, n)
        counts, shares = np.zeros(p.shape[1:]), np.zeros(p.shape[1:])
        ids, w = choose(p, trace.dimensions.top_k)
        for t, layer, k in np.ndindex(ids.shape):
            counts[layer, ids[t, layer, k]] += 1
            shares[layer, ids[t, layer, k]] += w[t, layer, k] / w[t, layer].sum() / len(p)
        assert routing.n_tokens[n] == len(p)
        np.testing.assert_array_equal(routing.token_count[n], counts)
        np.testing.assert_allclose(routing.gate_share[n], shares, atol=1e-3)  # traces keep half precision


@pytest.mark.parametrize("scope", Scope)
def test_gate_shares_of_a_question_sum_to_one(scope: Scope) -> None:
    """In every layer the experts share each question's whole weight among them."""
    routing = routing_in_scope(make_trace(seed=4, top_k=3), scope)
    np.testing.assert_allclose(routing.gate_share[:].sum(axis=-1), 1, atol=2e-3)
    np.testing.assert_array_equal(routing.token_count[:].sum(axis=-1), np.stack([3 * routing.n_tokens] * 2, axis=1))


def test_failed_and_unrecorded_questions_are_left_out_and_counted() -> None:
    """Only answered questions enter a sample."""
    trace = make_trace()
    recorded, status = trace.recorded.copy(), trace.status.copy()
    recorded[[1, 5]], status[[1, 5]] = False, Status.NOT_RECORDED
    status[2], status[3] = Status.NON_FINITE_ROUTER, Status.NON_FINITE_ANSWER
    drawn = sample(replace(trace, recorded=recorded, status=status), Scope.ANSWER)
    assert drawn.questions.tolist() == [0, 4, 6, 7, 8, 9, 10, 11]
    assert drawn.left_out == {"failed": 2, "not recorded": 2}
    chosen = sample(replace(trace, recorded=recorded, status=status), Scope.PROMPT, np.array([5, 4, 3]))
    assert chosen.questions.tolist() == [4]
    assert chosen.left_out == {"failed": 1, "not recorded": 1}
    rotten = sample(replace(trace, recorded=recorded, status=status, damaged=(1,)), Scope.ANSWER)
    assert rotten.questions.tolist() == drawn.questions.tolist()
    assert rotten.left_out == {"failed": 2, "damaged": 1, "not recorded": 1}
    assert sample(trace, Scope.ANSWER).left_out == {}


def test_questions_of_a_subject_share_its_text(tmp_path: Path) -> None:
    """Samples are kept by the dozen: with a text for each of 140,420 questions every one took 9 MB more."""
    with open_trace(record(tmp_path / "run.h5", SyntheticRun(n_questions=12))) as trace:
        drawn = sample(trace, Scope.ANSWER)
        assert drawn.subjects == tuple(trace.subjects[drawn.questions].tolist())
        assert len(set(map(id, drawn.subjects))) == len(drawn.subject_names) < len(drawn.subjects)


def test_rows_not_written_yet_use_no_expert() -> None:
    """A partial trace's zeros are no visit of expert 0."""
    trace = make_trace()
    recorded, experts = np.zeros_like(trace.recorded), np.zeros_like(trace.answer_experts)
    unwritten = replace(trace, recorded=recorded, answer_experts=experts)
    assert not routing_in_scope(unwritten, Scope.ANSWER).token_count[:].any()


def test_rows_without_meaning_are_not_read() -> None:
    """A row whose checksum is wrong may name experts that do not exist; in a sound row that is a damaged file."""
    trace = make_trace()
    recorded, experts = trace.recorded.copy(), trace.answer_experts.copy()
    recorded[3], experts[3] = False, 200
    unrecorded = replace(trace, recorded=recorded, answer_experts=experts)
    assert routing_in_scope(unrecorded, Scope.ANSWER).token_count[:].any()
    with pytest.raises(TraceError, match=r"names expert 200 in layer 0, but the model has 6"):
        routing_in_scope(replace(trace, answer_experts=experts), Scope.ANSWER)


def test_a_failed_question_with_infinities_disturbs_nothing() -> None:
    """Whatever a failed row holds, the others' values stay."""
    trace = make_trace()
    weights, probs, status = trace.answer_weights.copy(), trace.router_probs.copy(), trace.status.copy()
    weights[4], probs[4], status[4] = np.inf, np.nan, Status.NON_FINITE_ROUTER
    drawn = sample(replace(trace, answer_weights=weights, router_probs=probs, status=status), Scope.ANSWER)
    assert np.isfinite(drawn.totals.share).all()


def test_correctness_needs_a_gold_answer() -> None:
    """Without gold nothing is scored; a prediction of -1 is not a match for a missing gold of -1."""
    nothing = np.full(12, -1, np.int8)
    drawn = sample(make_trace(gold=nothing, predicted=nothing), Scope.ANSWER)
    assert not drawn.is_scored.any()
    assert not drawn.is_correct.any()


def test_renormalised_weights_sum_to_one_or_are_zero() -> None:
    """Weights that were all dropped stay zero instead of becoming NaN."""
    q = renormalise(np.array([[0.2, 0.1, 0.1], [0, 0, 0]], np.float16))
    np.testing.assert_allclose(q, [[0.5, 0.25, 0.25], [0.0, 0.0, 0.0]], atol=1e-3)
    np.testing.assert_allclose(entropy(q), [1.5 * np.log(2), 0], atol=1e-3)


@pytest.mark.parametrize("scope", Scope)
def test_most_of_a_whole_is_counted_by_what_is_left_out(scope: Scope) -> None:
    """Once the whole is counted only the others are gone over, where they are fewer, and the counts are the same."""
    trace = make_trace(n_questions=40, seed=5)
    counted: list[int] = []
    routing = routing_in_scope(trace, scope)
    watched = replace(routing, counted=lambda rows: (counted.extend(rows.tolist()), routing.counted(rows))[1])
    whole = select(watched, trace)
    for chosen in (np.arange(40) % 4 != 1, np.arange(40) % 4 == 1, np.ones(40, bool), np.zeros(40, bool)):
        rows = np.flatnonzero(chosen)
        alone, within = select(routing, trace, rows), select(watched, trace, rows, whole=whole)
        _ = whole.counts
        counted.clear()
        for name, values in vars(alone.counts).items():
            np.testing.assert_array_equal(getattr(within.counts, name), values)
        fewer = rows if len(rows) < 20 else np.flatnonzero(~chosen)
        assert sorted(counted) == np.intersect1d(fewer, whole.questions).tolist()
