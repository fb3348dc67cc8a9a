"""The gate chart: cells in their places, filled by weight, outlined where selected."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QPalette
from pytestqt.qtbot import QtBot

from app.widgets.bars.gate_chart import GateChart

EXPERTS = np.array([[5, 63], [0, 7], [12, 3]], np.uint8)
WEIGHTS = np.array([[0.6, 0.3], [0.9, 0.0], [np.nan, 0.45]])


@pytest.fixture
def chart(qtbot: QtBot) -> GateChart:
    """Three layers, two ranks."""
    made = GateChart()
    qtbot.addWidget(made)
    made.set_gates(EXPERTS, WEIGHTS, "gate weight", lambda layer, rank: f"{layer} {rank}")
    made.resize(made.sizeHint())
    made.show()
    return made


def test_the_largest_weight_fills_its_cell(chart: GateChart) -> None:
    """The others in proportion; what is not finite leaves its cell empty."""
    shares = [[chart.fill(row, rank).width() / chart.cell(row, rank).width() for rank in (0, 1)] for row in range(3)]
    assert np.allclose(shares, [[2 / 3, 1 / 3], [1, 0], [0, 0.5]])
    assert chart.full_weight == 0.9


def test_a_selected_expert_is_outlined_in_its_own_layer_only(chart: GateChart) -> None:
    """The accent colour stands around the cell of (1, 7), and around no other."""
    chart.set_selected(frozenset({(1, 7), (0, 7)}), 0)
    image, accent = chart.grab().toImage(), chart.palette().color(QPalette.ColorRole.Highlight)
    for (row, rank), _ in np.ndenumerate(EXPERTS):
        edge = chart.cell(row, rank).topLeft().toPoint() + QPoint(1, 4)
        assert (image.pixelColor(edge) == accent) == ((row, rank) == (1, 1))


def test_clicks_say_layer_and_expert(chart: GateChart, qtbot: QtBot) -> None:
    """With control they add; on a layer's number they look at the layer; beside the chart they say nothing."""
    said: list[tuple[object, ...]] = []
    chart.expert_chosen.connect(lambda *values: said.append(values))
    chart.layer_chosen.connect(lambda layer: said.append((layer,)))
    control = Qt.KeyboardModifier.ControlModifier
    qtbot.mouseClick(chart, Qt.MouseButton.LeftButton, pos=chart.cell(0, 1).center().toPoint())
    qtbot.mouseClick(chart, Qt.MouseButton.LeftButton, control, chart.cell(2, 0).center().toPoint())
    qtbot.mouseClick(chart, Qt.MouseButton.LeftButton, pos=chart.label(1).center().toPoint())
    qtbot.mouseClick(chart, Qt.MouseButton.LeftButton, pos=QPoint(60, 2))
    qtbot.mouseClick(chart, Qt.MouseButton.RightButton, pos=chart.cell(0, 1).center().toPoint())
    assert said == [(0, 63, False), (2, 12, True), (1,)]


def test_weights_that_are_all_zero_fill_nothing(chart: GateChart) -> None:
    """As where an intervention drops every expert."""
    chart.set_gates(EXPERTS, np.zeros((3, 2)), "gate weight", lambda layer, rank: "")
    assert chart.fill(1, 0).width() == 0
    chart.grab()


def test_an_empty_chart_can_be_drawn(qtbot: QtBot) -> None:
    """Before there is a question."""
    chart = GateChart()
    qtbot.addWidget(chart)
    chart.show()
    chart.grab()
    qtbot.keyClick(chart, Qt.Key.Key_Return)
    qtbot.mouseClick(chart, Qt.MouseButton.LeftButton)
