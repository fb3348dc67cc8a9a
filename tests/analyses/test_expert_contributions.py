"""The report's numbers on traces small enough to follow, and how it counts what it leaves out."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from moe_core.analyses import ANALYSES
from moe_core.analyses.contribution_tables import ExpertContributions, Failure
from moe_core.analyses.expert_contributions import EXPERT_CONTRIBUTIONS, compute, default_min_questions
from moe_core.measures.metrics import METRICS
from moe_core.measures.routing_sample import sample
from moe_core.measures.scope import Scope
from moe_core.reports.sentences import coverage, experts_used, figures_beside, intervention, scope_matters
from moe_core.traces.records import Status
from moe_core.traces.specification import Specification
from tests.synthetic_trace import FakeTrace, make_specification, make_trace, trace_of_tokens


def paper_specification() -> Specification:
    """A run of the paper's model on the paper's quiz."""
    return make_specification(
        n_layers=16, n_experts=64, top_k=8, model="allenai/OLMoE-1B-7B-0125-Instruct", quiz="mmlu"
    )


def partial_trace() -> FakeTrace:
    """Twelve planned, ten recorded, two of them failed, one question too long to ask."""
    trace = make_trace(specification=make_specification(skipped=("long",)))
    recorded, status = trace.recorded.copy(), trace.status.copy()
    recorded[:2], status[:2] = False, Status.NOT_RECORDED
    status[2], status[3] = Status.NON_FINITE_ROUTER, Status.NON_FINITE_ANSWER
    return replace(trace, recorded=recorded, status=status)


def test_it_is_listed() -> None:
    """Names of analyses are unique, and this one is among them."""
    assert EXPERT_CONTRIBUTIONS in ANALYSES
    assert len({analysis.name for analysis in ANALYSES}) == len(ANALYSES)


@pytest.mark.parametrize("scope", Scope)
def test_rows_are_the_metrics(scope: Scope) -> None:
    """Each layer's row holds what the metrics say of that layer in the same scope."""
    trace = make_trace(n_questions=40, seed=5)
    report, drawn = compute(trace, scope), sample(trace, scope)
    values = {metric.name: metric.compute(drawn) for metric in METRICS}
    for row in report.main.layers:
        assert row.experts_used == values["experts_used"].values[row.layer]
        assert row.entropy_mean == values["topk_entropy"].values[row.layer]
        assert row.full_entropy_mean == values["full_entropy"].values[row.layer]
        np.testing.assert_array_equal(row.top_weights, values["top_weights"].values[row.layer])
        assert row.best is not None
        assert row.worst is not None
        assert row.best.accuracy == np.nanmax(values["expert_accuracy"].values[row.layer])
        assert row.worst.accuracy == np.nanmin(values["expert_accuracy"].values[row.layer])
        assert row.best.questions == values["expert_accuracy"].support[row.layer, row.best.expert]
    assert report.accuracy.estimate == values["accuracy"].values
    assert [row.accuracy.estimate for row in report.subjects] == values["subject_accuracy"].values.tolist()


def test_best_and_worst_need_support() -> None:
    """An expert that one lucky question chose is not the best one when two are asked for."""
    own = [np.array([[[0.6, 0.3, 0.1]]]), np.array([[[0.6, 0.3, 0.1]]]), np.array([[[0.1, 0.6, 0.3]]])]
    trace = trace_of_tokens(own, [], np.full(3, -1, np.int32), 2)
    trace = replace(trace, predicted=np.array([0, 1, 0], np.int8))  # gold is 0: right, wrong, right
    loose, strict = compute(trace, Scope.ANSWER, 1).main.layers[0], compute(trace, Scope.ANSWER, 2).main.layers[0]
    assert loose.best is not None
    assert strict.best is not None
    assert strict.worst is not None
    assert (loose.best.expert, loose.best.questions) == (2, 1)
    assert (strict.best.expert, strict.worst.expert) == (1, 0)
    assert compute(trace, Scope.ANSWER, 4).main.layers[0].best is None


@pytest.mark.parametrize(("n", "least"), [(0, 1), (99, 1), (640, 6), (2_999, 29), (14_042, 30)])
def test_default_support(n: int, least: int) -> None:
    """One question in a hundred, from 1 to 30."""
    assert default_min_questions(n) == least


def test_coverage_counts_everything_once() -> None:
    """Planned = counted + failed + not recorded; the sentence says partial first."""
    report = compute(partial_trace())
    found = report.coverage
    assert (found.n_planned, found.n_recorded, found.n_questions, found.n_failed) == (12, 10, 8, 2)
    assert sorted(failure.n for failure in found.failures) == [1, 1]
    assert Failure(Status.NON_FINITE_ROUTER.reason, 1) in found.failures
    assert coverage(report).startswith("partial: 10 of 12 questions recorded; 2 failed and not counted (")
    assert coverage(report).endswith("1 skipped as too long for the model")


def test_an_unknown_status_is_a_failure_with_its_number() -> None:
    """A trace of a newer version may hold reasons this one does not know."""
    status = np.full(12, Status.ANSWERED, np.uint8)
    status[0] = 77
    assert compute(make_trace(status=status)).coverage.failures == (Failure("unknown status 77", 1),)


def test_the_other_scopes_stand_beside() -> None:
    """Answer and prompt are always there; the question scope when it is asked for."""
    trace = make_trace()
    assert [tables.scope for tables in compute(trace, Scope.PROMPT).others] == [Scope.ANSWER]
    assert [tables.scope for tables in compute(trace, Scope.QUESTION).others] == [Scope.ANSWER, Scope.PROMPT]


def scope_report(*, prompt_uses_more: bool) -> ExpertContributions:
    """One question whose answer position uses 2 of 4 experts; earlier tokens use the others, or the same."""
    last, first = [0.6, 0.3, 0.1, 0.0], [0.0, 0.1, 0.3, 0.6] if prompt_uses_more else [0.5, 0.4, 0.1, 0.0]
    own = [np.array([[first], [last]])]
    return compute(trace_of_tokens(own, [], np.array([-1], np.int32), 2))


def test_the_sentence_on_scope_states_what_the_trace_shows() -> None:
    """It gives both shares, and claims an effect of scope only where there is one."""
    told = scope_matters(scope_report(prompt_uses_more=True))
    assert "50.0 % of the 4 experts are never used at the answer position, and 0.0 % over every token" in told
    assert "All 2 experts that look dead at the answer position serve other tokens" in told
    assert "the scope makes no difference" in scope_matters(scope_report(prompt_uses_more=False))
    everything = np.full((1, 1, 3), 1 / 3)
    assert "every expert is used in either scope" in scope_matters(
        compute(trace_of_tokens([everything], [], np.array([-1], np.int32), 3))
    )


def test_published_figures_need_the_papers_model_and_quiz() -> None:
    """Beside another model or another quiz they would only mislead."""
    trace = make_trace(n_layers=16, n_experts=64, top_k=8)
    ours, theirs = trace.specification, paper_specification()
    cases = [
        (theirs, 5),
        (replace(theirs, quiz=ours.quiz), 0),
        (replace(theirs, model=ours.model), 0),
        (replace(theirs, model=replace(theirs.model, top_k=4)), 0),
    ]
    for specification, n in cases:
        report = compute(replace(trace, specification=specification))
        assert len(report.published) == n
        assert len(figures_beside(report, report.main)) == n


def test_published_figures_are_stated_as_the_paper_states_them() -> None:
    """No digit is added to them."""
    report = compute(make_trace(n_layers=16, n_experts=64, top_k=8, specification=paper_specification()))
    stated = {figure.title: figure.published for figure in figures_beside(report, report.main)}
    assert stated["Experts used per layer"] == "10 – 29 of 64"
    assert stated["Experts never used"] == "more than 60 %"


def test_a_range_of_one_number_is_that_number() -> None:
    """Where every layer uses as many experts, `4 – 4` would read as a range."""
    report = compute(make_trace())
    rows = [replace(row, experts_used=4) for row in report.main.layers]
    assert experts_used(report, replace(report.main, layers=rows)).startswith("4 of ")
    other = [replace(rows[0], experts_used=2), *rows[1:]]
    assert experts_used(report, replace(report.main, layers=other)).startswith("2 – 4 of ")


def test_an_intervention_is_named() -> None:
    """A report of a masked run never looks like a baseline's."""
    masked = {"name": "half", "reroute": [[0, 1], [1, 2]], "drop": [], "boost": []}
    report = compute(make_trace(specification=make_specification(intervention=masked)))
    assert intervention(report) == "intervention half (reroute 2)"
    assert intervention(compute(make_trace())) == "no intervention"


def test_chance_is_the_mean_over_the_questions_own_choices() -> None:
    """Half with two choices, half with four: 37.5 %."""
    n_choices = np.array([2, 4] * 6, np.uint8)
    assert compute(replace(make_trace(), n_choices=n_choices)).chance == 0.375


def test_reporting_imports_no_torch() -> None:
    """A trace is reported on a laptop without the model extra."""
    code = (
        "import sys, moe_core.commands.report;"
        "sys.exit(', '.join({'torch', 'transformers', 'datasets', 'PySide6'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
