"""Every figure of the window can be read as a table, whose rows are linked with all views, both ways."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.content.grids.effect_grid import expert_grid
from app.content.row_links import chosen_in, row_of
from app.state.session import Session
from app.views.what_if.view import WhatIfView
from app.widgets.figures.figure import Figure
from app.widgets.figures.table_figure import TableFigure
from app.window.main_window import MainWindow
from moe_core.figures.table import FigureTable
from tests.app.synthetic_what_if import synthetic_what_if
from tests.patient_bot import PatientBot
from tests.traces.synthetic_run import SyntheticRun, record


@pytest.fixture
def browsed(window: MainWindow, trace_path: Path) -> MainWindow:
    """The window on the tiny trace, an expert and a question looked at."""
    window.open_trace(trace_path)
    window.session.set(replace(window.session.state, experts=frozenset({(1, 2)}), layer=1, question=3))
    QApplication.processEvents()
    return window


def figures(window: MainWindow) -> list[tuple[str, Figure]]:
    """Every figure that shows something, with the name of its view; each view was in front once."""
    found = []
    for name, view in window.views.items():
        window.show_view(name)
        QApplication.processEvents()
        found += [(name, figure) for figure in view.findChildren(Figure) if figure.isVisible()]
    return found


def test_every_figure_becomes_a_table_and_comes_back(browsed: MainWindow) -> None:
    """With as many rows as its data have, each column as its CSV has it."""
    seen = set()
    for name, figure in figures(browsed):
        browsed.show_view(name)
        if isinstance(figure, TableFigure) or not figure.rows.columns:
            continue
        figure.show_table(shown=True)
        assert figure.twin is not None
        assert figure.twin.list is not None
        assert figure.twin.list.rows.rowCount() == len(figure.rows.rows), figure.title
        assert figure.data.columns == figure.rows.columns, figure.title
        figure.show_table(shown=False)
        assert not figure.shows_table
        seen.add(name)
    assert {"experts", "entropy", "question", "expert"} <= seen


def test_the_key_toggles_the_figure_in_use(browsed: MainWindow, qtbot: QtBot) -> None:
    """And the keyboard stays in it."""
    browsed.enter_view("entropy")
    figure = browsed.figure_in_use()
    assert figure is not None
    browsed.session.request("show_table")
    assert figure.shows_table
    assert figure.isAncestorOf(QApplication.focusWidget())
    assert browsed.figure_in_use() is figure
    browsed.session.request("show_table")
    assert not figure.shows_table
    assert QApplication.focusWidget() is figure.canvas


def test_a_row_of_the_grids_table_selects_its_cell_everywhere_and_the_reverse(
    browsed: MainWindow, qtbot: PatientBot
) -> None:
    """By the arrow keys; what is selected elsewhere becomes the current row."""
    browsed.enter_view("experts")
    browsed.session.request("show_table")
    figure = browsed.figure_in_use()
    assert figure is not None
    assert figure.twin is not None
    view = figure.twin.list
    assert view is not None
    assert figure.rows.rows[figure.twin.current_row or 0][:2] == (1, 2)
    qtbot.keyClick(view, Qt.Key.Key_Down)
    assert browsed.session.state.experts == frozenset({(1, 3)})
    browsed.session.set(replace(browsed.session.state, experts=frozenset({(0, 5)}), layer=0))
    assert figure.twin.current_row == 5
    browsed.session.set(replace(browsed.session.state, experts=frozenset()))
    assert figure.twin.current_row is None


def test_rows_say_what_they_are_about_by_their_columns(opened: Session) -> None:
    """Experts, layers, questions, tokens, subjects; a table of none of these selects nothing."""
    state = replace(opened.state, question=2)
    assert state.trace is not None
    ids = state.trace.table.ids
    layers = FigureTable(("layer", "curve"), ((0, "all"), (2, "all")))
    assert chosen_in(state, layers, 1).layer == 2
    assert row_of(replace(state, layer=2), layers, None) == 1
    questions = FigureTable(("number", "id"), ((1, ids[4]), (2, ids[2])))
    assert chosen_in(state, questions, 0).question == 4
    assert row_of(state, questions, None) == 1
    tokens = FigureTable(("position", "text"), ((0, "a"), (1, "b")))
    assert chosen_in(state, tokens, 1).token == 1
    assert row_of(replace(state, token=1), tokens, None) == 1
    subjects = FigureTable(("subject", "n"), (("reading", 3),))
    assert chosen_in(state, subjects, 0) == replace(state, subject="reading")
    others = FigureTable(("rank", "n"), ((1, 3),))
    assert chosen_in(state, others, 0) == state
    assert row_of(state, others, 0) == 0
    assert chosen_in(state, FigureTable(("id",), (("no question of this",),)), 0) == state


def test_lists_of_qts_own_copy_rows_with_an_image(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    """Not the one cell that Qt would copy."""
    synthetic_what_if(window.session, tmp_path)
    window.show_view("what_if")
    view = window.views["what_if"]
    assert isinstance(view, WhatIfView)
    table = view.results.subjects
    view.results.tabs.setCurrentIndex(1)
    table.selectRow(1)
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QApplication.clipboard().text().splitlines()
    assert lines[0].startswith("Subject\tBefore\tAfter")
    assert [line.split("\t")[0] for line in lines[1:]] == [table.current_subject]
    assert not QApplication.clipboard().image().isNull()


def test_rows_name_layers_as_the_model_does(session: Session, tmp_path: Path) -> None:
    """Its layers 1, 3 and 4 have experts: a row of layer 3 is about the second row of the grid, and back."""
    session.open(record(tmp_path / "odd.h5", SyntheticRun(layers=(1, 3, 4))))
    grid = expert_grid(session.state)
    assert grid is not None
    table = grid.table()
    row = next(at for at, values in enumerate(table.rows) if values[:2] == (3, 5))
    chosen = chosen_in(session.state, table, row)
    assert (chosen.experts, chosen.layer) == (frozenset({(1, 5)}), 1)
    assert row_of(chosen, table, None) == row
    layers = FigureTable(("layer", "curve"), ((1, "all"), (4, "all"), (2, "none")))
    assert chosen_in(chosen, layers, 1).layer == 2
    assert row_of(replace(chosen, layer=2), layers, None) == 1
    assert chosen_in(chosen, layers, 2) == chosen  # a layer without experts
