"""Colours that mean something stay, and fit the ground, when the theme changes."""

import pytest
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from app import theme
from app.dialogs.form_parts import Note
from app.widgets.question_header import QuestionHeader


def outcome_shown() -> tuple[QWidget, QLabel]:
    """A question answered wrong, and the label that says so."""
    header = QuestionHeader()
    header.set_question("q", "wrong", "details")
    return header, next(label for label in header.findChildren(QLabel) if label.accessibleName() == "Outcome")


def problem_shown() -> tuple[QWidget, QLabel]:
    """A field that cannot be used."""
    note = Note()
    note.say("No such file.", is_problem=True)
    return note, note


def note_shown() -> tuple[QWidget, QLabel]:
    """What a field means."""
    note = Note()
    note.say("24 questions")
    return note, note


@pytest.mark.parametrize("shown", [outcome_shown, problem_shown, note_shown])
def test_a_text_looks_as_if_made_in_the_new_theme(qapp: QApplication, qtbot: QtBot, shown: object) -> None:
    """Light, then dark: the colour is that of one that never saw light."""
    assert callable(shown)
    old, label = shown()
    qtbot.addWidget(old)
    old.show()
    theme.apply(qapp, "dark")
    fresh, as_made_now = shown()
    qtbot.addWidget(fresh)
    role = QPalette.ColorRole.WindowText
    assert label.palette().color(role) == as_made_now.palette().color(role)
