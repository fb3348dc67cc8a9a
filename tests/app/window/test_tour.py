"""The tour: four hints beside their docks, by click and by key, shown until they are dismissed for good."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtWidgets import QApplication, QLineEdit, QMainWindow, QWidget
from pytestqt.qtbot import QtBot

from app.actions.menus import Menus
from app.settings import Settings
from app.widgets.messages.hint_bubble import HintBubble
from app.window.demo import NAME
from app.window.main_window import MainWindow
from app.window.tour import DONE, HINTS, Tour, place_of
from moe_core.measures.scope import Scope
from tests.app.picture import picture_of

LEFT_CLICK = Qt.MouseButton.LeftButton


@pytest.fixture
def settings(tmp_path: Path, demo_path: Path) -> Settings:
    """Settings whose library holds the recorded demo."""
    made = Settings(tmp_path / "settings.ini")
    made.library = tmp_path / "library"
    made.library.mkdir()
    shutil.copy(demo_path, made.library / NAME)
    return made


@pytest.fixture
def greeting(qtbot: QtBot, settings: Settings) -> Iterator[MainWindow]:
    """A window that greets with the tour."""
    made = MainWindow(settings, greets=True)
    Menus(made)
    with qtbot.waitExposed(made):
        made.show()
    yield made
    made.close_without_asking()
    made.deleteLater()
    QApplication.processEvents()


@pytest.fixture
def tour(greeting: MainWindow) -> Tour:
    """The tour as it comes with the demo."""
    greeting.session.request("demo")
    return greeting.tour


def test_it_comes_with_the_demo_alone(greeting: MainWindow, trace_path: Path) -> None:
    """Another trace is shown without it."""
    greeting.open_trace(trace_path)
    assert not greeting.tour.is_running
    greeting.session.request("demo")
    assert greeting.tour.is_running


def test_a_window_that_does_not_greet_shows_the_demo_alone(window: MainWindow, demo_path: Path) -> None:
    """Such as one that is opened for a picture."""
    window.settings.library.mkdir()
    shutil.copy(demo_path, window.settings.library / NAME)
    window.session.request("demo")
    assert window.session.state.trace is not None
    assert not window.tour.is_running


def test_it_comes_after_the_demo_was_recorded(greeting: MainWindow, qtbot: QtBot) -> None:
    """On a first start the demo is recorded first, with nothing in front of it."""
    (greeting.settings.library / NAME).unlink()
    with qtbot.waitSignal(greeting.recording.finished):
        greeting.session.request("demo")
        assert not greeting.tour.is_running
    assert greeting.tour.is_running


def test_clicks_go_forward_and_back(tour: Tour, qtbot: QtBot) -> None:
    """Each hint says where it is of how many; there is nothing before the first one."""
    bubble = tour.bubble
    assert not bubble.back_button.isEnabled()
    for number, hint in enumerate(HINTS):
        assert bubble.title.text() == f"{hint.title} ({number + 1} of {len(HINTS)})"
        assert bubble.text.text() == hint.text
        assert bubble.forward_button.text() == ("Done" if hint is HINTS[-1] else "Next")
        if hint is not HINTS[-1]:
            qtbot.mouseClick(bubble.forward_button, LEFT_CLICK)
    qtbot.mouseClick(bubble.back_button, LEFT_CLICK)
    assert tour.number == len(HINTS) - 2


def test_keys_alone_are_enough(tour: Tour, greeting: MainWindow, qtbot: QtBot) -> None:
    """Arrows, Enter and Space where the focus is; none of them reaches the window's own shortcuts."""
    focus = greeting.focusWidget()
    assert focus is tour.bubble.forward_button
    before = greeting.session.state
    qtbot.keyClick(focus, Qt.Key.Key_Right)
    assert tour.number == 1
    qtbot.keyClick(greeting.focusWidget(), Qt.Key.Key_Left)
    qtbot.keyClick(greeting.focusWidget(), Qt.Key.Key_Left)
    assert tour.number == 0
    qtbot.keyClick(greeting.focusWidget(), Qt.Key.Key_Space)
    qtbot.keyClick(greeting.focusWidget(), Qt.Key.Key_Return)
    assert tour.number == 2
    qtbot.keyClick(greeting.focusWidget(), Qt.Key.Key_Return)
    assert greeting.session.state == before
    qtbot.keyClick(greeting.focusWidget(), Qt.Key.Key_Return)
    assert not tour.is_running


def test_the_button_that_has_the_keyboard_is_marked(qtbot: QtBot) -> None:
    """Though only the mouse was used before."""
    window = QMainWindow()
    qtbot.addWidget(window)
    field, bubble = QLineEdit(window), HintBubble(window)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.mouseClick(field, LEFT_CLICK)
    bubble.say("Title", "Text.", is_first=True, is_last=False)
    bubble.stand_beside(QRect(0, 0, 200, 200))
    QApplication.processEvents()
    assert bubble.forward_button.hasFocus()
    marked = picture_of(bubble.forward_button)
    field.setFocus()
    assert picture_of(bubble.forward_button) != marked


def test_escape_closes_it_for_now(tour: Tour, greeting: MainWindow, qtbot: QtBot) -> None:
    """It comes again with the demo, and Escape did not clear what is selected."""
    qtbot.keyClick(greeting.focusWidget(), Qt.Key.Key_Escape)
    assert not tour.is_running
    assert not greeting.settings.flag(DONE)
    greeting.session.request("demo")
    assert tour.is_running


@pytest.mark.parametrize("way", ["declined", "seen"])
def test_it_is_dismissed_for_good(tour: Tour, greeting: MainWindow, qtbot: QtBot, way: str) -> None:
    """By its link, or seen to its end; the menu brings it back."""
    if way == "declined":
        qtbot.mouseClick(tour.bubble.decline_button, LEFT_CLICK)
    for _ in range(len(HINTS) if way == "seen" else 0):
        qtbot.mouseClick(tour.bubble.forward_button, LEFT_CLICK)
    assert not tour.is_running
    greeting.session.request("demo")
    assert not tour.is_running
    assert Settings(greeting.settings.path).flag(DONE) or greeting.settings.flag(DONE)
    greeting.session.request("tour")
    assert tour.is_running
    assert tour.number == 0


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)])
def test_each_hint_stands_beside_its_dock_inside_the_window(
    tour: Tour, greeting: MainWindow, qtbot: QtBot, size: tuple[int, int]
) -> None:
    """Also after the window changed its size; it points at the dock and its text is whole."""
    for hint in HINTS:
        greeting.resize(*size)
        wanted = QSize(*size).expandedTo(greeting.minimumSizeHint())  # of a font with wide letters
        qtbot.waitUntil(lambda wanted=wanted: greeting.size() == wanted)
        QApplication.processEvents()
        bubble, dock = tour.bubble.geometry(), place_of(greeting.docks[hint.view], greeting)
        assert greeting.rect().contains(bubble)
        assert bubble.intersects(dock)  # the arrow's tip
        assert not bubble.contains(dock.center())
        for child in tour.bubble.findChildren(QWidget):
            assert tour.bubble.rect().contains(child.geometry())
            assert child.height() >= child.heightForWidth(child.width())
        qtbot.mouseClick(tour.bubble.forward_button, LEFT_CLICK)


def test_a_hidden_dock_is_shown_for_its_hint(greeting: MainWindow, qtbot: QtBot) -> None:
    """Whoever closed the list is shown the list."""
    greeting.docks["questions"].hide()
    greeting.session.request("tour")
    assert greeting.docks["questions"].isVisible()


def test_the_window_can_be_used_while_it_is_shown(tour: Tour, greeting: MainWindow, qtbot: QtBot) -> None:
    """What lies beside it takes clicks and keys; the bubble waits."""
    views = greeting.menuBar().actions()[0]
    assert not tour.bubble.geometry().contains(greeting.menuBar().actionGeometry(views).center())
    qtbot.keyClick(greeting, Qt.Key.Key_2, Qt.KeyboardModifier.AltModifier)
    assert greeting.session.state.scope is Scope.PROMPT
    assert tour.is_running


@pytest.mark.parametrize("view", ["traces", "runs", "log"])
def test_no_view_that_comes_to_the_front_covers_it(tour: Tour, greeting: MainWindow, view: str) -> None:
    """It stays whole beside its dock, or beside the one that stands in its place now."""
    greeting.show_view(view)
    QApplication.processEvents()
    bubble = tour.bubble.geometry()
    assert greeting.rect().contains(bubble)
    assert tour.bubble.isAncestorOf(greeting.childAt(tour.bubble.forward_button.geometry().center() + bubble.topLeft()))
    assert bubble.intersects(place_of(greeting.docks["traces" if view == "traces" else "questions"], greeting))
