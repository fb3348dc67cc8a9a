"""Pinned runs over the questions that all answered: against comparisons in pairs, and against plain numpy."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.content.runs_beside import RunsBeside, problems_of, runs_beside
from app.state.pinned_runs import Pins
from app.state.session import Session
from moe_core.comparison.comparison import compare
from moe_core.errors import ComparisonError
from moe_core.interventions.intervention import parse_mask
from moe_core.measures.entropy_by_layer import EntropyKind
from moe_core.measures.metrics import METRICS
from moe_core.measures.question_filter import QuestionFilter
from moe_core.numbers.difference_tests import holm
from tests.comparison.test_comparison import rerun
from tests.traces.synthetic_run import SyntheticRun, record

RUN = SyntheticRun(n_questions=30)
USED = next(metric for metric in METRICS if metric.name == "used_share")


@pytest.fixture
def pinned(session: Session, tmp_path: Path) -> Session:
    """A baseline, a what-if over its first twenty questions, and another one over all."""
    paths = [record(tmp_path / "before.h5", RUN)]
    for seed, only in ((9, range(20)), (11, None)):
        mask = parse_mask(f"0:{seed - 8}").to_json()
        path = tmp_path / f"after-{seed}.h5"
        paths.append(rerun(path, RUN, seed, change=lambda was, mask=mask: replace(was, intervention=mask), only=only))
    session.open(paths[0])
    session.set(replace(session.state, pins=Pins(tuple(paths))))
    return session


def found(session: Session) -> RunsBeside:
    """What is beside each other."""
    runs = runs_beside(session.state)
    assert runs is not None
    return runs


def test_only_questions_that_all_answered_count(pinned: Session) -> None:
    """Twenty were asked of the second run, and question 4 failed everywhere."""
    runs = found(pinned)
    assert (runs.n, runs.n_asked) == (19, 30)
    assert [len(sample.questions) for sample in runs.samples] == [19, 19, 19]
    pinned.set(replace(pinned.state, filter=QuestionFilter(subjects=("subject_1",))))
    assert found(pinned).n == sum(n % 3 == 1 for n in range(20) if n != 4)
    pinned.set(replace(pinned.state, filter=QuestionFilter(text="no such words")))
    with pytest.raises(ComparisonError, match="filter"):
        runs_beside(pinned.state)


def test_accuracies_are_compared_in_pairs_with_whichever_is_the_baseline(pinned: Session) -> None:
    """As the comparison of two traces finds it; the other way round where another one is the baseline."""
    pinned.set(replace(pinned.state, pins=pinned.state.pins.without(pinned.state.pins.paths[1])))
    runs = found(pinned)
    expected = compare(runs.data[0].trace, runs.data[1].trace).accuracy
    assert runs.found.models[0].change is None
    assert runs.found.models[1].change == expected
    pinned.set(replace(pinned.state, pins=replace(pinned.state.pins, chosen=pinned.state.pins.paths[1])))
    turned = found(pinned)
    assert (turned.baseline, turned.names) == (1, runs.names)
    assert turned.found.models[1].change is None
    change = turned.found.models[0].change
    assert change is not None
    assert (change.delta, change.p) == (-expected.delta, expected.p)
    assert change.before.successes == turned.found.models[1].accuracy.successes


def test_p_is_corrected_for_several_runs(pinned: Session) -> None:
    """Holm's, over the runs that are compared."""
    runs = found(pinned)
    p = [model.change.p for model in runs.found.models if model.change is not None]
    assert np.isnan(runs.corrected_p()[0])
    np.testing.assert_allclose(runs.corrected_p()[1:], holm(p))


def test_a_difference_is_that_of_the_values_and_has_its_interval(pinned: Session) -> None:
    """Cell by cell, over the same questions."""
    runs = found(pinned)
    change = runs.difference(USED, 1)
    expected = runs.values(USED, 1).values.values - runs.values(USED, 0).values.values
    np.testing.assert_allclose(change.values.values, expected)
    known = np.isfinite(expected) & (change.values.support > 1)
    assert change.values.lower is not None
    assert change.values.upper is not None
    assert (change.values.lower <= expected)[known].all()
    assert (change.values.upper >= expected)[known].all()
    assert change.is_difference


def test_the_interval_of_an_entropy_is_students_at_the_answer_position(pinned: Session) -> None:
    """One token a question: mean and t interval of its entropies, from scipy."""
    from scipy.stats import sem, t

    runs = found(pinned)
    sample, curve = runs.samples[2], runs.entropy(EntropyKind.TOPK, 2)
    values = sample.routing.token_sums.topk_entropy[sample.questions]
    np.testing.assert_allclose(curve.mean, values.mean(axis=0))
    low, high = t.interval(0.95, len(values) - 1, values.mean(axis=0), sem(values, axis=0))
    np.testing.assert_allclose(curve.low, low)
    np.testing.assert_allclose(curve.high, high)


def test_runs_of_unlike_models_are_not_subtracted_and_it_is_said_why(session: Session, tmp_path: Path) -> None:
    """The same quiz on another model: values side by side, in a sentence why there is no difference."""
    ours, other = record(tmp_path / "ours.h5", RUN), SyntheticRun(n_questions=30, n_layers=5, n_experts=4)

    def of_another(was: object) -> object:
        return replace(was, model=replace(was.model, weights_sha256="other", name="another"))  # type: ignore

    theirs = rerun(tmp_path / "theirs.h5", other, 7, change=of_another)  # type: ignore[arg-type]
    session.open(ours)
    session.set(replace(session.state, pins=Pins((ours, theirs))))
    runs = found(session)
    assert runs.shapes == ((3, 8), (5, 4))
    assert not runs.are_of_one_shape
    assert "other model weights (synthetic and another)" in runs.why_unlike(1)
    assert runs.why_unlike(0) == ""


def test_no_two_runs_are_called_alike(session: Session, tmp_path: Path) -> None:
    """Files of one name in two folders are told by these."""
    paths = []
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        paths.append(record(tmp_path / place / "same.h5", RUN))
    session.show_pins(Pins((*paths, record(tmp_path / "other.h5", RUN))))
    assert found(session).names == ("same (here/same)", "same (there/same)", "other")


def test_a_file_that_was_replaced_is_told(pinned: Session) -> None:
    """What was read is still shown, and is not what the file holds by now."""
    path = pinned.state.pins.paths[1]
    path.rename(path.with_name("elsewhere.h5"))
    (problem,) = problems_of(pinned.state)
    assert problem.startswith(f"{path.name} was deleted, moved or replaced")
