"""The heat map: colours are the map's of the values, marks tell what colours cannot, mouse and keys choose cells.

Axes: L layers, E experts.
"""

import re

import numpy as np
import pyqtgraph
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app import theme
from app.widgets.figures.figure import Figure
from app.widgets.plots.blank_colour import blank_colour
from app.widgets.plots.grid_layout import Place
from app.widgets.plots.grid_selection import Cells, Choice
from app.widgets.plots.heat_map import HeatMap
from moe_core.figures.colour_scale import ColourScale
from moe_core.figures.heat_map import HeatMapFigure

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
    box, ratio = heat_map.layout_now().cell_rectangle(layer, expert), image.devicePixelRatio()
    place = QPointF(box.right() - 1.5, box.bottom() - 1.5) * ratio
    return image.pixelColor(int(place.x()), int(place.y()))


def click(qtbot: QtBot, heat_map: HeatMap, layer: int, expert: int, modifiers: Qt.KeyboardModifier = PLAIN) -> None:
    """A real click into a cell."""
    qtbot.mouseClick(heat_map, Qt.MouseButton.LeftButton, modifiers, point(heat_map, layer, expert))


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
    data, image = heat_map.data, heat_map.grab().toImage()
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
        image = heat_map.grab().toImage()
        grey = blank_colour(heat_map.palette())
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
    image = heat_map.grab().toImage()
    assert len(colours_within(image, heat_map, 1, 2)) > 1
    assert len(colours_within(image, heat_map, 1, 3)) == 1


def colours_within(image: QImage, heat_map: HeatMap, layer: int, expert: int) -> set[int]:
    """All colours inside of a cell, its edges left out."""
    box = heat_map.layout_now().cell_rectangle(layer, expert).toRect().adjusted(2, 2, -2, -2)
    return {image.pixel(x, y) for x in range(box.left(), box.right()) for y in range(box.top(), box.bottom())}


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
    qtbot.mousePress(heat_map, Qt.MouseButton.LeftButton, PLAIN, point(heat_map, 3, 6))
    qtbot.mouseMove(heat_map, point(heat_map, 2, 5))
    assert heat_map.selector.preview == cells(range(2, 4), range(5, 7))
    qtbot.mouseMove(heat_map, QPoint(heat_map.width() + 40, point(heat_map, 1, 0).y()))
    assert heard == []
    qtbot.mouseRelease(heat_map, Qt.MouseButton.LeftButton, PLAIN, point(heat_map, 1, 7))
    assert heard == [Choice(cells(range(1, 4), range(6, 8)), 1)]


def test_heads_and_bars_choose_lines(heat_map: HeatMap, qtbot: QtBot) -> None:
    """A layer at its head or bar, an expert in every layer at its own; Ctrl adds."""
    layout = heat_map.layout_now()
    qtbot.mouseClick(heat_map, Qt.MouseButton.LeftButton, PLAIN, layout.row_head(2).center().toPoint())
    assert heat_map.selector.selected == cells(range(2, 3), range(8))
    qtbot.mouseClick(heat_map, Qt.MouseButton.LeftButton, CTRL, layout.column_head(5).center().toPoint())
    assert heat_map.selector.selected == cells(range(2, 3), range(8)) | cells(range(4), range(5, 6))
    bar = QPoint(int(layout.row_bars.center().x()), point(heat_map, 1, 0).y())
    qtbot.mouseClick(heat_map, Qt.MouseButton.LeftButton, PLAIN, bar)
    assert heat_map.selector.selected == cells(range(1, 2), range(8))
    qtbot.mouseClick(heat_map, Qt.MouseButton.LeftButton, SHIFT, layout.row_head(3).center().toPoint())
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
        qtbot.mouseClick(heat_map, Qt.MouseButton.LeftButton, PLAIN, point(heat_map, 2, 2))
        qtbot.mouseDClick(heat_map, Qt.MouseButton.LeftButton, PLAIN, point(heat_map, 2, 2))
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
    qtbot.mouseMove(heat_map, point(heat_map, 3, 1))
    qtbot.mouseMove(heat_map, layout.row_head(1).center().toPoint())
    qtbot.mouseMove(heat_map, layout.column_head(6).center().toPoint())
    qtbot.mouseMove(heat_map, QPoint(1, 1))
    assert heard == [Place(3, 1), Place(1, None), Place(None, 6), None]


def test_selected_cells_are_outlined_with_the_accent(heat_map: HeatMap, qtbot: QtBot) -> None:
    """On the edge between a selected cell and one that is not; cells that touch are outlined together."""
    heat_map.set_selected(frozenset({(1, 2), (1, 3)}), 0)
    image, layout = heat_map.grab().toImage(), heat_map.layout_now()
    accent = heat_map.palette().color(heat_map.palette().ColorRole.Accent)
    middle = int(layout.cell_rectangle(1, 2).center().y())
    near = [image.pixelColor(int(layout.columns[2]) + step, middle) for step in (-1, 0, 1)]
    assert accent in near
    between = [image.pixelColor(int(layout.columns[3]) + step, middle) for step in (-1, 0, 1)]
    assert accent not in between


def test_the_cursor_shows_only_with_the_focus(heat_map: HeatMap, qtbot: QtBot) -> None:
    """A dotted frame within the cell."""
    before = heat_map.grab().toImage()
    heat_map.setFocus()
    qtbot.waitUntil(heat_map.hasFocus)
    assert heat_map.grab().toImage() != before
    assert len(colours_within(heat_map.grab().toImage(), heat_map, 0, 0)) > 1


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [(330, 240), (560, 380), (1400, 900)])
def test_labels_never_touch(qtbot: QtBot, shape: tuple[int, int], size: tuple[int, int]) -> None:
    """They are thinned out until there is room; the first of all is always there."""
    heat_map = shown(qtbot, make_data(*shape), *size)
    layout = heat_map.layout_now()
    assert layout.column_label_step * layout.cell_size.width() >= layout.text.column_head + 4
    assert layout.row_label_step * layout.cell_size.height() >= layout.text.line * 0.9
    assert layout.cells.right() <= heat_map.width() + shape[1]
    assert (np.diff(layout.columns) > 0).all()
    assert (np.diff(layout.rows) > 0).all()


def test_edges_of_cells_fall_on_pixels_of_the_screen(qtbot: QtBot) -> None:
    """Whatever the size, so that no cell is blurred."""
    heat_map = shown(qtbot, make_data(16, 64), 613, 407)
    layout = heat_map.layout_now()
    for edges in (layout.columns, layout.rows):
        np.testing.assert_array_equal(edges * heat_map.devicePixelRatioF() % 1, 0)


def test_the_figure_is_exported_as_shapes_and_text(qtbot: QtBot) -> None:
    """SVG: a rectangle for each cell, numbers and words as text, no picture."""
    heat_map = shown(qtbot, make_data(4, 8, note="Nothing to compare."))
    figure = Figure(heat_map, "Experts")
    qtbot.addWidget(figure)
    figure.resize(500, 320)
    figure.show()
    svg = figure.svg().decode()
    assert "<image" not in svg
    for text in ("Expert", "Layer", "mean", "Nothing to compare."):
        assert re.search(rf">\s*{text}\s*<", svg), text
    lowest, highest = "#00204d", "#ffea46"
    assert lowest in svg
    assert highest in svg


def test_other_sizes_after_pointing_are_harmless(heat_map: HeatMap, qtbot: QtBot) -> None:
    """A smaller model comes in while the mouse is on an expert that it lacks."""
    qtbot.mouseMove(heat_map, point(heat_map, 3, 7))
    heat_map.setFocus()
    click(qtbot, heat_map, 3, 7)
    with qtbot.waitSignal(heat_map.pointed) as heard:
        heat_map.set_data(make_data(2, 3))
    heat_map.set_selected(frozenset(), 0)
    assert heard.args == [None]
    assert heat_map.selector.cursor == (1, 2)
    heat_map.grab()
