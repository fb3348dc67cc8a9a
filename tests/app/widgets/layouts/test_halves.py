"""Two halves of a view, beside each other or as pages."""

from PySide6.QtWidgets import QTextEdit
from pytestqt.qtbot import QtBot

from app.widgets.layouts.halves import Halves


def test_halves_become_pages_where_it_is_narrow_and_come_back(qtbot: QtBot) -> None:
    """Neither is lost on the way, and as a page each has the whole width."""
    parts = QTextEdit(), QTextEdit()
    halves = Halves(parts, ("One", "Other"), narrow=400, shares=(1, 3))
    qtbot.addWidget(halves)
    halves.resize(800, 300)
    halves.show()
    assert not halves.is_paged
    assert all(part.isVisible() for part in parts)
    assert parts[0].width() < parts[1].width()
    halves.resize(300, 300)
    assert halves.is_paged
    assert [part.isVisible() for part in parts] == [True, False]
    halves.show_half(1)
    assert [part.isVisible() for part in parts] == [False, True]
    assert parts[1].width() > 280
    halves.resize(800, 300)
    assert not halves.is_paged
    assert all(part.isVisible() for part in parts)
    assert parts[0].width() < parts[1].width()
