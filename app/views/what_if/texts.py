"""What a what-if says in words and in tables: for its panes, for the clipboard and for files."""

from collections.abc import Sequence

from app.content.captions import run_text
from app.state.job_state import JobEntry, JobStatus
from app.state.state import State
from app.state.what_if_state import WhatIf
from moe_core.comparison.comparison import Comparison
from moe_core.comparison.control_distribution import Controls
from moe_core.figures.table import FigureTable
from moe_core.measures.scope import last_position
from moe_core.numbers.formatting import count, finite, p_value, percent
from moe_core.numbers.paired_statistics import MeanChange, PairedChange
from moe_core.reports.pages.what_if import as_harmful_text, experts_text

METHOD = (
    "Intervals are 95 %: Wilson's for each accuracy, Tango's paired score interval for the difference; "
    "p is McNemar's, exact and two-sided."
)

Cell = str | float | int | None

CHANGE_COLUMNS = (
    "n", "before", "before_low", "before_high", "after", "after_low", "after_high",
    "delta", "delta_low", "delta_high", "right_to_wrong", "wrong_to_right", "p",
)  # fmt: skip
LOGPROB_COLUMNS = ("gold_logprob_change", "gold_logprob_change_low", "gold_logprob_change_high")


def nothing_yet_text(state: State) -> str:
    """What will fill the pages before anything was run: how far that is, or what runs it, where that can be run."""
    if (entry := _on_its_way(state)) is not None:
        runs = (
            f"is running: {entry.progress or 'it begins'}"
            if entry.status is JobStatus.RUNNING
            else "waits for its turn"
        )
        return f"{entry.title} {runs}.\nWhat it changes stands here once it is done."
    how = "." if state.intervention.is_empty() else ": press Run, or F5."
    return f"What the mask changes stands here once it has run{how}"


def _on_its_way(state: State) -> JobEntry | None:
    """What runs, else what waits, to be shown here for this trace."""
    ours = [
        entry for entry in state.jobs if entry.view == "what_if" and state.trace and entry.trace == state.trace.path
    ]
    statuses = JobStatus.RUNNING, JobStatus.WAITING
    return next((entry for status in statuses for entry in ours if entry.status is status), None)


def headline(comparison: Comparison) -> str:
    """The difference with its interval, p and n; how many were asked where the quiz gives no answers."""
    change = comparison.accuracy
    if not change.n:
        return f"The quiz gives no right answers; n = {count(comparison.n)}"
    return f"{change.delta_text}, {p_value(change.p)}, n\u00a0=\u00a0{count(change.n)}"  # on one line


def detail_lines(made: WhatIf) -> list[str]:
    """What else changed, a sentence each, remarks last."""
    comparison = made.comparison
    lines = [controls_sentence(made.controls)] if made.controls and made.controls.n_as_harmful is not None else []
    if (gold := comparison.gold_logprob).n:
        lines.append(f"Log-probability of the right choice: {gold.nats_text} on average.")
    routing = comparison.routing
    last = last_position(has_choices=made.before.trace.has_choices)
    lines.append(f"{percent(float(routing.answer_overlap.mean()))} of the experts at the {last} stayed.")
    if routing.tokens_rerouted is not None:
        moved = percent(float(routing.tokens_rerouted.mean()))
        lines.append(f"{moved} of the prompt tokens were re-routed, mean over layers ({count(routing.n_tokens)} read).")
    if left_out := _left_out(comparison):
        lines.append(f"Left out: {left_out}.")
    said = [*(f"{remark}." for remark in comparison.remarks), *made.notices]
    return lines + [f"Note: {sentence}" for sentence in said]


def controls_sentence(controls: Controls) -> str:
    """How many of the random masks do at least as much harm."""
    return f"{as_harmful_text(controls)} random masks of the same size do at least as much harm."


def what_if_caption(made: WhatIf) -> str:
    """One line on what was compared, under every figure of it."""
    names = f"{made.before.path.name} → {made.after.path.name}"
    return f"{run_text(made.comparison.before)} · {made.title} · {names} · n = {count(made.comparison.n)}"


def change_table(made: WhatIf) -> FigureTable:
    """The overall change as one row."""
    return FigureTable(("what_if", *CHANGE_COLUMNS), [(made.title, *change_cells(made.comparison.accuracy))])


def subjects_table(comparison: Comparison) -> FigureTable:
    """Every subject's change with full precision."""
    rows = [(row.name, *change_cells(row.change), row.corrected_p) for row in comparison.subjects]
    return FigureTable(("subject", *CHANGE_COLUMNS, "corrected_p"), rows)


def controls_table(made: WhatIf) -> FigureTable:
    """Every random mask's change, the given one first."""
    rows: list[Sequence[Cell]] = [
        (made.title, *change_cells(made.comparison.accuracy), *_nats(made.comparison.gold_logprob), "")
    ]
    for run in made.controls.runs if made.controls else ():
        cells = (*change_cells(run.change), *_nats(run.gold_logprob), experts_text(run.intervention))
        rows.append((run.intervention.name, *cells))
    return FigureTable(("mask", *CHANGE_COLUMNS, *LOGPROB_COLUMNS, "experts"), rows)


def _nats(change: MeanChange) -> tuple[Cell, Cell, Cell]:
    return finite(change.mean), finite(change.lower), finite(change.upper)


def history_table(history: Sequence[WhatIf]) -> FigureTable:
    """The session's what-ifs, one a row."""
    rows = [
        (
            made.title,
            made.intervention.effect + made.intervention.place,
            len(made.intervention.experts),
            experts_text(made.intervention),
            made.comparison.after.quiz.selection,
            *change_cells(made.comparison.accuracy),
            None if made.controls is None else finite(made.controls.p_accuracy),
            made.seconds or None,
            str(made.after.path),
        )
        for made in history
    ]
    columns = ("title", "effect", "experts", "mask", "subset", *CHANGE_COLUMNS, "controls_p", "seconds", "trace")
    return FigureTable(columns, rows)


def change_cells(change: PairedChange) -> tuple[Cell, ...]:
    """A change as numbers, shares in 0..1; None where there is none."""
    before, after = change.before, change.after
    numbers = (before.estimate, before.lower, before.upper, after.estimate, after.lower, after.upper)
    shares = (*numbers, change.delta, change.lower, change.upper)
    return (change.n, *map(finite, shares), change.losses, change.gains, change.p)


def _left_out(comparison: Comparison) -> str:
    pairs = comparison.pairs
    parts = [(pairs.n_failed, "failed"), (pairs.n_unrecorded, "missing or damaged on one side")]
    return ", ".join(f"{count(n)} {what}" for n, what in parts if n)
