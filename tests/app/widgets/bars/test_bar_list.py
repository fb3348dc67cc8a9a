"""The bar list: what is drawn where, and what mouse and keys do."""

from math import nan

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QImage, QPalette
from PySide6.QtWidgets import QApplication, QScrollArea, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app import theme
from app.widgets.bars.bar_list import BarList
from app.widgets.bars.section import BarContent, BarSection
from moe_core.figures.bars import BarRow
from moe_core.figures.table import FigureTable

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
    made = BarList(can_activate=True)
    qtbot.addWidget(made)
    made.set_rows(ROWS)
    made.resize(300, made.sizeHint().height())
    made.show()
    return made


def bar_colour(bars: BarList) -> QColor:
    """The colour of a bar in the scheme of now."""
    return theme.blend(QColor(theme.BASELINE), bars.palette().color(QPalette.ColorRole.Base), 0.35)


def coloured_width(bars: BarList, row: int) -> int:
    """Pixels of the bar's colour along the row, a little below its top where no whisker is."""
    image = bars.grab().toImage()
    assert image.devicePixelRatio() == 1
    y = int(bars.bar_rectangle(row).top()) + 2
    return sum(image.pixelColor(x, y) == bar_colour(bars) for x in range(image.width()))


def test_bars_are_as_long_as_their_values(bars: BarList) -> None:
    """On one axis from zero to the largest; nothing is drawn where there is no value."""
    whole = coloured_width(bars, 0)
    assert whole == pytest.approx(bars.x_of(1) - bars.x_of(0), abs=2)
    assert coloured_width(bars, 1) == pytest.approx(whole / 2, abs=2)
    assert coloured_width(bars, 2) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_reference_line_runs_through_all_rows(bars: BarList, qapp: QApplication, scheme: theme.Scheme) -> None:
    """It differs from ground and bar, in both schemes."""
    theme.apply(qapp, scheme)
    bars.set_rows(ROWS, reference=0.6)
    image = bars.grab().toImage()
    x = int(bars.x_of(0.6))
    seen = {image.pixelColor(x, bars.row_rectangle(row).top() + 1).name() for row in range(4)}
    assert len(seen) == 1
    assert not seen & {bar_colour(bars).name(), bars.palette().color(QPalette.ColorRole.Base).name()}


def test_an_interval_is_drawn_from_bound_to_bound(bars: BarList) -> None:
    """Text-coloured whiskers, also beyond the bar."""
    image, middle = bars.grab().toImage(), int(bars.bar_rectangle(1).center().y())
    ground = bars.palette().color(QPalette.ColorRole.Base)
    assert dark_run(image, bars, middle, 0.55, 0.78)
    assert image.pixelColor(int(bars.x_of(0.9)), middle) == ground


def dark_run(image: QImage, bars: BarList, y: int, low: float, high: float) -> bool:
    """Whether pixels between two values are all darker than a bar at y or the line beside it."""
    places = range(int(bars.x_of(low)), int(bars.x_of(high)))
    limit = bar_colour(bars).lightness()
    return all(min(image.pixelColor(x, row).lightness() for row in (y - 1, y)) < limit for x in places)


def test_an_axis_can_be_given(bars: BarList) -> None:
    """A share of one half is half as long where the axis ends at one."""
    bars.set_rows(ROWS[1:2], largest=1.0)
    assert bars.bar_rectangle(0).width() == pytest.approx((bars.x_of(1) - bars.x_of(0)) / 2)


def test_what_is_below_stays_in_place_while_rows_are_awaited(bars: BarList) -> None:
    """Room is kept for the rows to come."""
    four = bars.sizeHint().height()
    bars.set_rows((), reserve=4)
    assert bars.sizeHint().height() == four
    bars.set_rows(())
    assert bars.sizeHint().height() == 0


def test_bars_have_room_beside_long_labels(bars: BarList) -> None:
    """Labels are shortened first, however narrow the list is."""
    bars.resize(170, bars.height())
    assert bars.x_of(1) - bars.x_of(0) >= 40


def test_a_click_activates_its_row(bars: BarList, qtbot: QtBot) -> None:
    """And says whether Ctrl was held; beside the rows nothing happens."""
    told: list[tuple[int, bool]] = []
    bars.activated.connect(lambda row, with_ctrl: told.append((row, with_ctrl)))
    qtbot.mouseClick(bars, LEFT, pos=bars.row_rectangle(1).center())
    qtbot.mouseClick(bars, LEFT, Qt.KeyboardModifier.ControlModifier, bars.row_rectangle(3).center())
    bars.resize(300, bars.height() + 50)
    qtbot.mouseClick(bars, LEFT, pos=QPoint(10, bars.height() - 5))
    assert told == [(1, False), (3, True)]


def test_keys_do_what_the_mouse_does(bars: BarList, qtbot: QtBot) -> None:
    """Arrows, Home and End move within the rows; Enter activates, with Ctrl too."""
    told: list[tuple[int, bool]] = []
    bars.activated.connect(lambda row, with_ctrl: told.append((row, with_ctrl)))
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_End, Qt.Key.Key_Down):
        qtbot.keyClick(bars, key)
    qtbot.keyClick(bars, Qt.Key.Key_Enter, Qt.KeyboardModifier.ControlModifier)
    assert told == [(1, False), (3, True)]
    qtbot.keyClick(bars, Qt.Key.Key_Home)
    assert bars.current == 0
    assert bars.accessibleDescription() == "the whole"


def test_a_list_that_cannot_be_activated_stays_silent(qtbot: QtBot) -> None:
    """It can still be walked through."""
    bars = BarList()
    qtbot.addWidget(bars)
    bars.set_rows(ROWS)
    bars.resize(300, 200)
    with qtbot.assertNotEmitted(bars.activated):
        qtbot.mouseClick(bars, LEFT, pos=bars.row_rectangle(1).center())
        qtbot.keyClick(bars, Qt.Key.Key_Return)
    assert bars.current == 1


def test_an_empty_list_takes_no_keys(qtbot: QtBot) -> None:
    """Nothing to move to."""
    bars = BarList(can_activate=True)
    qtbot.addWidget(bars)
    with qtbot.assertNotEmitted(bars.activated):
        qtbot.keyClick(bars, Qt.Key.Key_Down)
        qtbot.keyClick(bars, Qt.Key.Key_Return)


def test_moving_with_keys_scrolls_what_is_around(qtbot: QtBot) -> None:
    """The row that the keyboard is at can always be seen."""
    column, bars, area = QWidget(), BarList(), QScrollArea()
    QVBoxLayout(column).addWidget(bars)
    bars.set_rows([BarRow(f"row {n}", n, "") for n in range(60)])
    area.setWidget(column)
    area.setWidgetResizable(True)
    qtbot.addWidget(area)
    area.resize(300, 200)
    area.show()
    qtbot.keyClick(bars, Qt.Key.Key_End)
    place = bars.mapTo(area.viewport(), bars.row_rectangle(59).center())
    assert area.viewport().rect().contains(place)


def test_a_marked_row_is_seen(bars: BarList) -> None:
    """It carries a stripe of the accent colour at its left; others do not."""
    bars.clearFocus()  # the row with the focus is outlined
    bars.set_marked(2)
    image, accent = bars.grab().toImage(), bars.palette().color(QPalette.ColorRole.Highlight)
    seen = [image.pixelColor(0, bars.row_rectangle(row).center().y()) == accent for row in range(4)]
    assert seen == [False, False, True, False]


def test_a_section_keeps_the_height_of_its_rows(qtbot: QtBot) -> None:
    """As a table it is higher, and comes back; text is found as text in the SVG."""
    section = BarSection("Things", "Things by size", BarList())
    qtbot.addWidget(section)
    section.show_content(BarContent(ROWS, FigureTable(("a",), [("x",)]), "A note."), "caption")
    section.show()
    low = section.figure.height()
    assert low == section.bars.sizeHint().height()
    section.figure.show_table(shown=True)
    assert section.figure.height() > low
    section.figure.show_table(shown=False)
    assert section.figure.height() == low
    assert section.note == "A note."
    assert b">second<" in section.figure.svg()
