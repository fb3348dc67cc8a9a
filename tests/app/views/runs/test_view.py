"""The Runs view, driven by mouse and keys in the real window: table, grids of one range, curves, order, baseline."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.content.row_links import OFFERED
from app.state import slices
from app.state.pinned_runs import Pins
from app.views.runs.view import RunsView
from app.window.main_window import MainWindow
from app.window.remembered.session_file import found_again, read_session, save_session
from moe_core.interventions.intervention import parse_mask
from moe_core.reports.charts.figure import standalone_svg
from tests.app.context_menu import offered, right_click
from tests.comparison.test_comparison import rerun
from tests.traces.synthetic_run import SyntheticRun, record

RUN = SyntheticRun(n_questions=30)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """A baseline, a what-if, and another model of another shape."""
    before, folder = record(tmp_path / "before.h5", RUN), tmp_path / "others"  # beside it they would be its history
    folder.mkdir()
    mask = parse_mask("0:1").to_json()
    after = rerun(folder / "after.h5", RUN, 9, change=lambda was: replace(was, intervention=mask))
    deep = SyntheticRun(n_questions=30, n_layers=6, n_experts=4)
    other = rerun(
        folder / "other.h5", deep, 5, change=lambda was: replace(was, model=replace(was.model, weights_sha256="o"))
    )
    return [before, after, other]


@pytest.fixture
def view(window: MainWindow, paths: list[Path]) -> RunsView:
    """The view in front, two runs of one model pinned."""
    window.open_trace(paths[0])
    window.session.set(replace(window.session.state, pins=Pins(tuple(paths[:2]))))
    window.show_view("runs")
    QApplication.processEvents()
    made = window.views["runs"]
    assert isinstance(made, RunsView)
    return made


def texts(view: RunsView) -> list[list[str]]:
    """What the table shows, the columns that are not hidden."""
    shown = view.list.layout_of_columns.shown
    return [[view.list.rows.shown_text(row, column) for column in shown] for row in range(view.list.rows.rowCount())]


def headings(view: RunsView) -> list[str]:
    """Of the columns that are shown."""
    return [view.list.rows.styles[column].title for column in view.list.layout_of_columns.shown]


def test_empty_it_says_what_fills_it(window: MainWindow, paths: list[Path]) -> None:
    """And its button does."""
    window.show_view("runs")
    window.open_trace(paths[0])
    window.session.request("pin_shown")
    assert window.session.state.pins.paths == (paths[0],)
    view = window.views["runs"]
    assert isinstance(view, RunsView)
    assert "1 run pinned: pin another one" in view.note.text()


def test_the_table_shows_only_what_differs(view: RunsView) -> None:
    """The mask, and results with intervals; model and quiz stand in the line of what is alike."""
    assert headings(view)[:4] == ["#", "Run", "Accuracy", "Change, points"]
    assert "Masked or boosted" in headings(view)
    assert not {"Model", "Quiz", "Dtype", "Layers × experts"} & set(headings(view))
    first, second = texts(view)
    assert first[3] == "baseline"
    assert "[" in second[2]
    assert "[" in second[3]
    assert "model synthetic" in view.alike.whole_text
    assert "n = 29 of 30 questions" in view.note.text() or "n = 29 questions" in view.note.text()


def test_grids_fit_where_there_is_room_for_them(view: RunsView, window: MainWindow) -> None:
    """Two beside each other are as high as the dock lets them be, and nothing scrolls."""
    window.docks["runs"].setFloating(True)
    window.docks["runs"].resize(660, 440)
    view.pages.setCurrentIndex(1)
    for _ in range(5):
        QApplication.processEvents()
    assert view.rect().contains(QRect(view.grids.mapTo(view, QPoint(0, 0)), view.grids.size()))


def test_one_range_for_all_grids(view: RunsView) -> None:
    """The least and the largest value of all runs together."""
    view.pages.setCurrentIndex(1)
    QApplication.processEvents()
    figures = [each.data for each in view.grids.grids.maps[:2]]
    assert figures[0] is not None
    assert figures[1] is not None
    assert figures[0].scale == figures[1].scale
    every = np.concatenate([figure.values.ravel() for figure in figures if figure is not None])
    assert (figures[0].scale.low, figures[0].scale.high) == (np.nanmin(every), np.nanmax(every))
    assert figures[1].hatched is not None
    assert figures[1].hatched[0, 1]


def test_a_right_click_on_a_grid_offers_what_can_be_done_with_the_expert(view: RunsView) -> None:
    """Which is selected then, in whichever of the runs it was clicked."""
    view.pages.setCurrentIndex(1)
    QApplication.processEvents()
    grid = view.grids.grids.maps[1]
    right_click(grid, grid.layout_now().cell_rectangle(2, 5).center().toPoint())
    assert list(offered(view.grids.figure)) == list(OFFERED["expert"])
    assert view.session.state.experts == {(2, 5)}


def test_a_cell_is_pointed_at_in_every_run_and_selected_everywhere(view: RunsView) -> None:
    """By a click of the mouse; what is read names every run."""
    view.pages.setCurrentIndex(1)
    QApplication.processEvents()
    first, second = view.grids.grids.maps[:2]
    middle = first.layout_now().cell_rectangle(1, 2).center().toPoint()
    QTest.mouseMove(first.viewport(), middle)
    first.hover(middle.toPointF())
    assert second.hovered == (1, 2)
    assert view.grids.readout.whole_text.startswith("1:2 · before · baseline: ")
    assert "after: " in view.grids.readout.whole_text
    assert "before · baseline" in view.grids.grids.pointed_text
    QTest.mouseClick(first.viewport(), Qt.MouseButton.LeftButton, pos=middle)
    assert view.state.experts == frozenset({(1, 2)})
    assert second.selector.selected == frozenset({(1, 2)})


def test_differences_have_intervals_and_the_baseline_has_no_grid(view: RunsView) -> None:
    """In grids and in curves; noise is faded."""
    view.sides.setCurrentIndex(1)
    view.redraw()
    assert len(view.grids.figure.described.maps) == 1  # type: ignore[union-attr]
    assert view.grids.grids.maps[0].data is not None
    assert view.grids.grids.maps[0].data.faded is not None
    assert {"lower 95 %", "upper 95 %", "corrected p"} <= set(view.grids.figure.data.columns)
    (curve,) = view.curves.plot.chart.curves
    assert np.isfinite(curve.low).all()
    assert (curve.low < curve.mean).all()


def test_models_of_unlike_shape_stand_over_their_depth_and_are_not_subtracted(
    view: RunsView, window: MainWindow, paths: list[Path]
) -> None:
    """It is said why; their grids are as large as they are, in the same colours."""
    window.session.set(replace(window.session.state, pins=Pins((paths[0], paths[2]))))
    assert "cannot be compared: other model weights" in view.note.text()
    chart = view.curves.plot.chart
    assert [curve.x.tolist() for curve in chart.curves] == [[0, 50, 100], [0, 20, 40, 60, 80, 100]]
    assert chart.x_title.startswith("relative depth")
    assert "Layers × experts" in headings(view)
    view.sides.setCurrentIndex(1)
    view.redraw()
    figure = view.grids.grids.maps[0].data
    assert figure is not None
    assert "other model weights" in figure.note
    assert not view.curves.plot.chart.curves


def test_order_and_baseline_by_keyboard_and_taken_back(view: RunsView, window: MainWindow, paths: list[Path]) -> None:
    """A row is chosen with the arrows, moved and made the baseline by its keys; undo takes each back."""
    view.list.setFocus()
    QTest.keyClick(view.list, Qt.Key.Key_Down)
    assert view.state.run == paths[1]
    window.session.request("run_earlier")
    assert view.state.pins.paths == (paths[1], paths[0])
    assert texts(view)[0][1] == "after"
    window.session.request("run_baseline")
    assert view.state.pins.baseline == paths[1]
    assert texts(view)[0][3] == "baseline"
    window.session.request("undo")
    window.session.request("undo")
    assert (view.state.pins.paths, view.state.pins.baseline) == ((paths[0], paths[1]), paths[0])


def test_order_and_baseline_by_mouse(view: RunsView, paths: list[Path]) -> None:
    """A click on a row, then on a button; the context menu offers the same actions."""
    place = view.list.visualRect(view.list.rows.index(1, 1)).center()
    QTest.mouseClick(view.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert view.state.run == paths[1]
    button = view._buttons["run_baseline"]
    assert button.isEnabled()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert view.state.pins.baseline == paths[1]
    assert not button.isEnabled()
    names = [action.objectName() for action in view.figure.offers(QPoint())]
    assert names == ["action-run_baseline", "action-run_earlier", "action-run_later", "action-open_run",
                     "action-unpin_run"]  # fmt: skip
    may = [action.isEnabled() for action in view.figure.offers(QPoint())]
    assert may == [False, True, False, True, True]  # the last one, which is the baseline
    assert not view._buttons["run_later"].isEnabled()
    QTest.mouseClick(view._buttons["run_earlier"], Qt.MouseButton.LeftButton)
    assert view.state.pins.paths == (paths[1], paths[0])
    assert not view._buttons["run_earlier"].isEnabled()


def test_a_session_file_brings_them_back_also_where_they_have_moved(
    view: RunsView, tmp_path: Path, paths: list[Path]
) -> None:
    """Each where it was, else beside the file."""
    place = tmp_path / "elsewhere" / "mine.moescope-session"
    place.parent.mkdir()
    save_session(place, replace(view.state, pins=replace(view.state.pins, chosen=paths[1])))
    saved = read_session(place)
    assert found_again(saved, place.parent).pins == saved.pins
    moved = paths[1].rename(place.parent / paths[1].name)
    found = found_again(saved, place.parent).pins
    assert (found.paths, found.chosen) == ((paths[0], moved), moved)


def test_options_bring_back_the_page(view: RunsView) -> None:
    """As it is kept between sessions; nonsense is passed over."""
    view.pages.setCurrentIndex(2)
    options = view.options()
    view.pages.setCurrentIndex(0)
    view.set_options(options)
    assert view.pages.currentIndex() == 2
    view.set_options({"page": "x", "kind": None})
    assert view.pages.currentIndex() == 0


def test_the_figure_is_written_with_every_grid(view: RunsView) -> None:
    """Beside each other, each below its name."""
    svg = standalone_svg(view.grids.figure.described)
    assert svg.count("before") >= 1
    assert "after" in svg
    assert svg.count("<rect") > 2 * 3 * 8


def test_large_runs_are_added_up_bit_by_bit(view: RunsView, monkeypatch: pytest.MonkeyPatch) -> None:
    """How far that is is said over what was drawn before, and what comes is the same as at once."""
    view.sides.setCurrentIndex(1)
    view.pages.setCurrentIndex(1)
    view.redraw()
    at_once = texts(view)
    shown = view.grids.grids.maps[0].data
    monkeypatch.setattr(slices, "AT_ONCE_S", 0.0)
    monkeypatch.setattr(slices, "_SLICE_S", 0.0)
    view._known = None
    view.redraw()
    assert view.is_preparing
    assert view.grids.grids.maps[0].data is shown
    while view.is_preparing:
        QApplication.processEvents()
    drawn = view.grids.grids.maps[0].data
    assert drawn is not None
    assert shown is not None
    assert drawn is not shown
    assert np.array_equal(drawn.values, shown.values, equal_nan=True)
    assert texts(view) == at_once
