"""What all plots have in common: wheel, drags and keys zoom and move, View all goes back, colours are the palette's."""

import gc

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QPalette, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app import theme
from app.widgets.figures.figure import Figure
from app.widgets.plots.plot_widget import PlotWidget
from tests.app.picture import picture_of

PLAIN = Qt.KeyboardModifier(0)
WHOLE = QRectF(0, 0, 10, 20)


@pytest.fixture
def plot(qtbot: QtBot) -> PlotWidget:
    """Ten by twenty units, and nothing in them."""
    made = PlotWidget()
    made.grid.addItem(made.view, 0, 0)
    made.set_whole(WHOLE, keeps_zoom=True)
    made.resize(400, 300)
    qtbot.addWidget(made)
    with qtbot.waitActive(made):
        made.show()
    made.setFocus()
    return made


def turn_wheel(plot: PlotWidget, place: QPointF, steps: int) -> None:
    """The wheel away from the hand, over a place of the plot."""
    port = plot.viewport()
    modes = Qt.MouseButton.NoButton, PLAIN, Qt.ScrollPhase.NoScrollPhase, False
    event = QWheelEvent(place, port.mapToGlobal(place), QPoint(), QPoint(0, 120 * steps), *modes)
    QApplication.sendEvent(port, event)


def drag(qtbot: QtBot, plot: PlotWidget, button: Qt.MouseButton, start: QPoint, stop: QPoint) -> None:
    """Press, move, let go."""
    qtbot.mousePress(plot.viewport(), button, PLAIN, start)
    for place in (start + (stop - start) / 2, stop):
        qtbot.mouseMove(plot.viewport(), place)
    qtbot.mouseRelease(plot.viewport(), button, PLAIN, stop)


def test_the_wheel_zooms_about_the_mouse(plot: PlotWidget) -> None:
    """What is under the mouse stays there; turned back, all is as before."""
    place = QPointF(130, 70)
    under = plot.view_point(place)
    turn_wheel(plot, place, 3)
    assert plot.is_zoomed
    assert plot.view.viewRect().width() < 8
    assert (plot.view_point(place) - under).manhattanLength() < 1e-6
    turn_wheel(plot, place, -3)
    assert plot.view.viewRect().width() == pytest.approx(10)


def test_keys_zoom_and_view_all_goes_back(plot: PlotWidget, qtbot: QtBot) -> None:
    """Plus and minus; 0 and the button, which is there only when it would do something."""
    assert not plot.view_all_button.isVisible()
    qtbot.keyClicks(plot, "++-")
    assert plot.view.viewRect().width() == pytest.approx(8)
    assert plot.view_all_button.isVisible()
    qtbot.keyClick(plot, Qt.Key.Key_0)
    assert plot.view.viewRect() == WHOLE
    assert not plot.view_all_button.isVisible()
    qtbot.keyClicks(plot, "+")
    qtbot.mouseClick(plot.view_all_button, Qt.MouseButton.LeftButton)
    assert plot.view.viewRect() == WHOLE


@pytest.mark.parametrize("button", [Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton])
def test_dragging_moves_what_is_shown(plot: PlotWidget, qtbot: QtBot, button: Qt.MouseButton) -> None:
    """By just as much as the mouse."""
    qtbot.keyClicks(plot, "+")
    start, stop = QPoint(100, 100), QPoint(60, 150)
    under = plot.view_point(QPointF(start))
    drag(qtbot, plot, button, start, stop)
    assert (plot.view_point(QPointF(stop)) - under).manhattanLength() < 1e-6


def test_a_right_click_asks_for_the_menu_and_a_right_drag_does_not(plot: PlotWidget, qtbot: QtBot) -> None:
    """One menu: the figure's, with the actions of the plot."""
    figure = Figure(plot, "Plot")
    figure.addActions(plot.actions())
    qtbot.addWidget(figure)
    figure.show()
    asked: list[QPoint] = []
    figure.customContextMenuRequested.disconnect()
    figure.customContextMenuRequested.connect(asked.append)
    for stop, n in ((QPoint(101, 100), 1), (QPoint(160, 100), 1)):
        drag(qtbot, plot, Qt.MouseButton.RightButton, QPoint(100, 100), stop)
        event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, stop, plot.mapToGlobal(stop))
        QApplication.sendEvent(plot.viewport(), event)
        assert len(asked) == n
    texts = [action.text() for action in figure.menu().actions()]
    assert texts[-3:] == ["View all", "Zoom in", "Zoom out"]
    plot.setParent(None)  # the figure would take it along


def test_a_zoom_is_kept_where_it_is_asked_for(plot: PlotWidget, qtbot: QtBot) -> None:
    """Otherwise all that is new is shown, as it is where nobody has zoomed."""
    plot.set_whole(QRectF(0, 0, 10, 30), keeps_zoom=True)
    assert plot.view.viewRect().height() == 30
    qtbot.keyClicks(plot, "+")
    zoomed = plot.view.viewRect()
    plot.set_whole(QRectF(0, 0, 10, 30), keeps_zoom=True)
    assert plot.view.viewRect() == zoomed
    plot.set_whole(QRectF(0, 0, 5, 5), keeps_zoom=False)
    assert plot.view.viewRect() == QRectF(0, 0, 5, 5)


def test_places_of_the_view_are_found_in_the_widget(plot: PlotWidget) -> None:
    """Before it is painted, too."""
    plot.resize(200, 200)
    box = plot.widget_rectangle(QRectF(5, 10, 5, 10))
    assert plot.widget_point(QPointF(5, 20)).x() == pytest.approx(box.left())
    assert (box.width(), box.height()) == pytest.approx((100, 100), abs=2)
    assert (plot.view_point(box.center()) - QPointF(7.5, 15)).manhattanLength() < 1e-6


def test_colours_follow_the_palette(plot: PlotWidget, qapp: QApplication) -> None:
    """The ground is the palette's in either scheme."""
    schemes: tuple[theme.Scheme, ...] = ("dark", "light")
    for scheme in schemes:
        theme.apply(qapp, scheme)
        ground = plot.palette().color(QPalette.ColorRole.Base)
        assert picture_of(plot).pixelColor(50, 50) == ground


def test_keys_that_it_does_not_know_are_the_windows(plot: PlotWidget, qtbot: QtBot) -> None:
    """pyqtgraph's own would be swallowed."""
    for key in (Qt.Key.Key_Backspace, Qt.Key.Key_Escape, Qt.Key.Key_Space):
        event = QKeyEvent(QEvent.Type.KeyPress, key, PLAIN)
        QApplication.sendEvent(plot, event)
        assert not event.isAccepted()


def test_it_can_be_deleted(qtbot: QtBot) -> None:
    """With everything in it, and nothing calls back."""
    for _ in range(3):
        made = PlotWidget()
        made.grid.addItem(made.view, 0, 0)
        made.show()
        made.grab()
        made.close()
        made.show()
        made.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        del made
        gc.collect()
