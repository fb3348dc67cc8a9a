"""The curve plot: what is drawn lies where its values are, and mouse and keys ask for what they point at."""

import gc
import itertools
import weakref
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import shiboken6
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPalette
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app import theme
from app.widgets.plots.curve_plot import CurvePlot
from moe_core.figures.axis import Axis, round_step
from moe_core.figures.curves import Curve, CurveFigure, Range, Reference, Style, value_range
from tests.app.picture import picture_of

LAYERS = np.arange(6)
HIGH = np.array([1.0, 1.2, 1.4, 1.3, 1.1, 1.5])


def curve(
    name: str, mean: np.ndarray = HIGH, colour: str = theme.RIGHT, *, spread: float = 0.1, style: Style | None = None
) -> Curve:
    """A curve over six layers with a band of equal width."""
    return Curve(name, LAYERS, mean, mean - spread, mean + spread, colour, style or Style(), 12)


CHART = CurveFigure(
    curves=(curve("right"), curve("wrong", HIGH - 0.6, theme.WRONG, style=Style((5, 2), "square"))),
    x_name="layer",
    x_title="MoE layer",
    y_title="entropy, nats",
    references=(Reference(2.0, "maximum: 2"),),
    selected=2,
    floor=0.0,
)


@pytest.fixture
def show(qtbot: QtBot) -> Callable[..., CurvePlot]:
    """Shows a chart in a plot of 700 x 400 pixels."""

    def shown(chart: CurveFigure = CHART, hidden: frozenset[str] = frozenset()) -> CurvePlot:
        plot = CurvePlot()
        qtbot.addWidget(plot)
        plot.resize(700, 400)
        plot.show_chart(chart, hidden)
        with qtbot.waitActive(plot):
            plot.show()
        return plot

    return shown


def colour_at(plot: CurvePlot, at: QPointF) -> QColor:
    """What is drawn at a point."""
    return picture_of(plot).pixelColor(at.toPoint())


def place_of(plot: CurvePlot, x: int, value: float) -> QPointF:
    """Where a value is drawn, in pixels of the widget."""
    return plot.widget_point(QPointF(x, value))


def place_of_entry(plot: CurvePlot, name: str) -> QPoint:
    """The middle of a curve's entry in the legend."""
    names = [entry.name for entry in plot.legend.entries]
    return plot.legend.layout.entries[names.index(name)].center().toPoint()


def is_like(first: QColor, second: QColor, tolerance: int = 24) -> bool:
    """Whether two colours look the same."""
    return all(abs(a - b) <= tolerance for a, b in zip(first.getRgb()[:3], second.getRgb()[:3], strict=True))


def test_means_are_drawn_in_their_colour_where_they_lie(show: Callable[..., CurvePlot]) -> None:
    """The filled markers of a curve are where its means are."""
    style = Style((), "circle")
    plot = show(replace(CHART, curves=(curve("right", style=style),), selected=None))
    for layer, mean in zip(LAYERS.tolist(), HIGH.tolist(), strict=True):
        assert is_like(colour_at(plot, place_of(plot, layer, mean)), QColor(theme.RIGHT))


def test_bands_are_translucent_so_that_both_are_seen(show: Callable[..., CurvePlot]) -> None:
    """Where two bands overlap the colour differs from either alone."""
    both = (curve("right", HIGH, spread=0.3), curve("wrong", HIGH + 0.25, theme.WRONG, spread=0.3))
    plot = show(replace(CHART, curves=both, selected=None, references=()))
    seen = [colour_at(plot, place_of(plot, 2, value)) for value in (1.17, 1.54, 1.85)]
    assert len({colour.name() for colour in seen}) == 3
    assert all(not is_like(colour, plot.palette().color(QPalette.ColorRole.Base), 3) for colour in seen)


def test_the_axis_holds_everything_and_can_begin_at_zero() -> None:
    """References count unless they are left out, ranges always, and nothing lies below the floor."""
    low, high = value_range(CHART, CHART.curves)
    assert 0 < low < 0.3
    assert high > 2.0
    assert value_range(replace(CHART, from_zero=True), CHART.curves)[0] == 0.0
    assert value_range(replace(CHART, to_references=False), CHART.curves)[1] < 2.0
    assert value_range(replace(CHART, ranges=(Range(3.0, 4.0, "a"),)), CHART.curves)[1] > 4.0
    wide = (curve("wide", HIGH, spread=5.0),)
    assert value_range(CHART, wide)[0] == 0.0


@pytest.mark.parametrize("chart", [CurveFigure(), replace(CHART, curves=()), replace(CHART, references=())])
def test_charts_without_curves_or_lines_are_drawn(show: Callable[..., CurvePlot], chart: CurveFigure) -> None:
    """An empty chart has axes, and no error."""
    show(chart).grab()
    show(chart, frozenset({"right", "wrong"})).grab()


def test_gaps_constants_and_a_single_layer_are_drawn(show: Callable[..., CurvePlot]) -> None:
    """NaN is a gap; a curve of one value and one layer still shows a marker and its band."""
    gap = np.array([1.0, np.nan, 1.2, np.nan, np.nan, 1.1])
    plot = show(replace(CHART, curves=(curve("gap", gap, style=Style((), "circle")),), selected=None, references=()))
    assert is_like(colour_at(plot, place_of(plot, 2, 1.2)), QColor(theme.RIGHT))
    one = Curve("one", np.array([0]), np.array([1.0]), np.array([0.5]), np.array([1.5]), theme.WRONG, Style(), 1)
    plot.show_chart(replace(CHART, curves=(one,), selected=None))
    assert is_like(colour_at(plot, place_of(plot, 0, 1.0)), QColor(theme.WRONG), 60)


def test_hover_reads_the_nearest_layer(show: Callable[..., CurvePlot], qtbot: QtBot) -> None:
    """Between two layers the nearer one counts; leaving the plot ends it."""
    plot = show()
    at = place_of(plot, 4, 1.0).toPoint() + QPoint(9, 0)
    qtbot.mouseMove(plot.viewport(), at)
    assert plot.hovered == 4
    assert plot.read_x == 4
    qtbot.mouseMove(plot.viewport(), QPoint(1, 1))
    assert plot.hovered is None
    assert plot.read_x == 2


def test_a_click_chooses_the_layer(show: Callable[..., CurvePlot], qtbot: QtBot) -> None:
    """The plot asks; whoever owns it answers with another chart."""
    plot = show()
    with qtbot.waitSignal(plot.x_chosen) as chosen:
        qtbot.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=place_of(plot, 5, 0.8).toPoint())
    assert chosen.args == [5]


@pytest.mark.parametrize(
    ("key", "expected"),
    [(Qt.Key.Key_Left, 1), (Qt.Key.Key_Right, 3), (Qt.Key.Key_Home, 0), (Qt.Key.Key_End, 5)],
)
def test_keys_choose_the_layer_too(show: Callable[..., CurvePlot], qtbot: QtBot, key: Qt.Key, expected: int) -> None:
    """Left, right, home and end."""
    plot = show()
    with qtbot.waitSignal(plot.x_chosen) as chosen:
        qtbot.keyClick(plot, key)
    assert chosen.args == [expected]


def test_keys_stop_at_both_ends(show: Callable[..., CurvePlot], qtbot: QtBot) -> None:
    """Nothing is asked for beyond the last layer."""
    plot = show(replace(CHART, selected=5))
    with qtbot.assertNotEmitted(plot.x_chosen):
        qtbot.keyClick(plot, Qt.Key.Key_Right)
        qtbot.keyClick(plot, Qt.Key.Key_End)


def test_a_click_on_the_legend_asks_to_hide(show: Callable[..., CurvePlot], qtbot: QtBot) -> None:
    """A hidden curve is not drawn; it stays in the legend, where a click brings it back."""
    plot = show()
    with qtbot.waitSignal(plot.curve_toggled) as toggled:
        qtbot.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=place_of_entry(plot, "wrong"))
    assert toggled.args == ["wrong"]
    plot.show_chart(CHART, frozenset({"wrong"}))
    assert [entry.name for entry in plot.legend.entries if not entry.is_hidden] == ["right"]
    with qtbot.waitSignal(plot.curve_toggled):
        qtbot.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=place_of_entry(plot, "wrong"))


def test_pointing_at_an_entry_shows_its_band(show: Callable[..., CurvePlot], qtbot: QtBot) -> None:
    """Bands that are drawn only for the curve in question appear with the mouse, and go with it."""
    style = Style((), "dot", band="pointed")
    plot = show(replace(CHART, curves=(curve("one", style=style), curve("two", HIGH - 0.6)), selected=None))
    inside = place_of(plot, 2, float(HIGH[2]) + 0.05)
    before = colour_at(plot, inside)
    qtbot.mouseMove(plot.viewport(), place_of_entry(plot, "one"))
    assert colour_at(plot, inside) != before
    qtbot.mouseMove(plot.viewport(), place_of(plot, 0, 1.9).toPoint())
    assert is_like(colour_at(plot, inside), before, 3)


def test_the_right_button_is_left_to_the_menu_of_the_figure(show: Callable[..., CurvePlot], qtbot: QtBot) -> None:
    """It neither chooses nor hides."""
    plot = show()
    with qtbot.assertNotEmitted(plot.x_chosen):
        qtbot.mouseClick(plot.viewport(), Qt.MouseButton.RightButton, pos=place_of(plot, 4, 1.0).toPoint())


def test_other_values_are_other_data_of_the_same_items(show: Callable[..., CurvePlot]) -> None:
    """No item is made anew while the number of curves stays; what is drawn is what is said."""
    plot = show()
    before = list(plot.scene().items())
    plot.show_chart(replace(CHART, curves=(curve("right", HIGH + 0.2), curve("other", HIGH - 0.3)), selected=3))
    lines = set(map(id, (item for drawn in plot.series for item in drawn.items)))
    assert lines <= set(map(id, before))
    np.testing.assert_array_equal(plot.series[1].line.getData(), (LAYERS, HIGH - 0.3))
    for n in (5, 1, 0, 3):
        plot.show_chart(replace(CHART, curves=(curve("any"),) * n))
        assert len(plot.series) == n
        plot.grab()


def test_a_zoom_stays_while_the_axes_do(show: Callable[..., CurvePlot], qtbot: QtBot) -> None:
    """Another question is looked at in the same stretch of layers; another unit is shown as a whole."""
    plot = show()
    plot.setFocus()
    whole = plot.view.viewRect()
    qtbot.keyClicks(plot, "++")
    zoomed = plot.view.viewRect()
    assert zoomed.width() < whole.width()
    plot.show_chart(replace(CHART, curves=(curve("right", HIGH + 0.4), *CHART.curves[1:])))
    assert plot.view.viewRect() == zoomed
    plot.show_chart(replace(CHART, y_title="share of ln 8"))
    assert plot.view.viewRect() == whole
    qtbot.keyClicks(plot, "+")
    qtbot.keyClick(plot, Qt.Key.Key_0)
    assert plot.view.viewRect() == whole


def test_a_drag_moves_the_curves_and_chooses_nothing(show: Callable[..., CurvePlot], qtbot: QtBot) -> None:
    """A value is where it is said to be afterwards, too."""
    style = Style((), "circle")
    plot = show(replace(CHART, curves=(curve("right", style=style),), selected=None))
    start, by = place_of(plot, 3, 1.0).toPoint(), QPoint(-40, 15)
    was = place_of(plot, 4, float(HIGH[4]))
    with qtbot.assertNotEmitted(plot.x_chosen):
        qtbot.mousePress(plot.viewport(), Qt.MouseButton.LeftButton, pos=start)
        qtbot.mouseMove(plot.viewport(), start + by / 2)
        qtbot.mouseMove(plot.viewport(), start + by)
        qtbot.mouseRelease(plot.viewport(), Qt.MouseButton.LeftButton, pos=start + by)
    at = place_of(plot, 4, float(HIGH[4]))
    assert (at - was - QPointF(by)).manhattanLength() < 0.01
    assert is_like(colour_at(plot, at), QColor(theme.RIGHT))


def test_bands_end_where_no_value_can_lie(show: Callable[..., CurvePlot]) -> None:
    """A standard deviation reaches below zero; an entropy does not."""
    plot = show(replace(CHART, curves=(curve("wide", spread=5.0),)))
    ends = plot.series[0].edges.getData()[1]
    assert np.nanmin(ends) == 0.0
    assert np.nanmax(ends) == HIGH.max() + 5


def test_a_reference_beyond_the_axis_is_named_at_its_end(show: Callable[..., CurvePlot]) -> None:
    """Above the plot at the right, over no curve; a line inside has its name there."""
    chart = replace(CHART, to_references=False, selected=None)
    plot = show(chart)
    area = plot.view.sceneBoundingRect()
    rows = range(round(area.top()) - plot.fontMetrics().height(), round(area.top()) - 2)
    image = picture_of(plot)
    named = {image.pixelColor(x, y).name() for x in range(round(area.right()) - 60, round(area.right())) for y in rows}
    assert len(named) > 1
    plot.show_chart(replace(chart, references=()))
    image = picture_of(plot)
    bare = {image.pixelColor(x, y).name() for x in range(round(area.right()) - 60, round(area.right())) for y in rows}
    assert bare == {plot.palette().color(QPalette.ColorRole.Base).name()}


def test_only_whole_layers_are_marked(show: Callable[..., CurvePlot]) -> None:
    """However near one looks; and few values at the side, all with as many decimals."""
    foot, left = show().foot, show().left
    assert [text for _, text in foot.marks(-0.5, 5.5, 600)] == list("012345")
    assert [text for _, text in foot.marks(1.6, 3.4, 600)] == ["2", "3"]
    assert 5 <= len(foot.marks(-0.5, 47.5, 300)) <= 16
    assert [text for _, text in left.marks(0.0, 2.1, 200)] == ["0.0", "0.5", "1.0", "1.5", "2.0"]
    assert len(left.marks(0.0, 2.1, 2000)) <= 8
    assert left.marks(-0.1, 0.1, 100)[0][1].startswith("−0.1")


def test_markers_keep_their_distance(show: Callable[..., CurvePlot]) -> None:
    """Where layers are many every second or third has a marker; the line goes through all."""
    many = Curve("many", np.arange(128), np.ones(128), np.ones(128), np.ones(128), theme.RIGHT, Style(), 3)
    plot = show(replace(CHART, curves=(many,)))
    step = place_of(plot, 1, 1.0).x() - place_of(plot, 0, 1.0).x()
    places = plot.series[0].markers.getData()[0]
    assert (np.diff(places) * step).min() >= 9
    assert len(plot.series[0].line.getData()[0]) == 128


@pytest.mark.parametrize(("width", "height"), [(220, 140), (330, 400), (700, 180), (1600, 900)])
def test_every_size_has_room_for_plot_and_legend(qtbot: QtBot, width: int, height: int) -> None:
    """The legend stands beside or above; entries neither leave the widget sideways nor overlap each other or data."""
    plot = CurvePlot()
    qtbot.addWidget(plot)
    plot.resize(width, height)
    plot.show_chart(replace(CHART, curves=tuple(curve(f"subject number {n}") for n in range(9))))
    boxes = plot.legend.layout.entries
    assert all(0 <= box.left() < box.right() <= width for box in boxes)
    assert not any(a.adjusted(1, 1, -1, -1).intersects(b) for a in boxes for b in boxes if a is not b)
    plot.grab()
    area = plot.view.sceneBoundingRect()
    assert not any(box.intersects(area) for box in boxes)


@pytest.mark.parametrize("width", [330, 440, 700])
def test_values_are_whole_however_narrow_the_plot_is(qtbot: QtBot, width: int) -> None:
    """They stand below the names where a line is too short for both."""
    plot = CurvePlot()
    qtbot.addWidget(plot)
    plot.resize(width, 400)
    plot.show_chart(replace(CHART, readout=lambda *_: "0.0012 [−0.0001, 0.0024], 1.98"))
    plot.show()
    font = QFontMetricsF(plot.figures_font)
    sample, gap, n, value = (
        30,
        8,
        font.horizontalAdvance("n = 12"),
        font.horizontalAdvance(plot.legend.entries[0].values),
    )
    assert plot.minimumSizeHint().width() <= max(width, sample + value + 2 * 6 + 1)
    in_line = sample + 2 * gap + n + value + font.horizontalAdvance("wrong")
    for box in plot.legend.layout.entries:
        assert box.width() >= sample + value
        assert (box.height() > 1.5 * font.height()) == (in_line > width - 2 * 6)
    assert plot.legend.layout.plot.top() >= plot.legend.layout.entries[-1].bottom() or width == 700


def test_a_plot_that_is_low_beside_a_wide_legend_asks_for_height(qtbot: QtBot) -> None:
    """It is not squeezed beside it; with that height the legend stays where it is."""
    plot = CurvePlot()
    qtbot.addWidget(plot)
    plot.resize(420, 160)
    four = tuple(curve(f"curve {n}") for n in range(4))
    plot.show_chart(replace(CHART, curves=four, readout=lambda *_: "1.97 ± 0.0911"))
    plot.show()
    above = plot.legend.height_above
    assert plot.legend.layout.plot.width() >= 200
    plot.resize(420, plot.minimumSizeHint().height())
    assert plot.legend.height_above == above
    assert plot.legend.layout.plot.width() >= 200
    assert plot.legend.layout.plot.height() > 90


def test_colours_follow_the_palette(show: Callable[..., CurvePlot], qapp: QApplication) -> None:
    """A curve without a colour of its own is drawn in that of text, in the dark too."""
    plot = show(replace(CHART, curves=(curve("all", colour="", style=Style((), "circle")),), selected=None))
    theme.apply(qapp, "dark")
    assert colour_at(plot, place_of(plot, 2, 1.4)).lightness() > 180
    assert colour_at(plot, QPointF(2, 398)).lightness() < 60


def test_ticks_are_round_and_apart() -> None:
    """Steps of 1, 2 or 5; labels with as many decimals as the step needs."""
    axis = Axis(0.0, 2.1, 300.0, 0.0)
    assert [label for _, label in axis.ticks(60)] == ["0.0", "0.5", "1.0", "1.5", "2.0"]
    assert axis(0.0) == 300.0
    assert axis.value_at(axis(1.3)) == pytest.approx(1.3)
    assert [round_step(rough) for rough in (0.0, 0.011, 0.3, 7.0)] == [1.0, 0.02, 0.5, 10.0]


def test_it_can_be_deleted_while_it_is_zoomed_and_pointed_at(show: Callable[..., CurvePlot], qtbot: QtBot) -> None:
    """Nothing calls back into items that are gone."""
    plot = show()
    plot.zoom_in()
    qtbot.mouseMove(plot.viewport(), place_of(plot, 3, 1.0).toPoint())
    plot.grab()
    view = weakref.ref(plot.view)
    plot.close()
    plot.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    del plot
    gc.collect()
    QApplication.processEvents()
    assert view() is None or not shiboken6.isValid(view())


@pytest.mark.parametrize("width", [220, 330, 420, 700])
@pytest.mark.parametrize("n_layers", [8, 16, 48, 61, 128])
def test_marks_of_layers_never_touch(show: Callable[..., CurvePlot], width: int, n_layers: int) -> None:
    """However many layers there are, and however narrow the plot is."""
    x, level = np.arange(n_layers), np.ones(n_layers)
    plot = show(replace(CHART, curves=(Curve("all", x, level, level - 0.1, level + 0.1, theme.RIGHT, Style(), 3),)))
    marks = plot.foot.marks(-0.5, n_layers - 0.5, width)
    ends = [(at * width / n_layers, plot.foot.metrics.horizontalAdvance(text) / 2) for at, text in marks]
    assert len(marks) >= 2
    assert all(right - half > left + other + 3 for (left, other), (right, half) in itertools.pairwise(ends))
