"""The menus of the window, made from the actions; an action is grey where the state has nothing for it."""

from functools import partial

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu

from app.actions import MENUS
from app.actions.action import Action, Menu
from app.widgets.mnemonics import with_mnemonics
from app.widgets.safe_text import as_tooltip
from app.window.main_window import MainWindow


class Menus(QObject):
    """Fills a window's menu bar, and runs what its session requests.

    The made actions are the window's own: `window.actions()`, each named `action-` and its name.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._session = window.session
        self._made: dict[str, QAction] = {}
        self._recent = QMenu("Open recent", window, toolTipsVisible=True)
        self._recent.aboutToShow.connect(self._fill_recent)
        titles = with_mnemonics(menu.title for menu in MENUS)
        menus = {menu.title: self._add(menu, title) for menu, title in zip(MENUS, titles, strict=True)}
        menus["File"].insertMenu(self._made["demo"], self._recent)
        views = menus["View"].addMenu("Views")
        for dock in window.docks.values():
            views.addAction(dock.toggleViewAction())
        self._session.changed.connect(self._enable)
        self._session.requested.connect(self._trigger)

    def _enable(self) -> None:
        """Make grey what cannot be done now, and tick what is on."""
        for menu in MENUS:
            for action in menu.actions:
                self._made[action.name].setEnabled(action.is_enabled(self._session.state))
                if action.is_on is not None:
                    self._made[action.name].setChecked(action.is_on(self._session.state))

    def _trigger(self, name: str) -> None:
        """Run an action by its name, where it can be run."""
        self._made[name].trigger()

    def _add(self, menu: Menu, title: str) -> QMenu:
        added = self._window.menuBar().addMenu(title)
        texts = dict(zip(menu.actions, with_mnemonics(action.text for action in menu.actions), strict=True))
        for number, group in enumerate(menu.groups):
            if number:
                added.addSeparator()
            for action in group:
                made = self._made[action.name] = self._make(action, texts[action])
                added.addAction(made)
                self._window.addAction(made)
        return added

    def _make(self, action: Action, text: str) -> QAction:
        made = QAction(text, self._window)
        made.setObjectName(f"action-{action.name}")
        made.setShortcuts([QKeySequence(keys) for keys in action.keys])
        made.setToolTip(action.tip)
        made.setStatusTip(action.tip)
        made.setEnabled(action.is_enabled(self._session.state))
        if action.is_on is not None:
            made.setCheckable(True)
            made.setChecked(action.is_on(self._session.state))
        made.triggered.connect(lambda: self._run(action))
        return made

    def _run(self, action: Action) -> None:
        action.run(self._window)
        if action.is_on is not None:  # Qt takes the tick of what was on, and stays so
            self._made[action.name].setChecked(action.is_on(self._session.state))

    def _fill_recent(self) -> None:
        self._recent.clear()
        for path in self._window.settings.recent:
            entry = self._recent.addAction(path.name, partial(self._window.open_trace, path))
            entry.setToolTip(as_tooltip(str(path)))
        if not self._window.settings.recent:
            self._recent.addAction("No trace was opened yet").setEnabled(False)
