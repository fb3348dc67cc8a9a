"""The heat map: colours are the map's of the values, marks tell what colours cannot, mouse and keys choose cells.

Axes: L layers, E experts.
"""

from itertools import pairwise

import numpy as np
import pyqtgraph
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPalette, QPicture, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app import theme
from app.widgets.plots.grid.grid_layout import Place
from app.widgets.plots.grid.grid_selection import Cells, Choice
from app.widgets.plots.grid.heat_map import HeatMap
from app.widgets.plots.grid.heat_map_sides import HeadAxis
from moe_core.figures.colour.colour_scale import ColourScale
from moe_core.figures.heat_map import HeatMapFigure
from tests.app.grid_heads import column_head, row_head
from tests.app.picture import colours_in, picture_of

SHIFT, CTRL, PLAIN = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier(0)
SHAPES = [(16, 64), (8, 32), (48, 128)]
FloatArray = NDArray[np.float64]


def make_data(L: int = 4, E: int = 8, **changes: object) -> HeatMapFigure:
    """Values 0..1, each cell its own; nothing never used."""
    values = np.linspace(0, 1, L * E).reshape(L, E)
    fields = {
        "values": values,
        "is_never_used": np.zeros((L, E), bool),
        "scale": ColourScale("cividis", 0.0, 1.0),
        "row_marginals": values.mean(axis=1),
        "column_marginals": values.mean(axis=0),
    }
    return HeatMapFigure(**(fields | changes))  # type: ignore[arg-type]  # names are the fields' own


@pytest.fixture
def heat_map(qtbot: QtBot) -> HeatMap:
    """4 layers, 8 experts; what is chosen is selected, as the view does it."""
    return shown(qtbot, make_data())


def shown(qtbot: QtBot, data: HeatMapFigure, width: int = 500, height: int = 320) -> HeatMap:
    """A heat map on the screen that selects what is chosen."""
    made = HeatMap()
    qtbot.addWidget(made)
    made.resize(width, height)
    made.set_data(data)
    made.chosen.connect(lambda choice: made.set_selected(choice.cells, choice.layer or 0))
    with qtbot.waitActive(made):
        made.show()
    made.clearFocus()
    return made


def point(heat_map: HeatMap, layer: int, expert: int) -> QPoint:
    """The middle of a cell."""
    return heat_map.layout_now().cell_rectangle(layer, expert).center().toPoint()


def colour_in(image: QImage, heat_map: HeatMap, layer: int, expert: int) -> QColor:
    """The colour beside the middle of a cell, where no dot is."""
    box = heat_map.layout_now().cell_rectangle(layer, expert)
    return image.pixelColor(int(box.right() - 1.5), int(box.bottom() - 1.5))


def click(qtbot: QtBot, heat_map: HeatMap, layer: int, expert: int, modifiers: Qt.KeyboardModifier = PLAIN) -> None:
    """A real click into a cell."""
    qtbot.mouseClick(heat_map.viewport(), Qt.MouseButton.LeftButton, modifiers, point(heat_map, layer, expert))


def cells(layers: range, experts: range) -> Cells:
    """A rectangle of cells."""
    return frozenset((layer, expert) for layer in layers for expert in experts)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("name", "low", "high"), [("cividis", 0.0, 1.0), ("viridis", 0.2, 0.7), ("CET-D1", -1.0, 1.0)])
def test_each_cell_has_the_colour_of_its_value(
    qtbot: QtBot, shape: tuple[int, int], name: str, low: float, high: float
) -> None:
    """Probed in the picture; the expected colour is pyqtgraph's own for the place between the ends."""
    heat_map = shown(qtbot, make_data(*shape, scale=ColourScale(name, low, high)), 620, 480)
    data, image = heat_map.data, picture_of(heat_map)
    assert data is not None
    places = np.clip((data.values - low) / (high - low), 0, 1)
    expected = pyqtgraph.colormap.get(name).map(places.reshape(-1), mode="byte").reshape(*shape, 4)
    for layer, expert in np.ndindex(shape):
        found = colour_in(image, heat_map, layer, expert)
        seen = np.array([found.red(), found.green(), found.blue()])
        assert np.abs(seen - expected[layer, expert, :3].astype(int)).max() <= 6, (
            layer,
            expert,
        )  # 256 steps of a steep map


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_zero_never_used_and_no_value_look_different(qtbot: QtBot, qapp: QApplication, scheme: theme.Scheme) -> None:
    """Never used: the colour of its value under a dot. No value: grey, which is the colour of no value."""
    theme.apply(qapp, scheme)
    values = np.zeros((2, 4))
    values[0, 2] = values[0, 3] = np.nan
    never = np.zeros((2, 4), bool)
    never[0, 1] = never[0, 3] = True
    for name in ("cividis", "viridis", "CET-D1"):
        heat_map = shown(qtbot, make_data(2, 4, values=values, is_never_used=never, scale=ColourScale(name, -1.0, 1.0)))
        image = picture_of(heat_map)
        grey = heat_map.palette().mid().color()
        zero, used_zero = colour_in(image, heat_map, 1, 1), colour_in(image, heat_map, 0, 1)
        assert zero == used_zero
        assert colour_in(image, heat_map, 0, 2) == colour_in(image, heat_map, 0, 3) == grey
        assert distance(zero, grey) > 24
        middles = [image.pixelColor(point(heat_map, *cell)) for cell in ((0, 0), (0, 1), (0, 2), (0, 3))]
        assert middles[0] == zero
        assert middles[2] == grey
        assert distance(middles[1], zero) > 60
        assert distance(middles[3], grey) > 60
        heat_map.hide()


def distance(first: QColor, second: QColor) -> int:
    """Largest difference of a channel."""
    pairs = zip(first.getRgb()[:3], second.getRgb()[:3], strict=True)  # type: ignore[index]  # a tuple of four
    return max(abs(a - b) for a, b in pairs)


def test_masked_cells_are_hatched(qtbot: QtBot) -> None:
    """Lines of another colour within the cell, and in no other; the legend says so."""
    hatched = np.zeros((4, 8), bool)
    hatched[1, 2] = True
    heat_map = shown(qtbot, make_data(hatched=hatched))
    image = picture_of(heat_map)
    assert len(colours_within(image, heat_map, 1, 2)) > 1
    assert len(colours_within(image, heat_map, 1, 3)) == 1


def test_a_masked_cell_too_small_for_hatches_is_framed(qtbot: QtBot) -> None:
    """Else none of their lines might fall into it; other cells have no frame."""
    hatched = np.zeros((61, 256), bool)
    hatched[30, 100] = True
    heat_map = shown(qtbot, make_data(61, 256, values=np.full((61, 256), 0.5), hatched=hatched), 620, 480)
    image, frame = picture_of(heat_map), {"#ffffff", "#000000"}

    def around(layer: int, expert: int) -> set[str]:
        return colours_in(image, heat_map.layout_now().cell_rectangle(layer, expert).toRect().adjusted(-1, -1, 1, 1))

    assert frame <= around(30, 100)
    assert not frame & around(30, 110)


def test_every_cell_has_a_pixel_at_least(qtbot: QtBot) -> None:
    """In the smallest room that a grid of 61 x 256 asks for."""
    heat_map = shown(qtbot, make_data(61, 256))
    heat_map.resize(heat_map.minimumSizeHint())
    layout = heat_map.layout_now()
    assert (np.diff(layout.columns) > 0).all()
    assert (np.diff(layout.rows) > 0).all()


def test_bars_of_small_cells_stand_without_gaps(qtbot: QtBot) -> None:
    """Alike bars are one even area there, and apart where there is room."""
    wide, narrow = (
        shown(qtbot, make_data(L, E, row_marginals=np.ones(L), column_marginals=np.ones(E)), 900, 500)
        for L, E in ((4, 8), (61, 256))
    )
    for heat_map, n_colours in ((wide, 2), (narrow, 1)):
        below = heat_map.layout_now().column_bars
        strip = QRect(round(below.left()) + 3, round(below.center().y()), round(below.width()) - 6, 1)
        assert len(colours_in(picture_of(heat_map), strip)) == n_colours


def colours_within(image: QImage, heat_map: HeatMap, layer: int, expert: int) -> set[str]:
    """All colours inside of a cell, its edges left out."""
    return colours_in(image, heat_map.layout_now().cell_rectangle(layer, expert).toRect().adjusted(2, 2, -2, -2))


def test_a_click_chooses_one_cell_and_its_layer(heat_map: HeatMap, qtbot: QtBot) -> None:
    """The signal carries both."""
    with qtbot.waitSignal(heat_map.chosen) as heard:
        click(qtbot, heat_map, 2, 5)
    assert heard.args == [Choice(frozenset({(2, 5)}), 2)]


def test_ctrl_adds_and_takes_away_and_shift_makes_a_range(heat_map: HeatMap, qtbot: QtBot) -> None:
    """The range goes from the cell clicked last without Shift; a second Shift+click makes it anew from there."""
    click(qtbot, heat_map, 0, 1)
    click(qtbot, heat_map, 2, 3, CTRL)
    assert heat_map.selector.selected == {(0, 1), (2, 3)}
    click(qtbot, heat_map, 0, 1, CTRL)
    assert heat_map.selector.selected == {(2, 3)}
    click(qtbot, heat_map, 1, 1)
    click(qtbot, heat_map, 3, 4, SHIFT)
    assert heat_map.selector.selected == cells(range(1, 4), range(1, 5))
    click(qtbot, heat_map, 0, 0, SHIFT)
    assert heat_map.selector.selected == cells(range(2), range(2))
    click(qtbot, heat_map, 3, 7, CTRL)
    click(qtbot, heat_map, 3, 6, CTRL | SHIFT)
    assert heat_map.selector.selected == cells(range(2), range(2)) | {(3, 6), (3, 7)}


def test_dragging_chooses_a_rectangle_when_the_button_is_let_go(heat_map: HeatMap, qtbot: QtBot) -> None:
    """It is shown on the way, but asked for once; beyond the edge the nearest cell counts."""
    heard: list[Choice] = []
    heat_map.chosen.connect(heard.append)
    qtbot.mousePress(heat_map.viewport(), Qt.MouseButton.LeftButton, PLAIN, point(heat_map, 3, 6))
    qtbot.mouseMove(heat_map.viewport(), point(heat_map, 2, 5))
    assert heat_map.selector.preview == cells(range(2, 4), range(5, 7))
    qtbot.mouseMove(heat_map.viewport(), QPoint(heat_map.width() + 40, point(heat_map, 1, 0).y()))
    assert heard == []
    qtbot.mouseRelease(heat_map.viewport(), Qt.MouseButton.LeftButton, PLAIN, point(heat_map, 1, 7))
    assert heard == [Choice(cells(range(1, 4), range(6, 8)), 1)]


def test_heads_and_bars_choose_lines(heat_map: HeatMap, qtbot: QtBot) -> None:
    """A layer at its head or bar, an expert in every layer at its own; Ctrl adds."""
    layout = heat_map.layout_now()
    qtbot.mouseClick(heat_map.viewport(), Qt.MouseButton.LeftButton, PLAIN, row_head(layout, 2))
    assert heat_map.selector.selected == cells(range(2, 3), range(8))
    qtbot.mouseClick(heat_map.viewport(), Qt.MouseButton.LeftButton, CTRL, column_head(layout, 5))
    assert heat_map.selector.selected == cells(range(2, 3), range(8)) | cells(range(4), range(5, 6))
    bar = QPoint(int(layout.row_bars.center().x()), point(heat_map, 1, 0).y())
    qtbot.mouseClick(heat_map.viewport(), Qt.MouseButton.LeftButton, PLAIN, bar)
    assert heat_map.selector.selected == cells(range(1, 2), range(8))
    qtbot.mouseClick(heat_map.viewport(), Qt.MouseButton.LeftButton, SHIFT, row_head(layout, 3))
    assert heat_map.selector.selected == cells(range(1, 4), range(8))


def test_keys_do_what_the_mouse_does(heat_map: HeatMap, qtbot: QtBot) -> None:
    """Arrows select, Shift extends, Ctrl moves alone, Ctrl+Space adds, L and E take lines, Ctrl+A takes all."""
    heat_map.setFocus()
    selector = heat_map.selector
    click(qtbot, heat_map, 1, 1)
    qtbot.keyClick(heat_map, Qt.Key.Key_Right)
    assert selector.selected == {(1, 2)}
    qtbot.keyClick(heat_map, Qt.Key.Key_Down, SHIFT)
    qtbot.keyClick(heat_map, Qt.Key.Key_Right, SHIFT)
    assert selector.selected == cells(range(1, 3), range(2, 4))
    qtbot.keyClick(heat_map, Qt.Key.Key_End, CTRL)
    assert selector.cursor == (2, 7)
    assert selector.selected == cells(range(1, 3), range(2, 4))
    qtbot.keyClick(heat_map, Qt.Key.Key_Space, CTRL)
    assert (2, 7) in selector.selected
    assert len(selector.selected) == 5
    qtbot.keyClick(heat_map, Qt.Key.Key_L)
    assert selector.selected == cells(range(2, 3), range(8))
    qtbot.keyClick(heat_map, Qt.Key.Key_E, SHIFT)
    assert selector.selected == cells(range(2, 3), range(8)) | cells(range(4), range(7, 8))
    qtbot.keyClick(heat_map, Qt.Key.Key_A, CTRL)
    assert len(selector.selected) == 32


def test_arrows_stop_at_the_edges(heat_map: HeatMap, qtbot: QtBot) -> None:
    """Nothing wraps around."""
    heat_map.setFocus()
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Left, Qt.Key.Key_Home, Qt.Key.Key_PageUp):
        qtbot.keyClick(heat_map, key)
    assert heat_map.selector.selected == {(0, 0)}
    for key in (Qt.Key.Key_PageDown, Qt.Key.Key_End, Qt.Key.Key_Down, Qt.Key.Key_Right):
        qtbot.keyClick(heat_map, key)
    assert heat_map.selector.selected == {(3, 7)}


def test_double_click_and_enter_activate(heat_map: HeatMap, qtbot: QtBot) -> None:
    """What is activated is selected first; Enter on a cell outside of the selection selects that."""
    with qtbot.waitSignal(heat_map.activated):
        qtbot.mouseClick(heat_map.viewport(), Qt.MouseButton.LeftButton, PLAIN, point(heat_map, 2, 2))
        qtbot.mouseDClick(heat_map.viewport(), Qt.MouseButton.LeftButton, PLAIN, point(heat_map, 2, 2))
    assert heat_map.selector.selected == {(2, 2)}
    qtbot.keyClick(heat_map, Qt.Key.Key_Right, CTRL)
    with qtbot.waitSignal(heat_map.activated):
        qtbot.keyClick(heat_map, Qt.Key.Key_Return)
    assert heat_map.selector.selected == {(2, 3)}


def test_pointing_tells_the_place(heat_map: HeatMap, qtbot: QtBot) -> None:
    """A cell, a line at its head, and nothing beside all of them."""
    heard: list[Place | None] = []
    heat_map.pointed.connect(heard.append)
    layout = heat_map.layout_now()
    qtbot.mouseMove(heat_map.viewport(), point(heat_map, 3, 1))
    qtbot.mouseMove(heat_map.viewport(), row_head(layout, 1))
    qtbot.mouseMove(heat_map.viewport(), column_head(layout, 6))
    qtbot.mouseMove(heat_map.viewport(), QPoint(1, 1))
    assert heard == [Place(3, 1), Place(1, None), Place(None, 6), None]


def test_selected_cells_are_outlined_with_the_accent(heat_map: HeatMap, qtbot: QtBot) -> None:
    """On the edge between a selected cell and one that is not; cells that touch are outlined together."""
    heat_map.set_selected(frozenset({(1, 2), (1, 3)}), 0)
    image, layout = picture_of(heat_map), heat_map.layout_now()
    accent = heat_map.palette().color(heat_map.palette().ColorRole.Accent)
    middle = int(layout.cell_rectangle(1, 2).center().y())
    near = [image.pixelColor(int(layout.columns[2]) + step, middle) for step in (-1, 0, 1)]
    assert accent in near
    between = [image.pixelColor(int(layout.columns[3]) + step, middle) for step in (-1, 0, 1)]
    assert accent not in between


def test_the_cursor_shows_only_with_the_focus(heat_map: HeatMap, qtbot: QtBot) -> None:
    """A dotted frame within the cell."""
    before = picture_of(heat_map)
    heat_map.setFocus()
    qtbot.waitUntil(heat_map.hasFocus)
    assert picture_of(heat_map) != before
    assert len(colours_within(picture_of(heat_map), heat_map, 0, 0)) > 1


def labels(axis: HeadAxis) -> dict[str, QRectF]:
    """The numbers that an axis draws, and where."""
    picture = QPicture()
    painter = QPainter(picture)
    _, _, texts = axis.generateDrawSpecs(painter)
    painter.end()
    return {text: box for box, _, text in texts}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [(330, 240), (560, 380), (1400, 900)])
def test_labels_never_touch(qtbot: QtBot, shape: tuple[int, int], size: tuple[int, int]) -> None:
    """They are thinned out until there is room; the first of all is always there."""
    heat_map = shown(qtbot, make_data(*shape), *size)
    layout = heat_map.layout_now()
    for axis in (heat_map.row_heads, heat_map.column_heads):
        boxes = labels(axis)
        assert "0" in boxes
        assert not [pair for pair in pairwise(boxes.values()) if pair[0].intersects(pair[1])]
    assert layout.area.right() <= heat_map.width() + shape[1]
    assert (np.diff(layout.columns) > 0).all()
    assert (np.diff(layout.rows) > 0).all()


@pytest.mark.parametrize(("size", "gone"), [((560, 320), {24, 26}), ((1000, 700), set())])
def test_numbers_make_way_for_a_marked_one(qtbot: QtBot, size: tuple[int, int], gone: set[int]) -> None:
    """Whole, where they would touch it: “24” beside “25” would be 2425, and half a number is none."""
    heads = tuple(str(number) for number in range(32))
    pictures = []
    for names in (heads, tuple("" if name in map(str, gone) else name for name in heads)):
        heat_map = shown(qtbot, make_data(32, 32, row_names=names, column_names=names), *size)
        heat_map.hover(QPointF(point(heat_map, 25, 25)))
        pictures.append(picture_of(heat_map))
        heat_map.hide()
    assert pictures[0] == pictures[1]


def test_edges_of_cells_fall_on_pixels_of_the_screen(qtbot: QtBot) -> None:
    """Whatever the size, so that no cell is blurred."""
    heat_map = shown(qtbot, make_data(16, 64), 613, 407)
    layout = heat_map.layout_now()
    for edges in (layout.columns, layout.rows):
        np.testing.assert_array_equal(edges * heat_map.devicePixelRatioF() % 1, 0)


def test_other_sizes_after_pointing_are_harmless(heat_map: HeatMap, qtbot: QtBot) -> None:
    """A smaller model comes in while the mouse is on an expert that it lacks."""
    qtbot.mouseMove(heat_map.viewport(), point(heat_map, 3, 7))
    heat_map.setFocus()
    click(qtbot, heat_map, 3, 7)
    with qtbot.waitSignal(heat_map.pointed) as heard:
        heat_map.set_data(make_data(2, 3))
    heat_map.set_selected(frozenset(), 0)
    assert heard.args == [None]
    assert heat_map.selector.cursor == (1, 2)
    heat_map.grab()


def turn_wheel(heat_map: HeatMap, place: QPoint, steps: int) -> None:
    """The wheel away from the hand, over a place of the widget."""
    port, at = heat_map.viewport(), QPointF(place)
    modes = Qt.MouseButton.NoButton, PLAIN, Qt.ScrollPhase.NoScrollPhase, False
    QApplication.sendEvent(port, QWheelEvent(at, port.mapToGlobal(at), QPoint(), QPoint(0, 120 * steps), *modes))


@pytest.fixture
def zoomed(qtbot: QtBot) -> HeatMap:
    """16 layers, 64 experts; zoomed in on layer 5, expert 40."""
    made = shown(qtbot, make_data(16, 64), 700, 420)
    turn_wheel(made, point(made, 5, 40), 4)
    return made


def test_the_wheel_zooms_about_the_cell_under_the_mouse(zoomed: HeatMap, qtbot: QtBot) -> None:
    """It stays there, larger, and in its colour; what is out of sight cannot be pointed at."""
    whole = shown(qtbot, make_data(16, 64), 700, 420).layout_now()
    layout, image = zoomed.layout_now(), picture_of(zoomed)
    assert layout.place_at(whole.cell_rectangle(5, 40).center()) == Place(5, 40)
    assert layout.cell_size.width() > 1.5 * whole.cell_size.width()
    seen = [cell for cell in np.ndindex(16, 64) if layout.area.contains(layout.cell_rectangle(*cell))]
    assert (5, 40) in seen
    assert (15, 0) not in seen
    assert zoomed.data is not None
    colours = zoomed.data.rgb((0, 0, 0), (255, 255, 255))
    for cell in seen:
        assert np.abs(np.array(colour_in(image, zoomed, *cell).getRgb()[:3]) - colours[cell].astype(int)).max() <= 1
    assert not layout.area.contains(layout.cell_rectangle(0, 0).center())
    assert layout.place_at(layout.cell_rectangle(0, 0).center()) is None


def test_the_wheel_over_a_head_zooms_its_lines_alone(heat_map: HeatMap) -> None:
    """Layers at the left, experts above."""
    layout = heat_map.layout_now()
    turn_wheel(heat_map, row_head(layout, 2), 2)
    assert heat_map.layout_now().cell_size.height() > layout.cell_size.height() + 1
    assert heat_map.layout_now().cell_size.width() == layout.cell_size.width()


def test_view_all_returns(zoomed: HeatMap, qtbot: QtBot) -> None:
    """By button and by key; new values leave a zoom alone, another shape does not."""
    close = zoomed.layout_now().cell_size
    zoomed.set_data(make_data(16, 64, is_signed=True))
    assert zoomed.layout_now().cell_size == close
    qtbot.mouseClick(zoomed.view_all_button, Qt.MouseButton.LeftButton)
    way = zoomed.layout_now().cell_rectangle(0, 0).topLeft() - zoomed.layout_now().area.topLeft()
    assert way.manhattanLength() < 2
    assert zoomed.layout_now().cell_size.width() < close.width()
    turn_wheel(zoomed, point(zoomed, 5, 40), 4)
    zoomed.set_data(make_data(8, 32))
    assert not zoomed.is_zoomed


def test_selecting_works_while_zoomed(zoomed: HeatMap, qtbot: QtBot) -> None:
    """Clicks and drags mean the cells that are seen, and their outline stands around them; arrows go on beyond."""
    click(qtbot, zoomed, 5, 41)
    assert zoomed.selector.selected == {(5, 41)}
    drag_from, drag_to = point(zoomed, 4, 38), point(zoomed, 6, 39)
    qtbot.mousePress(zoomed.viewport(), Qt.MouseButton.LeftButton, PLAIN, drag_from)
    qtbot.mouseMove(zoomed.viewport(), drag_to)
    qtbot.mouseRelease(zoomed.viewport(), Qt.MouseButton.LeftButton, PLAIN, drag_to)
    assert zoomed.selector.selected == cells(range(4, 7), range(38, 40))
    image, box = picture_of(zoomed), zoomed.layout_now().cell_rectangle(4, 38)
    accent = zoomed.palette().color(QPalette.ColorRole.Accent)
    assert accent in [image.pixelColor(int(box.left()) + step, int(box.center().y())) for step in (-1, 0, 1)]
    qtbot.mouseClick(zoomed.viewport(), Qt.MouseButton.LeftButton, PLAIN, row_head(zoomed.layout_now(), 5))
    assert zoomed.selector.selected == cells(range(5, 6), range(64))


def test_keys_bring_the_cursor_into_sight(zoomed: HeatMap, qtbot: QtBot) -> None:
    """What is shown moves along, as far as it takes."""
    zoomed.setFocus()
    click(qtbot, zoomed, 5, 40)
    size = zoomed.layout_now().cell_size
    for key, cell in ((Qt.Key.Key_End, (5, 63)), (Qt.Key.Key_PageUp, (0, 63)), (Qt.Key.Key_Home, (0, 0))):
        qtbot.keyClick(zoomed, key)
        layout = zoomed.layout_now()
        assert zoomed.selector.selected == {cell}
        assert layout.area.adjusted(-1, -1, 1, 1).contains(layout.cell_rectangle(*cell))
        assert layout.cell_size.width() == pytest.approx(size.width(), abs=0.1)  # edges are rounded


def test_dragging_with_the_middle_button_moves_the_cells(zoomed: HeatMap, qtbot: QtBot) -> None:
    """Nothing is selected by it, and the mouse is on the same cell as before."""
    heard: list[object] = []
    zoomed.chosen.connect(heard.append)
    start, stop = point(zoomed, 5, 40), point(zoomed, 5, 40) + QPoint(60, 30)
    qtbot.mousePress(zoomed.viewport(), Qt.MouseButton.MiddleButton, PLAIN, start)
    qtbot.mouseMove(zoomed.viewport(), stop)
    qtbot.mouseRelease(zoomed.viewport(), Qt.MouseButton.MiddleButton, PLAIN, stop)
    assert zoomed.layout_now().place_at(QPointF(stop)) == Place(5, 40)
    assert heard == []


def test_bars_follow_the_zoom(zoomed: HeatMap) -> None:
    """Each stands beside its line: ink in the middle of the cell's side, none beyond the grid's own area."""
    values = np.zeros((16, 64))
    values[5] = values[:, 40] = 1.0
    zoomed.set_data(make_data(16, 64, values=values, row_marginals=values[:, 0], column_marginals=values[0]))
    layout, image = zoomed.layout_now(), picture_of(zoomed)
    base = zoomed.palette().color(QPalette.ColorRole.Base)
    for layer in (4, 5, 6):
        beside = QPointF(layout.row_bars.center().x(), layout.cell_rectangle(layer, 40).center().y()).toPoint()
        assert (image.pixelColor(beside) != base) == (layer == 5)
    for expert in (39, 40, 41):
        below = QPointF(layout.cell_rectangle(5, expert).center().x(), layout.column_bars.center().y()).toPoint()
        assert (image.pixelColor(below) != base) == (expert == 40)


def test_dots_fade_out_where_cells_are_small(qtbot: QtBot) -> None:
    """In full from 8 pixels on, fainter below, and back when they are zoomed in."""
    never = np.ones((48, 128), bool)
    heat_map = shown(qtbot, make_data(48, 128, values=np.zeros((48, 128)), is_never_used=never), 620, 480)
    small = contrast_of_a_dot(heat_map)
    turn_wheel(heat_map, point(heat_map, 20, 60), 6)
    assert min(heat_map.layout_now().cell_size.width(), heat_map.layout_now().cell_size.height()) > 8
    assert contrast_of_a_dot(heat_map) > max(100, 2 * small)


def contrast_of_a_dot(heat_map: HeatMap) -> int:
    """How far the middle of a cell is from the colour of 0."""
    zero = QColor(*ColourScale("cividis", 0.0, 1.0).rgb(np.array(0.0)).tolist())
    middle = QRect(point(heat_map, 20, 60) - QPoint(1, 1), QSize(3, 3))
    return max(distance(QColor(name), zero) for name in colours_in(picture_of(heat_map), middle))


def test_one_menu_has_what_the_plot_can_do(heat_map: HeatMap) -> None:
    """View all can be asked for only while it would do something."""
    view_all = next(action for action in heat_map.actions() if action.text() == "View all")
    assert not view_all.isEnabled()
    turn_wheel(heat_map, point(heat_map, 1, 1), 2)
    assert view_all.isEnabled()
    view_all.trigger()
    assert not heat_map.is_zoomed


def test_colours_follow_the_palette(heat_map: HeatMap, qapp: QApplication) -> None:
    """Cells without a value, heads and bars, while it is shown."""
    values = np.full((4, 8), np.nan)
    heat_map.set_data(make_data(values=values, row_marginals=np.ones(4), column_marginals=np.ones(8)))
    seen = []
    schemes: tuple[theme.Scheme, ...] = ("dark", "light")
    for scheme in schemes:
        theme.apply(qapp, scheme)
        image, layout = picture_of(heat_map), heat_map.layout_now()
        assert colour_in(image, heat_map, 1, 1) == heat_map.palette().mid().color()
        seen.append(image.pixelColor(QPointF(layout.row_bars.center().x(), row_head(layout, 1).y()).toPoint()))
    assert distance(*seen) > 10
