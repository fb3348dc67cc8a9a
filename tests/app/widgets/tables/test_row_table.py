"""Columns as wide as what stands in them, as far as there is room."""

from PySide6.QtGui import QStandardItem, QStandardItemModel
from pytestqt.qtbot import QtBot

from app.widgets.tables.row_table import RowTable

_TEXTS = "Similarity of expert weights", "done", "demo.h5 · all that is recorded · seed 0"
_LEAST = 60, 0, 80


def _table(qtbot: QtBot) -> RowTable:
    model = QStandardItemModel(0, 3)
    table = RowTable(model, _LEAST)
    model.setParent(table)
    qtbot.addWidget(table)
    table.resize(900, 200)
    table.show()
    model.appendRow([QStandardItem(text) for text in _TEXTS])
    return table


def test_nothing_is_cut_where_there_is_room(qtbot: QtBot) -> None:
    """Each column holds its text, and together they fill the table."""
    table = _table(qtbot)
    for column, text in enumerate(_TEXTS):
        assert table.columnWidth(column) > table.fontMetrics().horizontalAdvance(text)
    assert sum(map(table.columnWidth, range(3))) == table.viewport().width()


def test_what_room_there_is_is_shared_out(qtbot: QtBot) -> None:
    """No column falls below its least, nothing is scrolled to, and a width that a person gave stays."""
    table = _table(qtbot)
    table.resize(300, 200)
    widths = list(map(table.columnWidth, range(3)))
    assert all(width >= least for width, least in zip(widths, _LEAST, strict=True))
    assert sum(widths) == table.viewport().width()
    assert widths[1] > table.fontMetrics().horizontalAdvance(_TEXTS[1])  # a number, never cut
    table.setColumnWidth(0, 70)
    table.resize(900, 200)
    assert table.columnWidth(0) == 70
