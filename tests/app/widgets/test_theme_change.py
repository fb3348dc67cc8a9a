"""Colours that mean something stay, and fit the ground, when the theme changes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QLabel, QTableView, QWidget
from pytestqt.qtbot import QtBot

from app import theme
from app.views.traces.list_model import TraceList
from app.views.what_if.tables import SubjectTable
from app.widgets.fields.form_parts import Note
from app.widgets.filter.outcome_toggles import OutcomeMark, OutcomeToggles
from app.widgets.question_header import QuestionHeader
from app.widgets.tables.tinted_rows import row_grounds
from moe_core.comparison.comparison import SubjectChange
from moe_core.numbers.paired_statistics import paired_change
from moe_core.traces.library import Condition, TraceEntry
from tests.app.picture import colours_in, picture_of


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


def outcomes_shown() -> QWidget:
    """The buttons that filter by outcome: right, wrong, failed."""
    toggles = OutcomeToggles((OutcomeMark("✓", "right", theme.RIGHT), OutcomeMark("✗", "wrong", theme.WRONG)))
    font = toggles.font()
    font.setPointSizeF(3 * font.pointSizeF())  # a font that lacks the marks draws hairlines, which are paler than ink
    for button in toggles.buttons:
        button.setFont(font)
    return toggles


def subjects_shown() -> QWidget:
    """A subject that lost answers, beyond chance."""
    table = SubjectTable()
    before = np.ones(40, bool)
    change = paired_change(before, np.zeros(40, bool))
    table.show_subjects([SubjectChange("festivals", change, 0.001)])
    table.resize(700, 60)
    return table


def damaged_trace_shown() -> QWidget:
    """A file of the library that cannot be opened."""
    table = QTableView()
    model = TraceList(table)
    model.add([TraceEntry(Path("T.h5"), Condition.DAMAGED, "T.h5 is no trace.", "is no trace.")])
    table.setModel(model)
    table.resize(700, 60)
    return table


@pytest.mark.parametrize("shown", [outcomes_shown, subjects_shown, damaged_trace_shown])
def test_coloured_texts_are_drawn_in_their_colour_in_every_theme(
    qapp: QApplication, qtbot: QtBot, shown: Callable[[], QWidget]
) -> None:
    """Light, dark, light: that of the meaning, or the grey, as it is read in the theme there is now."""
    widget = shown()
    qtbot.addWidget(widget)
    widget.show()
    for scheme in ("light", "dark", "light"):
        theme.apply(qapp, scheme)  # type: ignore[arg-type]  # one of its names
        qapp.processEvents()
        palette, role = qapp.palette(), QPalette.ColorRole
        wanted = palette.color(role.PlaceholderText) if shown is damaged_trace_shown else QColor(theme.WRONG)
        on_button = theme.readable(wanted, palette.color(role.Window), palette.color(role.Button))
        wanted = on_button if shown is outcomes_shown else theme.readable(wanted, *row_grounds(palette))
        found = colours_in(picture_of(widget), widget.rect())
        assert min(_distance(QColor(name), wanted) for name in found) < 30, scheme


def _distance(one: QColor, other: QColor) -> int:
    """How far two colours are from each other, over red, green and blue."""
    return sum(abs(a - b) for a, b in zip(one.getRgb()[:3], other.getRgb()[:3], strict=True))  # type: ignore[index]
