"""What every figure can do: copy, PNG, SVG, PDF, CSV and its table twin, all of exactly what is shown."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu, QTableWidget
from pytestqt.qtbot import QtBot

from app.widgets.bars.bar_list import BarList
from app.widgets.figures.figure import Figure
from app.widgets.safe_text import as_message
from moe_core.figures.bars import BarFigure, BarRow
from moe_core.figures.table import FigureTable
from tests.app.files.figures.test_formats import CAPTION, TABLE, figure

__all__ = ["figure"]  # a fixture


def test_copies_data_and_asks_for_the_image(figure: Figure, qtbot: QtBot) -> None:
    """Data go as tab separated text, as spreadsheets take them."""
    figure.copy_data()
    assert QGuiApplication.clipboard().text() == "layer\tvalue\n0\t0.25\n1\t"
    with qtbot.waitSignal(figure.wanted) as wanted:
        figure.want("image")
    assert wanted.args == [figure, "image"]


def test_ctrl_c_asks_for_what_is_pointed_at(qtbot: QtBot) -> None:
    """In words; where nothing is pointed at, for all that is shown."""
    bars = BarList()
    rows = (BarRow("A copper", -8.7, "−8.7"), BarRow("B glass", -0.1, "−0.1"))
    bars.set_figure(BarFigure(rows, lowest=-10, largest=0))
    figure = Figure(bars, "Choices")
    qtbot.addWidget(figure)
    figure.set_data(TABLE, CAPTION)
    figure.show()
    bars.move_to(1, 0)
    with qtbot.waitSignal(figure.wanted) as wanted:
        qtbot.keyClick(bars, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert wanted.args == [figure, "pointed"]
    assert figure.pointed_text == rows[1].in_words()
    bars.set_figure(BarFigure())
    assert figure.pointed_text == TABLE.as_text()


def test_the_table_twin_follows_the_plot(figure: Figure) -> None:
    """Shown in the plot's place, and renewed with it."""
    figure.show_table(shown=True)
    twin = figure.findChild(QTableWidget)
    figure.set_data(FigureTable(("layer",), ((7,),)), CAPTION)
    assert (twin.rowCount(), twin.item(0, 0).text(), twin.accessibleName()) == (1, "7", "Squares, as a table")
    figure.show_table(shown=False)
    assert figure.canvas.isVisible()


def test_the_table_twin_is_sorted_by_number(figure: Figure) -> None:
    """At first as it comes; by a click on a heading as numbers, what is none last, and it stays so."""
    rows = ((10, 1 / 3, "b"), (9, None, "A"), (100, 2.0, "c"))
    figure.set_data(FigureTable(("expert", "value", "name"), rows), CAPTION)
    figure.show_table(shown=True)
    twin = figure.findChild(QTableWidget)

    def column(at: int) -> list[str]:
        return [twin.item(row, at).text() for row in range(twin.rowCount())]

    assert column(0) == ["10", "9", "100"]
    twin.sortByColumn(0, Qt.SortOrder.AscendingOrder)
    assert column(0) == ["9", "10", "100"]
    twin.sortByColumn(1, Qt.SortOrder.AscendingOrder)
    assert column(1) == ["0.333333", "2.00000", ""]
    assert "0.3333333333333333" in twin.item(0, 1).toolTip()
    figure.set_data(FigureTable(("expert", "value", "name"), rows[:2]), CAPTION)
    assert column(1) == ["0.333333", ""]
    twin.sortByColumn(2, Qt.SortOrder.DescendingOrder)
    assert column(2) == ["b", "A"]


def test_a_right_click_offers_all_of_it(figure: Figure, qtbot: QtBot) -> None:
    """The menu opens where the click was."""
    figure.customContextMenuRequested.emit(figure.rect().center())
    (menu,) = figure.findChildren(QMenu)
    texts = [action.text() for action in menu.actions() if not action.isSeparator()]
    assert texts[:3] == ["Copy what is pointed at\tCtrl+C", "Copy image", "Copy data"]
    assert texts[3:5] == ["Save figure…", "Save data as CSV…"]
    qtbot.keyClick(menu, Qt.Key.Key_Escape)


def test_a_name_is_no_markup_in_a_box() -> None:
    """What would be taken for markup is escaped, all else stays as it is."""
    assert as_message("a < b & c") == "a < b & c"
    assert "&lt;img src=x&gt;" in as_message("<img src=x> exists already.")
