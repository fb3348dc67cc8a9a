"""A view is made when it is first seen, or asked for, and not before."""

from dataclasses import replace
from pathlib import Path

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QAbstractButton, QApplication
from pytestqt.qtbot import QtBot

from app import theme
from app.actions.menus import Menus
from app.settings import Settings
from app.view import View
from app.views import VIEWS
from app.window.main_window import MainWindow
from tests.app.picture import colours_in, picture_of


def made(window: MainWindow) -> list[str]:
    """The views that there are."""
    return [view.name for view in window.views.made]


def test_every_view_is_what_the_list_says(window: MainWindow) -> None:
    """By name and title; each can be asked for unseen, and stands in its dock."""
    assert list(window.views) == [place.name for place in VIEWS]
    for place in VIEWS:
        view = window.views[place.name]
        assert isinstance(view, View)
        assert (view.name, view.accessibleName()) == (place.name, place.title)
        assert window.docks[place.name].isAncestorOf(view)


def test_the_first_page_waits_for_no_view(tmp_path: Path, qtbot: QtBot) -> None:
    """Those behind it are made once it is painted; no other is."""
    window = MainWindow(Settings(tmp_path / "settings.ini"))
    Menus(window)
    window.show()
    assert made(window) == []
    qtbot.waitUntil(lambda: len(made(window)) == 4)
    qtbot.wait(120)
    assert made(window) == ["questions", "experts", "question", "entropy"]
    window.close_without_asking()
    window.deleteLater()


def test_a_trace_shows_views_at_once(window: MainWindow, trace_path: Path) -> None:
    """Drawn, and those alone that can be seen."""
    window.open_trace(trace_path)
    assert made(window) == ["questions", "experts", "question", "entropy"]
    assert all(view.isVisible() for view in window.views.made)
    window.docks["atlas"].raise_()
    QApplication.processEvents()
    assert made(window) == ["questions", "experts", "question", "entropy", "atlas"]
    assert window.views["atlas"].isVisible()
    assert not window.views["entropy"].is_in_front


def test_a_view_made_unseen_is_drawn_when_it_is_seen(window: MainWindow, trace_path: Path) -> None:
    """Like any other that others cover."""
    window.open_trace(trace_path)
    view = window.views["ranking"]
    assert not view.is_in_front
    window.show_view("ranking")
    QApplication.processEvents()
    assert view.is_in_front
    assert view.isVisible()


def test_options_of_views_that_were_never_seen_are_kept(tmp_path: Path, qtbot: QtBot) -> None:
    """Through a session in which nobody looked at them."""
    settings = Settings(tmp_path / "settings.ini")
    settings.put("view-log", {"level": "Warning"})
    for _ in range(2):
        window = MainWindow(settings)
        Menus(window)
        window.session.set(replace(window.session.state, shows_unsupported=True))
        assert "log" not in made(window)
        window.close_without_asking()
        window.deleteLater()
    assert settings.data("view-log") == {"level": "Warning"}
    assert settings.data("state")["unsupported"] is True


def test_nothing_moves_when_a_view_comes(window: MainWindow, trace_path: Path) -> None:
    """A dock has the room of its view before that is there."""
    window.open_trace(trace_path)
    QApplication.processEvents()
    places = {name: dock.geometry() for name, dock in window.docks.items() if dock.is_in_front}
    for name in window.docks:
        window.views[name]
    QApplication.processEvents()
    assert {name: window.docks[name].geometry() for name in places} == places


def test_the_buttons_of_titles_are_seen_in_every_theme(window: MainWindow, qapp: QApplication) -> None:
    """As words are, in the one that the first page was left in, too: Qt's own signs are grey on dark grey."""
    window.start_page.leave()
    for scheme in (None, "dark", "light"):
        if scheme is not None:
            theme.apply(qapp, scheme)  # type: ignore[arg-type]  # one of its names
        qapp.processEvents()
        ground = qapp.palette().color(QPalette.ColorRole.Window)
        for name in ("close", "float"):
            button = window.docks["experts"].findChild(QAbstractButton, f"qt_dockwidget_{name}button")
            colours = colours_in(picture_of(button), button.rect())
            assert max(theme.contrast(QColor(colour), ground) for colour in colours) >= 7, (scheme, name)
