"""The table of gates: boxes in their places, filled by weight, outlined where selected."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QAccessible, QPalette
from pytestqt.qtbot import QtBot

from app.widgets.bars.gates import GateTable
from moe_core.figures.gates import GateFigure, GateRow
from tests.app.bars import bar_of, bar_room
from tests.app.picture import picture_of

EXPERTS = np.array([[5, 63], [0, 7], [12, 3]], np.uint8)
WEIGHTS = np.array([[0.6, 0.3], [0.9, 0.0], [np.nan, 0.45]])
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def chart(qtbot: QtBot) -> GateTable:
    """Three layers, two ranks."""
    made = GateTable()
    qtbot.addWidget(made)
    made.set_gates(GateFigure(rows()), [describe])
    made.resize(made.sizeHint())
    made.show()
    return made


def rows(experts: np.ndarray = EXPERTS, weights: np.ndarray = WEIGHTS) -> tuple[GateRow, ...]:
    """A side of the figure."""
    return tuple(GateRow(str(layer), experts[layer], weights[layer]) for layer in range(len(experts)))


def describe(layer: int, rank: int) -> str:
    """A cell by its place."""
    return f"layer {layer}, rank {rank}"


def cell(chart: GateTable, layer: int, column: int) -> QRect:
    """Where a cell stands; the layer's number is in column 0."""
    return chart.visualRect(chart.shown.index(chart.row_of(layer), column))


def test_the_largest_weight_fills_its_cell(chart: GateTable) -> None:
    """The others in proportion; what is not finite leaves its cell empty."""
    shares = [
        [bar_of(chart, row, rank).width() / bar_room(chart, row, rank).width() for rank in (1, 2)] for row in range(3)
    ]
    assert np.allclose(shares, [[2 / 3, 1 / 3], [1, 0], [0, 0.5]])
    assert GateFigure(rows()).full == 0.9


def test_a_selected_expert_is_outlined_in_its_own_layer_only(chart: GateTable) -> None:
    """The accent colour stands around the cell of (1, 7), and around no other; a screen reader calls it selected."""
    chart.set_selected(frozenset({(1, 7), (0, 7)}), 0)
    image, accent = picture_of(chart.viewport()), chart.palette().color(QPalette.ColorRole.Highlight)
    for (row, rank), _ in np.ndenumerate(EXPERTS):
        edge = bar_room(chart, row, rank + 1).topLeft().toPoint() + QPoint(1, 4)
        assert (image.pixelColor(edge) == accent) == ((row, rank) == (1, 1))
    table = QAccessible.queryAccessibleInterface(chart)
    cells = [table.child(place) for place in range(table.childCount())]
    selected = [found.text(QAccessible.Text.Name) for found in cells if found.state().selected]
    assert selected == ["0", "layer 1, rank 1"]


def test_clicks_say_layer_and_expert(chart: GateTable, qtbot: QtBot) -> None:
    """With control they add; on a layer's number they look at the layer; beside the cells they say nothing."""
    said: list[tuple[object, ...]] = []
    chart.expert_chosen.connect(lambda *values: said.append(values))
    chart.layer_chosen.connect(lambda layer: said.append((layer,)))
    chart.resize(chart.width(), chart.height() + 200)
    control, viewport = Qt.KeyboardModifier.ControlModifier, chart.viewport()
    qtbot.mouseClick(viewport, LEFT, pos=cell(chart, 0, 2).center())
    qtbot.mouseClick(viewport, LEFT, control, cell(chart, 2, 1).center())
    qtbot.mouseClick(viewport, LEFT, pos=cell(chart, 1, 0).center())
    qtbot.mouseClick(viewport, LEFT, pos=QPoint(60, viewport.height() - 2))
    qtbot.mouseClick(viewport, Qt.MouseButton.RightButton, pos=cell(chart, 0, 2).center())
    assert said == [(0, 63, False), (2, 12, True), (1,)]


def test_two_clicks_in_a_row_are_two_clicks(chart: GateTable, qtbot: QtBot) -> None:
    """An expert that is added and taken away again at once is not added for good."""
    said: list[tuple[int, int, bool]] = []
    chart.expert_chosen.connect(lambda *values: said.append(values))
    place, control = cell(chart, 0, 2).center(), Qt.KeyboardModifier.ControlModifier
    qtbot.mouseClick(chart.viewport(), LEFT, control, place)
    qtbot.mouseDClick(chart.viewport(), LEFT, control, place)
    assert said[0] == (0, 63, True)
    assert len(set(said)) == 1
    assert len(said) >= 2


def test_weights_that_are_all_zero_fill_nothing(chart: GateTable) -> None:
    """As where an intervention drops every expert."""
    chart.set_gates(GateFigure(rows(weights=np.zeros((3, 2)))), [describe])
    assert bar_of(chart, 1, 1).width() == 0
    chart.grab()


def test_both_sides_are_named_for_who_cannot_see_them(chart: GateTable) -> None:
    """Each row by its layer and its side, each column by its rank."""
    chart.set_gates(GateFigure(rows(), rows(EXPERTS[:, ::-1])), [describe, describe])
    table = QAccessible.queryAccessibleInterface(chart)
    children = [table.child(place) for place in range(table.childCount())]
    names = {
        role: [child.text(QAccessible.Text.Name) for child in children if child.role() == role]
        for role in (QAccessible.Role.RowHeader, QAccessible.Role.ColumnHeader)
    }
    assert names[QAccessible.Role.RowHeader][:3] == ["layer 0, before", "layer 0, what-if", "layer 1, before"]
    assert names[QAccessible.Role.ColumnHeader] == ["layer", "rank 1", "rank 2"]


def test_an_empty_chart_can_be_drawn(qtbot: QtBot) -> None:
    """Before there is a question."""
    chart = GateTable()
    qtbot.addWidget(chart)
    chart.show()
    chart.grab()
    qtbot.keyClick(chart, Qt.Key.Key_Return)
    qtbot.mouseClick(chart.viewport(), LEFT)
