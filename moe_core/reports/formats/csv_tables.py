"""The report as four CSV tables: layers, experts, subjects, questions; undefined numbers are empty fields.

An id or a subject that a spreadsheet would take for a formula begins with an apostrophe.
"""

import csv
import io
from collections.abc import Iterable
from math import isfinite, log

import numpy as np

from moe_core.analyses.contribution_tables import AskedQuestions, ExpertContributions, ExpertScore, ScopeTables
from moe_core.measures.metric import MetricValues
from moe_core.numbers.spreadsheet_text import as_cell
from moe_core.quizzes.question import CHOICE_LETTERS
from moe_core.reports.format import ReportFormat
from moe_core.traces.records import Status

Field = str | int | float | None

_SCORE_COLUMNS = ["expert", "accuracy", "lower", "upper", "weight", "questions", "name"]


def render(report: ExpertContributions) -> dict[str, str]:
    """layers.csv and experts.csv hold every scope of the report, named in their first column."""
    scopes = (report.main, *report.others)
    return {
        "layers.csv": _csv(_layer_header(report), (row for tables in scopes for row in _layers(report, tables))),
        "experts.csv": _csv(_EXPERT_HEADER, (row for tables in scopes for row in _experts(report, tables))),
        "subjects.csv": _csv(["subject", "n_questions", "n_scored", "accuracy", "lower", "upper"], _subjects(report)),
        "questions.csv": _csv(_question_header(report.questions), _questions(report.questions)),
    }


def _layer_header(report: ExpertContributions) -> list[str]:
    top_k = report.specification.model.top_k
    return [
        *("scope", "layer", "decoder_layer", "n_experts", "experts_used", "entropy_mean", "entropy_std"),
        *("entropy_normalised", "full_entropy_mean", "full_entropy_std"),
        *(f"top_weight_{rank}" for rank in range(1, top_k + 1)),
        *(f"best_{column}" for column in _SCORE_COLUMNS),
        *(f"worst_{column}" for column in _SCORE_COLUMNS),
    ]


def _layers(report: ExpertContributions, tables: ScopeTables) -> Iterable[list[Field]]:
    model = report.specification.model
    for row in tables.layers:
        normalised = row.entropy_mean / log(model.top_k) if model.top_k > 1 else None  # ln 1 = 0: nothing to divide by
        yield [
            *(str(tables.scope), row.layer, row.layer, model.n_experts, row.experts_used, row.entropy_mean),
            *(row.entropy_std, normalised, row.full_entropy_mean, row.full_entropy_std),
            *row.top_weights,
            *_score(row.best),
            *_score(row.worst),
        ]


def _score(score: ExpertScore | None) -> list[Field]:
    if score is None:
        return [None] * len(_SCORE_COLUMNS)
    return [score.expert, score.accuracy, score.lower, score.upper, score.weight, score.questions, score.name]


_EXPERT_HEADER = [
    *("scope", "layer", "expert", "token_count", "used_share", "gate_weight_mean"),
    *("accuracy", "lower", "upper", "questions", "weight"),
    *("share_right", "share_wrong", "right_minus_wrong", "right_minus_wrong_lower", "right_minus_wrong_upper"),
    *("right_minus_wrong_corrected_p", "right_minus_wrong_supported", "name"),
]


def _experts(report: ExpertContributions, tables: ScopeTables) -> Iterable[list[Field]]:
    cells, layers = tables.cells, report.specification.model.layers
    for at in np.ndindex(cells.token_count.shape):
        place, expert = at
        yield [
            *(str(tables.scope), layers[place], expert, int(cells.token_count[at])),
            *(float(cells.used_share[at]), float(cells.gate_weight[at])),
            *(float(cells.accuracy[at]), float(cells.lower[at]), float(cells.upper[at])),
            *(int(cells.questions[at]), float(cells.weight[at])),
            *_difference(cells.right_minus_wrong, at),
            tables.names.get((layers[place], expert), ""),
        ]


def _difference(found: MetricValues, at: tuple[int, int]) -> list[Field]:
    """Both sides, the difference, its interval and what its test says."""
    assert found.sides is not None
    assert found.is_supported is not None
    columns = (*found.sides, found.values, found.lower, found.upper, found.corrected_p)
    return [*(float(column[at]) for column in columns if column is not None), int(found.is_supported[at])]


def _subjects(report: ExpertContributions) -> Iterable[list[Field]]:
    for row in report.subjects:
        found = row.accuracy
        yield [row.name, row.n_questions, found.n, found.estimate, found.lower, found.upper]


def _question_header(questions: AskedQuestions) -> list[str]:
    letters = CHOICE_LETTERS[: questions.choice_logprobs.shape[1]]
    logprobs = [f"logprob_{letter}" for letter in letters]
    return ["id", "subject", "gold", "predicted", "correct", *logprobs, "margin", "failed"]


def _questions(questions: AskedQuestions) -> Iterable[list[Field]]:
    """Every planned question; `margin` is the best choice's lead in nats over the second, letters are as shown."""
    n_columns = questions.choice_logprobs.shape[1]
    for row, status in enumerate(questions.status.tolist()):
        gold, predicted = int(questions.gold[row]), int(questions.predicted[row])
        answered = status == Status.ANSWERED
        logprobs = questions.choice_logprobs[row, : questions.n_choices[row]].tolist() if answered else []
        best = sorted(logprobs)[-2:]
        yield [
            *(questions.ids[row], questions.subjects[row], _letter(gold), _letter(predicted) if answered else None),
            int(gold == predicted) if answered and gold >= 0 else None,
            *logprobs,
            *[None] * (n_columns - len(logprobs)),
            best[1] - best[0] if len(best) == 2 else None,
            _reason(status),
        ]


def _letter(choice: int) -> str | None:
    return CHOICE_LETTERS[choice] if 0 <= choice < len(CHOICE_LETTERS) else None


def _reason(status: int) -> str:
    return Status(status).reason if status in list(Status) else f"unknown status {status}"


def _csv(header: list[str], rows: Iterable[list[Field]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_field(value) for value in row] for row in rows)
    return text.getvalue()


def _field(value: Field) -> Field:
    if isinstance(value, float):
        return f"{value:.7g}" if isfinite(value) else None
    # The csv module leaves a lone carriage return unquoted, and readers then see a new row.
    return as_cell(value.replace("\r\n", "\n").replace("\r", "\n")) if isinstance(value, str) else value


CSV = ReportFormat(name="csv", title="CSV tables", render=render)
