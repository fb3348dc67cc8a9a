"""Both sides of a what-if are what the arrays of its two traces say, over the same questions."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from app.content.grids.comparison_values import (
    answer_changes,
    compared_samples,
    compared_values,
    entropy_difference,
    is_compared,
    rows_of,
)
from app.state.session import Session
from app.state.trace_data import TraceData
from app.state.what_if_state import Mode
from moe_core.measures.entropy_by_layer import EntropyKind
from moe_core.measures.metrics import METRICS
from moe_core.measures.question_filter import EVERYTHING, QuestionFilter
from moe_core.measures.routing_sample import sample
from moe_core.measures.scope import Scope
from moe_core.traces.reader import open_trace
from tests.app.synthetic_what_if import RUN, show, synthetic_what_if
from tests.comparison.test_comparison import rerun
from tests.traces.synthetic_run import record

ASKED = range(3, 20)
COMPARED = [row for row in ASKED if row != 4]
"""Question 4 failed."""


@pytest.mark.parametrize("scope", Scope)
def test_both_sides_hold_the_compared_questions(session: Session, tmp_path: Path, scope: Scope) -> None:
    """Every metric over the compared rows of the filter is that of each trace by itself; their difference is exact."""
    synthetic_what_if(session, tmp_path, only=ASKED)
    wanted = QuestionFilter(subjects=("subject_0", "subject_1"))
    session.set(replace(session.state, scope=scope, filter=wanted))
    rows = np.array([row for row in COMPARED if row % 3 < 2])
    with open_trace(tmp_path / "before.h5") as one, open_trace(tmp_path / "after.h5") as other:
        sides = [sample(trace, scope, rows) for trace in (one, other)]
        samples = compared_samples(session.state)
        assert samples is not None
        assert (samples.n, samples.n_left_out) == (len(rows), 20 - len(rows))
        for metric in METRICS:
            found = compared_values(session.state, metric)
            before, after = (metric.compute(side).values for side in sides)
            assert found is not None
            np.testing.assert_array_equal(found.before.values, before)
            np.testing.assert_array_equal(found.after.values, after)
            np.testing.assert_array_equal(found.difference.values, after - before)


def test_there_is_nothing_to_compare_while_the_baseline_is_shown(session: Session, tmp_path: Path) -> None:
    """None in mode baseline, and without a what-if."""
    synthetic_what_if(session, tmp_path, mode=Mode.BASELINE)
    assert not is_compared(session.state)
    assert compared_samples(session.state) is None
    session.set(replace(session.state, mode=Mode.DIFFERENCE))
    assert is_compared(session.state)
    session.set(replace(session.state, what_if=None))
    assert not is_compared(session.state)
    assert compared_values(session.state, METRICS[0]) is None


def test_the_same_selection_is_computed_once(session: Session, tmp_path: Path) -> None:
    """Another mode, question or layer brings the same arrays back; another what-if does not."""
    what_if = synthetic_what_if(session, tmp_path)
    first = compared_samples(session.state), compared_values(session.state, METRICS[0])
    session.set(replace(session.state, mode=Mode.DIFFERENCE, layer=2, question=5))
    assert (compared_samples(session.state), compared_values(session.state, METRICS[0])) == first
    session.set(replace(session.state, what_if=what_if.renamed("other")))
    assert compared_samples(session.state) is not first[0]


def test_a_baseline_that_was_run_again_is_the_side_before(session: Session, tmp_path: Path) -> None:
    """Rows of the trace shown lead to the re-run's own rows, whatever their order and number."""
    session.open(record(tmp_path / "shown.h5", RUN))
    again = rerun(tmp_path / "again.h5", RUN, seed=0, only=ASKED)
    after = rerun(tmp_path / "after.h5", RUN, seed=9, only=range(3, 30))
    before = TraceData(again)
    what_if = show(session, after, Mode.WHAT_IF, "again", before)
    assert session.state.trace is not None
    rows_before, rows_after = rows_of(what_if, session.state.trace)
    for row, name in enumerate(session.state.trace.table.ids):
        expected = row if row in COMPARED else -1
        assert rows_before[row] == expected
        assert expected == -1 or what_if.after.trace.ids[rows_after[row]] == name
    samples = compared_samples(session.state)
    assert samples is not None
    assert samples.before.routing is before.routing(Scope.ANSWER)


@pytest.mark.parametrize("kind", EntropyKind)
def test_entropy_changes_by_the_mean_paired_difference(session: Session, tmp_path: Path, kind: EntropyKind) -> None:
    """At the answer position: mean and Student's 95 % interval of the questions' differences."""
    synthetic_what_if(session, tmp_path, only=ASKED)
    samples = compared_samples(session.state)
    assert samples is not None
    found = entropy_difference(samples, kind)
    name = "answer_weights" if kind is EntropyKind.TOPK else "router_probs"
    with open_trace(tmp_path / "before.h5") as one, open_trace(tmp_path / "after.h5") as other:
        change = _entropies(getattr(other, name)[COMPARED]) - _entropies(getattr(one, name)[COMPARED])
    expected = stats.t.interval(0.95, len(change) - 1, change.mean(0), stats.sem(change))
    assert (found.n_questions, found.n_tokens) == (len(COMPARED), len(COMPARED))
    np.testing.assert_allclose(found.mean, change.mean(0), atol=2e-3)
    np.testing.assert_allclose([found.low, found.high], expected, atol=4e-3)


def test_in_a_prompt_every_token_counts_alike(session: Session, tmp_path: Path) -> None:
    """The line is the difference of both means over tokens; the interval is a jackknife's over questions, nearly."""
    synthetic_what_if(session, tmp_path)
    session.set(replace(session.state, scope=Scope.QUESTION))
    samples = compared_samples(session.state)
    assert samples is not None
    found = entropy_difference(samples, EntropyKind.TOPK)
    rows = [row for row in range(30) if row != 4]
    with open_trace(tmp_path / "before.h5") as one, open_trace(tmp_path / "after.h5") as other:
        sums = (other.question_sums.topk_entropy_sum - one.question_sums.topk_entropy_sum)[rows].astype(float)
        tokens = one.n_own_tokens[rows]
    np.testing.assert_allclose(found.mean, sums.sum(0) / tokens.sum(), rtol=1e-5)
    without = np.stack([np.delete(sums, n, 0).sum(0) / np.delete(tokens, n).sum() for n in range(len(rows))])
    error = np.sqrt((len(rows) - 1) / len(rows) * ((without - without.mean(0)) ** 2).sum(0))
    np.testing.assert_allclose((found.high - found.low) / 2, stats.t.ppf(0.975, len(rows) - 1) * error, rtol=0.15)


def test_one_question_has_no_interval_and_none_no_mean(session: Session, tmp_path: Path) -> None:
    """NaN, never a division by zero."""
    synthetic_what_if(session, tmp_path)
    session.set(replace(session.state, filter=QuestionFilter(ids=frozenset({"q7"}))))
    samples = compared_samples(session.state)
    assert samples is not None
    one = entropy_difference(samples, EntropyKind.TOPK)
    assert np.isfinite(one.mean).all()
    assert np.isnan(one.low).all()
    none = entropy_difference(samples.part(np.zeros(1, bool)), EntropyKind.TOPK)
    assert none.n_questions == 0
    assert np.isnan(none.mean).all()


def test_changes_of_answers_stand_at_the_rows_of_the_trace(session: Session, tmp_path: Path) -> None:
    """Prediction after, change of the gold log-probability and flip, question by question."""
    what_if = synthetic_what_if(session, tmp_path, only=ASKED)
    session.set(replace(session.state, filter=EVERYTHING))
    assert session.state.trace is not None
    found = answer_changes(what_if, session.state.trace)
    with open_trace(tmp_path / "before.h5") as one, open_trace(tmp_path / "after.h5") as other:
        for row in range(RUN.n_questions):
            gold = int(one.gold[row])
            if row not in COMPARED:
                assert (found.predicted[row], found.flip[row]) == (-1, 0)
            else:
                assert found.predicted[row] == other.predicted[row]
                is_right = [gold >= 0 and int(trace.predicted[row]) == gold for trace in (one, other)]
                assert found.flip[row] == int(is_right[1]) - int(is_right[0])
            if row in COMPARED and gold >= 0:
                change = float(other.choice_logprobs[row, gold]) - float(one.choice_logprobs[row, gold])
                assert found.gold_logprob[row] == pytest.approx(change, abs=1e-6)
            else:
                assert np.isnan(found.gold_logprob[row])


def _entropies(weights: np.ndarray) -> np.ndarray:
    """Entropy of weights [n, L, K or E], which need not add up to 1: [n, L]."""
    shares = weights.astype(np.float64) / weights.astype(np.float64).sum(-1, keepdims=True)
    return -np.where(shares > 0, shares * np.log(np.where(shares > 0, shares, 1)), 0).sum(-1)
