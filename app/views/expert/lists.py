"""What the Expert view says of an expert's numbers, subjects and questions: rows, the table behind them, a sentence."""

from math import isfinite

from app import theme
from app.state.state import State
from app.widgets.bars.section import BarContent
from moe_core.figures.bars import BarFigure, BarRow
from moe_core.figures.curves import Reference
from moe_core.figures.table import FigureTable
from moe_core.figures.visible import visible
from moe_core.measures.expert_profile import ExpertProfile, HeaviestQuestions, SubjectUsage
from moe_core.measures.question_table import OUTCOMES, Outcome, QuestionTable
from moe_core.measures.routing_sample import RoutingSample
from moe_core.measures.scope import Scope, last_position
from moe_core.numbers.formatting import (
    count,
    counted,
    number_with_interval,
    percent,
    percent_tick,
    percent_with_interval,
    significant,
)

_LONGEST = 400
"""Characters of a question that are looked at: none of those beyond fits on a line."""


def reason_to_be_empty(state: State) -> tuple[str, str, str] | tuple[str] | None:
    """Why there is nothing to say, with the button that changes that and its action; None where there is something."""
    if state.trace is None:
        return "Open a trace to see what its experts do.", "Open trace…", "open"
    if not state.experts:
        return ("Select an expert in the grid to see what it serves.",)
    if len(state.trace.sample(state.scope, state.filter).questions):
        return None
    if not state.filter.is_empty:
        return "No answered question passes the filter.", "Clear filter", "clear_filter"
    return ("No question of this trace is answered yet.",)


def share_text(share: float) -> str:
    """A share 0..1 as `71.2 %`; one that would be rounded to nothing as `< 0.1 %`: used hardly is not used never."""
    return "< 0.1 %" if 0 < share < 0.0005 else percent(share)


def summary(profile: ExpertProfile, sample: RoutingSample, layer: int) -> str:
    """What stands below the expert's name."""
    of_tokens = f"{last_position(has_choices=sample.has_choices)}s" if sample.scope is Scope.ANSWER else "tokens"
    if not profile.questions:
        return f"Never used: none of {count(sample.n_tokens)} {of_tokens} in the selection chose it."
    return (
        f"Used by {share_text(profile.used_share)} of {count(sample.n_tokens)} {of_tokens} · "
        f"mean gate weight when chosen {significant(profile.gate_weight)} · "
        f"rank {profile.rank} of {sample.n_experts} in layer {layer} · "
        f"in {count(profile.questions)} of {counted(len(sample.questions), sample.item)}"
    )


def accuracy_content(profile: ExpertProfile, name: str) -> BarContent:
    """The expert's accuracy above the selection's, both with their intervals."""
    overall, table = profile.overall, _accuracy_table(profile, name)
    if not overall.n:
        return BarContent(BarFigure(), table, "The quiz names no right answers: nothing to score.")
    of_selection = f"{count(overall.successes)} of {count(overall.n)} questions of the selection are right"
    whole = _accuracy_row("Selection", (overall.estimate, overall.lower, overall.upper), of_selection)
    if not isfinite(profile.accuracy):
        note = "No question with a known answer gives it any weight."
        return BarContent(_accuracy_figure((whole,), overall.estimate), table, note)
    of_expert = (
        "Accuracy of the questions that use the expert, each weighted by its mean gate weight there; "
        "the interval is Wilson's at the effective number of questions"
    )
    values = (profile.accuracy, profile.accuracy_lower, profile.accuracy_upper)
    note = (
        f"From {counted(profile.scored_questions, 'question')}, total weight {significant(profile.scored_weight)}. "
        "Grey line: the selection. An association, not an effect."
    )
    rows = (_accuracy_row(f"Expert {name}", values, of_expert), whole)
    return BarContent(_accuracy_figure(rows, overall.estimate), table, note)


def _accuracy_figure(rows: tuple[BarRow, ...], of_selection: float) -> BarFigure:
    reference = Reference(of_selection, f"selection {percent(of_selection)}")
    return BarFigure(rows, (reference,), largest=1.0, unit="accuracy", format_value=percent_tick)


def _accuracy_row(label: str, values: tuple[float, float, float], meaning: str) -> BarRow:
    value, lower, upper = values
    text = percent_with_interval(value, lower, upper)
    return BarRow(label, value, text, f"{meaning}: {text}.", lower=lower, upper=upper)


def _accuracy_table(profile: ExpertProfile, name: str) -> FigureTable:
    overall, columns = profile.overall, ("of", "accuracy", "lower 95 %", "upper 95 %", "questions", "total weight")
    of_expert = (profile.accuracy, profile.accuracy_lower, profile.accuracy_upper)
    of_selection = (overall.estimate, overall.lower, overall.upper)
    return FigureTable(
        columns,
        (
            (f"expert {name}", *map(_known, of_expert), profile.scored_questions, profile.scored_weight),
            ("selection", *map(_known, of_selection), overall.n, float(overall.n)),
        ),
    )


def subject_content(usage: SubjectUsage, sample: RoutingSample, most: int) -> BarContent:
    """The subjects that use the expert most, against the uniform share."""
    uniform = sample.top_k / sample.n_experts
    columns = (values.tolist() for values in (usage.share, usage.lower, usage.upper, usage.questions))
    shown = list(zip(usage.subjects, *columns, strict=True))[:most]
    rows = tuple(_subject_row(subject, (share, *bounds), n, uniform) for subject, share, *bounds, n in shown)
    table = FigureTable(
        (
            "subject",
            "share of tokens routed to the expert",
            "lower 95 %",
            "upper 95 %",
            "uniform share k/E",
            "questions",
        ),
        [(subject, share, *bounds, uniform, n) for subject, share, *bounds, n in shown],
    )
    note = (
        f"Share of a subject's tokens that choose it. Grey line: uniform, k/E = {percent(uniform)}; pale where the "
        "95 % interval over questions covers it."
    )
    reference = Reference(uniform, f"uniform {percent(uniform)}")
    unit = "share of the subject's tokens routed to the expert"
    return BarContent(BarFigure(rows, (reference,), unit=unit, format_value=percent_tick), table, note)


def _subject_row(subject: str, values: tuple[float, float, float], n: int, uniform: float) -> BarRow:
    share, lower, upper = values
    times = number_with_interval(*(value / uniform for value in values))
    return BarRow(
        visible(subject),
        share,
        f"{share_text(share)} · n {count(n)}",
        f"{subject}: {percent_with_interval(*values)} of the tokens of {count(n)} questions choose the expert, "
        f"{times} times the uniform share ({percent(uniform)}).",
        lower=lower,
        upper=upper,
        is_faded=not (lower > uniform or upper < uniform),
    )


def question_content(heaviest: HeaviestQuestions, questions: QuestionTable, n_using: int) -> BarContent:
    """The questions in which the expert weighs most."""
    shown = list(zip(heaviest.rows.tolist(), heaviest.weights.tolist(), strict=True))
    columns = ("number", "id", "subject", "question", "mean gate weight", "outcome")
    table = FigureTable(columns, [_question_cells(questions, row, weight) for row, weight in shown])
    if not shown:
        return BarContent(BarFigure(), table, "No question of the selection gives it any weight.")
    rows = tuple(_question_row(questions, row, weight) for row, weight in shown)
    note = f"Mean gate weight over the question's tokens: the first {len(shown)} of {count(n_using)} that use it."
    return BarContent(BarFigure(rows, unit="mean gate weight"), table, note)


def _question_row(questions: QuestionTable, row: int, weight: float) -> BarRow:
    outcome, subject = OUTCOMES[questions.outcome[row]], str(questions.subjects[row])
    text, (sign, colour) = questions.texts[row][:_LONGEST].strip(), _SIGNS[outcome]
    return BarRow(
        f"{row + 1} · {visible(subject)} · {visible(text)}",
        weight,
        significant(weight),
        f"Question {row + 1} ({questions.ids[row]}, {subject}), {outcome}: mean gate weight {significant(weight)}.\n"
        f"{text}\nClick or Enter opens it.",
        sign=sign,
        sign_colour=colour,
    )


def _question_cells(questions: QuestionTable, row: int, weight: float) -> tuple[str | float | int, ...]:
    outcome = str(OUTCOMES[questions.outcome[row]])
    return row + 1, questions.ids[row], str(questions.subjects[row]), questions.texts[row], weight, outcome


def _known(value: float) -> float | None:
    return value if isfinite(value) else None


_SIGNS = {
    Outcome.RIGHT: ("✓", theme.RIGHT),
    Outcome.WRONG: ("✗", theme.WRONG),
    Outcome.UNSCORED: ("○", ""),
    Outcome.FAILED: ("!", theme.WRONG),
    Outcome.MISSING: ("–", ""),
    Outcome.DAMAGED: ("?", theme.WRONG),
}
