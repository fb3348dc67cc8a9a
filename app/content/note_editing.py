"""Bookmarks, notes and names of experts as functions from a state to a state, and how they are read."""

from dataclasses import replace

from app.state.state import State
from moe_core.measures.question_filter import Expert, QuestionFilter
from moe_core.models.expert_names import one_line
from moe_core.numbers.formatting import counted, elide

BOOKMARK = "★"
_LONGEST = 80


def question_name(state: State) -> str | None:
    """The id of the question looked at."""
    if state.trace is None or state.question is None:
        return None
    return state.trace.table.ids[state.question]


def toggled_question(state: State) -> State:
    """The question bookmarked, or no more; what is written down about it stays, and its mark with it."""
    name = question_name(state)
    if name is None or state.notes.questions.get(name):
        return state
    return replace(state, notes=state.notes.with_question(name, None if name in state.notes.questions else ""))


def toggled_experts(state: State) -> State:
    """The selected experts bookmarked, or, where all are, no more; notes stay, as those of questions do."""
    notes, experts = state.notes, state.layers.experts(state.experts)
    is_off = experts <= notes.experts.keys()
    for expert in experts:
        notes = notes.with_expert(expert, notes.experts.get(expert) or (None if is_off else ""))
    return replace(state, notes=notes)


def named(state: State, name: str) -> State:
    """The selected expert under another name; none where it is empty."""
    expert, name = min(state.experts), one_line(name)
    names = {other: text for other, text in state.names.items() if other != expert}
    return replace(state, names={**names, expert: name} if name else names)


def name_text(state: State, expert: Expert) -> str:
    """What a person calls an expert, in quotation marks; empty where it has no name."""
    name = state.names.get(expert, "")
    return f"“{name}”" if name else ""


def bookmarked(state: State) -> State:
    """Only the questions with a bookmark in the filter."""
    names = frozenset(state.notes.questions)
    return replace(state, filter=QuestionFilter(ids=names, ids_title=counted(len(names), "bookmarked question")))


def note_text(note: str | None) -> str:
    """A note on one line, behind the sign; empty where there is neither bookmark nor note."""
    return "" if note is None else f"{BOOKMARK} {elide(' '.join(note.split()), _LONGEST)}".strip()
