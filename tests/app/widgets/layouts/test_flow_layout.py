"""Widgets flow into lines, within the margins."""

from PySide6.QtCore import QRect
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.widgets.layouts.flow_layout import FlowLayout
from app.widgets.parts import in_column


def test_margins_are_kept_where_it_stands_in_another_layout(qtbot: QtBot) -> None:
    """Known answer: two of three parts of 40 x 20 fit beside each other into 100, the third begins a line."""
    page, parts = QWidget(), [QWidget() for _ in range(3)]
    qtbot.addWidget(page)
    for part in parts:
        part.setFixedSize(40, 20)
    flow = FlowLayout(*parts, spacing=4, margins=(8, 3, 8, 5))
    in_column(page, flow, 1, margins=(0, 0, 0, 0), spacing=0)
    page.resize(100, 200)
    page.layout().activate()
    assert [part.geometry() for part in parts] == [QRect(8, 3, 40, 20), QRect(52, 3, 40, 20), QRect(8, 27, 40, 20)]
    assert flow.heightForWidth(100) == 3 + 20 + 4 + 20 + 5
    assert (flow.minimumSize().width(), flow.minimumSize().height()) == (56, 28)
    assert (flow.sizeHint().width(), flow.sizeHint().height()) == (8 + 3 * 40 + 2 * 4 + 8, 28)
