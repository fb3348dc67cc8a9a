"""The report as JSON for scripts; its keys are a contract and are only ever added to."""

import json
from math import isfinite
from typing import Any

from moe_core.analyses.contribution_tables import ExpertContributions, ExpertScore, LayerRow, ScopeTables
from moe_core.numbers.intervals import Proportion
from moe_core.reports.format import ReportFormat
from moe_core.reports.sentences import figures_beside


def render(report: ExpertContributions) -> dict[str, str]:
    """One JSON object; numbers that are not defined are null."""
    return {"report.json": json.dumps(_report(report), ensure_ascii=False, indent=1, allow_nan=False) + "\n"}


def _report(report: ExpertContributions) -> dict[str, Any]:
    run, found = report.specification, report.coverage
    return {
        "model": run.model.name,
        "quiz": run.quiz.name,
        "protocol": run.protocol,
        "shots": run.shots,
        "intervention": report.intervention,
        "complete": found.complete,
        "n_planned": found.n_planned,
        "n_recorded": found.n_recorded,
        "n_questions": found.n_questions,
        "n_failed": found.n_failed,
        "n_skipped": found.n_skipped,
        "n_damaged": found.n_damaged,
        "n_in_smaller_batches": found.n_in_smaller_batches,
        "failures": {failure.reason: failure.n for failure in found.failures},
        "accuracy": _number(report.accuracy.estimate),
        "accuracy_ci95": _interval(report.accuracy.lower, report.accuracy.upper),
        "n_scored": report.accuracy.n,
        "chance": _number(report.chance),
        "min_questions": report.min_questions,
        **_tables(report.main),
        "other_scopes": [_tables(tables) for tables in report.others],
        "by_subject": [
            {"subject": row.name, "n_questions": row.n_questions, **_proportion(row.accuracy)}
            for row in report.subjects
        ],
        "published": [
            {"figure": figure.title, "published": figure.published, "ours": figure.ours}
            for figure in figures_beside(report, report.main)
        ],
    }


def _tables(tables: ScopeTables) -> dict[str, Any]:
    return {
        "scope": str(tables.scope),
        "n_tokens": tables.n_tokens,
        "never_used_share": _number(tables.never_used_share),
        "layers": [_layer(row) for row in tables.layers],
    }


def _layer(row: LayerRow) -> dict[str, Any]:
    return {
        "layer": row.layer,
        "decoder_layer": row.decoder_layer,
        "experts_used": row.experts_used,
        "entropy_mean": _number(row.entropy_mean),
        "entropy_std": _number(row.entropy_std),
        "full_entropy_mean": _number(row.full_entropy_mean),
        "full_entropy_std": _number(row.full_entropy_std),
        "top_weights": [_number(weight) for weight in row.top_weights],
        "best_expert": _score(row.best),
        "worst_expert": _score(row.worst),
    }


def _score(score: ExpertScore | None) -> dict[str, Any] | None:
    if score is None:
        return None
    return {
        "expert": score.expert,
        "accuracy": score.accuracy,
        "accuracy_ci95": _interval(score.lower, score.upper),
        "weight": score.weight,
        "questions": score.questions,
    }


def _proportion(proportion: Proportion) -> dict[str, Any]:
    return {
        "accuracy": _number(proportion.estimate),
        "accuracy_ci95": _interval(proportion.lower, proportion.upper),
        "n_scored": proportion.n,
    }


def _interval(lower: float, upper: float) -> list[float] | None:
    return [lower, upper] if isfinite(lower) and isfinite(upper) else None


def _number(value: float) -> float | None:
    return value if isfinite(value) else None


JSON = ReportFormat(name="json", title="JSON", render=render)
