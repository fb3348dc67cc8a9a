"""The colour bar and its controls: range, ends, logarithm and maps, with mouse and keys."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QComboBox, QLineEdit, QToolButton
from pytestqt.qtbot import QtBot

from app.widgets.plots.grid.colour_controls import ColourControls
from app.widgets.plots.grid.heat_map import HeatMap
from moe_core.figures.colour.colour_scale import ColourScale
from moe_core.figures.heat_map import HeatMapFigure
from tests.app.picture import picture_of

VALUES = np.append(np.linspace(0.01, 1.0, 200), [np.nan, 0.0, 9.0])


@pytest.fixture
def heat_map(qtbot: QtBot) -> HeatMap:
    """0 to 1 in viridis."""
    made = HeatMap()
    qtbot.addWidget(made)
    made.set_data(figure(ColourScale("viridis", 0.0, 1.0)))
    made.resize(500, 320)
    with qtbot.waitExposed(made):
        made.show()
    return made


def figure(scale: ColourScale, **changes: object) -> HeatMapFigure:
    """Eight values from 0 to 1."""
    fields = {"values": np.linspace(0, 1, 8).reshape(2, 4), "is_never_used": np.zeros((2, 4), bool), "scale": scale}
    return HeatMapFigure(**(fields | changes))  # type: ignore[arg-type]  # names are the fields' own


@pytest.fixture
def controls(qtbot: QtBot) -> ColourControls:
    """For values without a middle."""
    made = ColourControls()
    qtbot.addWidget(made)
    qtbot.addWidget(made.ends)
    made.set_kind("used_share", is_signed=False)
    made.show()
    return made


def choose(qtbot: QtBot, controls: ColourControls, name: str, text: str) -> None:
    """Take an entry of a combo box by its keys."""
    box = next(box for box in controls.findChildren(QComboBox) if box.accessibleName() == name)
    qtbot.keyClick(box, Qt.Key.Key_Home)
    while box.currentIndex() < box.findText(text):
        qtbot.keyClick(box, Qt.Key.Key_Down)
    assert box.currentText() == text


@pytest.mark.parametrize("scale", [ColourScale("viridis", 0.0, 1.0), ColourScale("cividis", 0.01, 1.0, is_log=True)])
def test_the_bar_shows_the_colours_of_its_values(heat_map: HeatMap, scale: ColourScale) -> None:
    """At the height where a value stands, linear or logarithmic."""
    heat_map.set_data(figure(scale))
    image, bar = picture_of(heat_map), heat_map.colour_bar
    for value in (0.1, 0.35, 0.6, 0.9):
        colour = image.pixelColor(int(bar.bar.left()) + 5, int(bar.place_of(value)))
        assert np.abs(np.array(colour.getRgb()[:3]) - scale.rgb(np.array(value)).astype(int)).max() <= 6


def test_dragging_a_half_moves_its_end(heat_map: HeatMap, qtbot: QtBot) -> None:
    """The upper half down by a quarter: the colours end at 0.75; the lower one up: they begin at 0.25."""
    heard: list[tuple[float, float]] = []
    heat_map.range_dragged.connect(lambda low, high: heard.append((low, high)))
    rectangle, port = heat_map.colour_bar.bar, heat_map.viewport()
    quarter = int(rectangle.height() / 4)
    for start, step in ((rectangle.top() + 8, quarter), (rectangle.bottom() - 8, -quarter)):
        place = QPointF(rectangle.center().x(), start).toPoint()
        qtbot.mousePress(port, Qt.MouseButton.LeftButton, pos=place)
        qtbot.mouseMove(port, place + QPoint(0, step))
        qtbot.mouseRelease(port, Qt.MouseButton.LeftButton, pos=place + QPoint(0, step))
    qtbot.mouseMove(port, rectangle.center().toPoint())
    np.testing.assert_allclose(heard, [(0.0, 0.75), (0.25, 1.0)], atol=0.01)
    with qtbot.waitSignal(heat_map.range_reset):
        qtbot.mouseDClick(port, Qt.MouseButton.LeftButton, pos=rectangle.center().toPoint())


def test_dragging_an_end_of_signed_values_moves_both(heat_map: HeatMap, qtbot: QtBot) -> None:
    """The middle stays at 0."""
    heat_map.set_data(figure(ColourScale("CET-D1", -1.0, 1.0), is_signed=True))
    heat_map.layout_now()
    rectangle, port = heat_map.colour_bar.bar, heat_map.viewport()
    place = QPointF(rectangle.center().x(), rectangle.bottom() - 4).toPoint()
    qtbot.mousePress(port, Qt.MouseButton.LeftButton, pos=place)
    with qtbot.waitSignal(heat_map.range_dragged) as heard:
        qtbot.mouseMove(port, place - QPoint(0, int(rectangle.height() / 4)))
    qtbot.mouseRelease(port, Qt.MouseButton.LeftButton, pos=place)
    assert heard.args == pytest.approx([-0.5, 0.5], abs=0.02)


def test_values_beyond_an_end_are_told_by_a_triangle(heat_map: HeatMap) -> None:
    """Only at the end that values go beyond."""
    bar = heat_map.colour_bar.bar
    above = QPointF(bar.center().x(), bar.top() - 2).toPoint()
    below = QPointF(bar.center().x(), bar.bottom() + 2).toPoint()
    ground = picture_of(heat_map).pixelColor(above)
    heat_map.set_data(figure(ColourScale("viridis", 0.0, 0.9)))
    image = picture_of(heat_map)
    assert image.pixelColor(above) != ground
    assert image.pixelColor(below) == ground


def test_the_value_pointed_at_is_marked(heat_map: HeatMap, qtbot: QtBot) -> None:
    """A line in the colour of text across the colours, where the value of the cell stands."""
    heat_map.clearFocus()
    bar = heat_map.colour_bar
    place = QPointF(bar.bar.center().x(), bar.place_of(4 / 7)).toPoint()
    before = picture_of(heat_map).pixelColor(place)
    qtbot.mouseMove(heat_map.viewport(), heat_map.layout_now().cell_rectangle(1, 0).center().toPoint())
    assert picture_of(heat_map).pixelColor(place) == heat_map.palette().color(QPalette.ColorRole.Text) != before


def test_full_robust_and_log_ranges(controls: ColourControls, qtbot: QtBot) -> None:
    """Each gives the ends that its name says."""
    scale = controls.scale(VALUES)
    assert (scale.low, scale.high, scale.is_log) == (0.0, 9.0, False)
    with qtbot.waitSignal(controls.changed):
        choose(qtbot, controls, "Range of the colours", "Robust")
    scale = controls.scale(VALUES)
    np.testing.assert_allclose([scale.low, scale.high], np.nanpercentile(VALUES, [2, 98]))
    choose(qtbot, controls, "Range of the colours", "Full")
    with qtbot.waitSignal(controls.changed):
        qtbot.mouseClick(controls.findChild(QToolButton), Qt.MouseButton.LeftButton)
    scale = controls.scale(VALUES)
    assert (scale.low, scale.high, scale.is_log) == (0.01, 9.0, True)


def test_manual_ends_are_typed_and_kept_for_each_metric(controls: ColourControls, qtbot: QtBot) -> None:
    """Ends that cannot be are passed over; the row for them shows only where they count."""
    assert controls.ends.isHidden()
    choose(qtbot, controls, "Range of the colours", "Manual")
    assert not controls.ends.isHidden()
    low, high = controls.ends.findChildren(QLineEdit)
    for edit, text in ((low, "0.25"), (high, "0.5")):
        edit.clear()
        qtbot.keyClicks(edit, text)
        qtbot.keyClick(edit, Qt.Key.Key_Return)
    scale = controls.scale(VALUES)
    assert (scale.low, scale.high) == (0.25, 0.5)
    high.clear()
    qtbot.keyClicks(high, "0.1")
    qtbot.keyClick(high, Qt.Key.Key_Return)
    assert controls.scale(VALUES) == scale
    controls.set_kind("gate_weight", is_signed=False)
    assert controls.scale(VALUES).high == 9.0
    controls.set_kind("used_share", is_signed=False)
    assert controls.scale(VALUES) == scale


def test_signed_values_diverge_from_zero_and_have_no_logarithm(controls: ColourControls, qtbot: QtBot) -> None:
    """Each kind of values keeps a map of its own."""
    choose(qtbot, controls, "Colour map", "viridis")
    controls.set_kind("accuracy_lift", is_signed=True)
    assert controls.findChild(QToolButton).isHidden()
    scale = controls.scale(np.array([-0.2, 0.1]))
    assert (scale.map_name, scale.low, scale.high) == ("CET-D1", -0.2, 0.2)
    controls.set_kind("used_share", is_signed=False)
    assert controls.scale(VALUES).map_name == "viridis"


def test_options_come_back(controls: ColourControls, qtbot: QtBot) -> None:
    """And nonsense is passed over."""
    choose(qtbot, controls, "Colour map", "viridis")
    controls.set_ends(0.125, 0.5)
    other = ColourControls()
    qtbot.addWidget(other)
    qtbot.addWidget(other.ends)
    other.set_kind("used_share", is_signed=False)
    other.set_options(controls.options())
    assert other.options() == controls.options()
    assert other.scale(VALUES) == controls.scale(VALUES)
    other.set_options(
        {"range": ["x"], "log": 3, "sequential": "jet", "diverging": None, "ends": {"a": ["b", 1], "c": 4}}
    )
    assert other.options() == controls.options()
