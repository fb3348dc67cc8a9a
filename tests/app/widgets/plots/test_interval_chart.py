"""The chart of points with intervals: what it draws where, what it reads out, and what clicks and keys choose."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from app.widgets.plots.interval_chart import IntervalPlot
from moe_core.figures.curves import Reference, Style
from moe_core.figures.points import PointFigure, PointSeries
from tests.app.picture import picture_of

NAN = float("nan")
RED, BLUE = "#ff0000", "#0000ff"


def series(name: str, colour: str, values: tuple[float, ...], *, is_band: bool = False) -> PointSeries:
    """Points at 1, 2, .. with bounds three above and below."""
    return PointSeries(
        name=name,
        x=tuple(float(n + 1) for n in range(len(values))),
        values=values,
        lower=tuple(value - 3 for value in values),
        upper=tuple(value + 3 for value in values),
        texts=tuple(f"{name} at {n + 1}" for n in range(len(values))),
        colour=colour,
        style=Style(marker="circle"),
        is_band=is_band,
    )


CHART = PointFigure(
    (series("one", RED, (10.0, 20.0, 15.0)), series("two", BLUE, (40.0, 50.0, NAN), is_band=True)),
    "factor",
    "points",
    Reference(0.0, "baseline"),
)


@pytest.fixture
def plot(qtbot: QtBot) -> IntervalPlot:
    """The chart, shown."""
    made = IntervalPlot()
    qtbot.addWidget(made)
    made.resize(600, 320)
    made.show_chart(CHART)
    with qtbot.waitExposed(made):
        made.show()
    return made


def colour_at(plot: IntervalPlot, place: QPoint) -> QColor:
    """The colour of a pixel."""
    return picture_of(plot).pixelColor(place)


def test_points_and_bars_stand_at_their_values(plot: IntervalPlot) -> None:
    """A value twice as far from the reference is drawn twice as far; the bar reaches to the bounds."""
    low, high = plot.place_of((0, 0)), plot.place_of((0, 1))
    zero = low.y() + (low.y() - high.y())
    assert plot.place_of((1, 0)).y() == pytest.approx(zero - 4 * (zero - low.y()), abs=0.01)
    unit = (low.y() - high.y()) / 10
    for offset in (-2.5, 0.0, 2.5):
        assert colour_at(plot, QPoint(round(low.x()), round(low.y() + offset * unit))).red() > 200
    beyond = colour_at(plot, QPoint(round(low.x()), round(low.y() + 4.5 * unit)))
    assert min(beyond.red(), beyond.green(), beyond.blue()) > 150


def test_a_click_and_arrow_keys_choose_points(plot: IntervalPlot, qtbot: QtBot) -> None:
    """Left and right along a series, up and down between them; a click beside all points chooses none."""
    with qtbot.waitSignal(plot.point_chosen) as told:
        qtbot.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=plot.place_of((1, 1)).toPoint())
    assert told.args == [1, 1]
    plot.show_chart(CHART, (0, 1))
    for key, wanted in (
        (Qt.Key.Key_Right, [0, 2]),
        (Qt.Key.Key_Left, [0, 0]),
        (Qt.Key.Key_Down, [1, 1]),
    ):
        with qtbot.waitSignal(plot.point_chosen) as told:
            qtbot.keyClick(plot, key)
        assert told.args == wanted
    with qtbot.assertNotEmitted(plot.point_chosen):
        qtbot.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(300, 5))
        qtbot.keyClick(plot, Qt.Key.Key_Up)


def test_it_reads_out_what_is_pointed_at(plot: IntervalPlot, qtbot: QtBot) -> None:
    """The point under the mouse, else the chosen one, else nothing."""
    assert plot.readout == ""
    plot.show_chart(CHART, (0, 2))
    assert plot.readout == "one at 3"
    qtbot.mouseMove(plot.viewport(), plot.place_of((1, 0)).toPoint())
    assert plot.readout == plot.accessibleDescription() == "two at 1"


def test_points_at_one_x_stand_side_by_side(plot: IntervalPlot, qtbot: QtBot) -> None:
    """Bars hide none of each other, near or far, and a click means the one it is on."""
    one = series("one", RED, (10.0, 20.0, 15.0))
    other = replace(one, name="two", colour=BLUE)
    plot.show_chart(replace(CHART, series=(one, other)))
    plot.setFocus()
    for _ in range(2):
        first, second = plot.place_of((0, 1)), plot.place_of((1, 1))
        assert second.x() - first.x() == pytest.approx(5)
        assert colour_at(plot, first.toPoint() - QPoint(2, 0)).red() > 200
        assert colour_at(plot, second.toPoint() + QPoint(1, 0)).blue() > 200
        with qtbot.waitSignal(plot.point_chosen) as told:
            qtbot.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=second.toPoint() + QPoint(1, 0))
        assert told.args == [1, 1]
        plot.zoom_in()


def test_random_draws_are_a_band_and_the_rest_has_bars(plot: IntervalPlot) -> None:
    """A band is one area from the first to the last point; where x is no scale everything has a bar, and no line."""
    bars, band = plot.series
    assert len(bars.edges.getData()[0]) == 3 * 3  # two ends and a gap each
    assert not len(bars.band.getData()[0])
    assert np.nanmin(band.band.getData()[1]) == 37
    assert np.nanmax(band.band.getData()[1]) == 53
    assert all(drawn.line.isVisible() for drawn in plot.series)
    plot.show_chart(replace(CHART, names=("a", "b", "c")))
    assert not any(len(drawn.band.getData()[0]) for drawn in plot.series)
    assert not any(drawn.line.isVisible() for drawn in plot.series)
    assert [text for _, text in plot.foot.marks(-0.5, 2.5, 300)] == ["a", "b", "c"]


def test_more_points_are_other_data_of_the_same_items(plot: IntervalPlot) -> None:
    """An experiment that runs changes what is drawn, not what draws it."""
    before = [item for drawn in plot.series for item in drawn.items]
    more = series("one", RED, (10.0, 20.0, 15.0, 12.0))
    plot.show_chart(replace(CHART, series=(more, CHART.series[1])))
    after = [item for drawn in plot.series for item in drawn.items]
    assert all(a is b for a, b in zip(after, before, strict=True))
    assert len(plot.series[0].line.getData()[0]) == 4


def test_ranges_hold_everything() -> None:
    """Bounds and reference lie inside; names make room for each; nothing at all has a range too."""
    low, high = CHART.y_range()
    assert low < 0
    assert high > 53
    assert replace(CHART, names=("a", "b")).x_range() == (-0.5, 1.5)
    assert np.diff(PointFigure().y_range())[0] > 0
    assert np.diff(PointFigure().x_range())[0] > 0


def test_an_empty_chart_and_a_single_point_are_drawn(plot: IntervalPlot) -> None:
    """No warning from Qt, which would fail the test."""
    plot.show_chart(PointFigure())
    plot.grab()
    single = replace(series("single", RED, (5.0,), is_band=True), x=(0.0,))
    plot.show_chart(PointFigure((single,), names=("a very long name that cannot be shown as a whole",)))
    assert colour_at(plot, plot.place_of((0, 0)).toPoint()).red() > 200
