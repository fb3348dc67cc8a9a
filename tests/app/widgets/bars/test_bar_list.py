"""The bar list: what is drawn where, what mouse and keys do, and what a screen reader is told."""

from math import nan

import pytest
from PySide6.QtCore import QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QAccessible, QColor, QFontMetricsF, QImage, QPalette
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QScrollArea, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app import theme
from app.files.figures.formats import svg_of
from app.widgets.bars.bar_list import BarList
from app.widgets.bars.delegate import BarDelegate, sign_beside
from app.widgets.bars.model import BarCell
from app.widgets.bars.section import BarContent, BarSection
from moe_core.figures.bars import BarFigure, BarRow
from moe_core.figures.curves import Reference
from moe_core.figures.table import FigureTable
from tests.app.bars import bar_of, bar_room, x_of
from tests.app.picture import picture_of

ROWS = (
    BarRow("first", 1.0, "100 %", "the whole", sign="✓", sign_colour=theme.RIGHT),
    BarRow("second", 0.5, "50 %", lower=0.3, upper=0.8),
    BarRow("third", nan, "–"),
    BarRow("a label that is far too long for so narrow a list, and more of it still", 0.25, "25 %", reference=0.75),
)
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def bars(qtbot: QtBot) -> BarList:
    """Four rows, 300 pixels wide."""
    made = BarList(can_choose=True)
    qtbot.addWidget(made)
    made.set_figure(BarFigure(ROWS, title="Things by size"))
    made.resize(300, made.sizeHint().height())
    made.show()
    return made


def bar_colour(bars: BarList) -> QColor:
    """The colour of a bar in the scheme of now."""
    return theme.blend(QColor(theme.BASELINE), bars.palette().color(QPalette.ColorRole.Base), 0.38)


def row_rectangle(bars: BarList, row: int) -> QRect:
    """Where a row stands: from its first cell to its last one."""
    first, last = (bars.visualRect(bars.shown.index(row, column)) for column in (0, bars.shown.columnCount() - 1))
    return first.united(last)


def click(qtbot: QtBot, bars: BarList, place: QPoint, *, control: bool = False) -> None:
    """Click a place among the rows."""
    held = Qt.KeyboardModifier.ControlModifier if control else Qt.KeyboardModifier.NoModifier
    qtbot.mouseClick(bars.viewport(), LEFT, held, place)


def coloured_width(bars: BarList, row: int) -> int:
    """Pixels of the bar's colour along the row, a little below its top where no whisker is."""
    image = picture_of(bars.viewport())
    y = int(bar_of(bars, row, 1).top()) + 2
    return sum(image.pixelColor(x, y) == bar_colour(bars) for x in range(image.width()))


def test_bars_are_as_long_as_their_values(bars: BarList) -> None:
    """On one axis from zero to the largest; nothing is drawn where there is no value."""
    whole = coloured_width(bars, 0)
    assert whole == pytest.approx(x_of(bars, 1) - x_of(bars, 0), abs=2)
    assert coloured_width(bars, 1) == pytest.approx(whole / 2, abs=2)
    assert coloured_width(bars, 2) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_reference_line_runs_through_all_rows(bars: BarList, qapp: QApplication, scheme: theme.Scheme) -> None:
    """It differs from ground and bar, in both schemes."""
    theme.apply(qapp, scheme)
    bars.set_figure(BarFigure(ROWS, (Reference(0.6, "chance"),)))
    image = picture_of(bars.viewport())
    x = int(x_of(bars, 0.6))
    seen = {image.pixelColor(x, row_rectangle(bars, row).top() + 1).name() for row in range(4)}
    assert len(seen) == 1
    assert not seen & {bar_colour(bars).name(), bars.palette().color(QPalette.ColorRole.Base).name()}


def at(bars: BarList) -> tuple[int, int]:
    """Row and column of the cell that the keyboard is at."""
    return bars.currentIndex().row(), bars.currentIndex().column()


def spoken(bars: BarList, row: int, column: int) -> str:
    """What a screen reader is told of a cell."""
    table = QAccessible.queryAccessibleInterface(bars)
    cells = (table.child(place) for place in range(table.childCount()))
    found = [cell for cell in cells if cell.role() == QAccessible.Role.Cell]
    places = [(cell.tableCellInterface().rowIndex(), cell.tableCellInterface().columnIndex()) for cell in found]
    return found[places.index((row, column))].text(QAccessible.Text.Name)


def test_a_screen_reader_finds_rows_and_columns(bars: BarList) -> None:
    """Name, bar in words and value of each row; the marked one is said to be selected."""
    bars.setAccessibleName("Things by size")
    bars.set_marked(1)
    table = QAccessible.queryAccessibleInterface(bars)
    assert table.role() == QAccessible.Role.Table
    assert table.text(QAccessible.Text.Name) == "Things by size"
    assert [spoken(bars, 0, column) for column in range(3)] == ["first", "the whole", "100 %"]
    assert [spoken(bars, 1, column) for column in range(3)] == ["second", "second: 50 %", "50 %"]
    children = [table.child(place) for place in range(table.childCount())]
    selected = [cell.text(QAccessible.Text.Name) for cell in children if cell.state().selected]
    assert selected == ["second", "second: 50 %", "50 %"]
    of_rows = [child.text(QAccessible.Text.Name) for child in children if child.role() == QAccessible.Role.RowHeader]
    assert of_rows == [row.label for row in ROWS]


def test_an_interval_is_drawn_from_bound_to_bound(bars: BarList) -> None:
    """Text-coloured whiskers, also beyond the bar."""
    image, middle = picture_of(bars.viewport()), int(bar_of(bars, 1, 1).center().y())
    ground = bars.palette().color(QPalette.ColorRole.Base)
    assert dark_run(image, bars, middle, 0.55, 0.78)
    assert image.pixelColor(int(x_of(bars, 0.9)), middle) == ground


def dark_run(image: QImage, bars: BarList, y: int, low: float, high: float) -> bool:
    """Whether pixels between two values are all darker than a bar at y or the line beside it."""
    places = range(int(x_of(bars, low)), int(x_of(bars, high)))
    limit = bar_colour(bars).lightness()
    return all(min(image.pixelColor(x, row).lightness() for row in (y - 1, y)) < limit for x in places)


def test_an_axis_can_be_given(bars: BarList) -> None:
    """A share of one half is half as long where the axis ends at one."""
    bars.set_figure(BarFigure(ROWS[1:2], largest=1.0))
    assert bar_of(bars, 0, 1).width() == pytest.approx((x_of(bars, 1) - x_of(bars, 0)) / 2)


def test_what_is_below_stays_in_place_while_rows_are_awaited(bars: BarList) -> None:
    """Room is kept for the rows to come."""
    four = bars.sizeHint().height()
    bars.set_figure(BarFigure(), reserve=4)
    assert bars.sizeHint().height() == four
    bars.set_figure(BarFigure())
    assert bars.sizeHint().height() == 0


def test_bars_have_room_beside_long_labels(bars: BarList) -> None:
    """Labels are shortened first, however narrow the list is."""
    bars.resize(170, bars.height())
    assert x_of(bars, 1) - x_of(bars, 0) >= 40


def test_a_click_chooses_its_row(bars: BarList, qtbot: QtBot) -> None:
    """And says whether Ctrl was held; beside the rows nothing happens."""
    told: list[tuple[int, bool]] = []
    bars.chosen.connect(lambda row, _column, adds: told.append((row, adds)))
    click(qtbot, bars, row_rectangle(bars, 1).center())
    click(qtbot, bars, row_rectangle(bars, 3).center(), control=True)
    bars.resize(300, bars.height() + 50)
    click(qtbot, bars, QPoint(10, bars.height() - 5))
    assert told == [(1, False), (3, True)]


def test_keys_do_what_the_mouse_does(bars: BarList, qtbot: QtBot) -> None:
    """Arrows, Home and End move within the rows; Enter chooses, with Ctrl too."""
    told: list[tuple[int, bool]] = []
    bars.chosen.connect(lambda row, _column, adds: told.append((row, adds)))
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_End, Qt.Key.Key_Down):
        qtbot.keyClick(bars, key)
    qtbot.keyClick(bars, Qt.Key.Key_Enter, Qt.KeyboardModifier.ControlModifier)
    assert told == [(1, False), (3, True)]
    qtbot.keyClick(bars, Qt.Key.Key_Home)
    assert bars.currentIndex().row() == 0
    qtbot.keyClick(bars, Qt.Key.Key_Right)
    assert spoken(bars, *at(bars)) == "the whole"


def test_a_list_that_cannot_be_chosen_from_stays_silent(qtbot: QtBot) -> None:
    """It can still be walked through."""
    bars = BarList()
    qtbot.addWidget(bars)
    bars.set_figure(BarFigure(ROWS))
    bars.resize(300, 200)
    with qtbot.assertNotEmitted(bars.chosen):
        click(qtbot, bars, row_rectangle(bars, 1).center())
        qtbot.keyClick(bars, Qt.Key.Key_Return)
    assert bars.currentIndex().row() == 1


def test_an_empty_list_takes_no_keys(qtbot: QtBot) -> None:
    """Nothing to move to."""
    bars = BarList(can_choose=True)
    qtbot.addWidget(bars)
    with qtbot.assertNotEmitted(bars.chosen):
        qtbot.keyClick(bars, Qt.Key.Key_Down)
        qtbot.keyClick(bars, Qt.Key.Key_Return)


def test_moving_with_keys_scrolls_what_is_around(qtbot: QtBot) -> None:
    """The row that the keyboard is at can always be seen; and so does the wheel."""
    column, bars, area = QWidget(), BarList(), QScrollArea()
    QVBoxLayout(column).addWidget(bars)
    bars.set_figure(BarFigure(tuple(BarRow(f"row {n}", n, "") for n in range(60))))
    area.setWidget(column)
    area.setWidgetResizable(True)
    qtbot.addWidget(area)
    area.resize(300, 200)
    area.show()
    qtbot.keyClick(bars, Qt.Key.Key_End)
    place = bars.viewport().mapTo(area.viewport(), row_rectangle(bars, 59).center())
    assert area.viewport().rect().contains(place)
    before = area.verticalScrollBar().value()
    QTest.wheelEvent(area.windowHandle(), QPointF(area.rect().center()), QPoint(0, 120))
    assert area.verticalScrollBar().value() < before


def test_a_marked_row_is_seen(bars: BarList) -> None:
    """It carries a stripe of the accent colour at its left; others do not."""
    bars.clearFocus()  # the row with the focus is outlined
    bars.set_marked(2)
    image, accent = picture_of(bars.viewport()), bars.palette().color(QPalette.ColorRole.Highlight)
    seen = [image.pixelColor(0, row_rectangle(bars, row).center().y()) == accent for row in range(4)]
    assert seen == [False, False, True, False]


def test_a_section_keeps_the_height_of_its_rows(qtbot: QtBot) -> None:
    """As a table it is higher, and comes back; text is found as text in the SVG."""
    section = BarSection("Things", "Things by size", BarList())
    qtbot.addWidget(section)
    section.show_content(BarContent(BarFigure(ROWS), FigureTable(("a",), [("x",)]), "A note."), "caption")
    section.show()
    low = section.figure.height()
    assert low == section.bars.sizeHint().height()
    section.figure.show_table(shown=True)
    assert section.figure.height() > low
    section.figure.show_table(shown=False)
    assert section.figure.height() == low
    assert section.note.text() == "A note."
    assert b">second<" in svg_of(section.figure)


def test_dots_stand_in_their_intervals_and_have_no_bar(qtbot: QtBot) -> None:
    """In the row's own colour, or the usual one, from lower to upper bound; the axis need not begin at zero."""
    rows = tuple(
        BarRow(name, value, "", lower=value - 0.05, upper=value + 0.04, colour=colour)
        for name, value, colour in (("before", 0.8, ""), ("after", 0.7, theme.WHAT_IF))
    )
    bars = BarList(unit="accuracy")
    qtbot.addWidget(bars)
    bars.set_figure(BarFigure(rows, lowest=0.6, largest=0.9, is_dots=True))
    bars.resize(400, bars.sizeHint().height())
    bars.show()
    image = picture_of(bars.viewport())
    for number, row in enumerate(rows):
        own = QColor(row.colour or theme.BASELINE)
        y = round(bar_room(bars, number, 1).center().y())
        drawn = [image.pixelColor(x, y) for x in range(image.width())]
        places = [x for x, colour in enumerate(drawn) if colour == own]
        assert places[0] == pytest.approx(x_of(bars, row.lower), abs=1.5)
        assert places[-1] == pytest.approx(x_of(bars, row.upper), abs=1.5)
        above = [image.pixelColor(x, y - 3) for x in range(image.width())]
        dot = [x for x, colour in enumerate(above) if colour == own]
        assert dot
        assert all(abs(x - x_of(bars, row.value)) <= 4 for x in dot)


def test_a_sign_leaves_room_for_a_short_name(qapp: QApplication) -> None:
    """Half of a narrow bar at most; it is cut at its end, so that its mark stays."""
    metrics, cell = QFontMetricsF(qapp.font()), BarCell("B  glass", sign="✓ gold, predicted")
    name, sign = metrics.horizontalAdvance(cell.text), metrics.horizontalAdvance(cell.sign)
    assert sign_beside(cell, metrics, 2 * (name + sign)) == cell.sign
    narrow = 2 * name
    found = sign_beside(cell, metrics, narrow)
    assert found.startswith("✓")
    assert found.endswith("…")
    assert name + metrics.horizontalAdvance(found) <= narrow


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("colour", [theme.RIGHT, theme.WRONG, theme.BASELINE, theme.WHAT_IF, theme.REFERENCE])
def test_a_sign_can_be_read_on_its_own_bar(
    bars: BarList, qapp: QApplication, scheme: theme.Scheme, colour: str
) -> None:
    """Right and wrong stood on the bar of their colour in 3 of contrast in the dark."""
    theme.apply(qapp, scheme)
    delegate = BarDelegate(bars, bars.shown)
    for own in (theme.RIGHT, theme.WRONG, ""):
        cell = BarCell("A text", 1.0, sign="gold", sign_colour=own, colour=colour)
        sign = delegate.sign_colour(cell, "bar")
        assert theme.contrast(sign, delegate.bar_colour(cell, "bar")) >= 4.5
        assert theme.contrast(sign, bars.palette().color(QPalette.ColorRole.Base)) >= 4.5
