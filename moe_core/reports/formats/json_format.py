"""The report as JSON for scripts; its keys are a contract and are only ever added to."""

import json
from typing import Any

import numpy as np

from moe_core.analyses.contribution_tables import ExpertContributions, ExpertScore, LayerRow, ScopeTables
from moe_core.interventions.layers import Cell, Layers
from moe_core.measures.metric import MetricValues
from moe_core.numbers.formatting import finite, finite_bounds
from moe_core.numbers.intervals import Proportion
from moe_core.reports.format import ReportFormat
from moe_core.reports.pages.models import models_json
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
        "accuracy": finite(report.accuracy.estimate),
        "accuracy_ci95": finite_bounds(report.accuracy.lower, report.accuracy.upper),
        "n_scored": report.accuracy.n,
        "chance": finite(report.chance),
        "min_questions": report.min_questions,
        **_tables(report, report.main),
        "other_scopes": [_tables(report, tables) for tables in report.others],
        "by_subject": [
            {"subject": row.name, "n_questions": row.n_questions, **_proportion(row.accuracy)}
            for row in report.subjects
        ],
        **({} if report.beside is None else {"beside": models_json(report.beside)}),
        "published": [
            {"figure": figure.title, "published": figure.published, "ours": figure.ours}
            for figure in figures_beside(report, report.main)
        ],
    }


def _tables(report: ExpertContributions, tables: ScopeTables) -> dict[str, Any]:
    return {
        "scope": str(tables.scope),
        "n_tokens": tables.n_tokens,
        "never_used_share": finite(tables.never_used_share),
        "layers": [_layer(row) for row in tables.layers],
        "right_minus_wrong": _differences(tables.cells.right_minus_wrong, report.specification.model.layers),
    }


def _differences(found: MetricValues, layers: Layers) -> dict[str, Any]:
    """How many differences a corrected test looked at, and those that it supports, with interval and both sides."""
    assert found.sides is not None
    assert found.p is not None
    assert found.is_supported is not None
    return {
        "n_tested": int(np.isfinite(found.p).sum()),
        "supported": [
            _difference(found, layers, (place, expert)) for place, expert in np.argwhere(found.is_supported).tolist()
        ],
    }


def _difference(found: MetricValues, layers: Layers, at: Cell) -> dict[str, Any]:
    assert found.sides is not None
    assert found.lower is not None
    assert found.upper is not None
    assert found.corrected_p is not None
    right, wrong = (finite(float(side[at])) for side in found.sides)
    return {
        "layer": layers[at[0]],
        "expert": at[1],
        "right": right,
        "wrong": wrong,
        "difference": finite(float(found.values[at])),
        "ci95": finite_bounds(float(found.lower[at]), float(found.upper[at])),
        "corrected_p": finite(float(found.corrected_p[at])),
    }


def _layer(row: LayerRow) -> dict[str, Any]:
    return {
        "layer": row.layer,
        "decoder_layer": row.layer,
        "experts_used": row.experts_used,
        "entropy_mean": finite(row.entropy_mean),
        "entropy_std": finite(row.entropy_std),
        "full_entropy_mean": finite(row.full_entropy_mean),
        "full_entropy_std": finite(row.full_entropy_std),
        "top_weights": [finite(weight) for weight in row.top_weights],
        "best_expert": _score(row.best),
        "worst_expert": _score(row.worst),
    }


def _score(score: ExpertScore | None) -> dict[str, Any] | None:
    if score is None:
        return None
    return {
        "expert": score.expert,
        "accuracy": score.accuracy,
        "accuracy_ci95": finite_bounds(score.lower, score.upper),
        "weight": score.weight,
        "questions": score.questions,
        **({"name": score.name} if score.name else {}),
    }


def _proportion(proportion: Proportion) -> dict[str, Any]:
    return {
        "accuracy": finite(proportion.estimate),
        "accuracy_ci95": finite_bounds(proportion.lower, proportion.upper),
        "n_scored": proportion.n,
    }


JSON = ReportFormat(name="json", title="JSON", render=render)
