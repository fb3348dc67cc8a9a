"""A line to search with: one change a pause, Esc and undo shared fairly with the window."""

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.widgets.fields.number_boxes import decimal_in
from app.widgets.filter.search_field import SearchField


@pytest.fixture
def field(qtbot: QtBot) -> SearchField:
    """A field of its own, and with the focus."""
    made = SearchField("Search", "Search")
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    made.setFocus()
    return made


def test_what_is_typed_is_told_once_after_a_pause(field: SearchField, qtbot: QtBot) -> None:
    """And not again for the same text."""
    told: list[str] = []
    field.searched.connect(told.append)
    with qtbot.waitSignal(field.searched):
        qtbot.keyClicks(field, "abc")
    qtbot.keyClicks(field, "d")
    qtbot.keyClick(field, Qt.Key.Key_Backspace)
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert told == ["abc"]


def test_return_esc_and_down_tell_at_once(field: SearchField, qtbot: QtBot) -> None:
    """Esc clears first; Down says that it leads on."""
    told: list[str] = []
    field.searched.connect(told.append)
    qtbot.keyClicks(field, "a")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    qtbot.keyClicks(field, "b")
    with qtbot.waitSignal(field.left_downwards):
        qtbot.keyClick(field, Qt.Key.Key_Down)
    assert told == ["a", "", "b"]


def test_a_text_from_elsewhere_is_shown_and_not_told(field: SearchField, qtbot: QtBot) -> None:
    """What is being typed stays where it was not changed elsewhere."""
    told: list[str] = []
    field.searched.connect(told.append)
    field.set_text("old")
    qtbot.keyClicks(field, "er")
    field.set_text("old")
    assert field.text() == "older"
    field.set_text("")
    assert field.text() == ""
    field.tell()
    assert told == []


@pytest.mark.parametrize(
    ("text", "bound"), [("−1,5", -1.5), (" 0.25 ", 0.25), ("", None), ("x", None), ("inf", None), ("nan", None)]
)
def test_a_bound_is_read_as_people_write_it(text: str, bound: float | None) -> None:
    """Comma or point, any minus sign; what is no number bounds nothing."""
    assert decimal_in(text) == bound
