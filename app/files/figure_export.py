"""Copies or saves the figure of the view in use."""

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget

from app.widgets.figures.figure import Figure


def figure_in_use(views: Iterable[QWidget]) -> Figure | None:
    """The figure that has the focus, else the first one of the view that has it, else the first that can be seen."""
    known, focus = list(views), QApplication.focusWidget()
    while focus is not None:
        if isinstance(focus, Figure):
            return focus
        if focus in known and (found := _visible_figures(focus)):
            return found[0]
        focus = focus.parentWidget()
    return next((figure for view in known for figure in _visible_figures(view)), None)


def show_menu(figure: Figure | None) -> None:
    """Offer what can be done with a figure, in its middle."""
    if figure is not None:
        menu = figure.menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(figure.mapToGlobal(figure.rect().center()))


def save_data(figure: Figure | None) -> None:
    """Ask where, and save what a figure shows as CSV."""
    if figure is not None:
        figure.ask_and_save("csv")


def _visible_figures(view: QWidget) -> list[Figure]:
    return [figure for figure in view.findChildren(Figure) if figure.isVisible()]
