"""The table as it is drawn: columns that share the room, colours of what they mean, a menu for the keyboard."""

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QContextMenuEvent, QPalette
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from app import theme
from app.theme import text_width
from app.widgets.figures.table_figure import TableFigure
from app.widgets.tables.tinted_rows import row_grounds, tint_of_selected
from app.widgets.tables.view import ArrayTableView
from moe_core.figures.array_table import ArrayTable, ColumnStyle
from tests.app.picture import colours_in, picture_of

GREEN = "#009e73"
STYLES = (
    ColumnStyle("number", "#", "Number", "Its place.", width=5, exported=int, is_number=True),
    ColumnStyle("mark", "✓", "Mark", "Right or not.", width=4, colours={"██": GREEN}),
    ColumnStyle("text", "Text", "Text", "What it says.", width=24),
    ColumnStyle("name", "Name", "Name", "Its name.", width=8, wide_width=20),
    ColumnStyle("more", "More", "More", "And more.", width=30),
)
N = 200


@pytest.fixture
def view(qtbot: QtBot) -> ArrayTableView:
    """Two hundred rows."""
    made = ArrayTableView(STYLES, elastic="text", leading=("number", "mark", "name"))
    qtbot.addWidget(made)
    words = tuple(f"word {n}" for n in range(N))
    columns = (np.arange(N), ("██",) * N, words, words, words)
    made.show_rows(ArrayTable(STYLES, columns, np.arange(N) >= 5), np.arange(N))
    made.resize(text_width(made.fontMetrics(), 53), 300)
    with qtbot.waitExposed(made):
        made.show()
    return made


def widths(view: ArrayTableView) -> list[int]:
    """Width of each column."""
    return [view.columnWidth(column) for column in range(len(STYLES))]


def test_the_leading_columns_fill_a_narrow_table_and_all_of_them_a_wide_one(view: ArrayTableView) -> None:
    """The elastic one takes what is left; names get more room where there is some."""
    narrow = widths(view)
    assert abs(sum(narrow[:4]) - view.viewport().width()) <= 1
    view.resize(1400, 300)
    wide = widths(view)
    assert sum(wide) == view.viewport().width()
    assert wide[3] > narrow[3]


def test_no_leading_column_is_cut_in_a_table_too_narrow_for_all(view: ArrayTableView) -> None:
    """The last ones go out of sight, so that those before them are whole."""
    for letters in (34, 38, 42, 46):
        view.resize(text_width(view.fontMetrics(), letters), 300)
        ends = np.cumsum(widths(view))
        assert abs(ends - view.viewport().width()).min() <= 1, letters


def test_a_width_given_by_hand_stays(view: ArrayTableView) -> None:
    """Until the columns are reset."""
    view.horizontalHeader().resizeSection(3, 55)
    view.resize(1400, 300)
    assert view.columnWidth(3) == 55
    assert view.options()["widths"] == {"name": 55}
    view.layout_of_columns.reset()
    assert view.columnWidth(3) > 55
    assert view.options()["widths"] == {}


def test_the_last_column_cannot_be_hidden(view: ArrayTableView) -> None:
    """A table without columns could not be brought back."""
    for column in range(len(STYLES)):
        view.layout_of_columns.set_shown(column, shown=False)
    assert view.layout_of_columns.shown == [4]


def test_marks_have_their_colour_and_rows_that_hold_nothing_are_faded(view: ArrayTableView) -> None:
    """Compared with what is painted, dark enough to be read; selected rows keep the colour."""
    view.show_current(2)
    image, palette = picture_of(view.viewport()), view.palette()
    green = theme.readable(QColor(GREEN), tint_of_selected(palette, has_focus=view.hasFocus())).name()
    faded = theme.readable(palette.color(QPalette.ColorRole.PlaceholderText), *row_grounds(palette)).name()
    for row, colour in ((2, green), (6, faded)):
        seen = colours_in(image, view.visualRect(view.model().index(row, 1)))
        assert seen & {green, faded} == {colour}


def test_the_menu_does_what_the_headings_do(view: ArrayTableView, qtbot: QtBot) -> None:
    """Sort, reverse, hide: with keys alone, at the current row."""
    figure = TableFigure(view, "Words", ("Copy name", "name"))
    qtbot.addWidget(figure)
    view.show_current(3)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, view.rect().center(), view.rect().center())
    QApplication.sendEvent(view, event)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    submenus = {action.text(): action.menu() for action in menu.actions() if action.menu() is not None}
    sort = {action.text(): action for action in submenus["Sort by"].actions()}
    with qtbot.waitSignal(view.sort_changed):
        sort["Name"].trigger()
    assert (view.sort_column, view.is_descending) == (3, False)
    with qtbot.waitSignal(view.sort_changed):
        sort["Descending"].trigger()
    assert view.is_descending
    {action.text(): action for action in submenus["Columns"].actions()}["More"].trigger()
    assert view.isColumnHidden(4)
    assert figure.data.columns == ("Number", "Mark", "Text", "Name")
    menu.close()


def test_headings_teach(view: ArrayTableView) -> None:
    """Unit and meaning in the tooltip; an arrow at the one that rows are sorted by."""
    view.sort_by(3, descending=True)
    model, across = view.model(), Qt.Orientation.Horizontal
    assert model.headerData(3, across) == "Name ↓"
    assert model.headerData(0, across) == "#"
    assert "Its place." in model.headerData(0, across, Qt.ItemDataRole.ToolTipRole)


def test_rows_that_stay_keep_selection_and_those_that_move_do_not(view: ArrayTableView) -> None:
    """Showing the same rows again resets nothing."""
    view.selectAll()
    view.show_rows(view.rows.table, np.arange(N))
    assert len(view.selectionModel().selectedRows()) == N
    view.show_rows(view.rows.table, np.arange(N)[::-1])
    assert not view.selectionModel().hasSelection()
    view.show_current(0)
    assert (view.current_row, view.currentIndex().row()) == (0, N - 1)
    view.show_current(None)
    assert view.current_row is None
