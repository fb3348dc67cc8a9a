"""Bookmarks come and go by one key; what is written down does not go with them."""

from dataclasses import replace

from app.content.note_editing import toggled_experts, toggled_question
from app.state.session import Session


def test_a_bookmark_comes_and_goes(opened: Session) -> None:
    """Of the question looked at, and of the selected experts."""
    state = replace(opened.state, question=2, experts=frozenset({(0, 1), (2, 3)}))
    marked = toggled_experts(toggled_question(state))
    assert list(marked.notes.questions.values()) == [""]
    assert marked.notes.experts.keys() == state.layers.experts(state.experts)
    assert toggled_experts(toggled_question(marked)).notes == state.notes


def test_a_note_stays_where_a_bookmark_is_taken_away(opened: Session) -> None:
    """The key that bookmarks is pressed out of habit behind a note, too."""
    state = replace(opened.state, question=2, experts=frozenset({(0, 1), (2, 3)}))
    assert state.trace is not None
    name, expert = state.trace.table.ids[2], state.layers.expert((0, 1))
    notes = state.notes.with_question(name, "odd").with_expert(expert, "months")
    noted = toggled_experts(toggled_question(replace(state, notes=notes)))
    assert noted.notes.questions == {name: "odd"}
    assert noted.notes.experts == {expert: "months", state.layers.expert((2, 3)): ""}
    assert toggled_experts(noted).notes == notes
