"""Which experts work, how evenly, and how right the answers are when they do: https://arxiv.org/abs/2502.17187.

Its Tables 1 and 2 are experts used and top-k entropy per layer, Table 3 the mean top-k weights; the accuracy of an
expert is weighted by its gate weight. The paper does not name the token position it reads, and the figures depend on
it, so every report holds the answer position and the whole prompt.
"""

from dataclasses import replace
from math import nan

import numpy as np

from moe_core.analyses.analysis import Analysis, AnalysisOptions, AnalysisValues, Needs, Shown, Step, Work
from moe_core.analyses.contribution_tables import (
    AskedQuestions,
    Coverage,
    ExpertCells,
    ExpertContributions,
    ExpertScore,
    Failure,
    LayerRow,
    ScopeTables,
    SubjectRow,
)
from moe_core.analyses.layer_curve import layer_curve
from moe_core.analyses.published_figures import figures_for
from moe_core.analyses.selected_trace import SelectedTrace
from moe_core.figures.curves import CurveFigure
from moe_core.measures.metric import MetricValues
from moe_core.measures.metrics import (
    expert_accuracy,
    full_entropy,
    gate_weight,
    right_minus_wrong,
    top_weights,
    topk_entropy,
    used_share,
)
from moe_core.measures.metrics.accuracy import overall
from moe_core.measures.metrics.experts_used import never_used_share
from moe_core.measures.routing_sample import RoutingSample, sample
from moe_core.measures.scope import Scope
from moe_core.models.expert_names import Names, known_names
from moe_core.numbers.intervals import proportion_95
from moe_core.traces.reader import Trace
from moe_core.traces.records import Status


def compute(trace: Trace, scope: Scope = Scope.ANSWER, min_questions: int | None = None) -> ExpertContributions:
    """The report in `scope`, with `answer` and `prompt` beside it where they are not the scope itself.

    Best and worst expert are ranked among those chosen in at least `min_questions` questions (one question in a
    hundred, from 1 to 30, when None).
    """
    drawn = sample(trace, scope)
    least = default_min_questions(len(drawn.questions)) if min_questions is None else min_questions
    others = [other for other in (Scope.ANSWER, Scope.PROMPT) if other is not scope]
    names = known_names(trace.specification.model, trace.path.parent)
    return ExpertContributions(
        specification=trace.specification,
        coverage=_coverage(trace, drawn),
        accuracy=overall(drawn),
        chance=_chance(trace, drawn),
        min_questions=least,
        subjects=_subject_rows(drawn),
        main=_tables(drawn, least, names),
        others=tuple(_tables(sample(trace, other), least, names) for other in others),
        published=figures_for(trace.specification),
        questions=_asked_questions(trace),
        has_choices=trace.has_choices,
    )


def default_min_questions(n_questions: int) -> int:
    """How many questions must have chosen an expert before it is ranked: 1 % of them, at least 1 and at most 30."""
    return max(1, min(30, n_questions // 100))


def _tables(drawn: RoutingSample, least: int, names: Names) -> ScopeTables:
    cells, weights = _cells(drawn), top_weights.compute(drawn).values  # [L, K]
    topk, full = topk_entropy.compute(drawn), full_entropy.compute(drawn)
    rows = []
    for place, layer in enumerate(drawn.layers):
        ranked = [replace(score, name=names.get((layer, score.expert), "")) for score in _ranked(cells, place, least)]
        rows.append(
            LayerRow(
                layer=layer,
                experts_used=int((cells.token_count[place] > 0).sum()),
                entropy_mean=float(topk.values[place]),
                entropy_std=_std(topk, place),
                full_entropy_mean=float(full.values[place]),
                full_entropy_std=_std(full, place),
                top_weights=tuple(weights[place].tolist()),
                best=ranked[0] if ranked else None,
                worst=min(ranked, key=lambda score: (score.accuracy, -score.questions), default=None),
            )
        )
    return ScopeTables(drawn.scope, drawn.n_tokens, never_used_share(drawn), tuple(rows), cells, names)


def _cells(drawn: RoutingSample) -> ExpertCells:
    accuracy = expert_accuracy.compute(drawn)
    assert accuracy.lower is not None
    assert accuracy.upper is not None
    return ExpertCells(
        token_count=drawn.totals.tokens,
        used_share=used_share.compute(drawn).values,
        gate_weight=gate_weight.compute(drawn).values,
        accuracy=accuracy.values,
        lower=accuracy.lower,
        upper=accuracy.upper,
        questions=accuracy.support,
        weight=drawn.totals.scored_share,
        right_minus_wrong=right_minus_wrong.compute(drawn),
    )


def _std(metric: MetricValues, layer: int) -> float:
    assert metric.std is not None
    return float(metric.std[layer])


def _ranked(cells: ExpertCells, layer: int, least: int) -> list[ExpertScore]:
    """The layer's experts with enough questions, best first; the most questions come first among equals."""
    eligible = np.flatnonzero((cells.questions[layer] >= least) & np.isfinite(cells.accuracy[layer]))
    scores = [_score(cells, layer, expert) for expert in eligible.tolist()]
    return sorted(scores, key=lambda score: (-score.accuracy, -score.questions))


def _score(cells: ExpertCells, layer: int, expert: int) -> ExpertScore:
    return ExpertScore(
        expert=expert,
        accuracy=float(cells.accuracy[layer, expert]),
        lower=float(cells.lower[layer, expert]),
        upper=float(cells.upper[layer, expert]),
        weight=float(cells.weight[layer, expert]),
        questions=int(cells.questions[layer, expert]),
    )


def _coverage(trace: Trace, drawn: RoutingSample) -> Coverage:
    statuses, counts = np.unique(trace.status[trace.recorded], return_counts=True)
    reasons = [Status(status).reason if status in list(Status) else f"unknown status {status}" for status in statuses]
    failures = tuple(
        Failure(reason, int(n))
        for status, reason, n in zip(statuses, reasons, counts, strict=True)
        if status != Status.ANSWERED
    )
    return Coverage(
        complete=trace.complete,
        n_planned=trace.n_questions,
        n_recorded=int(trace.recorded.sum()),
        n_questions=len(drawn.questions),
        n_skipped=len(trace.specification.quiz.skipped),
        n_damaged=len(trace.damaged),
        n_in_smaller_batches=int(trace.in_smaller_batch.sum()),
        failures=failures,
    )


def _chance(trace: Trace, drawn: RoutingSample) -> float:
    """Expected accuracy of guessing among each question's own choices."""
    n_choices = trace.n_choices[drawn.questions[drawn.is_scored]]
    return float(np.mean(1 / n_choices)) if len(n_choices) else nan


def _subject_rows(drawn: RoutingSample) -> tuple[SubjectRow, ...]:
    subjects = np.asarray(drawn.subjects)
    rows = []
    for name in drawn.subject_names:
        of_subject = subjects == name
        right, scored = drawn.is_correct[of_subject].sum(), drawn.is_scored[of_subject].sum()
        rows.append(SubjectRow(name, int(of_subject.sum()), proportion_95(int(right), int(scored))))
    return tuple(rows)


def _asked_questions(trace: Trace) -> AskedQuestions:
    return AskedQuestions(
        ids=trace.ids,
        subjects=tuple(trace.subjects.tolist()),
        gold=trace.gold,
        predicted=trace.predicted,
        n_choices=trace.n_choices,
        choice_logprobs=trace.choice_logprobs,
        status=trace.status,
    )


def as_values(chosen: SelectedTrace, options: AnalysisOptions) -> Work:
    """The report's columns, each [L]: experts_used, entropy_mean, entropy_std (nats), full_entropy_mean."""
    yield Step(0, 1, "reports")
    drawn = chosen.routing(options.scope)
    found = _tables(drawn, default_min_questions(len(drawn.questions)), {}).layers
    rows = [found[place] for place in chosen.places(options)]
    values = {
        name: np.array([getattr(row, name) for row in rows], np.float64)
        for name in ("experts_used", "entropy_mean", "entropy_std", "full_entropy_mean", "full_entropy_std")
    }
    note = f"{drawn.n_tokens:,} tokens of {len(drawn.questions):,} questions."
    return AnalysisValues(tuple(row.layer for row in rows), ("layer",), "experts; nats", values, notes=(note,))


def figure(found: AnalysisValues, shown: Shown) -> CurveFigure:
    """One column over the layers."""
    return layer_curve(found.layers, found.values[shown.key], shown.key.replace("_", " "))


EXPERT_CONTRIBUTIONS = Analysis(
    name="expert-contributions",
    title="Expert contributions",
    question="How many experts work in each layer, and how evenly?",
    source="https://arxiv.org/abs/2502.17187",
    needs=Needs.TRACE,
    reads=("scope", "subjects", "ids"),
    compute=as_values,
    figure=figure,
)
