"""What stands under every exported figure and table: model, quiz, scope, filter and n."""

from typing import TYPE_CHECKING, Any

from app.state.state import State
from app.state.what_if_state import Mode
from moe_core.measures.question_filter import QuestionFilter
from moe_core.numbers.formatting import count, elide, significant
from moe_core.traces.specification import Specification

if TYPE_CHECKING:
    from moe_core.analyses.analysis import Analysis

_LONGEST_TITLE = 60


def caption(state: State, *, n_compared: int | None = None) -> str:
    """One line on what an aggregate view shows; empty without a trace. `n_compared`: it shows a what-if of so many."""
    if state.trace is None:
        return ""
    n, of = len(state.trace.rows(state.scope, state.filter)), len(state.trace.table.ids)
    parts = [run_text(state.trace.specification), f"scope {state.scope}", filter_text(state.filter)]
    if n_compared is None:
        parts.append(f"n = {count(n)} of {count(of)}")
    else:
        parts += [comparison_text(state), f"n = {count(n_compared)} compared of {count(n)}"]
    return " · ".join(part for part in parts if part)


def analysis_caption(state: State, analysis: "Analysis[Any]") -> str:
    """One line on what an analysis is of: weights know neither quiz nor filter; how many tokens count say its notes."""
    from moe_core.analyses.analysis import Needs

    if state.trace is None:
        return ""
    if analysis.needs is Needs.WEIGHTS:
        return state.trace.specification.model.name
    scope = f"scope {state.scope}" if "scope" in analysis.reads else ""
    chosen = filter_text(state.filter) if "ids" in analysis.reads else ""
    return " · ".join(filter(None, (run_text(state.trace.specification), scope, chosen)))


def comparison_text(state: State) -> str:
    """Which what-if is shown, and which side of it; empty for the baseline alone."""
    if state.what_if is None or state.mode is Mode.BASELINE:
        return ""
    name = f"what-if “{elide(state.what_if.title, _LONGEST_TITLE)}”"
    return f"{name} less baseline" if state.mode is Mode.DIFFERENCE else name


def nothing_compared_text(state: State) -> str:
    """Why a what-if has nothing to show: one sentence."""
    title = "" if state.what_if is None else elide(state.what_if.title, _LONGEST_TITLE)
    return f"Nothing that passes the filter was compared in what-if “{title}”."


def question_caption(state: State) -> str:
    """One line on what a view of one question shows; empty without one."""
    if state.trace is None or state.question is None:
        return ""
    return f"{run_text(state.trace.specification)} · question {state.trace.table.ids[state.question]}"


def run_text(specification: Specification) -> str:
    """Model, quiz and prompt protocol."""
    shots = f"{specification.shots}-shot"
    masked = "what-if" if specification.intervention else ""
    parts = [specification.model.name, specification.quiz.name, f"{specification.protocol}, {shots}", masked]
    return " · ".join(part for part in parts if part)


def filter_text(wanted: QuestionFilter) -> str:
    """The filter in words; empty where everything passes."""
    return ", ".join(condition_texts(wanted).values())


def condition_texts(wanted: QuestionFilter) -> dict[str, str]:
    """Each condition of the filter in words, by the name of the field that removing it resets."""
    texts = {
        "text": f"“{wanted.text}”" if wanted.text.strip() else "",
        "subjects": " or ".join(wanted.subjects),
        "outcomes": " or ".join(wanted.outcomes),
        "margin": _margin_text(wanted.margin_low, wanted.margin_high),
        "experts": _experts_text(wanted),
        "ids": wanted.ids_title or f"{count(len(wanted.ids))} named" if wanted.ids is not None else "",
    }
    return {name: text for name, text in texts.items() if text}


def _margin_text(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ""
    if low is None:
        return f"margin ≤ {significant(high or 0.0)}"
    return f"margin ≥ {significant(low)}" if high is None else f"margin {significant(low)} to {significant(high)}"


def _experts_text(wanted: QuestionFilter) -> str:
    joint = " and " if wanted.experts_mode == "all" else " or "
    names = [f"{layer}:{expert}" for layer, expert in wanted.experts]
    return f"uses {joint.join(names)}" if names else ""
