"""Bookmarks and notes on questions and experts, and what experts are called."""

from dataclasses import replace

from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QDialog, QInputDialog, QLineEdit, QPlainTextEdit

from app.actions.action import Action, Menu
from app.content.note_editing import bookmarked, named, question_name, toggled_experts, toggled_question
from app.state.state import State
from app.window.main_window import MainWindow


def _has_question(state: State) -> bool:
    return state.question is not None


def _has_experts(state: State) -> bool:
    return bool(state.experts)


def _ask(window: MainWindow, title: str, note: str) -> str | None:
    """The note as it is to be; None where the person thinks better of it."""
    dialog = QInputDialog(window)
    dialog.setOption(QInputDialog.InputDialogOption.UsePlainTextEditForTextInput)
    dialog.setWindowTitle(title)
    dialog.setLabelText("Kept in a plain file beside the trace. Ctrl+Enter keeps it, Esc does not.")
    dialog.setTextValue(note)
    for field in dialog.findChildren(QPlainTextEdit):
        field.setTabChangesFocus(True)
    for keys in ("Ctrl+Return", "Ctrl+Enter"):
        QShortcut(QKeySequence(keys), dialog, dialog.accept)
    is_accepted = dialog.exec() == QDialog.DialogCode.Accepted
    dialog.deleteLater()
    return dialog.textValue().strip() if is_accepted else None


def _note_question(window: MainWindow) -> None:
    state = window.session.state
    name = question_name(state)
    if name is not None and (note := _ask(window, f"Note on {name}", state.notes.questions.get(name, ""))) is not None:
        window.session.set(replace(state, notes=state.notes.with_question(name, note or None)))


def _note_expert(window: MainWindow) -> None:
    state = window.session.state
    expert = state.layers.expert(min(state.experts))
    title = f"Note on expert {expert[0]}:{expert[1]}"
    if (note := _ask(window, title, state.notes.experts.get(expert, ""))) is not None:
        window.session.set(replace(state, notes=state.notes.with_expert(expert, note or None)))


def _name_expert(window: MainWindow) -> None:
    state = window.session.state
    expert = min(state.experts)
    title = f"Name of expert {state.layers.name(expert)}"
    said = "Kept in a plain file beside the model; empty takes it away:"
    name, is_accepted = QInputDialog.getText(
        window, title, said, QLineEdit.EchoMode.Normal, state.names.get(expert, "")
    )
    if is_accepted:
        window.session.set(named(state, name))


_QUESTIONS = (
    Action(
        "bookmark_question",
        "Bookmark the question",
        "Mark the question looked at, or take its mark away; a note keeps its mark until it is emptied",
        lambda w: w.session.set(toggled_question(w.session.state)),
        ("Ctrl+D",),
        _has_question,
    ),
    Action(
        "note_question",
        "Note on the question…",
        "Write something down about the question looked at; it is kept in a plain file beside the trace",
        _note_question,
        ("Ctrl+Shift+D",),
        _has_question,
    ),
    Action(
        "filter_bookmarked",
        "Bookmarked questions",
        "Filter the questions to those with a bookmark or a note",
        lambda w: w.session.set(bookmarked(w.session.state)),
        is_enabled=lambda state: bool(state.notes.questions),
    ),
)
_EXPERTS = (
    Action(
        "bookmark_experts",
        "Bookmark the selected experts",
        "Mark the selected experts, or take their marks away where all have one; notes keep theirs until emptied",
        lambda w: w.session.set(toggled_experts(w.session.state)),
        ("Ctrl+B",),
        _has_experts,
    ),
    Action(
        "note_expert",
        "Note on the expert…",
        "Write something down about the selected expert; it is kept in a plain file beside the trace",
        _note_expert,
        ("Ctrl+Shift+B",),
        _has_experts,
    ),
    Action(
        "name_expert",
        "Name the expert…",
        "Say what the selected expert does; its name stands in the grid, the palette and in reports",
        _name_expert,
        ("F2",),
        _has_experts,
    ),
)
NOTES_MENU = Menu("Notes", (_QUESTIONS, _EXPERTS))
