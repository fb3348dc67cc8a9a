"""What every figure can do: copy, PNG, SVG, PDF, CSV and its table twin, all of exactly what is shown."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from app.widgets.bars.bar_list import BarList
from app.widgets.figures.figure import Figure
from app.widgets.figures.twin import table_of
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


def cells(figure: Figure, column: int) -> list[str]:
    """What stands in a column of the table, top to bottom."""
    assert figure.twin is not None
    assert figure.twin.list is not None
    rows = figure.twin.list.rows
    return [rows.shown_text(row, column) for row in range(rows.rowCount())]


def test_the_table_follows_the_plot(figure: Figure) -> None:
    """Shown in the plot's place, and renewed with it."""
    figure.show_table(shown=True)
    figure.set_data(FigureTable(("layer",), ((7,),)), CAPTION)
    assert figure.twin is not None
    assert figure.twin.list is not None
    assert (cells(figure, 0), figure.twin.list.accessibleName()) == (["7"], "Squares, as a table")
    figure.show_table(shown=False)
    assert figure.canvas.isVisible()


def test_the_table_is_sorted_by_number_and_read_as_a_paper_prints_numbers(figure: Figure) -> None:
    """At first as it comes; by a click on a heading as numbers, what is none last, and it stays so."""
    rows = ((10, -1 / 3, "b"), (9, None, "A"), (10000, 2.0, "c"))
    figure.set_data(FigureTable(("expert", "value", "name"), rows), CAPTION)
    figure.show_table(shown=True)
    assert figure.twin is not None
    view = figure.twin.list
    assert view is not None
    assert cells(figure, 0) == ["10", "9", "10,000"]
    view.sort_by(0, descending=False)
    assert cells(figure, 0) == ["9", "10", "10,000"]
    view.sort_by(1, descending=False)
    assert cells(figure, 1) == ["−0.3333", "2.000", ""]
    assert view.rows.styles[1].meaning(view.rows.value(0, 1)) == str(-1 / 3)
    figure.set_data(FigureTable(("expert", "value", "name"), rows[:2]), CAPTION)
    assert cells(figure, 1) == ["−0.3333", ""]
    view.sort_by(2, descending=True)
    assert cells(figure, 2) == ["b", "A"]
    assert figure.data.rows[0] == (10, -1 / 3, "b")  # what is saved is what is listed, with all digits


def test_columns_of_the_table_are_as_wide_as_what_stands_in_them(figure: Figure) -> None:
    """None takes all the room, be they numbers or texts: the first ones are all seen."""
    for row in ((1, 2.0, 3.0, 4), (1, "a name", 3.0, 4)):
        figure.set_data(FigureTable(("layer", "expert", "value", "n"), (row,)), CAPTION)
        figure.show_table(shown=False)
        figure.resize(460, 200)
        figure.show_table(shown=True)
        QApplication.processEvents()
        assert figure.twin is not None
        assert figure.twin.list is not None
        header = figure.twin.list.horizontalHeader()
        widths = [header.sectionSize(column) for column in range(4)]
        assert sum(widths[:3]) < figure.twin.list.viewport().width(), widths


def test_the_table_is_filtered_by_words_and_copied_as_it_stands(figure: Figure, qtbot: QtBot) -> None:
    """A row must have every word in some column; Ctrl+C takes the selected rows, all where none is."""
    rows = ((1, "copper", "north"), (2, "glass", "north"), (3, "glass", "south"))
    figure.set_data(FigureTable(("expert", "thing", "place"), rows), CAPTION)
    figure.show_table(shown=True)
    assert figure.twin is not None
    figure.twin.search.setText("GLA nor")
    figure.twin.search.tell()
    assert cells(figure, 0) == ["2"]
    assert figure.data.as_csv().splitlines()[1:] == ["2,glass,north"]
    figure.twin.search.setText("glass")
    figure.twin.search.tell()
    assert figure.pointed_text.splitlines() == ["expert\tthing\tplace", "2\tglass\tnorth", "3\tglass\tsouth"]
    assert figure.twin.list is not None
    with qtbot.waitSignal(figure.row_chosen) as chosen:
        qtbot.mouseClick(
            figure.twin.list.viewport(),
            Qt.MouseButton.LeftButton,
            pos=figure.twin.list.visualRect(figure.twin.list.rows.index(1, 0)).center(),
        )
    assert chosen.args == [2]
    assert figure.pointed_text.splitlines()[1:] == ["3\tglass\tsouth"]
    with qtbot.waitSignal(figure.wanted) as wanted:
        qtbot.keyClick(figure.twin.list, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert wanted.args == [figure, "pointed"]


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


def test_long_headings_of_a_table_are_told_apart() -> None:
    """Those that differ at their ends alone, too; files have them whole."""
    names = tuple(f"Share of tokens routed to the expert, {side}" for side in ("before", "after"))
    styles = table_of(FigureTable(("layer", *names), ((1, 0.5, 0.25),))).styles
    titles = [style.title for style in styles]
    assert titles[0] == "layer"
    assert len(set(titles)) == 3
    assert [title[-6:].strip(", ") for title in titles[1:]] == ["before", "after"]
    assert [style.heading for style in styles[1:]] == list(names)
