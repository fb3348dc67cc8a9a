"""The scope, the metric, the colours and the layout; the window adds a menu of the views."""

from typing import cast

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from app import theme
from app.actions.action import Action, Menu, change_state, has_trace
from app.content.grids.expert_grid import GRID_METRICS, grid_metric
from app.window.main_window import MainWindow
from moe_core.measures.scope import Scope


def _scope_action(scope: Scope, number: int) -> Action:
    return Action(
        f"scope_{scope}",
        f"Scope: {scope}",
        f"Count {scope.meaning}",
        lambda window: change_state(window, scope=scope),
        (f"Alt+{number}",),
        has_trace,
        lambda state: state.scope is scope,
    )


_SCOPES = tuple(_scope_action(scope, number) for number, scope in enumerate(Scope, start=1))


def _step_metric(window: MainWindow, step: int) -> None:
    names = [metric.name for metric in GRID_METRICS]
    place = names.index(grid_metric(window.session.state.metric).name) + step
    change_state(window, metric=names[place % len(names)])


def _toggle_table(window: MainWindow) -> None:
    figure = window.figure_in_use()
    if figure is not None:
        figure.show_table(not figure.shows_table)
        figure.page.setFocus(Qt.FocusReason.ShortcutFocusReason)


def _set_scheme(window: MainWindow, scheme: theme.Scheme) -> None:
    window.settings.put("scheme", scheme)
    theme.apply(cast("QApplication", QApplication.instance()), scheme)


_METRICS = (
    Action(
        "next_metric",
        "Next metric",
        "Colour the grid by the next metric of its list",
        lambda w: _step_metric(w, 1),
        ("Alt+PgDown",),
        has_trace,
    ),
    Action(
        "previous_metric",
        "Previous metric",
        "Colour the grid by the metric before",
        lambda w: _step_metric(w, -1),
        ("Alt+PgUp",),
        has_trace,
    ),
)
_DIFFERENCES = (
    Action(
        "show_table",
        "Show as table",
        "Read the figure in use as a table: sorted, filtered, each row linked with all views; once more: as a figure",
        _toggle_table,
        ("Ctrl+T",),
        has_trace,
    ),
    Action(
        "show_unsupported",
        "Show unsupported differences",
        "Give differences that may be noise their colour, too; faded are those that a corrected test does not support",
        lambda w: change_state(w, shows_unsupported=not w.session.state.shows_unsupported),
        ("Shift+U",),
        is_on=lambda state: state.shows_unsupported,
    ),
)
_COLOURS = (
    Action(
        "theme_system", "Colours of the system", "Light or dark as the desktop is", lambda w: _set_scheme(w, "system")
    ),
    Action("theme_light", "Light colours", "Dark text on light ground", lambda w: _set_scheme(w, "light")),
    Action("theme_dark", "Dark colours", "Light text on dark ground", lambda w: _set_scheme(w, "dark")),
)
_LAYOUT = (Action("reset_layout", "Reset layout", "Put every view back to its place", lambda w: w.reset_layout()),)
VIEW_MENU = Menu("View", (_SCOPES, _METRICS, _DIFFERENCES, _COLOURS, _LAYOUT))
