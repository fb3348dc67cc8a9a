"""The report as plain text for a terminal of 100 columns; the same whether piped or not."""

import textwrap
from collections.abc import Iterator, Sequence

from moe_core.analyses.contribution_tables import ExpertContributions, ExpertScore
from moe_core.comparison.models_beside import ModelsBeside
from moe_core.measures.support import supported_text
from moe_core.numbers.formatting import NOTHING, count, elide, mean_and_std, percent, percent_with_interval, significant
from moe_core.reports.format import ReportFormat
from moe_core.reports.pages.models import models_lines
from moe_core.reports.sentences import (
    INTERVAL_NOTE,
    accuracy,
    best_expert_rule,
    coverage,
    figures_beside,
    nothing_to_report,
    scope_matters,
    setting,
    title,
)

_WIDTH = 100
_RANKS_PER_LINE = 11  # more would not fit; the rest is in the other formats


def render(report: ExpertContributions) -> dict[str, str]:
    """The whole report, lines of at most 100 columns, the tables of several traces aside."""
    lines = [*_head(report)]
    if missing := nothing_to_report(report):
        lines += ["", *_wrapped(missing)]
    else:
        lines += [*_scope_lines(report), *_used_and_entropy(report), *_top_weights(report), *_best_and_worst(report)]
        lines += [*_subjects(report), *_published(report)]
        lines += [] if report.beside is None else _beside(report.beside)
    return {"report.txt": "\n".join(line.rstrip() for line in lines) + "\n"}


def _beside(found: ModelsBeside) -> Iterator[str]:
    yield from _heading("Beside other traces")
    *tables, note = models_lines(found)
    yield from tables
    yield from _wrapped(note)


def _head(report: ExpertContributions) -> Iterator[str]:
    yield from _wrapped(title(report))
    yield from _wrapped(setting(report))
    yield from _wrapped(coverage(report))
    yield ""
    yield f"Accuracy  {accuracy(report)}" + (f"  n = {count(report.accuracy.n)}" if report.accuracy.n else "")
    scope = report.main.scope
    meaning = scope.meaning_of(has_choices=report.has_choices)
    yield f"Scope     {scope}: {meaning}; {count(report.main.n_tokens)} tokens"


def _scope_lines(report: ExpertContributions) -> Iterator[str]:
    for tables in (report.main, *report.others):
        yield f"Experts never used, scope {tables.scope + ':':9} {percent(tables.never_used_share):>8}"
    yield ""
    yield from _wrapped(scope_matters(report))


def _used_and_entropy(report: ExpertContributions) -> Iterator[str]:
    """Tables 1 and 2 of the paper; the other scopes' experts used stand beside."""
    model, scopes = report.specification.model, (report.main, *report.others)
    yield from _heading(f"Experts used, and entropy in nats, mean ± std over tokens (Tables 1, 2), {_scope(report)}")
    header = ["layer", *(f"used: {tables.scope}" for tables in scopes)]
    rows = [
        [
            str(row.layer),
            *(f"{tables.layers[place].experts_used} / {model.n_experts}" for tables in scopes),
            *(
                mean_and_std(row.entropy_mean, row.entropy_std),
                mean_and_std(row.full_entropy_mean, row.full_entropy_std),
            ),
        ]
        for place, row in enumerate(report.main.layers)
    ]
    yield from text_table([*header, f"top-{model.top_k} entropy", "full entropy"], rows)


def _top_weights(report: ExpertContributions) -> Iterator[str]:
    """Table 3 of the paper."""
    tables, top_k = report.main, report.specification.model.top_k
    shown = min(top_k, _RANKS_PER_LINE)
    rest = f", the first {shown} of {top_k}" if shown < top_k else ""
    yield from _heading(f"Mean gate weights, renormalised, largest first (Table 3){rest}, {_scope(report)}")
    rows = [[str(row.layer), *(significant(weight) for weight in row.top_weights[:shown])] for row in tables.layers]
    yield from text_table(["layer", *(str(rank) for rank in range(1, shown + 1))], rows)


def _best_and_worst(report: ExpertContributions) -> Iterator[str]:
    yield from _heading(f"Best and worst expert, {_scope(report)} ({best_expert_rule(report)})")
    columns = ["expert", "accuracy", "n", "weight"]
    rows = [[str(row.layer), *_score(row.best), *_score(row.worst)] for row in report.main.layers]
    yield from text_table(["layer", "best", *columns[1:], "worst", *columns[1:]], rows)
    yield from _wrapped(INTERVAL_NOTE)
    if report.accuracy.n:
        yield ""
        found = supported_text(report.main.cells.right_minus_wrong)
        yield from _wrapped(f"Gate share of each expert, right minus wrong answers: {found}")


def _score(score: ExpertScore | None) -> list[str]:
    if score is None:
        return [NOTHING] * 4
    text = percent_with_interval(score.accuracy, score.lower, score.upper)
    return [score.label, text, count(score.questions), significant(score.weight)]


def _subjects(report: ExpertContributions) -> Iterator[str]:
    yield from _heading("Accuracy by subject")
    rows = [
        [
            elide(row.name, 48),
            row.accuracy.text,
            count(row.accuracy.n),
        ]
        for row in report.subjects
    ]
    yield from text_table(["subject", "accuracy", "n"], rows, left=1)


def _published(report: ExpertContributions) -> Iterator[str]:
    if figures := figures_beside(report, report.main):
        yield from _heading("The paper's figures, beside those of this trace")
        rows = [[figure.title, figure.published, figure.ours] for figure in figures]
        yield from text_table(["figure", "published", f"this trace, {report.main.scope}"], rows, left=1)


def _scope(report: ExpertContributions) -> str:
    return f"scope {report.main.scope}"


def _heading(text: str) -> Iterator[str]:
    yield ""
    yield from _wrapped(text)
    yield ""


def _wrapped(text: str) -> Iterator[str]:
    """Lines of the terminal's width that keep a number and its percent sign together."""
    for line in textwrap.wrap(printable(text).replace(" %", "\u00a0%"), _WIDTH) or [""]:
        yield line.replace("\u00a0", " ")


def printable(text: str) -> str:
    """The text with control characters replaced, so that names from a quiz file cannot steer a terminal."""
    return "".join(letter if letter.isprintable() else " " if letter.isspace() else "�" for letter in text)


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 0) -> Iterator[str]:
    """Lines of a table with a rule below its header; the first `left` columns are left-aligned, others right."""
    cells = [[printable(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    for number, row in enumerate(cells):
        aligned = [
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(aligned).rstrip()
        if number == 0:
            yield "  ".join("─" * width for width in widths)


TEXT = ReportFormat(name="text", title="Text", render=render)
