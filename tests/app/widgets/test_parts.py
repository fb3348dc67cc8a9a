"""Rows and columns hold their parts in order, with the room, the margins and the spacing that are said."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.widgets.parts import in_column, in_row, only_read


def test_parts_stand_where_they_are_put(qtbot: QtBot) -> None:
    """Widgets, layouts, shares of the room, places in their own room, and room that is left empty."""
    owner = QWidget()
    qtbot.addWidget(owner)
    first, second, third = QLabel("a"), QLabel("b"), QLabel("c")
    row = in_row(None, (first, 2), 0, spacing=3)
    column = in_column(owner, row, (second, Qt.AlignmentFlag.AlignRight), 1, (third, 4), margins=(1, 2, 3, 4))
    assert owner.layout() is column
    items = [column.itemAt(at) for at in range(column.count())]
    assert [item.layout() or item.widget() for item in items] == [row, second, None, third]
    assert [column.stretch(at) for at in range(4)] == [0, 0, 1, 4]
    assert items[1].alignment() == Qt.AlignmentFlag.AlignRight
    margins = column.contentsMargins()
    assert (margins.left(), margins.top(), margins.right(), margins.bottom()) == (1, 2, 3, 4)
    assert (row.spacing(), row.stretch(0), row.count()) == (3, 2, 2)


def test_what_is_not_said_is_as_the_style_has_it(qtbot: QtBot) -> None:
    """The margins of a dialog, and the spacing."""
    plain, styled = QWidget(), QWidget()
    for owner in (plain, styled):
        qtbot.addWidget(owner)
    assert in_column(plain, QLabel()).contentsMargins().top() == 0
    column = in_column(styled, QLabel(), margins=None)
    assert column.contentsMargins().top() > 0
    assert column.spacing() >= 0


def test_a_text_that_is_only_read_is_walked_by_keys(qtbot: QtBot) -> None:
    """It has a cursor that shows where the keyboard is, text is selected with it, and Tab goes on."""
    page, field, after = QWidget(), only_read(QPlainTextEdit("moescope record")), QPushButton("Copy")
    in_column(page, field, after)
    qtbot.addWidget(page)
    with qtbot.waitActive(page):
        page.show()
    field.setFocus()
    qtbot.keyClick(field, Qt.Key.Key_End, Qt.KeyboardModifier.ShiftModifier)
    assert field.textCursor().selectedText() == "moescope record"
    qtbot.keyClick(field, "x")
    assert field.toPlainText() == "moescope record"
    qtbot.keyClick(field, Qt.Key.Key_Tab)
    assert page.focusWidget() is after
